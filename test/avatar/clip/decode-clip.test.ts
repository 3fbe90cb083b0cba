import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decodeClip } from '../../../src/avatar/clip/decode-clip.ts';
import { probeClip } from '../../../src/avatar/clip/probe-clip.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { colourAt, decodeAll, makeClip, makePictures, quarters, turnClip } from './make-clips.ts';

const hasFfmpeg = hasProgram('ffmpeg');
let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));

/** The quarters' colours, clockwise from the upper left. */
const COLOURS = [
  [0xc8, 0x28, 0x28],
  [0x28, 0xc8, 0x28],
  [0x28, 0x28, 0xc8],
  [0x80, 0x80, 0x80],
] as const;
const PLACES = [
  [0.25, 0.25],
  [0.75, 0.25],
  [0.75, 0.75],
  [0.25, 0.75],
] as const;

/** How far the quarters of a picture are from what they should be: the worst channel, 0 … 255. */
function worstOf(seen: readonly (readonly number[])[], wanted: readonly (readonly number[])[] = COLOURS): number {
  return Math.max(...seen.flatMap((colour, i) => colour.map((value, c) => Math.abs(value - wanted[i]![c]!))));
}

const look = (picture: Parameters<typeof colourAt>[0]) => PLACES.map(([x, y]) => colourAt(picture, x, y));
/** A compressed picture and 8-bit YCbCr: no colour is off by more than this. */
const TOLERANCE = 4;

describe('decoding a clip', () => {
  it('gives every frame of it in the right colours, at the size asked for', async () => {
    const clip = await probeClip(makeClip(folder, 'a.mp4', quarters(640, 360, 25, 2), '-pix_fmt', 'yuv420p'));
    const frames = await decodeAll(clip, { size: { width: 320, height: 200 } }, (picture) => {
      expect([picture.width, picture.height, picture.pixels.length]).toEqual([320, 200, 320 * 200 * 3]);
      return worstOf(look(picture));
    });
    expect(frames).toHaveLength(50);
    expect(Math.max(...frames)).toBeLessThanOrEqual(TOLERANCE);
  });

  it.each([
    ['HD without a note: BT.709', '1280x720', 'bt709', 'tv', []],
    ['SD with the note BT.709', '640x360', 'bt709', 'tv', ['-colorspace', 'bt709']],
    ['full range', '640x360', 'bt601', 'pc', ['-color_range', 'pc', '-colorspace', 'smpte170m']],
  ])('reads the colours of %s', async (name, size, matrix, range, tags) => {
    const [width, height] = size.split('x').map(Number) as [number, number];
    const filter = `scale=out_color_matrix=${matrix}:out_range=${range},format=yuv420p`;
    const path = makeClip(folder, `${name.length}.mp4`, `${quarters(width, height, 25, 1)},${filter}`, ...tags);
    const clip = await probeClip(path);
    const [first] = await decodeAll(clip, {}, look);
    expect(worstOf(first!)).toBeLessThanOrEqual(TOLERANCE);
  });

  it.each(['smpte2084', 'arib-std-b67'])(
    'maps HDR (%s) to a plain screen: colours stay in order and are not grey',
    async (curve) => {
      const there = `zscale=tin=iec61966-2-1:pin=bt709:min=gbr:rin=full:t=${curve}:p=bt2020:m=bt2020nc:r=limited:npl=203`;
      const tags = ['-color_primaries', 'bt2020', '-colorspace', 'bt2020nc', '-color_trc', curve];
      const source = `${quarters(640, 360, 25, 1)},format=gbrp,${there},format=yuv420p10le`;
      const clip = await probeClip(makeClip(folder, `hdr-${curve}.mkv`, source, ...tags));
      const [first] = await decodeAll(clip, {}, look);
      // Bright light is bent, so colours move a little; without the mapping the grey would come out at 105 or less.
      expect(worstOf(first!)).toBeLessThanOrEqual(25);
    },
  );

  it('turns a picture that was stored lying', async () => {
    const path = makeClip(folder, 'lying.mov', quarters(640, 360, 25, 1), '-pix_fmt', 'yuv420p');
    turnClip(path, 360);
    const [first] = await decodeAll(await probeClip(path), { size: { width: 180, height: 320 } }, look);
    // What was at the lower left comes to the upper left.
    expect(worstOf(first!, [COLOURS[3], COLOURS[0], COLOURS[1], COLOURS[2]])).toBeLessThanOrEqual(TOLERANCE);
  });

  it('cuts out a part, in pixels of the picture as it is shown', async () => {
    const path = makeClip(folder, 'sar.mp4', quarters(320, 360, 25, 1), '-vf', 'setsar=2', '-pix_fmt', 'yuv420p');
    const clip = await probeClip(path);
    expect([clip.width, clip.height]).toEqual([640, 360]);
    const part = { x: 400, y: 20, width: 200, height: 120 };
    const [first] = await decodeAll(clip, { part, size: { width: 100, height: 60 } }, look);
    expect(worstOf(first!, [COLOURS[1], COLOURS[1], COLOURS[1], COLOURS[1]])).toBeLessThanOrEqual(TOLERANCE);
  });

  it('takes an odd size, and a part of it up to the edge', async () => {
    const path = makeClip(folder, 'odd.mkv', quarters(641, 359, 25, 1), '-c:v', 'ffv1', '-pix_fmt', 'yuv420p');
    const clip = await probeClip(path);
    const frames = await decodeAll(
      clip,
      { part: { x: 321, y: 0, width: 320, height: 359 }, size: { width: 160, height: 180 } },
      (picture) => [colourAt(picture, 0.5, 0.25), colourAt(picture, 0.99, 0.75)],
    );
    expect(worstOf(frames[0]!, [COLOURS[1], COLOURS[2]])).toBeLessThanOrEqual(TOLERANCE);
  });
});

