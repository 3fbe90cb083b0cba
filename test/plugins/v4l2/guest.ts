/**
 * Runs inside the guest of scripts/v4l2-vm.sh, on a real v4l2loopback, for vm.test.ts.
 * Devices: video10 and video12 with exclusive_caps=1, video11 without; vivid's (other driver) wherever they landed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Size } from '../../../src/api/media.ts';
import { checkVirtualCamera } from '../../../src/plugins/v4l2/check.ts';
import { createV4l2Output } from '../../../src/plugins/v4l2/output.ts';
import { makeBarcodeFrame } from './barcode-frames.ts';
import {
  children,
  judgeRecording,
  never,
  openCamera,
  readCaps,
  refusal,
  startPump,
  startReader,
  step,
  streamAndRead,
} from './guest-camera.ts';

const HD: Size = { width: 1280, height: 720 };
const VGA: Size = { width: 640, height: 480 };
const plugin = createV4l2Output(() => ({ device: '', pixelFormat: 'yuyv', sustainFrames: false }));

function findVivid(kind: string): string {
  const folder = '/sys/class/video4linux';
  const found = readdirSync(folder).find((name) =>
    readFileSync(`${folder}/${name}/name`, 'utf8').trim().endsWith(kind),
  );
  return `/dev/${found}`;
}

await step('list', async () => plugin.list(never));
await step('check', () => checkVirtualCamera());
await step('other-driver', async () => ({
  output: await refusal(findVivid('vid-out'), HD),
  camera: await refusal(findVivid('vid-cap'), HD),
  file: await refusal('/dev/null', HD),
  missing: await refusal('/dev/video63', HD),
}));
await step('yuyv', () => streamAndRead('/dev/video10', HD, 'yuyv', 40));
await step('i420', () => streamAndRead('/dev/video10', HD, 'i420', 40));
await step('second-writer', async () => {
  const first = await openCamera('/dev/video10', HD);
  await first.output.send(makeBarcodeFrame(0, HD));
  const listed = await plugin.list(never);
  const second = await refusal('/dev/video10', HD);
  await first.output[Symbol.asyncDispose]();
  return { listed, second, afterwards: await refusal('/dev/video10', HD) };
});
await step('held-by-reader', async () => {
  const first = await openCamera('/dev/video10', VGA, 'yuyv');
  await first.output.send(makeBarcodeFrame(0, VGA));
  const reader = startReader('/dev/video10', 30, '/tmp/held.yuv');
  const pump = startPump(first.output, VGA);
  await sleep(1000);
  await pump.stop();
  await first.output[Symbol.asyncDispose]();
  const otherSize = await refusal('/dev/video10', HD);
  const again = await openCamera('/dev/video10', VGA, 'i420');
  const secondPump = startPump(again.output, VGA);
  const code = await reader.done;
  await secondPump.stop();
  await again.output[Symbol.asyncDispose]();
  return { otherSize, code, ...judgeRecording('/tmp/held.yuv', VGA, 'yuyv', 30) };
});
await step('no-exclusive-caps', async () => {
  const { output, health } = await openCamera('/dev/video11', HD);
  await output.send(makeBarcodeFrame(0, HD));
  await output[Symbol.asyncDispose]();
  return health;
});
await step('permission', async () => {
  process.seteuid!(65534);
  const result = await refusal('/dev/video10', HD);
  process.seteuid!(0);
  return result;
});
await step('foreign-writer', async () => {
  // ffmpeg writes without STREAMON: while it runs the device is busy, afterwards 0.12 is stuck until it is loaded again.
  const source = ['-re', '-f', 'lavfi', '-i', 'color=size=1280x720:rate=25', '-pix_fmt', 'yuyv422'];
  const ffmpeg = spawn('ffmpeg', ['-v', 'error', ...source, '-f', 'v4l2', '/dev/video12'], { stdio: 'ignore' });
  children.push(ffmpeg);
  const gone = new Promise((resolve) => ffmpeg.once('close', resolve));
  while (!readCaps('/dev/video12').includes('Video Capture')) await sleep(100);
  // Looking through all processes has a deadline, which an emulated machine on a busy host may miss.
  let during = (await refusal('/dev/video12', HD)) as { message: string };
  for (let tries = 0; tries < 5 && !during.message.includes('ffmpeg'); tries++)
    during = (await refusal('/dev/video12', HD)) as { message: string };
  ffmpeg.kill();
  await gone;
  const caps = readCaps('/dev/video12');
  return { during, caps, afterwards: await refusal('/dev/video12', HD) };
});
await step('reload', async () => {
  spawnSync('rmmod', ['v4l2loopback']);
  const gone = await refusal(undefined, HD);
  const absence = await checkVirtualCamera();
  spawnSync('insmod', ['/run/v4l2loopback.ko', 'video_nr=12', 'exclusive_caps=1']);
  return { gone, absence, found: await plugin.list(never), afterwards: await refusal(undefined, HD) };
});
process.exit(0);
