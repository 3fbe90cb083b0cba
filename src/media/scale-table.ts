/** How one axis is scaled: for each output position where its sources begin and what they weigh. */
export interface ScaleTable {
  /** u16 little endian `[out]`: the first source position, as bytes. */
  readonly starts: Uint8Array;
  /** u16 little endian `[out, taps]`: weights, each group adding up to 256, as bytes. */
  readonly weights: Uint8Array;
  /** u16 little endian `[out / 8, taps, 8]`: the same weights by eights, as bytes. */
  readonly blocks: Uint8Array;
  readonly taps: number;
}

const WEIGHT_SUM = 256;
const MAX_CACHED_TABLES = 64;
const cache = new Map<number, ScaleTable>();

/**
 * The table that scales `from` samples to `to` with a triangle filter as wide as the reduction, sample centres at the
 * half: bilinear interpolation when enlarging, a weighted mean when reducing. Samples outside repeat the border.
 * Cached, so that a resident avatar's box costs nothing per frame.
 */
export function scaleTable(from: number, to: number): ScaleTable {
  const key = from * 65_536 + to;
  const cached = cache.get(key);
  if (cached) return cached;
  const made = makeScaleTable(from, to);
  if (cache.size >= MAX_CACHED_TABLES) cache.delete(cache.keys().next().value!);
  cache.set(key, made);
  return made;
}

function makeScaleTable(from: number, to: number): ScaleTable {
  const ratio = from / to;
  const support = Math.max(1, ratio);
  const taps = Math.min(from, Math.max(2, Math.ceil(support * 2)));
  const starts = new Uint16Array(to);
  const weights = new Uint16Array(to * taps);
  const group = new Float64Array(taps);
  for (let out = 0; out < to; out++) {
    const centre = (out + 0.5) * ratio - 0.5;
    const start = Math.min(from - taps, Math.max(0, Math.floor(centre - support) + 1));
    starts[out] = start;
    group.fill(0);
    for (let source = Math.floor(centre - support) + 1; source < centre + support; source++) {
      const weight = 1 - Math.abs(source - centre) / support;
      const tap = Math.min(taps - 1, Math.max(0, Math.min(from - 1, Math.max(0, source)) - start));
      group[tap] = group[tap]! + Math.max(0, weight);
    }
    storeRounded(group, weights, out * taps);
  }
  return { starts: bytesOf(starts), weights: bytesOf(weights), blocks: bytesOf(byEights(weights, taps)), taps };
}

/** Rounds weights to whole numbers that add up to 256: the largest takes the remainder. */
function storeRounded(group: Float64Array, weights: Uint16Array, at: number): void {
  const sum = group.reduce((total, weight) => total + weight, 0);
  let left = WEIGHT_SUM;
  let largest = 0;
  group.forEach((weight, tap) => {
    const rounded = Math.round((weight / sum) * WEIGHT_SUM);
    weights[at + tap] = rounded;
    left -= rounded;
    if (weight > group[largest]!) largest = tap;
  });
  weights[at + largest] = weights[at + largest]! + left;
}

function byEights(weights: Uint16Array, taps: number): Uint16Array {
  const blocks = new Uint16Array(Math.ceil(weights.length / taps / 8) * taps * 8);
  for (let at = 0; at < weights.length; at++) {
    const [out, tap] = [Math.floor(at / taps), at % taps];
    blocks[((out >> 3) * taps + tap) * 8 + (out & 7)] = weights[at]!;
  }
  return blocks;
}

function bytesOf(numbers: Uint16Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}
