import { readSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameByteLength, type Size } from '../../src/api/media.ts';
import { fadeFrom } from '../../src/media/fade.ts';
import { letterbox } from '../../src/media/letterbox.ts';
import { noiseBytes } from '../media/picture-samples.ts';
import type { BenchGroup } from './harness.ts';

const HD = { width: 1280, height: 720 };
const FULL_HD = { width: 1920, height: 1080 };
/** Frames of the clip that is read from. */
const CLIP_FRAMES = 100;

/** How a clip's picture comes into the frame: read from its unpacked file (in the page cache), or copied from memory. */
async function readingGroup(): Promise<BenchGroup> {
  const folder = await mkdtemp(join(tmpdir(), 'musecam-bench-'));
  const bytes = frameByteLength('i420', HD);
  const path = join(folder, 'body.i420');
  await writeFile(path, Buffer.concat(Array.from({ length: CLIP_FRAMES }, (_, n) => noiseBytes(bytes, n))));
  const file = await open(path, 'r');
  // The file goes with the process; nobody else opens it.
  await rm(folder, { recursive: true });
  const body = noiseBytes(bytes, 1);
  const frame = new Uint8Array(bytes);
  let next = 0;
  const place = () => (next++ % CLIP_FRAMES) * bytes;
  return {
    title: `A clip's next picture, 720p (${CLIP_FRAMES} frames of 1.4 MB)`,
    benches: [
      { name: 'copied from memory, where a clip takes 35 MB a second (baseline)', run: () => frame.set(body) },
      {
        name: 'this program: read from its file beside the main thread',
        budgetMs: 2,
        run: async () => void (await file.read(frame, 0, bytes, place())),
      },
      { name: 'read from its file on the main thread', run: () => void readSync(file.fd, frame, 0, bytes, place()) },
    ],
  };
}

function letterboxBench(name: string, from: Size, to: Size, budgetMs?: number) {
  const picture = noiseBytes(frameByteLength('i420', from), 1);
  const frame = new Uint8Array(frameByteLength('i420', to));
  return { name, run: () => letterbox(picture, from, frame, to), ...(budgetMs === undefined ? {} : { budgetMs }) };
}

/** What an avatar of another size, and a swap, cost beside the rest. */
export async function groups(): Promise<BenchGroup[]> {
  const [before, after] = [noiseBytes(frameByteLength('i420', HD), 1), noiseBytes(frameByteLength('i420', HD), 2)];
  return [
    await readingGroup(),
    {
      title: 'An avatar of another size: scaled into the frame of the show',
      benches: [
        letterboxBench('640x360 into 1280x720 (baseline)', { width: 640, height: 360 }, HD),
        letterboxBench('1920x1080 into 1280x720', FULL_HD, HD, 5),
        letterboxBench('1280x720 into 1920x1080', HD, FULL_HD, 5),
        letterboxBench('720x1280 into 1280x720, bars', { width: 720, height: 1280 }, HD),
        letterboxBench('3840x2160 into 1280x720', { width: 3840, height: 2160 }, HD),
        letterboxBench('1280x720 as it is', HD, HD),
      ],
    },
    {
      title: 'Cross-fade: one 720p picture into another',
      benches: [
        {
          name: 'plain TypedArray JavaScript (baseline)',
          run: () => {
            for (let at = 0; at < after.length; at++) after[at] = before[at]! + (after[at]! - before[at]!) * 0.5;
          },
        },
        { name: 'this program: SIMD kernel', budgetMs: 1, run: () => fadeFrom(after, before, 0.5) },
      ],
    },
  ];
}
