import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp, { type Sharp } from 'sharp';
import type { AudioOutputStatus } from '../src/api/status.ts';
import { Scope } from '../src/base/scope.ts';
import { BUNDLED_SPEECH, DaemonProcess } from '../test/bench/daemon-process.ts';
import { RealBrowser } from '../test/fakes/browser.ts';
import { PulseServer } from '../test/fakes/pulse-server.ts';
import { RealObs } from '../test/plugins/obs/real-obs.ts';
import { collectGuest } from '../test/plugins/v4l2/run-guest.ts';
import { makeStatus, PanelStand } from '../test/plugins/web-panel/panel-stand.ts';

/** Where OBS's window is on the screen. */
const OBS_WINDOW = { left: 0, top: 0, width: 1080, height: 729 } as const;
/** Until the figures tell of ten seconds, and those of the start are over, in ms. */
const SETTLED_MS = 25_000;

/** The three links on the control page: one well, two with a fault and what mends it. */
export async function photographFaults(): Promise<Sharp> {
  const status = makeStatus({
    state: 'degraded',
    engine: {
      id: 'musetalk.engine',
      label: 'MuseTalk',
      state: 'degraded',
      restarts: 0,
      detail: 'The graphics card is too slow at the moment: 61 ms a face',
      fix: 'Close what else uses it, or: musecam start --engine puppet',
    },
    outputs: [
      {
        ...{ id: 'v4l2.camera', label: 'MuseCam (/dev/video10)', state: 'failed', sent: 0, dropped: 0 },
        detail: 'Another program is writing to this camera: obs (process 2104)',
        fix: "Stop OBS's virtual camera: musecam obs camera stop",
      },
    ],
  });
  await using stand = await PanelStand.open({ status });
  stand.play();
  await using browser = await RealBrowser.open();
  const viewport = { width: 1280, height: 900 };
  const page = await browser.openPage({ viewport, colorScheme: 'light', deviceScaleFactor: 2 });
  await page.goto(stand.address);
  await page.locator('.link', { hasText: 'Failed' }).waitFor();
  return sharp(await page.locator('.chain-card').screenshot());
}

/** The card that says whether voice and lips meet, of a real show beside a real sound server. */
export async function photographInStep(): Promise<Sharp> {
  await using pulse = await PulseServer.start();
  const flags = [...BUNDLED_SPEECH, '--output', 'obs', '--set', 'virtual-mic.enabled=on'];
  await using daemon = await DaemonProcess.open(flags, pulse.env);
  await using browser = await RealBrowser.open();
  const viewport = { width: 1280, height: 900 };
  const page = await browser.openPage({ viewport, colorScheme: 'light', deviceScaleFactor: 2 });
  await page.goto(daemon.url);
  await sleep(SETTLED_MS);
  const voice = (await daemon.status()).links.find(({ id }) => id === 'virtual-mic.microphone') as AudioOutputStatus;
  console.log(`microphone ${voice.delayMs} ms late, ${voice.offsetMs} ms from the picture`);
  return sharp(await page.locator('#in-step').screenshot());
}

/** The panel of the example hello, below the avatars of a real show, after it has been pressed. */
export async function photographPanel(): Promise<Sharp> {
  await using show = await openWithExamples({ colorScheme: 'dark' });
  const { page } = show;
  const panel = page.frameLocator('.panel iframe');
  await panel.getByLabel('Whom').fill('Ada');
  await panel.getByRole('button', { name: 'Say hello' }).click();
  await panel.getByText('In the picture: Hello, Ada!').waitFor();
  await sleep(500);
  const [stage, card] = [await boxOf(page, '#stage'), await boxOf(page, '.panel')];
  const margin = 16;
  const clip = { x: 0, y: stage.y - 4, width: stage.x + stage.width + margin, height: 0 };
  return sharp(await page.screenshot({ clip: { ...clip, height: card.y + card.height + margin - clip.y } }));
}

