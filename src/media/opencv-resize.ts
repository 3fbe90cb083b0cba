import type { Size } from '../api/media.ts';

/** How OpenCV fills in between pixels: two taps, or eight. Neither widens where a picture gets smaller. */
export type OpencvInterpolation = 'linear' | 'lanczos4';

/** OpenCV's fixed point for weights of bytes. */
const WEIGHT_ONE = 2048;
const LANCZOS_TAPS = 8;

/** For each target pixel of a line: the first source pixel (it may lie outside), and the weights from there on. */
interface Taps {
  readonly first: Int32Array;
  /** `perPixel` to each target pixel, in 2048ths. */
  readonly weights: Int32Array;
  readonly perPixel: number;
}

/**
 * Resizes bytes as OpenCV 4's `resize` does with INTER_LINEAR or INTER_LANCZOS4, bit for bit: sample centres at the half,
 * the edge pixel repeated, weights in 2048ths, along rows into whole numbers, then along columns. Checked against
 * cv2 4.9.
 * @param pixels Uint8 `[from.height, from.width, channels]`. Sizes here may be odd.
 * @param only rows of the result that are wanted; the others stay 0. Default: all.
 * @returns Uint8 `[to.height, to.width, channels]`.
 */
export function resizeAsOpencv(
  pixels: Uint8Array,
  from: Size,
  to: Size,
  interpolation: OpencvInterpolation,
  channels = 3,
  only: { readonly start: number; readonly end: number } = { start: 0, end: to.height },
): Uint8Array {
  const isLinear = interpolation === 'linear';
  const columns = isLinear ? linearTaps(from.width, to.width) : lanczosTaps(from.width, to.width);
  // Along a row, the edge pixel alone counts where a tap would lie outside; its rows OpenCV weighs like any others.
  if (isLinear) snapToEdges(columns, from.width);
  const rows = isLinear ? linearTaps(from.height, to.height) : lanczosTaps(from.height, to.height);
  const { perPixel } = rows;
  const used = {
    start: Math.max(0, rows.first[only.start] ?? 0),
    end: Math.min(from.height, (rows.first[only.end - 1] ?? 0) + perPixel),
  };
  const wide = resizeRows(pixels, from, to.width, columns, channels, used);
  const resized = new Uint8ClampedArray(to.width * to.height * channels);
  const stride = to.width * channels;
  for (let y = only.start; y < only.end; y++) {
    const target = resized.subarray(y * stride, (y + 1) * stride);
    const lines = Array.from({ length: perPixel }, (_, i) => {
      const row = Math.min(from.height - 1, Math.max(0, rows.first[y]! + i));
      return wide.subarray(row * stride, (row + 1) * stride);
    });
    const weights = rows.weights.subarray(y * perPixel, (y + 1) * perPixel);
    if (isLinear) mixTwo(target, lines[0]!, lines[1]!, weights);
    else mixEight(target, lines, weights);
  }
  return new Uint8Array(resized.buffer);
}

/** Two lines. OpenCV drops bits of each product before it adds them. */
function mixTwo(target: Uint8ClampedArray, upper: Int32Array, lower: Int32Array, weights: Int32Array): void {
  const [first, second] = [weights[0]!, weights[1]!];
  for (let i = 0; i < target.length; i++) {
    const sum = ((first * (upper[i]! >> 4)) >> 16) + ((second * (lower[i]! >> 4)) >> 16);
    target[i] = (sum + 2) >> 2;
  }
}

function mixEight(target: Uint8ClampedArray, lines: readonly Int32Array[], weights: Int32Array): void {
  const sums = new Int32Array(target.length).fill(1 << 21);
  lines.forEach((line, tap) => {
    const weight = weights[tap]!;
    for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + line[i]! * weight;
  });
  for (let i = 0; i < target.length; i++) target[i] = sums[i]! >> 22;
}

/** The rows `used` of the source at the new width; the others stay 0. */
function resizeRows(
  pixels: Uint8Array,
  from: Size,
  width: number,
  taps: Taps,
  channels: number,
  used: { readonly start: number; readonly end: number },
): Int32Array {
  const resized = new Int32Array(from.height * width * channels);
  const { perPixel, weights } = taps;
  // Where each tap lies in a row, the edge repeated.
  const offsets = Int32Array.from({ length: width * perPixel }, (_, i) => {
    const column = taps.first[Math.floor(i / perPixel)]! + (i % perPixel);
    return Math.min(from.width - 1, Math.max(0, column)) * channels;
  });
  let at = used.start * width * channels;
  for (let y = used.start; y < used.end; y++) {
    const line = y * from.width * channels;
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let i = x * perPixel; i < (x + 1) * perPixel; i++)
          sum += pixels[line + offsets[i]! + channel]! * weights[i]!;
        resized[at++] = sum;
      }
  }
  return resized;
}

/** Where a target pixel falls: the source pixel at or before it, and how far behind that, in single precision. */
function placeOf(pixel: number, from: number, to: number): { at: number; behind: number } {
  const position = Math.fround((pixel + 0.5) * (1 / (to / from)) - 0.5);
  const at = Math.floor(position);
  return { at, behind: Math.fround(position - at) };
}

function linearTaps(from: number, to: number): Taps {
  const first = new Int32Array(to);
  const weights = new Int32Array(to * 2);
  for (let pixel = 0; pixel < to; pixel++) {
    const { at, behind } = placeOf(pixel, from, to);
    first[pixel] = at;
    weights[pixel * 2] = roundToEven(Math.fround(1 - behind) * WEIGHT_ONE);
    weights[pixel * 2 + 1] = roundToEven(behind * WEIGHT_ONE);
  }
  return { first, weights, perPixel: 2 };
}

function snapToEdges({ first, weights }: Taps, from: number): void {
  for (let pixel = 0; pixel < first.length; pixel++) {
    if (first[pixel]! >= 0 && first[pixel]! < from - 1) continue;
    first[pixel] = first[pixel]! < 0 ? 0 : from - 1;
    weights[pixel * 2] = WEIGHT_ONE;
    weights[pixel * 2 + 1] = 0;
  }
}

function lanczosTaps(from: number, to: number): Taps {
  const first = new Int32Array(to);
  const weights = new Int32Array(to * LANCZOS_TAPS);
  for (let pixel = 0; pixel < to; pixel++) {
    const { at, behind } = placeOf(pixel, from, to);
    first[pixel] = at - 3;
    weights.set(lanczosWeights(behind), pixel * LANCZOS_TAPS);
  }
  return { first, weights, perPixel: LANCZOS_TAPS };
}

/**
 * sinc(t) sinc(t / 4) at the eight taps around a position, made to sum to 1. sin(pi t) only changes its sign from tap to
 * tap and drops out of the quotient: what is left is sin(pi t / 4) / t². Rounded where OpenCV rounds to single precision.
 */
function lanczosWeights(behind: number): number[] {
  const fromFirst = Math.fround(behind + 3);
  const weights = Array.from({ length: LANCZOS_TAPS }, (_, tap) => {
    const distance = Math.fround(fromFirst - tap);
    if (Math.abs(distance) < 1e-6) return Math.fround(1e30);
    const angle = distance * Math.PI * 0.25;
    const sign = tap % 2 === 0 ? 1 : -1;
    return Math.fround((-sign * Math.sin(angle)) / (angle * angle));
  });
  const sum = weights.reduce((total, weight) => Math.fround(total + weight), 0);
  const scale = Math.fround(1 / sum);
  return weights.map((weight) => roundToEven(Math.fround(weight * scale) * WEIGHT_ONE));
}

/** As the processor rounds: a half to the even neighbour. */
function roundToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
