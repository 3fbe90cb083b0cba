/**
 * Runs inside the guest of scripts/v4l2-vm.sh, on a real v4l2loopback, for endurance.test.ts. One device, video10.
 * MUSECAM_V4L2_FRAMES and MUSECAM_V4L2_STALL_S make it longer than it is in a usual test run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenVideoOutput } from '../../../src/api/contributions.ts';
import { FRAME_MS, frameByteLength, type Size } from '../../../src/api/media.ts';
import { thisMachine } from '../../../src/plugins/v4l2/scan.ts';
import { BarcodeReel, readBarcode } from './barcode-frames.ts';
import { kernelError } from './fake-device.ts';
import {
  children,
  judgeRecording,
  openCamera,
  readCaps,
  refusal,
  startPump,
  startReader,
  step,
} from './guest-camera.ts';
import { proveSetup } from './guest-setup.ts';

const FRAMES = Number(process.env.MUSECAM_V4L2_FRAMES ?? 10_000);
const STALL_S = Number(process.env.MUSECAM_V4L2_STALL_S ?? 5);
const DEVICE = '/dev/video10';
const SMALL: Size = { width: 640, height: 360 };
/** Small, so that 10,000 pictures of it take a minute or two in an emulated machine. */
const TINY: Size = { width: 320, height: 240 };
const SIZES: readonly Size[] = [
  SMALL,
  { width: 640, height: 480 },
  { width: 1280, height: 720 },
  { width: 1920, height: 1080 },
];
/** How many pictures may be on their way: the module lets a reader that is more than two behind skip to the newest. */
const WINDOW = 2;

/**
 * Writes pictures 0 to count-1 as fast as a reader takes them and compares every byte that arrives. The reader is never
 * more than a few pictures behind, so that each must arrive, once, whole and in order, however slow the machine is.
 */
async function streamAll(size: Size, format: 'yuyv' | 'i420', count: number): Promise<unknown> {
  const { output, health } = await openCamera(DEVICE, size, format);
  const reel = new BarcodeReel(size);
  await output.send(reel.frame(0));
  const reader = startPipe();
  const judge = new Judge(size, format, reel, reader.pictures);
  // Shown again until the reader has come.
  while (judge.newest < 0 && !reader.hasEnded()) {
    await output.send(reel.frame(0));
    await sleep(FRAME_MS);
  }
  const startMs = performance.now();
  let slowestMs = 0;
  for (let index = 1; judge.newest < count - 1 && !reader.hasEnded(); index++) {
    // In step with the reader first, which may have skipped some of those shown again.
    const window = Math.min(WINDOW, index - 1);
    while (index > 1 && judge.newest < index - window && !reader.hasEnded()) await judge.more();
    const sentMs = performance.now();
    await output.send(reel.frame(index));
    slowestMs = Math.max(slowestMs, performance.now() - sentMs);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const complaint = reader.hasEnded() ? 'the reader has ended by itself' : undefined;
  await reader.stop();
  await output[Symbol.asyncDispose]();
  const { received, torn, newest, steps } = judge;
  const framesPerSecond = Math.round(count / seconds);
  return { complaint, received, torn, newest, steps, framesPerSecond, slowestMs, health, caps: readCaps(DEVICE) };
}

/** A reader whose pictures come through a pipe, each at once: its own buffer would keep the end of one until the next. */
function startPipe() {
  const child = spawn('stdbuf', ['-o0', 'v4l2-ctl', '-d', DEVICE, '--stream-mmap=8', '--stream-to=-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  let isEnded = false;
  const ended = new Promise<void>((resolve) => child.once('close', resolve)).then(() => {
    isEnded = true;
  });
  return {
    pictures: child.stdout,
    hasEnded: () => isEnded,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    stop: () => {
      child.kill();
      return ended;
    },
  };
}

/** Takes pictures from a pipe and compares each with what was written. */
class Judge {
  received = 0;
  newest = -1;
  readonly torn: number[] = [];
  /** How often a picture came so many numbers after the one before: {"1": 9999} is perfect, 0 is the same again. */
  readonly steps: Record<string, number> = {};
  readonly #reel: BarcodeReel;
  readonly #size: Size;
  readonly #format: 'yuyv' | 'i420';
  readonly #picture: Buffer;
  #filled = 0;
  #wake = () => {};

  constructor(size: Size, format: 'yuyv' | 'i420', reel: BarcodeReel, from: NodeJS.ReadableStream) {
    this.#size = size;
    this.#format = format;
    this.#reel = reel;
    this.#picture = Buffer.alloc(frameByteLength(format, size));
    from.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  /** Resolves when another picture is there, or after a while. */
  async more(): Promise<void> {
    await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), sleep(1000)]);
  }

  #take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(this.#picture, this.#filled, at, at + this.#picture.length - this.#filled);
      at += taken;
      this.#filled += taken;
      if (this.#filled === this.#picture.length) this.#judge();
    }
  }

  #judge(): void {
    this.#filled = 0;
    const index = readBarcode(this.#picture, this.#size, this.#format);
    if (!this.#isWhole(index)) this.torn.push(index);
    if (this.received > 0) {
      const forward = index - this.newest;
      this.steps[forward] = (this.steps[forward] ?? 0) + 1;
    }
    this.received++;
    this.newest = index;
    this.#wake();
  }

  #isWhole(index: number): boolean {
    const { data } = this.#reel.frame(index);
    return this.#picture.equals(this.#format === 'i420' ? data : packYuyv(data, this.#size));
  }
}

