import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/base/errors.ts';
import { i420ToRgb24, i420ToRgba, i420ToYuyv, rgb24ToI420, scaleI420ToRgb24 } from '../../src/media/color.ts';
import { referenceI420ToRgb24, referenceRgb24ToI420 } from './color-reference.ts';
import { maxDifference, noiseBytes, smoothRgb } from './picture-samples.ts';

// Widths with and without a tail after the sixteen-pixel vectors, and one smaller than a vector.
const sizes = [
  { width: 64, height: 32 },
  { width: 50, height: 6 },
  { width: 2, height: 2 },
  { width: 30, height: 10 },
];

describe('rgb24ToI420', () => {
  it('is within 1.6 of the formula in floating point for any colours and any even size', () => {
    // 8-bit coefficients are off by up to 0.6 over the range, and rounding adds half a step in luma and one in chroma.
    for (const size of sizes) {
      const rgb = noiseBytes(size.width * size.height * 3, 1);
      const out = new Uint8Array((size.width * size.height * 3) / 2);
      rgb24ToI420(rgb, size, out);
      expect(maxDifference(out, referenceRgb24ToI420(rgb, size))).toBeLessThan(1.6);
    }
  });

  it('gives black, white and the primaries the limited-range values of 8-bit coefficients', () => {
    const convert = (...colour: number[]) => {
      const out = new Uint8Array(6);
      rgb24ToI420(Uint8Array.from([...colour, ...colour, ...colour, ...colour]), { width: 2, height: 2 }, out);
      return [out[0], out[4], out[5]];
    };
    expect(convert(0, 0, 0)).toEqual([16, 128, 128]);
    expect(convert(255, 255, 255)).toEqual([235, 128, 128]);
    expect(convert(255, 0, 0)).toEqual([82, 90, 240]);
    expect(convert(0, 255, 0)).toEqual([144, 54, 34]);
    expect(convert(0, 0, 255)).toEqual([41, 240, 110]);
  });

  it('refuses odd sizes and buffers of another length', () => {
    const rgb = new Uint8Array(3 * 2 * 3);
    expect(() => rgb24ToI420(rgb, { width: 3, height: 2 }, new Uint8Array(9))).toThrow(AppError);
    expect(() => rgb24ToI420(rgb, { width: 2, height: 2 }, new Uint8Array(6))).toThrow(/2x2/);
    expect(() => rgb24ToI420(new Uint8Array(12), { width: 2, height: 2 }, new Uint8Array(7))).toThrow(AppError);
  });
});

describe('i420ToRgb24', () => {
  it('is within 1.6 of the formula in floating point for any bytes', () => {
    for (const size of sizes) {
      const i420 = noiseBytes((size.width * size.height * 3) / 2, 2);
      const out = new Uint8Array(size.width * size.height * 3);
      i420ToRgb24(i420, size, out);
      expect(maxDifference(out, referenceI420ToRgb24(i420, size))).toBeLessThan(1.6);
    }
  });

  it('is what RGBA has, too, beside the matte or as opaque', () => {
    for (const size of sizes) {
      const pixels = size.width * size.height;
      const i420 = noiseBytes(pixels * 1.5, 4);
      const alpha = noiseBytes(pixels, 5);
      const rgb = new Uint8Array(pixels * 3);
      i420ToRgb24(i420, size, rgb);
      for (const matte of [alpha, undefined]) {
        const rgba = new Uint8Array(pixels * 4);
        i420ToRgba(i420, matte, size, rgba);
        for (let at = 0; at < pixels; at++) {
          expect([...rgba.subarray(at * 4, at * 4 + 4)]).toEqual([
            ...rgb.subarray(at * 3, at * 3 + 3),
            matte ? alpha[at] : 255,
          ]);
        }
      }
    }
    const size = { width: 4, height: 2 };
    expect(() => i420ToRgba(new Uint8Array(12), undefined, size, new Uint8Array(31))).toThrow(AppError);
    expect(() => i420ToRgba(new Uint8Array(12), new Uint8Array(7), size, new Uint8Array(32))).toThrow(AppError);
  });

  it('brings a smooth picture back within 8 of 255', () => {
    const size = { width: 96, height: 64 };
    const rgb = smoothRgb(size.width, size.height);
    const i420 = new Uint8Array((rgb.length / 3) * 1.5);
    const back = new Uint8Array(rgb.length);
    rgb24ToI420(rgb, size, i420);
    i420ToRgb24(i420, size, back);
    // Quantising to 219 luma and 224 chroma steps costs up to 2 + 2; the gradient inside a 2x2 block the rest.
    expect(maxDifference(back, rgb)).toBeLessThanOrEqual(8);
  });
});

describe('i420ToYuyv', () => {
  it('interleaves every byte where it belongs', () => {
    for (const size of sizes) {
      const { width, height } = size;
      const i420 = noiseBytes((width * height * 3) / 2, 3);
      const out = new Uint8Array(width * height * 2);
      i420ToYuyv(i420, size, out);
      const expected = new Uint8Array(out.length);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const chroma = (y >> 1) * (width >> 1) + (x >> 1);
          expected[(y * width + x) * 2] = i420[y * width + x]!;
          expected[(y * width + x) * 2 + 1] = i420[width * height * (x % 2 ? 1.25 : 1) + chroma]!;
        }
      }
      expect(out).toEqual(expected);
    }
  });
});

describe('scaleI420ToRgb24', () => {
  it('keeps a flat picture flat at every scale', () => {
    const size = { width: 60, height: 44 };
    const i420 = new Uint8Array((60 * 44 * 3) / 2).fill(128);
    for (const outSize of [size, { width: 30, height: 22 }, { width: 22, height: 14 }, { width: 90, height: 100 }]) {
      const out = new Uint8Array(outSize.width * outSize.height * 3);
      scaleI420ToRgb24(i420, size, outSize, out);
      expect(new Set(out)).toEqual(new Set([130]));
    }
  });

  it('reduces a smooth picture by two and by three to what the same picture drawn smaller looks like', () => {
    const size = { width: 384, height: 192 };
    const i420 = new Uint8Array((384 * 192 * 3) / 2);
    rgb24ToI420(smoothRgb(384, 192), size, i420);
    for (const factor of [2, 3]) {
      const outSize = { width: 384 / factor, height: 192 / factor };
      const out = new Uint8Array(outSize.width * outSize.height * 3);
      scaleI420ToRgb24(i420, size, outSize, out);
      // Limited range there and back costs up to 4; blurring and repeated chroma over a third of the pixels the rest.
      expect(maxDifference(out, smoothRgb(outSize.width, outSize.height))).toBeLessThan(10);
    }
  });

  it('averages instead of picking when it halves', () => {
    const size = { width: 32, height: 4 };
    const i420 = new Uint8Array(32 * 6).fill(128);
    for (let at = 0; at < 128; at++) i420[at] = at % 2 ? 200 : 100;
    const out = new Uint8Array(16 * 2 * 3);
    scaleI420ToRgb24(i420, size, { width: 16, height: 2 }, out);
    expect(new Set(out)).toEqual(new Set([156]));
  });
});
