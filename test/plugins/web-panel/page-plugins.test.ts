import { describe, expect, it, type TestContext, vi } from 'vitest';
import { findBarriers } from './find-barriers.ts';
import { usePanelPage } from './page-visit.ts';
import type { PanelStand } from './panel-stand.ts';

describe('the plugins on the page', () => {
  const open = usePanelPage();

  async function visit(context: TestContext, window = {}) {
    const prepare = ({ plugins }: PanelStand) => {
      const yours = { folder: '/home/ada/hello', offers: ['command hello.say', '--output png'] };
      plugins.put({ id: 'hello', title: 'Hello', ...yours });
      plugins.put({ id: 'broken', title: 'Broken', folder: '/b', state: 'failed', reason: 'it ended: exit code 7' });
      plugins.put({
        id: 'puppet',
        title: 'Puppet',
        version: '',
        state: 'off',
        reason: 'not used yet',
        offers: ['--engine puppet'],
      });
    };
    const { stand, page } = await open(context, { prepare, window });
    await page.getByRole('button', { name: 'Plugins' }).click();
    const dialog = page.getByRole('dialog', { name: 'Plugins' });
    await dialog.getByText('Hello', { exact: true }).waitFor();
    const row = (title: string) =>
      dialog.locator('.plugin', { has: page.getByRole('heading', { name: title, exact: true }) });
    return { stand, page, dialog, row };
  }

  it('are listed with state, reason and what they offer, yours before those of the program', async (context) => {
    const { dialog, row } = await visit(context);
    expect(await dialog.getByRole('heading', { level: 4 }).allTextContents()).toEqual(['Hello', 'Broken', 'Puppet']);
    expect(await row('Hello').getByRole('listitem').allTextContents()).toEqual(['command hello.say', '--output png']);
    expect(await row('Hello').innerText()).toContain('/home/ada/hello');
    expect(await row('Hello').locator('.state-word').textContent()).toBe('Ready');
    expect(await row('Broken').locator('.state-word').textContent()).toBe('Failed');
    expect(await row('Broken').innerText()).toContain('It ended: exit code 7');
    await row('Broken').getByRole('button', { name: 'Copy: musecam plugins reload broken' }).waitFor();
    // Those that come with the program have nothing to press.
    expect(await row('Puppet').getByRole('button').count()).toBe(0);
  });

  it('are switched off and on, started anew and taken out by keyboard, and the focus stays where it was', async (context) => {
    const { stand, page, dialog, row } = await visit(context);
    const focused = () =>
      page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id");
    const press = async (name: string) => {
      await dialog.getByRole('button', { name }).focus();
      await page.keyboard.press('Enter');
    };
    await press('Disable Hello');
    await dialog.getByText('Hello is disabled.').waitFor();
    await vi.waitFor(async () => expect(await focused()).toBe('Enable Hello'));
    expect(await row('Hello').locator('.state-word').textContent()).toBe('Disabled');
    expect(await row('Hello').getByRole('button', { name: 'Start anew Hello' }).isVisible()).toBe(false);
    await page.keyboard.press('Enter');
    await dialog.getByText('Hello is enabled.').waitFor();
    await press('Start anew Hello');
    await dialog.getByText('Hello was started anew.').waitFor();
    await press('Remove Hello');
    await dialog.getByText('Hello is out; its folder stays.').waitFor();
    await dialog.getByRole('button', { name: 'Copy: musecam plugins add /home/ada/hello' }).waitFor();
    expect(await row('Hello').count()).toBe(0);
    await vi.waitFor(async () => expect(await focused()).toBe('plugins-title'));
    expect(stand.ran).toEqual([
      { id: 'plugins.enable', args: { id: 'hello', on: false } },
      { id: 'plugins.enable', args: { id: 'hello', on: true } },
      { id: 'plugins.reload', args: { id: 'hello' } },
      { id: 'plugins.remove', args: { id: 'hello' } },
    ]);
    await page.keyboard.press('Escape');
    expect(await dialog.isVisible()).toBe(false);
  });

  it('say beside themselves why something was refused, and follow what happens meanwhile', async (context) => {
    const { stand, dialog, row } = await visit(context);
    await row('Broken').getByRole('button', { name: 'Start anew Broken' }).click();
    await row('Broken').getByText('unknown key "comands"').waitFor();
    stand.plugins.put({ id: 'hello', title: 'Hello', folder: '/h', state: 'degraded', reason: 'it stopped answering' });
    await row('Hello').getByText('It stopped answering').waitFor();
    stand.plugins.take('hello');
    stand.plugins.take('broken');
    await dialog.getByText('None yet.').waitFor();
  });

  it('open from the palette, and are not there where the show has none', async (context) => {
    const { page, dialog } = await visit(context);
    await page.keyboard.press('Escape');
    await page.keyboard.press('F1');
    await page.getByRole('combobox', { name: 'Find a command' }).fill('page.plugins');
    await page.keyboard.press('Enter');
    await dialog.waitFor();
  });

  it('have no barrier that is serious', async (context) => {
    const { stand, page, row } = await visit(context, { bypassCSP: true });
    stand.plugins.put({ id: 'off', title: 'Off', folder: '/off', state: 'off', reason: 'disabled' });
    await row('Broken').getByRole('button', { name: 'Start anew Broken' }).click();
    await row('Off').waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });
});
