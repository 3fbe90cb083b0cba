import { describe, expect, it } from 'vitest';
import { blurAsOpencv } from '../../src/media/opencv-blur.ts';
import { type OpencvInterpolation, resizeAsOpencv } from '../../src/media/opencv-resize.ts';
import { type PillowFilter, resizeAsPillow } from '../../src/media/pil-resize.ts';
import { describeArray, golden, seededBytes } from '../plugins/musetalk/drawn-inputs.ts';

// Golden values: Pillow 13.0 and cv2 4.9 on noise (scripts/musetalk/make-mask-golden.py). All bit for bit.

/** "60x80-123x90" to its two sizes. */
function sizesOf(key: string) {
  const [fromWidth, fromHeight, toWidth, toHeight] = key.split(/[x-]/).map(Number) as [number, number, number, number];
  return { from: { width: fromWidth, height: fromHeight }, to: { width: toWidth, height: toHeight } };
}

describe('resizing as Pillow does', () => {
  for (const [key, expected] of Object.entries(golden.pillow))
    it(`makes the same bytes: ${key}`, () => {
      const [sizes, filter, channels] = key.split('/') as [string, PillowFilter, string];
      const { from, to } = sizesOf(sizes);
      const colours = seededBytes(sizes, [from.height, from.width, 3]);
      const pixels = channels === '3' ? colours : colours.filter((_, i) => i % 3 === 0);
      expect(describeArray(resizeAsPillow(pixels, from, to, filter, Number(channels)))).toEqual(expected);
    });

  it('gives a copy when the size stays', () => {
    const pixels = seededBytes('copy', [4, 4]);
    const size = { width: 4, height: 4 };
    const copy = resizeAsPillow(pixels, size, size, 'bicubic');
    expect(copy).toEqual(pixels);
    expect(copy).not.toBe(pixels);
  });
});

describe('resizing as OpenCV does', () => {
  for (const [key, expected] of Object.entries(golden.opencv))
    it(`makes the same bytes: ${key}`, () => {
      const [sizes, interpolation] = key.split('/') as [string, OpencvInterpolation];
      const { from, to } = sizesOf(sizes);
      const pixels = seededBytes(sizes, [from.height, from.width, 3]);
      expect(describeArray(resizeAsOpencv(pixels, from, to, interpolation))).toEqual(expected);
    });
});

describe('blurring as OpenCV does', () => {
  for (const [size, expected] of Object.entries(golden.blurred))
    it(`makes the same bytes with a kernel of ${size}`, () => {
      const plane = seededBytes('blur', [70, 90]);
      expect(describeArray(blurAsOpencv(plane, { width: 90, height: 70 }, Number(size)))).toEqual(expected);
    });
});
