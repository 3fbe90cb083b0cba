import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readFrames } from '../../../src/avatar/clip/frame-stream.ts';

const LENGTH = 5000;

/** Frames of which every byte tells which frame it belongs to. */
function numberedFrames(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, frame) => Buffer.alloc(LENGTH, frame)));
}

async function readAll(stream: NodeJS.ReadableStream, between: () => Promise<unknown>): Promise<number[]> {
  const numbers: number[] = [];
  for await (const frame of readFrames(stream as PassThrough, LENGTH)) {
    expect(new Set(frame).size).toBe(1);
    numbers.push(frame[0]!);
    await between();
  }
  return numbers;
}

const expected = Array.from({ length: 40 }, (_, frame) => frame);

describe('frames of a stream', () => {
  it('come in order and whole, however the stream is cut', async () => {
    const stream = new PassThrough();
    const bytes = numberedFrames(40);
    for (let at = 0; at < bytes.length; at += 777) stream.write(bytes.subarray(at, at + 777));
    stream.end();
    expect(await readAll(stream, async () => {})).toEqual(expected);
  });

  it('are none lost where the stream goes on although it was stopped, as Node makes that of a program that has ended', async () => {
    const stream = new PassThrough();
    const bytes = numberedFrames(40);
    for (let at = 0; at < bytes.length; at += 12_345) stream.write(bytes.subarray(at, at + 12_345));
    stream.end();
    const goOn = async () => {
      stream.resume();
      await new Promise((resolve) => setImmediate(resolve));
    };
    expect(await readAll(stream, goOn)).toEqual(expected);
  });

  it('are none lost of a program that ends while a slow reader is at the first ones', async () => {
    const code = `process.stdout.write(Buffer.concat(Array.from({ length: 40 }, (_, frame) => Buffer.alloc(${LENGTH}, frame))))`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let isFirst = true;
    const slowly = async () => {
      if (isFirst) await ended;
      isFirst = false;
      await new Promise((resolve) => setTimeout(resolve, 2));
    };
    expect(await readAll(child.stdout, slowly)).toEqual(expected);
  });

  it('end without what fills no frame', async () => {
    const stream = new PassThrough();
    stream.end(numberedFrames(3).subarray(0, 2 * LENGTH + 10));
    expect(await readAll(stream, async () => {})).toEqual([0, 1]);
  });
});