/** A bright bar that moves on by two pixels each frame of 25 a second: says which frame a picture is. */
const CLOCK = "color=black:s=400x128:d=4:r=100,geq=lum='if(lt(abs(X-floor(T*25+0.001)*2-1),1.5),235,16)':cb=128:cr=128";

/** Which frame of {@link CLOCK} is shown. */
function readClock({ pixels, width }: { pixels: Uint8Array; width: number }): number {
  let sum = 0;
  let weight = 0;
  for (let x = 0; x < width; x++) {
    const value = Math.max(0, pixels[(64 * width + x) * 3]! - 60);
    sum += value * x;
    weight += value;
  }
  return Math.round((sum / weight - 0.5) / 2);
}

describe('the beat of 25 frames a second', () => {
  it('doubles frames of a slow clip and keeps the time', async () => {
    const path = makeClip(folder, 'ten.mp4', `${CLOCK},fps=10`, '-pix_fmt', 'yuv420p', '-qp', '10');
    const frames = await decodeAll(await probeClip(path), {}, readClock);
    expect(frames).toHaveLength(100);
    // 10 a second: the picture shown is never more than its own 2.5 frames away from the time.
    for (const [i, frame] of frames.entries()) expect(Math.abs(frame - i)).toBeLessThanOrEqual(3);
    expect(new Set(frames).size).toBe(40);
  });

  it('keeps the time of a clip without an even beat, and begins anywhere with the same frames', async () => {
    // One second of 25, one of 7, two of 50 a second.
    const select = "select='not(mod(n,4))*lt(t,1)+not(mod(n,14))*gte(t,1)*lt(t,2)+not(mod(n,2))*gte(t,2)'";
    const path = makeClip(
      folder,
      'uneven.mkv',
      `${CLOCK},${select}`,
      '-vsync',
      'vfr',
      '-pix_fmt',
      'yuv420p',
      '-qp',
      '10',
    );
    const clip = await probeClip(path);
    const frames = await decodeAll(clip, {}, readClock);
    expect(Math.abs(frames.length - 100)).toBeLessThanOrEqual(1);
    for (const [i, frame] of frames.entries()) expect(Math.abs(frame - i)).toBeLessThanOrEqual(4);
    for (const firstFrame of [1, 30, 47, 88])
      expect(await decodeAll(clip, { firstFrame }, readClock)).toEqual(frames.slice(firstFrame));
  });

  it('begins with the second it is told', async () => {
    const path = makeClip(folder, 'start.mp4', `${CLOCK},fps=25`, '-pix_fmt', 'yuv420p', '-qp', '10', '-g', '40');
    const clip = await probeClip(path, { startSeconds: 1.4, seconds: 1.2 });
    const frames = await decodeAll(clip, {}, readClock);
    expect(frames).toEqual(Array.from({ length: 30 }, (_, i) => 35 + i));
    expect(await decodeAll(clip, { firstFrame: 11 }, readClock)).toEqual(frames.slice(11));
  });

  it('shows a folder of pictures in natural order, all at the size of the first', async () => {
    const pictures = makePictures(folder, 'clock', `${CLOCK},fps=25`);
    const third = join(pictures, '3.png');
    const larger = await sharp(await readFile(third))
      .resize(800, 256)
      .png()
      .toBuffer();
    await writeFile(third, larger);
    await rename(join(pictures, '12.png'), join(pictures, '12.PNG'));
    const clip = await probeClip(pictures);
    const frames = await decodeAll(clip, {}, readClock);
    expect(frames).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(await decodeAll(clip, { firstFrame: 40 }, readClock)).toEqual(frames.slice(40));
  });

  it('shows an animated GIF at its own pace', async () => {
    const clip = await probeClip(makeClip(folder, 'clock.gif', `${CLOCK},fps=20`));
    const frames = await decodeAll(clip, {}, readClock);
    expect(frames).toHaveLength(100);
    for (const [i, frame] of frames.entries()) expect(Math.abs(frame - i)).toBeLessThanOrEqual(2);
    expect(await decodeAll(clip, { firstFrame: 61 }, readClock)).toEqual(frames.slice(61));
  });
});

