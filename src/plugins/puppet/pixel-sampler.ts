import type { Size } from '../../api/media.ts';

/** Reads brightness and colour of an RGB24 picture between its pixels. */
export class PixelSampler {
  readonly #pixels: Uint8Array;
  readonly #size: Size;

  constructor(pixels: Uint8Array, size: Size) {
    this.#pixels = pixels;
    this.#size = size;
  }

  /** Luma 0 … 255 at a point in pixels, bilinear; outside, the border's. */
  at(x: number, y: number): number {
    const { width, height } = this.#size;
    const left = Math.min(width - 2, Math.max(0, Math.floor(x)));
    const top = Math.min(height - 2, Math.max(0, Math.floor(y)));
    const fx = Math.min(1, Math.max(0, x - left));
    const fy = Math.min(1, Math.max(0, y - top));
    const upper = this.#pixel(left, top) * (1 - fx) + this.#pixel(left + 1, top) * fx;
    const lower = this.#pixel(left, top + 1) * (1 - fx) + this.#pixel(left + 1, top + 1) * fx;
    return upper * (1 - fy) + lower * fy;
  }

  /** Share of red beyond the mean of green and blue at a point: lips have it, teeth and shadow do not. */
  rednessAt(x: number, y: number): number {
    const { width, height } = this.#size;
    const column = Math.min(width - 1, Math.max(0, Math.round(x)));
    const row = Math.min(height - 1, Math.max(0, Math.round(y)));
    const [r, g, b] = this.#pixels.subarray((row * width + column) * 3);
    return (r! - (g! + b!) / 2) / (r! + g! + b! + 60);
  }

  /** Red, green and blue at a point in pixels, bilinear, into `out`. */
  colourAt(x: number, y: number, out: Float64Array): void {
    const { width, height } = this.#size;
    const left = Math.min(width - 2, Math.max(0, Math.floor(x)));
    const top = Math.min(height - 2, Math.max(0, Math.floor(y)));
    const fx = Math.min(1, Math.max(0, x - left));
    const fy = Math.min(1, Math.max(0, y - top));
    const at = (top * width + left) * 3;
    const below = at + width * 3;
    const pixels = this.#pixels;
    for (let channel = 0; channel < 3; channel++) {
      const upper = pixels[at + channel]! * (1 - fx) + pixels[at + 3 + channel]! * fx;
      const lower = pixels[below + channel]! * (1 - fx) + pixels[below + 3 + channel]! * fx;
      out[channel] = upper * (1 - fy) + lower * fy;
    }
  }

  #pixel(x: number, y: number): number {
    const at = (y * this.#size.width + x) * 3;
    return 0.299 * this.#pixels[at]! + 0.587 * this.#pixels[at + 1]! + 0.114 * this.#pixels[at + 2]!;
  }
}
