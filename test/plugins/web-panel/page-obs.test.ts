import { describe, expect, it, type TestContext, vi } from 'vitest';
import type { LinkStatus } from '../../../src/api/status.ts';
import { usePanelPage } from './page-visit.ts';
import { makeStatus, type PanelStand } from './panel-stand.ts';

const link: LinkStatus = { id: 'obs.link', label: 'OBS', state: 'ready', detail: 'OBS 29.0.2, scene "Talk"' };
const away: LinkStatus = {
  id: 'obs.link',
  label: 'OBS',
  state: 'off',
  detail: 'OBS is not running.',
  fix: 'Start OBS, then Tools → WebSocket Server Settings → Enable WebSocket server.',
};

describe('OBS on the page', () => {
  const open = usePanelPage();

  async function visit(context: TestContext, obs: PanelStand['obs'], links: readonly LinkStatus[]) {
    const prepare = (stand: PanelStand) => {
      stand.obs = obs;
    };
    const { stand, page } = await open(context, { status: makeStatus({ links }), prepare });
    const card = page.locator('#obs');
    return { stand, page, card, pick: (scene: string) => card.getByLabel(scene, { exact: true }) };
  }

  it('shows its scenes with the avatar of each, and changes them', async (context) => {
    const obs = { scenes: ['Talk', 'Break'], scene: 'Talk', map: { Talk: 'bo' } as Record<string, string> };
    const { stand, card, pick } = await visit(context, obs, [link]);
    await card.getByText('OBS 29.0.2, scene "Talk"').waitFor();
    expect(await pick('Talk').inputValue()).toBe('bo');
    expect(await pick('Break').inputValue()).toBe('');
    expect(await card.locator('li[data-on="true"]').textContent()).toContain('Talk');
    await pick('Break').selectOption('ada');
    await vi.waitFor(() => expect(stand.obs.map).toEqual({ Talk: 'bo', Break: 'ada' }));
    await vi.waitFor(async () => expect(await pick('Break').inputValue()).toBe('ada'));
    await pick('Talk').selectOption({ label: 'as it is' });
    await vi.waitFor(() => expect(stand.obs.map).toEqual({ Break: 'ada' }));
  });

  it('takes back what is refused, and says why', async (context) => {
    const { page, pick } = await visit(context, { scenes: ['Talk'], scene: 'Talk', map: { Talk: 'bo' } }, [link]);
    await pick('Talk').selectOption('cy');
    await page.locator('.toast', { hasText: 'There is no avatar cy.' }).waitFor();
    await vi.waitFor(async () => expect(await pick('Talk').inputValue()).toBe('bo'));
  });

  it('sets OBS up and turns its camera by buttons, which are there only while OBS is', async (context) => {
    const { stand, page, card } = await visit(context, { scenes: ['Talk'], map: {}, camera: false }, [link]);
    await card.getByRole('button', { name: 'Set up in OBS' }).click();
    await page.locator('.toast', { hasText: 'Scene "MuseCam", source "MuseCam picture".' }).waitFor();
    const camera = card.getByRole('button', { name: 'Virtual camera' });
    await camera.click();
    await vi.waitFor(async () => expect(await camera.getAttribute('aria-pressed')).toBe('true'));
    expect(stand.ran).toContainEqual({ id: 'obs.camera', args: { on: true } });
    stand.obs = { map: {} };
    stand.say({ links: [away] });
    await card.getByText('OBS is not running.').waitFor();
    await card.getByText('Enable WebSocket server').waitFor();
    expect(await camera.isVisible()).toBe(false);
    expect(await card.locator('select').count()).toBe(0);
  });

  it('is not there where the show cannot talk to OBS at all', async (context) => {
    const { page } = await open(context, { without: ['obs.status'] });
    expect(await page.locator('#obs').isVisible()).toBe(false);
  });
});
