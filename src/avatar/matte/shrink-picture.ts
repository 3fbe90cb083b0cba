import type { Size } from '../../api/media.ts';
import type { Picture } from '../picture.ts';

/**
 * Shrinks a part of a picture to a raster of another shape, each value the mean of what it covers (pixels on an edge count
 * with their share). Tables and space are made once for a size of the part.
 */
export class PictureShrinker {
  readonly #across: CoverTable;
  readonly #down: CoverTable;
  readonly #row: Float32Array;

  /** @param part size of the part in pixels. @param raster size of what comes out; may also be larger. */
  constructor(part: Size, raster: Size) {
    this.#across = coverTable(part.width, raster.width);
    this.#down = coverTable(part.height, raster.height);
    this.#row = new Float32Array(part.width * 3);
  }

  /**
   * @param left and `top`: where the part begins, in pixels; it lies inside the picture.
   * @param out Float32 `[height, width, 3]` of the raster, RGB, 0 … 1.
   */
  shrink({ width, pixels }: Picture, left: number, top: number, out: Float32Array): void {
    const { starts, weights, taps } = this.#down;
    const row = this.#row;
    const last = pixels.length - row.length;
    for (let y = 0; y < starts.length; y++) {
      row.fill(0);
      for (let tap = 0; tap < taps; tap++) {
        const weight = weights[y * taps + tap]! / 255;
        const line = Math.min(last, ((starts[y]! + tap + top) * width + left) * 3);
        if (weight > 0) for (let at = 0; at < row.length; at++) row[at]! += pixels[line + at]! * weight;
      }
      this.#squeezeRow(out, y * this.#across.starts.length * 3);
    }
  }

  #squeezeRow(out: Float32Array, to: number): void {
    const { starts, weights, taps } = this.#across;
    const row = this.#row;
    for (let x = 0; x < starts.length; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let tap = 0; tap < taps; tap++) {
        const weight = weights[x * taps + tap]!;
        const at = Math.min(row.length - 3, (starts[x]! + tap) * 3);
        red += row[at]! * weight;
        green += row[at + 1]! * weight;
        blue += row[at + 2]! * weight;
      }
      out[to + x * 3] = red;
      out[to + x * 3 + 1] = green;
      out[to + x * 3 + 2] = blue;
    }
  }
}

/** Which samples an output covers, and how much of it each takes: `taps` shares each, adding up to 1. */
interface CoverTable {
  readonly starts: Uint32Array;
  readonly weights: Float32Array;
  readonly taps: number;
}

function coverTable(from: number, to: number): CoverTable {
  const ratio = from / to;
  const taps = Math.ceil(ratio) + 1;
  const starts = new Uint32Array(to);
  const weights = new Float32Array(to * taps);
  for (let out = 0; out < to; out++) {
    const begin = out * ratio;
    const start = Math.floor(begin);
    starts[out] = start;
    for (let tap = 0; tap < taps; tap++) {
      const covered = Math.min(start + tap + 1, begin + ratio) - Math.max(start + tap, begin);
      weights[out * taps + tap] = Math.max(0, covered) / ratio;
    }
  }
  return { starts, weights, taps };
}