/** The list of plugins of a real show to which examples were added; another program has the port that one of them wants. */
export async function photographPlugins(): Promise<Sharp> {
  await using taken = await takeUdpPort(9000);
  await using show = await openWithExamples({ colorScheme: 'light' });
  console.log(`UDP port ${taken.port} is taken`);
  await show.page.locator('#open-plugins').click();
  await show.page.locator('.plugin[data-state="failed"]').waitFor();
  await sleep(2_000);
  return sharp(await show.page.locator('#plugins').screenshot());
}

/** The command palette of a real show, looking for what belongs to recording. */
export async function photographPalette(): Promise<Sharp> {
  await using show = await openWithExamples({ colorScheme: 'light' });
  await show.page.keyboard.press('F1');
  await show.page.locator('#palette-list [role=option]').first().waitFor();
  await show.page.keyboard.type('rec');
  await sleep(500);
  return sharp(await show.page.locator('#palette').screenshot());
}

/** The page of a real show with plugins of docs/examples. */
async function openWithExamples(window: { readonly colorScheme: 'dark' | 'light' }) {
  const scope = new Scope();
  try {
    const daemon = scope.use(await DaemonProcess.open());
    const folder = join(tmpdir(), 'plugins');
    scope.use(() => rm(folder, { recursive: true, force: true }));
    for (const id of ['hello', 'osc-trigger', 'png-sequence']) {
      await cp(fileURLToPath(new URL(`../docs/examples/${id}`, import.meta.url)), join(folder, id), {
        recursive: true,
      });
      await daemon.run('plugins.add', { path: join(folder, id) });
    }
    await daemon.run('plugins.enable', { id: 'png-sequence', on: false });
    const browser = scope.use(await RealBrowser.open());
    const page = await browser.openPage({ viewport: { width: 1280, height: 1200 }, ...window });
    await page.goto(daemon.url);
    await page.locator('.stage[data-picture="live"]').waitFor();
    return { page, [Symbol.asyncDispose]: () => scope.close() };
  } catch (thrown) {
    await scope.close();
    throw thrown;
  }
}

async function boxOf(page: Page, selector: string) {
  return (await page.locator(selector).boundingBox())!;
}

/** Holds a UDP port of this machine, as another program would. */
async function takeUdpPort(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, '127.0.0.1', resolve));
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(resolve)) };
}

/** OBS's own window after `musecam obs setup`, with the avatar in its scene. */
export async function photographObs(): Promise<Sharp> {
  await using obs = await RealObs.open({ hasPreview: true });
  const settings = ['--set', `obs.url=${obs.url}`, '--set', `obs.password=${obs.password}`];
  await using daemon = await DaemonProcess.open([...BUNDLED_SPEECH, '--output', 'obs', ...settings]);
  await daemon.run('obs.setup', {});
  await using hand = await obs.hand();
  await hand.call('SetCurrentProgramScene', { sceneName: 'MuseCam' });
  await sleep(8_000);
  return sharp(photographScreen(obs.display)).extract(OBS_WINDOW);
}

/** A page in Chromium that has asked for the camera, inside a guest with a real v4l2loopback. */
export async function photographCall(): Promise<Sharp> {
  const results = await collectGuest('guest-browser.ts', {
    modopts: 'devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam',
    memoryMib: 3000,
  });
  const { picture, cameras } = results.get('browser') as { picture: string; cameras: readonly string[] };
  if (cameras.join() !== 'MuseCam') throw new Error(`Chromium lists other cameras: ${cameras.join()}`);
  return sharp(Buffer.from(picture, 'base64'));
}

/** All of an X display of 1280x800, as PNG. */
function photographScreen(display: string): Buffer {
  const grab = ['-f', 'x11grab', '-video_size', '1280x800', '-i', display, '-frames:v', '1'];
  const options = { maxBuffer: 64e6 };
  return execFileSync('ffmpeg', ['-v', 'error', ...grab, '-f', 'image2pipe', '-c:v', 'png', '-'], options);
}
