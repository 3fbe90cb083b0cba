import type { Picture } from '../picture.ts';

/** Cells across and down a thumbnail, whatever the picture's shape. */
const CELLS = 32;
/** Length of a thumbnail: RGB per cell. */
export const THUMBNAIL_BYTES = CELLS * CELLS * 3;
/** Pixels looked at per cell, across and down: enough to even out grain, few enough to cost nothing. */
const SAMPLES = 4;
/** A cell is another one when a channel moved by more than this, in steps of 0 … 255, brightness of the picture aside. */
const CHANGED_STEP = 24;
/**
 * A cut changes more of the picture than this share of the cells, even when each may have come from a neighbouring cell.
 * A head that turns, a hand, a camera that is panned change the cells at edges only: up to about 0.15.
 */
const CUT_SHARE = 0.35;
/** A cut changes which colours there are, too: half the distance between the histograms, 0 … 1. Moves hardly do. */
const CUT_COLOURS = 0.12;
const BINS = 16;

/** A picture as 32x32 mean colours, RGB: what {@link isSceneCut} compares. */
export function thumbnailOf({ width, height, pixels }: Picture): Uint8Array {
  const thumbnail = new Uint8Array(THUMBNAIL_BYTES);
  const steps = CELLS * SAMPLES;
  const columns = Int32Array.from({ length: steps }, (_, i) => Math.floor(((i + 0.5) * width) / steps) * 3);
  const sums = new Int32Array(CELLS * 3);
  for (let row = 0; row < steps; row++) {
    const start = Math.floor(((row + 0.5) * height) / steps) * width * 3;
    for (let i = 0; i < steps; i++) {
      const pixel = start + columns[i]!;
      const cell = Math.floor(i / SAMPLES) * 3;
      for (let channel = 0; channel < 3; channel++) sums[cell + channel]! += pixels[pixel + channel]!;
    }
    if (row % SAMPLES !== SAMPLES - 1) continue;
    const line = Math.floor(row / SAMPLES) * CELLS * 3;
    for (let i = 0; i < sums.length; i++) thumbnail[line + i] = sums[i]! / (SAMPLES * SAMPLES);
    sums.fill(0);
  }
  return thumbnail;
}

/**
 * Whether another scene begins between two pictures: most of the picture changed, beyond what a move of up to a cell
 * explains, and so did its colours. A change of brightness alone (a flash, automatic exposure) is none.
 */
export function isSceneCut(before: Uint8Array, after: Uint8Array): boolean {
  const gain = [0, 1, 2].map((channel) => meanOf(after, channel) - meanOf(before, channel));
  return changedShare(before, after, gain) > CUT_SHARE && colourDistance(before, after, gain) > CUT_COLOURS;
}

function changedShare(before: Uint8Array, after: Uint8Array, gain: readonly number[]): number {
  let changed = 0;
  for (let y = 0; y < CELLS; y++)
    for (let x = 0; x < CELLS; x++) if (nearestCell(before, after, x, y, gain) > CHANGED_STEP) changed++;
  return changed / (CELLS * CELLS);
}

/** How far a cell is from the likest of the nine round its place in the picture before. */
function nearestCell(before: Uint8Array, after: Uint8Array, x: number, y: number, gain: readonly number[]): number {
  const at = (y * CELLS + x) * 3;
  let least = 255;
  for (let row = Math.max(0, y - 1); row <= Math.min(CELLS - 1, y + 1); row++)
    for (let column = Math.max(0, x - 1); column <= Math.min(CELLS - 1, x + 1); column++) {
      const from = (row * CELLS + column) * 3;
      let most = 0;
      for (let channel = 0; channel < 3; channel++)
        most = Math.max(most, Math.abs(after[at + channel]! - before[from + channel]! - gain[channel]!));
      least = Math.min(least, most);
    }
  return least;
}

/** Half the L1 distance between the histograms, the worst channel; each value counts in two bins, so steps of one do not. */
function colourDistance(before: Uint8Array, after: Uint8Array, gain: readonly number[]): number {
  let worst = 0;
  for (let channel = 0; channel < 3; channel++) {
    const bins = new Float32Array(BINS + 1);
    for (let i = channel; i < THUMBNAIL_BYTES; i += 3) {
      count(bins, before[i]! + gain[channel]!, 1);
      count(bins, after[i]!, -1);
    }
    const distance = bins.reduce((sum, value) => sum + Math.abs(value), 0) / (2 * CELLS * CELLS);
    worst = Math.max(worst, distance);
  }
  return worst;
}

function count(bins: Float32Array, value: number, by: number): void {
  const place = (Math.min(255, Math.max(0, value)) / 256) * BINS;
  const bin = Math.floor(place);
  bins[bin]! += by * (1 - place + bin);
  bins[bin + 1]! += by * (place - bin);
}

function meanOf(thumbnail: Uint8Array, channel: number): number {
  let sum = 0;
  for (let i = channel; i < THUMBNAIL_BYTES; i += 3) sum += thumbnail[i]!;
  return sum / (CELLS * CELLS);
}
