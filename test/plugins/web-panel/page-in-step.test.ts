import { describe, expect, it, type TestContext, vi } from 'vitest';
import type { AudioOutputStatus } from '../../../src/api/status.ts';
import { usePanelPage } from './page-visit.ts';
import { makeStatus } from './panel-stand.ts';

const microphone: AudioOutputStatus = {
  id: 'virtual-mic.microphone',
  label: 'MuseCam Microphone',
  state: 'ready',
  delayMs: 96.4,
  offsetMs: 2.1,
  driftMsPerHour: -1.24,
};

describe('sound in step, on the page', () => {
  const open = usePanelPage();

  async function visit(context: TestContext, links: readonly AudioOutputStatus[]) {
    const { stand, page } = await open(context, { status: makeStatus({ links }) });
    const card = page.locator('#in-step');
    const fact = (name: string) => card.locator('.facts div', { hasText: name }).locator('dd');
    return { stand, page, card, fact };
  }

  it('says how late picture and microphone are, how far apart, and how that wanders', async (context) => {
    const { card, fact, stand } = await visit(context, [microphone]);
    await card.getByText('The voice is 2 ms after the picture').waitFor();
    expect(await fact('Picture').textContent()).toBe('94 ms');
    expect(await fact('Microphone').textContent()).toBe('96 ms');
    expect(await fact('Drift').textContent()).toBe('−1.2 ms');
    expect(await card.locator('#step-ruler').getAttribute('data-tone')).toBe('ready');
    const { driftMsPerHour: _, ...young } = microphone;
    const early: AudioOutputStatus = { ...young, offsetMs: -60 };
    stand.say({ links: [early] });
    await card.getByText('The voice is 60 ms before the picture').waitFor();
    expect(await card.locator('#step-ruler').getAttribute('data-tone')).toBe('failed');
    expect(await card.locator('#step-mark').getAttribute('transform')).toBe('translate(-60.0 0)');
    expect(await fact('Drift').textContent()).toBe('in 5 min');
  });

  it('says why there is no microphone and what would give one', async (context) => {
    const { id, label } = microphone;
    const fix = 'To have it anyway: musecam start --set virtual-mic.enabled=on';
    const { card } = await visit(context, [{ id, label, state: 'off', detail: 'only with a virtual camera', fix }]);
    await card.getByText('Only with a virtual camera.').waitFor();
    expect(await card.locator('code').textContent()).toBe('musecam start --set virtual-mic.enabled=on');
    expect(await card.locator('#step-ruler').isVisible()).toBe(false);
  });

  it('measures after a warning, and says what it found', async (context) => {
    const { page, stand, card } = await visit(context, [microphone]);
    stand.calibration = {
      pictureFrom: 'MuseCam (/dev/video10)',
      picture: { p50Ms: 93, p95Ms: 99, count: 500 },
      soundFrom: 'MuseCam Microphone',
      sound: { p50Ms: 113, p95Ms: 114, count: 20 },
      offset: { p50Ms: 20, p95Ms: 24, count: 20 },
      believed: { pictureMs: 94 },
      extraMilliseconds: -20,
    };
    await card.getByRole('button', { name: 'Measure it' }).click();
    await page.getByRole('button', { name: 'Not now' }).click();
    expect(stand.ran).toEqual([]);
    await card.getByRole('button', { name: 'Measure it' }).click();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    const toast = page.locator('.toast', { hasText: 'The voice is 20 ms after the picture' });
    await toast.getByText('musecam calibrate --apply').first().waitFor();
    expect(stand.ran).toEqual([{ id: 'sync.calibrate', args: {} }]);
  });

  it('mutes and panics by button and by key, and shows over the picture that it does', async (context) => {
    const { page, stand } = await visit(context, []);
    await page.locator('.stage[data-picture="live"]').waitFor();
    await page.getByRole('button', { name: 'Mute M' }).click();
    await page.locator('#stage-silence', { hasText: 'Muted' }).waitFor();
    expect(stand.ran).toEqual([{ id: 'microphone.mute', args: { on: true } }]);
    await page.keyboard.press('x');
    await page.locator('#stage-silence', { hasText: 'Panic: still and silent' }).waitFor();
    expect(await page.locator('#panic').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('x');
    await page.keyboard.press('m');
    await vi.waitFor(async () => expect(await page.locator('#stage-silence').isVisible()).toBe(false));
    expect(stand.ran.slice(1)).toEqual([
      { id: 'show.panic', args: { on: true } },
      { id: 'show.panic', args: { on: false } },
      { id: 'microphone.mute', args: { on: false } },
    ]);
  });
});