/** I420 to YUYV, made without the code under test; our pictures have the same colour in each row. */
function packYuyv(i420: Uint8Array, { width, height }: Size): Uint8Array {
  const pixels = width * height;
  const out = Buffer.alloc(2 * pixels, Buffer.from([0, i420[pixels]!, 0, i420[pixels + pixels / 4]!]));
  for (let pixel = 0; pixel < pixels; pixel++) out[2 * pixel] = i420[pixel]!;
  return out;
}

await step('sizes', async () => {
  const results: Record<string, unknown> = {};
  for (const size of SIZES)
    for (const format of ['yuyv', 'i420'] as const)
      results[`${size.width}x${size.height} ${format}`] = await streamAll(size, format, 8);
  return results;
});
await step('readers', async () => {
  const { output } = await openCamera(DEVICE, SMALL);
  const pump = startPump(output, SMALL);
  const visits = [];
  for (let visit = 0; visit < 5; visit++) {
    const file = `/tmp/visit-${visit}.yuv`;
    const code = await startReader(DEVICE, 10, file).done;
    visits.push({ code, ...judgeRecording(file, SMALL, 'yuyv', 10) });
  }
  const sent = await pump.stop();
  await output[Symbol.asyncDispose]();
  return { visits, sent };
});
await step('stall', async () => {
  const { output, health } = await openCamera(DEVICE, SMALL);
  let sent = 0;
  let slowestMs = 0;
  const timed = {
    send: async (frame: Parameters<OpenVideoOutput['send']>[0]) => {
      const startMs = performance.now();
      await output.send(frame);
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      sent++;
    },
  } as OpenVideoOutput;
  const pump = startPump(timed, SMALL);
  const reader = startPipe();
  let read = 0;
  reader.pictures.on('data', (chunk: Buffer) => (read += chunk.length));
  while (read < 3 * frameByteLength('yuyv', SMALL)) await sleep(20);
  reader.signal('SIGSTOP');
  await sleep(300);
  const before = { sent, read };
  slowestMs = 0;
  await sleep(STALL_S * 1000);
  const during = { sent: sent - before.sent, read: read - before.read, slowestMs };
  reader.signal('SIGCONT');
  const goal = read + 3 * frameByteLength('yuyv', SMALL);
  while (read < goal && !reader.hasEnded()) await sleep(20);
  const isBack = read >= goal;
  await reader.stop();
  await pump.stop();
  await output[Symbol.asyncDispose]();
  return { seconds: STALL_S, during, isBack, health };
});
await step('frames', () => streamAll(TINY, 'i420', FRAMES));
await step('gone', async () => {
  let isBroken = false;
  const machine = {
    ...thisMachine,
    openDevice: async (path: string) => {
      const device = await thisMachine.openDevice(path);
      const write = device.write.bind(device);
      // The module cannot be made to fail while it is open: what a driver says of a device that is gone is put in here.
      return Object.assign(device, {
        write: async (picture: Uint8Array) => {
          if (isBroken) throw kernelError('ENODEV');
          return write(picture);
        },
      });
    },
  };
  const { output, health } = await openCamera(undefined, SMALL, 'yuyv', machine);
  const pump = startPump(output, SMALL);
  await sleep(300);
  const whileOpen = spawnSync('rmmod', ['v4l2loopback'], { encoding: 'utf8' });
  const stillWorks = health.at(-1)?.state;
  isBroken = true;
  while (health.at(-1)?.state !== 'failed') await sleep(20);
  // The output opens the device for a moment each time it tries, so that unloading may need another try, too.
  let tries = 1;
  while (spawnSync('rmmod', ['v4l2loopback']).status !== 0 && tries++ < 50) await sleep(50);
  isBroken = false;
  while (!health.at(-1)?.detail?.includes('there is no')) await sleep(20);
  const away = health.at(-1);
  spawnSync('insmod', [
    '/run/v4l2loopback.ko',
    'video_nr=12',
    'exclusive_caps=1',
    'card_label=MuseCam',
    'max_buffers=8',
  ]);
  while (health.at(-1)?.state !== 'ready') await sleep(20);
  const code = await startReader('/dev/video12', 10, '/tmp/back.yuv').done;
  const sent = await pump.stop();
  await output[Symbol.asyncDispose]();
  const recording = judgeRecording('/tmp/back.yuv', SMALL, 'yuyv', 10);
  return {
    whileOpen: whileOpen.stderr,
    stillWorks,
    tries,
    away,
    code,
    sent,
    ...recording,
    after: await refusal(undefined, SMALL),
  };
});
await step('setup', proveSetup);
process.exit(0);
