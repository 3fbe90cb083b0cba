import { describe, expect, it, type TestContext, vi } from 'vitest';
import { z } from 'zod';
import { findBarriers } from './find-barriers.ts';
import { usePanelPage } from './page-visit.ts';
import { makeStatus } from './panel-stand.ts';

describe('the command palette', () => {
  const open = usePanelPage();

  async function visit(context: TestContext) {
    const { stand, page } = await open(context, { window: { bypassCSP: true } });
    const find = page.getByRole('combobox', { name: 'Find a command' });
    return { stand, page, options: page.getByRole('option'), find };
  }

  it('opens by keys, finds a command by some of its letters, and runs it by Enter, all by keyboard', async (context) => {
    const { stand, page, options, find } = await visit(context);
    await page.keyboard.press('Control+Shift+P');
    await find.waitFor();
    await options.first().waitFor();
    expect(await options.count()).toBeGreaterThan(10);
    await page.keyboard.type('avnxt');
    expect(await options.first().textContent()).toContain('avatar.next');
    expect(await options.first().locator('mark').allTextContents()).not.toEqual([]);
    expect(await options.first().locator('kbd').textContent()).toBe('N');
    expect(await find.getAttribute('aria-activedescendant')).toBe(await options.first().getAttribute('id'));
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.next', args: {} }]));
    expect(await find.isVisible()).toBe(false);
    // What was used last comes first.
    await page.keyboard.press('F1');
    await vi.waitFor(async () => expect(await options.first().textContent()).toContain('avatar.next'));
    await page.keyboard.press('Escape');
    expect(await find.isVisible()).toBe(false);
  });

  it('asks for what a command must know, in a form made from its schema', async (context) => {
    const { stand, page, find } = await visit(context);
    await page.getByRole('button', { name: 'Commands' }).click();
    await find.fill('avatar.use');
    await page.keyboard.press('Enter');
    const form = page.getByRole('form', { name: 'avatar.use' });
    await form.getByRole('combobox').selectOption({ label: 'Bo' });
    await form.getByRole('button', { name: 'Run' }).click();
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.use', args: { id: 'bo' } }]));
  });

  it('runs what belongs to the page, and says so where nothing is found or a command is refused', async (context) => {
    const { page, find } = await visit(context);
    await page.keyboard.press('F1');
    await find.fill('keyboard shortcuts');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('F1');
    await find.fill('zzzz');
    await page.getByText('There is no such command.').waitFor();
    await find.fill('test.bug');
    await page.keyboard.press('Enter');
    await page.locator('.toast', { hasText: 'That did not work' }).waitFor();
  });

  it('and the whole page have no barrier that is serious, in dark and in light', async (context) => {
    const { page, stand } = await visit(context);
    const mic = { id: 'virtual-mic.microphone', label: 'Mic', state: 'ready', delayMs: 96, offsetMs: 30 } as const;
    stand.obs = { scenes: ['Talk'], scene: 'Talk', map: {} };
    const obs = { id: 'obs.link', label: 'OBS', state: 'ready', detail: 'OBS 29' } as const;
    stand.say({ ...makeStatus(), muted: true, links: [mic, obs] });
    await page.locator('#obs select').waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.keyboard.press('F1');
    await page.locator('#palette-list [role=option]').first().waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });

  it('says under which heading a command belongs, finds it by that, and shows its keys', async (context) => {
    const { stand, page, options, find } = await visit(context);
    stand.commands.register({
      id: 'lights.on',
      title: 'Light up',
      category: 'Studio lamps',
      args: z.object({}),
      run: async () => 1,
    });
    await page.keyboard.press('F1');
    await find.fill('studio');
    await vi.waitFor(async () => expect(await options.first().textContent()).toContain('Studio lamps: Light up'));
    await find.fill('recorder.start');
    await vi.waitFor(async () => expect(await options.first().locator('kbd').textContent()).toBe('R'));
  });

  it('shows what cannot be run now, says why, and runs it as soon as it can', async (context) => {
    const { stand, page, options, find } = await visit(context);
    await page.keyboard.press('F1');
    await find.fill('recorder.stop');
    const first = options.first();
    await vi.waitFor(async () => expect(await first.textContent()).toContain('Only while recording'));
    expect(await first.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Enter');
    await vi.waitFor(async () =>
      expect(await page.locator('#palette-said').textContent()).toBe('recorder.stop: Only while recording'),
    );
    expect(await find.isVisible()).toBe(true);
    stand.say({ recording: true });
    await vi.waitFor(async () => expect(await first.getAttribute('aria-disabled')).toBeNull());
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'recorder.stop', args: {} }]));
    expect(await find.isVisible()).toBe(false);
  });
});
