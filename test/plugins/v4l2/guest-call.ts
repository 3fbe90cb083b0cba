/**
 * Runs inside the steady guest of scripts/v4l2-vm.sh, for call.test.ts: the whole program writes to a real v4l2loopback
 * and to a real sound server; `musecam calibrate` reads both back; a page in a real Chromium asks for the camera.
 * MUSECAM_CALL_FOLDER: what makeCallFolder made. Times are the guest's own: none depends on how busy the machine is.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShowStatus } from '../../../src/api/status.ts';
import { RealBrowser } from '../../fakes/browser.ts';
import { Cli } from '../../fakes/cli.ts';
import { PulseServer } from '../../fakes/pulse-server.ts';
import { CALL_PAGE, type CallSeen, LOOK, lookForAnother, OPEN_CAMERA } from './call-page.ts';
import { children, step } from './guest-camera.ts';

const FOLDER = process.env.MUSECAM_CALL_FOLDER ?? '';
const EXTRA_MS = process.env.MUSECAM_CALL_EXTRA_MS ?? '0';
const [FIRST = '', SECOND = ''] = (process.env.MUSECAM_CALL_AVATARS ?? '').split(',');
/** How long calibrate measures, in seconds, with one pulse in each: its own start disturbs the first few. */
const SECONDS = 20;
/** What the start of the program and of the browser may take on the guest's slow processor, in ms. */
const LIMIT_MS = 240_000;
/** A swap that is not seen after so many pictures never comes. */
const MOST_PICTURES = 250;
const HOME = '/tmp/home';

await using pulse = await PulseServer.start();
// Nobody speaks; a microphone's room noise would only cost time.
pulse.unplugMicrophone();
const env = { ...pulse.env, MUSECAM_HOME: HOME };

/** Asks the running show, by the address that it has left for its own commands. */
async function ask<T>(path: string, body?: object): Promise<T> {
  const { url, token } = JSON.parse(readFileSync(`${HOME}/state/daemon.json`, 'utf8')) as Record<string, string>;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
  const answer = await fetch(new URL(path, url), init);
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

const size = ['--size', process.env.MUSECAM_CALL_SIZE ?? '', '--avatar', FIRST, '--set', 'puppet.idle=0'];
const sound = ['--input', 'none', '--set', `virtual-mic.extraMilliseconds=${EXTRA_MS}`];
const show = new Cli(['start', '--no-open', '--port', '0', '--output', 'v4l2', ...size, ...sound], env, FOLDER);
children.push(show.child);

await step('start', async () => {
  await show.says(/Control page/, LIMIT_MS);
  // Still: a face that moves takes what this processor needs for 25 pictures a second.
  await ask('api/commands/mouth.rest', { on: true });
  // In stride: a second of new pictures only.
  let before = await ask<ShowStatus>('api/status');
  for (;;) {
    await sleep(1000);
    const now = await ask<ShowStatus>('api/status');
    const isInStride = now.engine.state === 'ready' && now.frames.repeated === before.frames.repeated;
    if (isInStride || now.uptimeSeconds > 60) return now;
    before = now;
  }
});
await step('calibrate', async () => {
  await using cli = new Cli(['calibrate', '--json', '--seconds', String(SECONDS)], env, FOLDER);
  const ended = await cli.ended;
  if (ended.code !== 0) throw new Error(ended.stderr);
  return { seconds: SECONDS, report: JSON.parse(ended.stdout), after: await ask<ShowStatus>('api/status') };
});
await step('page', async () => {
  const server = createServer((_, response) => response.end(CALL_PAGE));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using browser = await RealBrowser.open(['--use-fake-ui-for-media-stream']);
  const page = await browser.openPage({ viewport: { width: 340, height: 200 } });
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const seen = await page.evaluate<CallSeen>(OPEN_CAMERA);
  const first = await page.evaluate<number[]>(LOOK);
  // A cut: the first picture that is another one is all of the other avatar.
  await ask('api/commands/avatar.use', { id: SECOND, fade: false });
  const swap = await page.evaluate<object>(lookForAnother(first, MOST_PICTURES));
  server.closeAllConnections();
  server.close();
  return { ...seen, first, ...swap };
});
await step('end', async () => {
  show.child.kill('SIGINT');
  return await show.ended;
});
process.exit(0);
