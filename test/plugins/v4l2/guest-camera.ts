/**
 * What the programs inside the guest of scripts/v4l2-vm.sh share: they write through the plugin, read with v4l2-ctl, and
 * print one JSON line per step for a test outside to judge.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthReport, OpenVideoOutput } from '../../../src/api/contributions.ts';
import { FRAME_MS, FRAMES_PER_SECOND, frameByteLength, type Size } from '../../../src/api/media.ts';
import { AppError, messageOf } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { createV4l2Output } from '../../../src/plugins/v4l2/output.ts';
import { type Machine, thisMachine } from '../../../src/plugins/v4l2/scan.ts';
import { makeBarcodeFrame, makeExpectedBytes, readBarcode } from './barcode-frames.ts';

const PAGE_BYTES = 4096;
/**
 * Buffers that a reader asks for. The module uses the smaller of this and its own max_buffers, and overwrites the oldest:
 * with few of them a reader that an emulated machine makes late by 100 ms would see torn pictures that are not ours.
 */
const BUFFERS = 32;
/** A signal that never comes. */
export const never: AbortSignal = new AbortController().signal;
/** Programs that steps have started; a step that fails ends them. */
export const children: ChildProcess[] = [];

/** Runs one step and prints its result. */
export async function step(name: string, run: () => Promise<unknown>): Promise<void> {
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

/** An open camera and what it said of itself. */
export interface Opened {
  readonly output: OpenVideoOutput;
  readonly health: HealthReport[];
}

/** Opens a camera through the plugin, on this machine or one that fails on purpose. */
export async function openCamera(
  target: string | undefined,
  size: Size,
  pixelFormat: 'yuyv' | 'i420' = 'yuyv',
  machine: Machine = thisMachine,
): Promise<Opened> {
  const health: HealthReport[] = [];
  const settings = { device: '', pixelFormat, sustainFrames: false };
  const output = await createV4l2Output(() => settings, machine).open(
    { ...size, target, framesPerSecond: FRAMES_PER_SECOND, log: silentLog, onHealth: (report) => health.push(report) },
    never,
  );
  return { output, health };
}

/** What opening fails with: code and message. */
export async function refusal(
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
export function startPump(output: OpenVideoOutput, size: Size): { stop(): Promise<number> } {
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

/** Starts a program that reads so many pictures into a file. */
export function startReader(device: string, count: number, file: string): { done: Promise<number | null> } {
  const child = spawn(
    'v4l2-ctl',
    ['-d', device, `--stream-mmap=${BUFFERS}`, `--stream-count=${count}`, `--stream-to=${file}`],
    {
      stdio: 'ignore',
    },
  );
  children.push(child);
  return { done: new Promise((resolve) => child.once('close', resolve)) };
}

/** Compares every byte of every picture read; `order` is what was read, in order. */
export function judgeRecording(file: string, size: Size, format: 'yuyv' | 'i420', count: number) {
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

/** Writes at 25 fps while a reader takes so many pictures. */
export async function streamAndRead(
  device: string,
  size: Size,
  format: 'yuyv' | 'i420',
  count: number,
): Promise<unknown> {
  const { output, health } = await openCamera(device, size, format);
  const pump = startPump(output, size);
  await sleep(300);
  const reader = startReader(device, count, '/tmp/read.yuv');
  const code = await reader.done;
  const sent = await pump.stop();
  await output[Symbol.asyncDispose]();
  return { code, sent, health, ...judgeRecording('/tmp/read.yuv', size, format, count), caps: readCaps(device) };
}

/** What a device can do, as v4l2-ctl says it. */
export function readCaps(device: string): string[] {
  const text = spawnSync('v4l2-ctl', ['-d', device, '-D'], { encoding: 'utf8' }).stdout;
  return ['Video Capture', 'Video Output'].filter((cap) => text.slice(text.indexOf('Device Caps')).includes(cap));
}
