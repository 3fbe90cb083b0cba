import { describe, expect, it, type TestContext, vi } from 'vitest';
import { usePanelPage } from './page-visit.ts';
import type { PanelStand } from './panel-stand.ts';

describe('keys on the page', () => {
  const open = usePanelPage();

  const visit = (context: TestContext, keys: PanelStand['keys']) =>
    open(context, { prepare: (stand) => stand.keys.push(...keys) });

  it('do what the user wants of them, with modifiers and arguments, the later one first', async (context) => {
    const { stand, page } = await visit(context, [
      { key: 'ctrl+alt+k', command: 'avatar.use', args: { id: 'cy' }, source: 'user' },
      { key: 'n', command: 'avatar.previous', source: 'user' },
    ]);
    await page.keyboard.press('Control+Alt+k');
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.use', args: { id: 'cy' } }]));
    await page.keyboard.press('n');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'avatar.previous', args: {} }));
  });

  it('do it only while their condition holds', async (context) => {
    const { stand, page } = await visit(context, [
      { key: 'q', command: 'avatar.next', when: '!muted && speaking', source: 'user' },
      { key: 'q', command: 'avatar.previous', when: 'muted', source: 'user' },
    ]);
    await page.keyboard.press('q');
    await vi.waitFor(() => expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.next']));
    stand.say({ muted: true });
    await page.locator('#stage-silence', { hasText: 'Muted' }).waitFor();
    await page.keyboard.press('q');
    await vi.waitFor(() => expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.next', 'avatar.previous']));
  });

  it('are listed with what is wrong with the file; single ones rest when switched off, others do not', async (context) => {
    const { stand, page } = await visit(context, [{ key: 'ctrl+alt+k', command: 'avatar.next', source: 'user' }]);
    stand.keyWarnings = ['keybindings.json, entry 2: "hyper+x" is no key.'];
    await page.keyboard.press('?');
    await page.getByText('"hyper+x" is no key.').waitFor();
    await page.locator('#keys div', { hasText: 'Ctrl+Alt+K' }).waitFor();
    await page.locator('#keys div', { hasText: 'Swap to that avatar' }).waitFor();
    await page.getByLabel('Use single-key shortcuts on this page').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    await page.keyboard.press('Control+Alt+k');
    await vi.waitFor(() => expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.next']));
  });

  it('that work in every window are left to the show, and marked; one that does not work there counts here', async (context) => {
    const link = { id: 'hotkeys.link', label: 'Hotkeys', state: 'degraded', detail: '1 of 2 keys' } as const;
    const { stand, page } = await open(context, {
      prepare: (it) => {
        it.keys.push({ key: 'ctrl+alt+n', command: 'avatar.next', global: true, source: 'default' });
        it.keys.push({ key: 'ctrl+alt+p', command: 'avatar.previous', global: true, source: 'default' });
        it.hotkeys = {
          link,
          keys: [
            { key: 'ctrl+alt+n', title: 'Next' },
            { key: 'ctrl+alt+p', title: 'Previous', refused: 'taken' },
          ],
        };
        it.say({ links: [link] });
      },
    });
    await page.keyboard.press('?');
    await page.getByText('Hotkeys: 1 of 2 keys').waitFor();
    const row = (text: string) => page.locator('#keys div', { hasText: text });
    expect(await row('Ctrl+Alt+N').innerText()).toContain('in every window');
    expect(await row('Ctrl+Alt+P').innerText()).not.toContain('in every window');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Alt+n');
    await page.keyboard.press('Control+Alt+p');
    await vi.waitFor(() => expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.previous']));
    await page.keyboard.press('F1');
    await page.locator('#palette-list [role=option]', { hasText: 'Ctrl+Alt+N in every window' }).waitFor();
  });
});
