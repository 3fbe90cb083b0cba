/**
 * Runs inside the guest of scripts/v4l2-vm.sh, for `npx tsx scripts/make-pictures.ts call`: the whole program writes to a real v4l2loopback, and a
 * page in a real Chromium asks for the camera, as Meet does.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundledSpeechPath } from '../../../src/app/choose-links.ts';
import { findNodeEntry } from '../../../src/base/node-entry.ts';
import { RealBrowser } from '../../fakes/browser.ts';
import { children, readCaps, step } from './guest-camera.ts';

const DEVICE = '/dev/video10';
const entry = findNodeEntry(import.meta.url, '../../../src/app/cli');
/** How long the page looks at each avatar, in ms: an emulated machine paints a few pictures a second. */
const LOOK_MS = 6_000;
/** What an emulated machine may take for anything, in ms. */
const LIMIT_MS = 120_000;

/** A page that shows the camera and lists what there is to choose from. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>A call</title>
<style>
  body { margin: 0; display: grid; place-items: center; height: 100vh; background: #1b1d23; color: #eee; font: 16px system-ui, sans-serif }
  video { width: 640px; height: 480px; border-radius: 16px; background: #000 }
  select { width: 640px; margin-top: 14px; padding: 10px; border-radius: 8px; background: #2a2d36; color: #eee; font: inherit }
  main { display: grid }
</style><main><video autoplay muted playsinline></video><select aria-label="Camera"></select></main>`;

/** Asks for the camera and shows it. Runs in the page. */
const SHOW = `(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').map(({ label }) => label);
  document.querySelector('select').replaceChildren(...cameras.map((label) => new Option('Camera: ' + label)));
  const video = document.querySelector('video');
  video.srcObject = stream;
  await video.play();
  window.frames25 = 0;
  const count = () => { window.frames25++; video.requestVideoFrameCallback(count); };
  video.requestVideoFrameCallback(count);
  return { cameras, width: video.videoWidth, height: video.videoHeight };
})()`;

/** What the camera shows now, 64x48, green, 0 … 255. Runs in the page. */
const GRAB = `(() => {
  const context = new OffscreenCanvas(64, 48).getContext('2d');
  context.drawImage(document.querySelector('video'), 0, 0, 64, 48);
  return [...context.getImageData(0, 0, 64, 48).data].filter((_, at) => at % 4 === 1);
})()`;

/** Runs a command of the show, by the address that it has left for its own commands. */
async function runCommand(id: string): Promise<void> {
  const { url, token } = JSON.parse(readFileSync('/tmp/home/state/daemon.json', 'utf8')) as Record<string, string>;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}api/commands/${id}`, { method: 'POST', headers, body: '{}' });
  if (!answer.ok) throw new Error(await answer.text());
}

await step('browser', async () => {
  const flags = ['start', '--no-open', '--port', '0', '--size', '640x480', '--output', 'v4l2'];
  const input = ['--input', `wav:${bundledSpeechPath}`, '--loop'];
  const show = spawn(process.execPath, [...entry.execArgv, entry.path, ...flags, ...input], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: { ...process.env, MUSECAM_HOME: '/tmp/home', PULSE_SERVER: 'unix:/nonexistent' },
    stdio: 'ignore',
  });
  children.push(show);
  const untilMs = performance.now() + LIMIT_MS;
  while (!readCaps(DEVICE).includes('Video Capture')) {
    if (show.exitCode !== null || performance.now() > untilMs) throw new Error('the show does not write to the camera');
    await sleep(500);
  }
  const server = createServer((_, response) => response.end(PAGE));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using browser = await RealBrowser.open(['--use-fake-ui-for-media-stream']);
  const page = await browser.openPage({ viewport: { width: 760, height: 600 } });
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { timeout: LIMIT_MS });
  const seen = await page.evaluate<object>(SHOW);
  await sleep(LOOK_MS);
  const first = await page.evaluate<number[]>(GRAB);
  const picture = (await page.screenshot({ timeout: LIMIT_MS })).toString('base64');
  await runCommand('avatar.next');
  await sleep(LOOK_MS);
  const last = await page.evaluate<number[]>(GRAB);
  const frames = await page.evaluate<number>('window.frames25');
  server.close();
  server.closeAllConnections();
  show.kill('SIGINT');
  const code = await new Promise((resolve) => show.once('exit', resolve));
  return { ...seen, first, last, frames, picture, code };
});
process.exit(0);
