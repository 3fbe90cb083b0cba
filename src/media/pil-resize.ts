import type { Size } from '../api/media.ts';

/** A filter of Pillow's: a triangle, or Keys' cubic with a = -0.5. Both widen where a picture gets smaller. */
export type PillowFilter = 'bilinear' | 'bicubic';

/** How far each filter reaches to either side, in source pixels, where a picture gets larger. */
const REACH: Readonly<Record<PillowFilter, number>> = { bilinear: 1, bicubic: 2 };
/** Pillow's fixed point: 32 bits, less 8 of the pixel and 2 for what a cubic overshoots. */
const FRACTION_BITS = 22;
const HALF = 1 << (FRACTION_BITS - 1);

/** Which source pixels make each target pixel of a line, and with which weights. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `perPixel` weights to each target pixel, in 2^-22. */
  readonly weights: Int32Array;
  readonly perPixel: number;
}

/**
 * Resizes bytes as Pillow's `Image.resize` does, bit for bit: along rows, then along columns, each rounded to bytes; a
 * direction whose size stays is left alone. Since version 13 Pillow itself begins with the columns of a picture whose
 * height shrinks far more than its width (its pull request 9549); squares, which this is for, are the same in all of them.
 * Method: antialiased filters, weights rounded to 22 bits; checked against Pillow 13.0.
 * @param pixels Uint8 `[from.height, from.width, channels]`. Sizes here may be odd.
 * @returns Uint8 `[to.height, to.width, channels]`.
 */
export function resizeAsPillow(
  pixels: Uint8Array,
  from: Size,
  to: Size,
  filter: PillowFilter,
  channels = 1,
): Uint8Array {
  let resized = pixels;
  if (to.width !== from.width)
    resized = resizeRows(resized, from, makeTaps(from.width, to.width, filter), channels, to.width);
  if (to.height !== from.height)
    resized = resizeColumns(resized, to.width * channels, makeTaps(from.height, to.height, filter), to.height);
  return resized === pixels ? pixels.slice() : resized;
}

function makeTaps(from: number, to: number, filter: PillowFilter): Taps {
  const scale = from / to;
  const spread = Math.max(1, scale);
  const reach = REACH[filter] * spread;
  const perPixel = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * perPixel);
  const shape = filter === 'bilinear' ? triangle : cubic;
  for (let pixel = 0; pixel < to; pixel++) {
    const centre = (pixel + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const taps = Math.min(from, Math.trunc(centre + reach + 0.5)) - start;
    const raw = Array.from({ length: taps }, (_, i) => shape((i + start - centre + 0.5) * (1 / spread)));
    const sum = raw.reduce((total, value) => total + value, 0);
    for (let i = 0; i < taps; i++) {
      const share = (sum === 0 ? raw[i]! : raw[i]! / sum) * 2 ** FRACTION_BITS;
      weights[pixel * perPixel + i] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
    first[pixel] = start;
    count[pixel] = taps;
  }
  return { first, count, weights, perPixel };
}

function triangle(distance: number): number {
  return Math.max(0, 1 - Math.abs(distance));
}

function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function resizeRows(pixels: Uint8Array, from: Size, taps: Taps, channels: number, width: number): Uint8Array {
  const resized = new Uint8ClampedArray(width * from.height * channels);
  const { first, count, weights, perPixel } = taps;
  let at = 0;
  for (let y = 0; y < from.height; y++) {
    const line = y * from.width * channels;
    for (let x = 0; x < width; x++) {
      const start = line + first[x]! * channels;
      const base = x * perPixel;
      const end = base + count[x]!;
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        let source = start + channel;
        for (let i = base; i < end; i++) {
          sum += pixels[source]! * weights[i]!;
          source += channels;
        }
        resized[at++] = sum >> FRACTION_BITS;
      }
    }
  }
  return new Uint8Array(resized.buffer);
}

/** @param stride bytes in a row. */
function resizeColumns(pixels: Uint8Array, stride: number, taps: Taps, height: number): Uint8Array {
  const resized = new Uint8ClampedArray(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let i = 0; i < taps.count[y]!; i++) {
      const weight = taps.weights[y * taps.perPixel + i]!;
      const line = (taps.first[y]! + i) * stride;
      for (let x = 0; x < stride; x++) sums[x] = sums[x]! + pixels[line + x]! * weight;
    }
    for (let x = 0, at = y * stride; x < stride; x++, at++) resized[at] = sums[x]! >> FRACTION_BITS;
  }
  return new Uint8Array(resized.buffer);
}
