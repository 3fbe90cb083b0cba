import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { frameByteLength } from '../../../src/api/media.ts';
import { BodyEncoder } from '../../../src/avatar/clip/encode-body.ts';
import { rgb24ToI420 } from '../../../src/media/color.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

const hasFfmpeg = hasProgram('ffmpeg');
let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));

const SIZE = { width: 320, height: 180 };
const COUNT = 40;
const SIGNAL = new AbortController().signal;

/** A smooth picture that moves: what a camera's compresses like. */
function drawFrame(index: number): Uint8Array {
  const pixels = new Uint8Array(SIZE.width * SIZE.height * 3);
  for (let y = 0, at = 0; y < SIZE.height; y++)
    for (let x = 0; x < SIZE.width; x++) {
      pixels[at++] = 128 + 100 * Math.sin((x + index * 3) / 30);
      pixels[at++] = 128 + 100 * Math.cos((y - index * 2) / 25);
      pixels[at++] = 128 + 60 * Math.sin((x + y) / 40);
    }
  return pixels;
}

async function encode(name: string): Promise<string> {
  const path = join(folder, name);
  await using encoder = await BodyEncoder.open(path, SIZE, 'colour', SIGNAL);
  for (let i = 0; i < COUNT; i++) await encoder.addRgb(drawFrame(i));
  await encoder.finish(SIGNAL);
  return path;
}

function decodeRaw(path: string): Buffer {
  const args = ['-v', 'error', '-i', path, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', 'pipe:1'];
  return execFileSync('ffmpeg', args, { maxBuffer: 2 ** 28 });
}

describe('the body file', () => {
  it('gives the I420 back that went in, but for what the compression takes', async () => {
    const raw = decodeRaw(await encode('body.mp4'));
    const bytes = frameByteLength('i420', SIZE);
    expect(raw.length).toBe(COUNT * bytes);
    const wanted = new Uint8Array(bytes);
    let squares = 0;
    let worst = 0;
    for (let i = 0; i < COUNT; i++) {
      rgb24ToI420(drawFrame(i), SIZE, wanted);
      for (let at = 0; at < bytes; at++) {
        const difference = Math.abs(raw[i * bytes + at]! - wanted[at]!);
        squares += difference ** 2;
        worst = Math.max(worst, difference);
      }
    }
    // Another matrix (BT.709) would be off by up to 20 in such colours, another range by 16.
    expect(Math.sqrt(squares / raw.length)).toBeLessThan(1.2);
    expect(worst).toBeLessThan(12);
  });

  it('says what it is: H.264, 25 a second, BT.601 in limited range, without sound', async () => {
    const args = ['-v', 'error', '-show_streams', '-of', 'json', await encode('tags.mp4')];
    const { streams } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as { streams: unknown[] };
    expect(streams).toHaveLength(1);
    expect(streams[0]).toMatchObject({
      pix_fmt: 'yuv420p',
      avg_frame_rate: '25/1',
      nb_frames: String(COUNT),
      color_range: 'tv',
      color_space: 'smpte170m',
      color_transfer: 'iec61966-2-1',
    });
  });

  it('is the same file for the same frames', async () => {
    const [one, two] = [await readFile(await encode('one.mp4')), await readFile(await encode('two.mp4'))];
    expect(one.equals(two)).toBe(true);
  });

  it('carries a matte as luma', async () => {
    const path = join(folder, 'matte.mp4');
    await using encoder = await BodyEncoder.open(path, SIZE, 'grey', SIGNAL);
    const plane = Uint8Array.from(
      { length: SIZE.width * SIZE.height },
      (_, i) => ((i % SIZE.width) * 255) / (SIZE.width - 1),
    );
    for (let i = 0; i < 5; i++) await encoder.addGrey(plane);
    await encoder.finish(SIGNAL);
    const raw = decodeRaw(path);
    for (const [x, luma] of [
      [0, 16],
      [160, 126],
      [319, 235],
    ] as const)
      expect(Math.abs(raw[90 * SIZE.width + x]! - luma)).toBeLessThanOrEqual(3);
  });

  it('is not there when its folder is not', async () => {
    const write = async () => {
      await using encoder = await BodyEncoder.open(join(folder, 'nowhere', 'a.mp4'), SIZE, 'colour', SIGNAL);
      for (let i = 0; i < COUNT; i++) await encoder.addRgb(drawFrame(i));
      await encoder.finish(SIGNAL);
    };
    await expect(write()).rejects.toMatchObject({
      code: 'CLIP_NOT_WRITTEN',
      message: expect.stringMatching(/No such/),
    });
  });

  it('ends with the reason of the signal', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const write = async () => {
      await using encoder = await BodyEncoder.open(join(folder, 'abort.mp4'), SIZE, 'colour', abort.signal);
      await encoder.addRgb(drawFrame(0));
      abort.abort(reason);
      await encoder.finish(abort.signal);
    };
    await expect(write()).rejects.toBe(reason);
  });
});
