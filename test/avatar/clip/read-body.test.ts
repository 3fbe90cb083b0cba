import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BodyEncoder } from '../../../src/avatar/clip/encode-body.ts';
import { BodyReader } from '../../../src/avatar/clip/read-body.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

const hasFfmpeg = hasProgram('ffmpeg');
const SIZE = { width: 160, height: 128 };
const COUNT = 60;
const SIGNAL = new AbortController().signal;
let path: string;
beforeAll(async () => {
  if (!hasFfmpeg) return;
  path = join(await makeTemporaryFolder(), 'body.mp4');
  await using encoder = await BodyEncoder.open(path, SIZE, 'colour', SIGNAL);
  for (let i = 0; i < COUNT; i++) await encoder.addRgb(new Uint8Array(SIZE.width * SIZE.height * 3).fill(20 + i * 3));
  await encoder.finish(SIGNAL);
});
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));

/** Every frame has one grey of its own. */
async function greyOf(reader: BodyReader, frame: number): Promise<number> {
  const pixels = await reader.rgb(frame);
  expect(pixels).toHaveLength(SIZE.width * SIZE.height * 3);
  return pixels[(64 * SIZE.width + 80) * 3]!;
}

describe('reading a body file', () => {
  it('gives frame after frame, and any other one when it is asked for', async () => {
    await using reader = new BodyReader(path, SIZE, SIGNAL);
    for (const frame of [0, 1, 2, 3, 30, 31, 7, 59, 0, 24, 25, 26])
      expect(Math.abs((await greyOf(reader, frame)) - (20 + frame * 3)), `frame ${frame}`).toBeLessThanOrEqual(1);
  });

  it('serves one call after the other', async () => {
    await using reader = new BodyReader(path, SIZE, SIGNAL);
    const greys = await Promise.all([5, 40, 6].map((frame) => greyOf(reader, frame)));
    expect(greys.map((grey) => Math.round((grey - 20) / 3))).toEqual([5, 40, 6]);
  });

  it('says that there is no such frame', async () => {
    await using reader = new BodyReader(path, SIZE, SIGNAL);
    await expect(reader.rgb(COUNT)).rejects.toThrow('no frame 60');
  });
});
