import { describe, expect, it } from 'vitest';
import type { FacePatch, Rect } from '../../src/api/media.ts';
import { AppError } from '../../src/base/errors.ts';
import { pastePatch } from '../../src/media/paste.ts';
import { referenceRgb24ToI420 } from './color-reference.ts';
import { noiseBytes, seededRandom, smoothRgb } from './picture-samples.ts';

const frameSize = { width: 96, height: 80 };
const frameBytes = (96 * 80 * 3) / 2;

function facePatch(rect: Rect, size: { width: number; height: number }, data: Uint8Array): FacePatch {
  return { frame: 0, avatarId: 'test', rect, format: 'rgb24', size, data };
}

/** Resizes RGB bilinearly (sample centres at the half), converts and blends in floating point. */
function referenceBlend(body: Uint8Array, patch: FacePatch, box: Rect, mask: Uint8Array): Float64Array {
  const resized = new Uint8Array(box.width * box.height * 3);
  const { width, height } = patch.size;
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      const sx = Math.min(width - 1, Math.max(0, ((x + 0.5) * width) / box.width - 0.5));
      const sy = Math.min(height - 1, Math.max(0, ((y + 0.5) * height) / box.height - 0.5));
      const [x0, y0] = [Math.min(width - 2, Math.floor(sx)), Math.min(height - 2, Math.floor(sy))];
      for (let channel = 0; channel < 3; channel++) {
        const at = (row: number, column: number) => patch.data[(row * width + column) * 3 + channel]!;
        const top = at(y0, x0) * (1 - sx + x0) + at(y0, x0 + 1) * (sx - x0);
        const bottom = at(y0 + 1, x0) * (1 - sx + x0) + at(y0 + 1, x0 + 1) * (sx - x0);
        resized[(y * box.width + x) * 3 + channel] = Math.round(top * (1 - sy + y0) + bottom * (sy - y0));
      }
    }
  }
  const face = referenceRgb24ToI420(resized, box);
  const out = Float64Array.from(body);
  const mix = (at: number, value: number, alpha: number) => {
    out[at] = body[at]! + (value - body[at]!) * (alpha / 255);
  };
  const pixels = frameSize.width * frameSize.height;
  const boxPixels = box.width * box.height;
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      mix((box.y + y) * frameSize.width + box.x + x, face[y * box.width + x]!, mask[y * box.width + x]!);
      if (x % 2 || y % 2) continue;
      const alpha = [0, 1, box.width, box.width + 1].reduce((sum, at) => sum + mask[y * box.width + x + at]!, 0) / 4;
      const to = ((box.y + y) / 2) * (frameSize.width / 2) + (box.x + x) / 2;
      const from = (y / 2) * (box.width / 2) + x / 2;
      mix(pixels + to, face[boxPixels + from]!, alpha);
      mix(pixels * 1.25 + to, face[boxPixels * 1.25 + from]!, alpha);
    }
  }
  return out;
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): { largest: number; mean: number } {
  let largest = 0;
  let sum = 0;
  for (let at = 0; at < a.length; at++) {
    largest = Math.max(largest, Math.abs(a[at]! - b[at]!));
    sum += Math.abs(a[at]! - b[at]!);
  }
  return { largest, mean: sum / a.length };
}

const boxes: Rect[] = [
  { x: 0, y: 0, width: 40, height: 52 },
  { x: 56, y: 28, width: 40, height: 52 },
  { x: 10, y: 14, width: 34, height: 22 },
  { x: 0, y: 0, width: 96, height: 80 },
];