describe('a clip that breaks off', () => {
  async function cut(share: number): Promise<string> {
    const whole = makeClip(
      folder,
      `whole-${share}.mp4`,
      'testsrc=s=640x360:r=25:d=4',
      '-movflags',
      '+faststart',
      '-g',
      '10',
    );
    const bytes = await readFile(whole);
    const path = join(folder, `cut-${share}.mp4`);
    await writeFile(path, bytes.subarray(0, Math.round(bytes.length * share)));
    return path;
  }

  it('is damaged when much is missing; the message says how much is there', async () => {
    const clip = await probeClip(await cut(0.5));
    const failure = await decodeAll(clip, {}, () => 0).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'CLIP_DAMAGED', fix: expect.stringContaining('--seconds') });
    expect((failure as Error).message).toMatch(/only \d\d % of it/);
  });

  it('is taken as far as it goes when little is missing', async () => {
    const clip = await probeClip(await cut(0.97));
    const frames = await decodeAll(clip, {}, () => 0);
    expect(frames.length).toBeLessThan(100);
    expect(frames.length).toBeGreaterThanOrEqual(90);
  });
});

describe('the decoder', () => {
  it('waits for who takes the frames', async () => {
    const clip = await probeClip(makeClip(folder, 'wait.mp4', quarters(640, 360, 25, 2)));
    let count = 0;
    for await (const _ of decodeClip(clip, { size: clip }, new AbortController().signal)) {
      count++;
      if (count < 4) await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(count).toBe(50);
  });

  it('ends at once when nobody wants more frames', async () => {
    const clip = await probeClip(makeClip(folder, 'enough.mp4', quarters(640, 360, 25, 2)));
    for await (const picture of decodeClip(clip, { size: clip }, new AbortController().signal)) {
      expect(picture.width).toBe(640);
      break;
    }
  });

  it('ends with the reason of the signal', async () => {
    const clip = await probeClip(makeClip(folder, 'abort.mp4', quarters(640, 360, 25, 2)));
    const abort = new AbortController();
    const reason = new Error('enough');
    let count = 0;
    const run = async () => {
      for await (const _ of decodeClip(clip, { size: clip }, abort.signal)) if (++count === 3) abort.abort(reason);
    };
    await expect(run()).rejects.toBe(reason);
    expect(count).toBe(3);
  });
});
