import type { Size } from '../../api/media.ts';
import { BoxFilter } from './box-filter.ts';

/** How much a pixel tells about the background, by its matte: all where it is 0, nothing from a sixteenth on. */
const BACK_WEIGHTS = Float32Array.from({ length: 256 }, (_, alpha) => Math.max(0, 1 - alpha / 16));
/** The same about the person: all where the matte is 255, nothing below nine tenths. */
const FRONT_WEIGHTS = Float32Array.from({ length: 256 }, (_, alpha) => Math.max(0, (alpha - 230) / 25));
/** How far colours are looked for, in cells: near first, then far where there is nothing near. */
const REACHES = [2, 10];
/** Weight, as a share of a square, from which on there is something. */
const ENOUGH = 0.01;

/**
 * One plane of a picture on a coarse grid: which colour the person has near each cell, and which the background. All space
 * is taken once.
 */
export class EdgeColours {
  readonly grid: Size;
  /** Float32 `[grid height, grid width]`, in the plane's own steps. */
  readonly front: Float32Array;
  readonly back: Float32Array;
  readonly boxes: BoxFilter;
  readonly #sums: Float32Array;
  readonly #weights: Float32Array;
  readonly #nearSums: Float32Array;
  readonly #nearWeights: Float32Array;

  constructor(grid: Size) {
    const plane = () => new Float32Array(grid.width * grid.height);
    this.grid = grid;
    this.front = plane();
    this.back = plane();
    this.boxes = new BoxFilter(grid.width, grid.height);
    this.#sums = plane();
    this.#weights = plane();
    this.#nearSums = plane();
    this.#nearWeights = plane();
  }

  /** @param plane and `alpha`: Uint8 of `size`. @param cell side of a cell in pixels of this plane. */
  find(plane: Uint8Array, alpha: Uint8Array, size: Size, cell: number): void {
    this.#spread(plane, alpha, size, cell, FRONT_WEIGHTS, this.front);
    this.#spread(plane, alpha, size, cell, BACK_WEIGHTS, this.back);
  }

  /** The background blurred, the person left out of it: three box means of this radius, in cells, are all but a Gaussian. */
  blurBack(plane: Uint8Array, alpha: Uint8Array, size: Size, cell: number, radius: number, out: Float32Array): void {
    const sums = this.#sums;
    const weights = this.#weights;
    // What no pass reaches, far inside the person, keeps the colours found by `find`.
    collect(plane, alpha, size, cell, this.grid.width, BACK_WEIGHTS, sums, weights);
    for (let at = 0; at < sums.length; at++) {
      sums[at]! += HIDDEN_WEIGHT * this.back[at]!;
      weights[at]! += HIDDEN_WEIGHT;
    }
    for (let pass = 0; pass < 3; pass++) {
      this.boxes.apply(sums, radius, sums);
      this.boxes.apply(weights, radius, weights);
    }
    for (let at = 0; at < out.length; at++) out[at] = sums[at]! / weights[at]!;
  }

  /** Weighted means near each cell; where nothing counts, from farther and farther away. */
  #spread(
    plane: Uint8Array,
    alpha: Uint8Array,
    size: Size,
    cell: number,
    table: Float32Array,
    out: Float32Array,
  ): void {
    const sums = this.#sums;
    const weights = this.#weights;
    collect(plane, alpha, size, cell, this.grid.width, table, sums, weights);
    out.fill(-1);
    for (const reach of REACHES) {
      this.boxes.apply(sums, reach, this.#nearSums);
      this.boxes.apply(weights, reach, this.#nearWeights);
      for (let at = 0; at < out.length; at++)
        if (out[at]! < 0 && this.#nearWeights[at]! > ENOUGH) out[at] = this.#nearSums[at]! / this.#nearWeights[at]!;
    }
    const mean = meanOf(sums, weights);
    for (let at = 0; at < out.length; at++) if (out[at]! < 0) out[at] = mean;
  }
}

/** What a cell behind the person weighs in the blur, against 1 for a visible one. */
const HIDDEN_WEIGHT = 0.002;

/** Sums up weight times value, and weight, in each cell; both as shares of a cell. */
function collect(
  plane: Uint8Array,
  alpha: Uint8Array,
  size: Size,
  cell: number,
  columns: number,
  table: Float32Array,
  sums: Float32Array,
  weights: Float32Array,
): void {
  const share = 1 / (cell * cell);
  sums.fill(0);
  weights.fill(0);
  for (let y = 0, from = 0; y < size.height; y++) {
    const line = Math.floor(y / cell) * columns;
    for (let column = 0, x = 0; x < size.width; column++) {
      let sum = 0;
      let weight = 0;
      for (const end = Math.min(size.width, x + cell); x < end; x++, from++) {
        const counts = table[alpha[from]!]!;
        sum += counts * plane[from]!;
        weight += counts;
      }
      sums[line + column]! += sum * share;
      weights[line + column]! += weight * share;
    }
  }
}

function meanOf(sums: Float32Array, weights: Float32Array): number {
  let sum = 0;
  let weight = 0;
  for (let at = 0; at < sums.length; at++) {
    sum += sums[at]!;
    weight += weights[at]!;
  }
  return weight > 0 ? sum / weight : 0;
}