describe('pasting an rgb24 face', () => {
  it('is within 4 of resizing, converting and blending in floating point, borders of the frame included', () => {
    for (const box of boxes) {
      const body = noiseBytes(frameBytes, 4);
      const frame = body.slice();
      const patch = facePatch(box, { width: 32, height: 32 }, smoothRgb(32, 32));
      const random = seededRandom(5);
      const mask = Uint8Array.from({ length: box.width * box.height }, () => Math.min(255, random() * 300));
      pastePatch(frame, frameSize, patch, mask, box);
      // Chroma is halved before it is resized here and after it in the reference; luma differs by rounding, at most 1.6.
      const { largest, mean } = difference(frame, referenceBlend(body, patch, box, mask));
      expect(largest).toBeLessThan(4);
      expect(mean).toBeLessThan(0.6);
    }
  });

  it('leaves the body bit for bit where the mask is 0 and everywhere outside the box', () => {
    const random = seededRandom(6);
    let touched = 0;
    for (let round = 0; round < 40; round++) {
      const width = 2 + 2 * Math.floor(random() * 40);
      const height = 2 + 2 * Math.floor(random() * 30);
      const box = {
        x: 2 * Math.floor((random() * (98 - width)) / 2),
        y: 2 * Math.floor((random() * (82 - height)) / 2),
        width,
        height,
      };
      const body = noiseBytes(frameBytes, round);
      const frame = body.slice();
      // Whole 2x2 blocks are covered or not, so that a chroma sample belongs to one side.
      const covered = (x: number, y: number) => (((x >> 1) * 7 + (y >> 1) * 13 + round) % 3 === 0 ? 255 : 0);
      const mask = Uint8Array.from({ length: width * height }, (_, at) => covered(at % width, Math.floor(at / width)));
      pastePatch(frame, frameSize, facePatch(box, { width: 20, height: 26 }, noiseBytes(20 * 26 * 3, 9)), mask, box);
      const isFree = (x: number, y: number) => x < 0 || y < 0 || x >= width || y >= height || !covered(x, y);
      for (let at = 0; at < 96 * 80; at++) {
        const [x, y] = [at % 96, Math.floor(at / 96)];
        if (!isFree(x - box.x, y - box.y)) continue;
        const chroma = 96 * 80 + (y >> 1) * 48 + (x >> 1);
        if (frame[at] !== body[at] || frame[chroma] !== body[chroma]) touched++;
      }
    }
    expect(touched).toBe(0);
  });

  it('replaces the body where the mask is 255: any body gives the same picture', () => {
    const box = { x: 10, y: 8, width: 50, height: 62 };
    const mask = new Uint8Array(50 * 62).fill(255);
    const patch = facePatch(box, { width: 64, height: 64 }, noiseBytes(64 * 64 * 3, 1));
    const cut = (body: number) => {
      const frame = new Uint8Array(frameBytes).fill(body);
      pastePatch(frame, frameSize, patch, mask, box);
      return Array.from({ length: box.height }, (_, y) => [...frame.subarray((8 + y) * 96 + 10, (8 + y) * 96 + 60)]);
    };
    expect(cut(0)).toEqual(cut(255));
  });

  it('refuses boxes that are odd or leave the frame, and masks of another size', () => {
    const frame = new Uint8Array(frameBytes);
    const paste = (faceBox: Rect, maskBytes = faceBox.width * faceBox.height) =>
      pastePatch(
        frame,
        frameSize,
        facePatch(faceBox, { width: 4, height: 4 }, new Uint8Array(48)),
        new Uint8Array(maskBytes),
        faceBox,
      );
    expect(() => paste({ x: 1, y: 0, width: 4, height: 4 })).toThrow(/1,0/);
    expect(() => paste({ x: 0, y: 3, width: 4, height: 4 })).toThrow(AppError);
    expect(() => paste({ x: 0, y: 0, width: 5, height: 4 })).toThrow(AppError);
    expect(() => paste({ x: 94, y: 0, width: 4, height: 4 })).toThrow(AppError);
    expect(() => paste({ x: -2, y: 0, width: 4, height: 4 })).toThrow(AppError);
    expect(() => paste({ x: 0, y: 0, width: 4, height: 4 }, 15)).toThrow(/15 bytes/);
    expect(() => paste({ x: 0, y: 0, width: 4, height: 4 })).not.toThrow();
  });
});

describe('pasting a face that is larger than its box', () => {
  it('averages a pattern finer than the box instead of picking pixels', () => {
    const face = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => (Math.floor(at / 3) % 2 ? 255 : 0));
    const frame = new Uint8Array(frameBytes);
    const box = { x: 2, y: 2, width: 8, height: 8 };
    pastePatch(frame, frameSize, facePatch(box, { width: 64, height: 64 }, face));
    // The outermost columns repeat the border pixel instead of averaging what is not there.
    const inside = Array.from({ length: 8 }, (_, y) => [...frame.subarray((2 + y) * 96 + 3, (2 + y) * 96 + 9)]).flat();
    expect(Math.min(...inside)).toBeGreaterThanOrEqual(124);
    expect(Math.max(...inside)).toBeLessThanOrEqual(128);
  });
});

describe('pasting an i420 rectangle', () => {
  it('replaces exactly the rectangle in all three planes', () => {
    const rect = { x: 12, y: 6, width: 30, height: 20 };
    const body = noiseBytes(frameBytes, 7);
    const frame = body.slice();
    const data = noiseBytes((30 * 20 * 3) / 2, 8);
    pastePatch(frame, frameSize, { frame: 0, avatarId: 'test', rect, format: 'i420', size: rect, data });
    const expected = body.slice();
    const place = (from: number, to: number, scale: number) => {
      for (let y = 0; y < 20 / scale; y++) {
        for (let x = 0; x < 30 / scale; x++) {
          const target = to + (6 / scale + y) * (96 / scale) + 12 / scale + x;
          expected[target] = data[from + y * (30 / scale) + x]!;
        }
      }
    };
    place(0, 0, 1);
    place(600, 96 * 80, 2);
    place(750, 96 * 80 * 1.25, 2);
    expect(frame).toEqual(expected);
  });

  it('refuses a rectangle whose data has another size', () => {
    const frame = new Uint8Array(frameBytes);
    const rect = { x: 0, y: 0, width: 8, height: 8 };
    const patch = { frame: 0, avatarId: 'test', rect, format: 'i420' as const };
    const size = { width: 8, height: 6 };
    expect(() => pastePatch(frame, frameSize, { ...patch, size, data: new Uint8Array(72) })).toThrow(AppError);
    expect(() => pastePatch(frame, frameSize, { ...patch, size: rect, data: new Uint8Array(95) })).toThrow(AppError);
  });
});
