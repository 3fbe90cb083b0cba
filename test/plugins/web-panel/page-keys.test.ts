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
});
