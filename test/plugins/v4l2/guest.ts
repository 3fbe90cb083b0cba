/**
 * Runs inside the guest of scripts/v4l2-vm.sh, on a real v4l2loopback: writes through the plugin, reads with v4l2-ctl,
 * and prints one JSON line per step for vm.test.ts to judge.
 * Devices: video10 and video12 with exclusive_caps=1, video11 without; vivid's (other driver) wherever they landed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthReport, OpenVideoOutput } from '../../../src/api/contributions.ts';
import { FRAME_MS, FRAMES_PER_SECOND, frameByteLength, type Size } from '../../../src/api/media.ts';
import { AppError, messageOf } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { checkVirtualCamera } from '../../../src/plugins/v4l2/check.ts';
import { createV4l2Output } from '../../../src/plugins/v4l2/output.ts';
import { makeBarcodeFrame, makeExpectedBytes, readBarcode } from './barcode-frames.ts';

const HD: Size = { width: 1280, height: 720 };
const VGA: Size = { width: 640, height: 480 };
const PAGE_BYTES = 4096;
const never = new AbortController().signal;
const plugin = createV4l2Output(() => ({ device: '', pixelFormat: 'yuyv', sustainFrames: false }));

async function step(name: string, run: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  let result: unknown;
  try {
    result = await run();
  } catch (thrown) {
    result = { thrown: messageOf(thrown), stack: (thrown as Error).stack };
    for (const child of children) child.kill();
  }
  process.stdout.write(`${JSON.stringify({ name, result, ms: Math.round(performance.now() - startMs) })}\n`);
}

interface Opened {
  readonly output: OpenVideoOutput;
  readonly health: HealthReport[];
}

async function openCamera(
  target: string | undefined,
  size: Size,
  pixelFormat: 'yuyv' | 'i420' = 'yuyv',
): Promise<Opened> {
  const health: HealthReport[] = [];
  const settings = { device: '', pixelFormat, sustainFrames: false };
  const output = await createV4l2Output(() => settings).open(
    { ...size, target, framesPerSecond: FRAMES_PER_SECOND, log: silentLog, onHealth: (report) => health.push(report) },
    never,
  );
  return { output, health };
}

/** What opening fails with: code and message. */
async function refusal(
  target: string | undefined,
  size: Size,
  pixelFormat: 'yuyv' | 'i420' = 'yuyv',
): Promise<unknown> {
  try {
    const { output } = await openCamera(target, size, pixelFormat);
    await output[Symbol.asyncDispose]();
    return { code: 'none' };
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    return { code: thrown.code, message: thrown.message, fix: thrown.fix };
  }
}

/** Sends bar-coded pictures at 25 fps until told to stop. */
function startPump(output: OpenVideoOutput, size: Size): { stop(): Promise<number> } {
  let isRunning = true;
  const pictures = Array.from({ length: 40 }, (_, index) => makeBarcodeFrame(index, size));
  const pumping = (async () => {
    const startMs = performance.now();
    let sent = 0;
    while (isRunning) {
      await output.send(pictures[sent % pictures.length]!);
      sent++;
      await sleep(Math.max(1, startMs + sent * FRAME_MS - performance.now()));
    }
    return sent;
  })();
  return {
    stop() {
      isRunning = false;
      return pumping;
    },
  };
}

const children: ChildProcess[] = [];

function startReader(device: string, count: number, file: string): { done: Promise<number | null> } {
  const child = spawn('v4l2-ctl', ['-d', device, '--stream-mmap=4', `--stream-count=${count}`, `--stream-to=${file}`], {
    stdio: 'ignore',
  });
  children.push(child);
  return { done: new Promise((resolve) => child.once('close', resolve)) };
}

/** Compares every byte of every picture read; `order` is what was read, in order. */
function judgeRecording(file: string, size: Size, format: 'yuyv' | 'i420', count: number) {
  const bytes = readFileSync(file);
  rmSync(file);
  const length = frameByteLength(format, size);
  // 0.12 and 0.13 hand out whole pages
  const stride = bytes.length === count * length ? length : Math.ceil(length / PAGE_BYTES) * PAGE_BYTES;
  const order: number[] = [];
  const torn: number[] = [];
  const expected = new Map<number, Uint8Array>();
  for (let at = 0; at + length <= bytes.length; at += stride) {
    const picture = bytes.subarray(at, at + length);
    const index = readBarcode(picture, size, format);
    if (!expected.has(index)) expected.set(index, makeExpectedBytes(index, size, format));
    if (!picture.equals(expected.get(index)!)) torn.push(order.length);
    order.push(index);
  }
  return { bytes: bytes.length, torn, order };
}

async function streamAndRead(device: string, size: Size, format: 'yuyv' | 'i420', count: number): Promise<unknown> {
  const { output, health } = await openCamera(device, size, format);
  const pump = startPump(output, size);
  await sleep(300);
  const reader = startReader(device, count, '/tmp/read.yuv');
  const code = await reader.done;
  const sent = await pump.stop();
  await output[Symbol.asyncDispose]();
  return { code, sent, health, ...judgeRecording('/tmp/read.yuv', size, format, count), caps: readCaps(device) };
}

function readCaps(device: string): string[] {
  const text = spawnSync('v4l2-ctl', ['-d', device, '-D'], { encoding: 'utf8' }).stdout;
  return ['Video Capture', 'Video Output'].filter((cap) => text.slice(text.indexOf('Device Caps')).includes(cap));
}

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
