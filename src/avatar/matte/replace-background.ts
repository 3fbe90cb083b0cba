import type { Size } from '../../api/media.ts';
import { EdgeColours } from './edge-colours.ts';

/** Side of a cell on which edge colours are worked out, as a share of the picture's shorter side: 4 px at 720p. */
const CELL_SHARE = 1 / 180;
/** Radius of one of the blur's three passes as a share of the width: together a sigma of 31 px at 1280. */
const BLUR_SHARE = 0.0245;
/** Thresholds of a 4x4 Bayer matrix, 0 … 1: rounding by them keeps the blur's slow slopes free of steps. */
const DITHER = Float32Array.from([0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5], (step) => (step + 0.5) / 16);

/** A matte that came through a video codec is off by a few steps: what is all but sure is sure. */
const UNSURE = { from: 6, to: 249 };
const SNAPPED = Uint8Array.from({ length: 256 }, (_, alpha) =>
  alpha < UNSURE.from ? 0 : alpha > UNSURE.to ? 255 : alpha,
);

/** One plane of an I420 picture. */
interface Plane {
  readonly pixels: Uint8Array;
  readonly alpha: Uint8Array;
  readonly size: Size;
  /** Side of a cell in pixels of this plane. */
  readonly cell: number;
}

/**
 * Puts something else behind the person of an I420 picture. In the person's edge pixels the old background is mixed in; it
 * is taken out by what the matte says: `person = (pixel - (1 - alpha) * background) / alpha`, held between the pixel's own
 * colour and that of the person near by, so that a matte that errs makes no new colours. Frames are independent of each
 * other. Space for one picture size.
 */
export class BackgroundReplacer {
  readonly #size: Size;
  readonly #cell: number;
  readonly #colours: EdgeColours;
  readonly #blurred: Float32Array;
  readonly #row: Float32Array;
  readonly #ground: Uint8Array;
  readonly #alpha: Uint8Array;
  readonly #halfAlpha: Uint8Array;

  constructor(size: Size) {
    this.#size = size;
    this.#cell = 2 * Math.max(1, Math.round((Math.min(size.width, size.height) * CELL_SHARE) / 2));
    const grid = { width: Math.ceil(size.width / this.#cell), height: Math.ceil(size.height / this.#cell) };
    this.#colours = new EdgeColours(grid);
    this.#blurred = new Float32Array(grid.width * grid.height);
    this.#row = new Float32Array(grid.width);
    this.#ground = new Uint8Array(size.width * size.height);
    this.#alpha = new Uint8Array(size.width * size.height);
    this.#halfAlpha = new Uint8Array((size.width >> 1) * (size.height >> 1));
  }

  /** Puts the picture `ground` (I420 of the same size) behind the person. `body` is changed in place. */
  replace(body: Uint8Array, alpha: Uint8Array, ground: Uint8Array): void {
    this.#eachPlane(body, alpha, (plane, start) => {
      this.#colours.find(plane.pixels, plane.alpha, plane.size, plane.cell);
      this.#compose(plane, ground.subarray(start, start + plane.pixels.length));
    });
  }

  /** Blurs the body's own background strongly; the person does not bleed into it. */
  blur(body: Uint8Array, alpha: Uint8Array): void {
    const radius = Math.max(1, Math.round((BLUR_SHARE * this.#size.width) / this.#cell));
    this.#eachPlane(body, alpha, (plane) => {
      const { pixels, size, cell } = plane;
      this.#colours.find(pixels, plane.alpha, size, cell);
      this.#colours.blurBack(pixels, plane.alpha, size, cell, radius, this.#blurred);
      this.#enlarge(size, cell);
      this.#compose(plane, this.#ground);
    });
  }

  /** Only takes the old background out of the person's edge; what is not person at all stays as it is. */
  cleanEdges(body: Uint8Array, alpha: Uint8Array): void {
    this.#eachPlane(body, alpha, (plane) => {
      this.#colours.find(plane.pixels, plane.alpha, plane.size, plane.cell);
      const { pixels, size } = plane;
      for (let y = 0, at = 0; y < size.height; y++)
        for (let x = 0; x < size.width; x++, at++) {
          const share = plane.alpha[at]!;
          if (share > 0 && share < 255) pixels[at] = this.#personAt(plane, at, x, y) + 0.5;
        }
    });
  }

  #eachPlane(body: Uint8Array, alpha: Uint8Array, visit: (plane: Plane, start: number) => void): void {
    const { width, height } = this.#size;
    const half = { width: width >> 1, height: height >> 1 };
    const luma = width * height;
    const chroma = half.width * half.height;
    const halfAlpha = this.#halfAlpha;
    const fullAlpha = this.#alpha;
    for (let at = 0; at < luma; at++) fullAlpha[at] = SNAPPED[alpha[at]!]!;
    halve(fullAlpha, half, halfAlpha);
    visit({ pixels: body.subarray(0, luma), alpha: fullAlpha, size: this.#size, cell: this.#cell }, 0);
    for (const start of [luma, luma + chroma]) {
      const pixels = body.subarray(start, start + chroma);
      visit({ pixels, alpha: halfAlpha, size: half, cell: this.#cell >> 1 }, start);
    }
  }

  #compose(plane: Plane, ground: Uint8Array): void {
    const { pixels, alpha, size } = plane;
    for (let y = 0, at = 0; y < size.height; y++)
      for (let x = 0; x < size.width; x++, at++) {
        const share = alpha[at]!;
        if (share === 255) continue;
        const behind = ground[at]!;
        pixels[at] = share === 0 ? behind : behind + (share / 255) * (this.#personAt(plane, at, x, y) - behind) + 0.5;
      }
  }

  /** Brings the blurred grid to a plane's size, bilinear, into `#ground`. */
  #enlarge(size: Size, cell: number): void {
    const { width, height } = this.#colours.grid;
    const row = this.#row;
    for (let y = 0, at = 0; y < size.height; y++) {
      const v = Math.min(height - 1.001, Math.max(0, (y + 0.5) / cell - 0.5));
      const line = Math.floor(v) * width;
      const down = v - Math.floor(v);
      for (let column = 0; column < width; column++) {
        const upper = this.#blurred[line + column]!;
        row[column] = upper + down * (this.#blurred[line + width + column]! - upper);
      }
      for (let x = 0; x < size.width; x++, at++) {
        const u = Math.min(width - 1.001, Math.max(0, (x + 0.5) / cell - 0.5));
        const left = Math.floor(u);
        const value = row[left]! + (u - left) * (row[left + 1]! - row[left]!);
        this.#ground[at] = value + DITHER[(y & 3) * 4 + (x & 3)]!;
      }
    }
  }

  /** The person's own colour in an edge pixel. */
  #personAt({ pixels, alpha, cell }: Plane, at: number, x: number, y: number): number {
    const value = pixels[at]!;
    const share = alpha[at]! / 255;
    const back = this.#sample(this.#colours.back, x, y, cell);
    const front = this.#sample(this.#colours.front, x, y, cell);
    const own = (value - (1 - share) * back) / share;
    return Math.min(Math.max(value, front), Math.max(Math.min(value, front), own));
  }

  /** Bilinear value of a grid's plane at a pixel. */
  #sample(plane: Float32Array, x: number, y: number, cell: number): number {
    const { width, height } = this.#colours.grid;
    const u = Math.min(width - 1.001, Math.max(0, (x + 0.5) / cell - 0.5));
    const v = Math.min(height - 1.001, Math.max(0, (y + 0.5) / cell - 0.5));
    const at = Math.floor(v) * width + Math.floor(u);
    const across = u - Math.floor(u);
    const down = v - Math.floor(v);
    const upper = plane[at]! + across * (plane[at + 1]! - plane[at]!);
    const lower = plane[at + width]! + across * (plane[at + width + 1]! - plane[at + width]!);
    return upper + down * (lower - upper);
  }
}

/** Means of 2x2. */
function halve(alpha: Uint8Array, half: Size, out: Uint8Array): void {
  const stride = half.width * 2;
  for (let y = 0, at = 0; y < half.height; y++)
    for (let x = 0, from = y * 2 * stride; x < half.width; x++, at++, from += 2)
      out[at] = (alpha[from]! + alpha[from + 1]! + alpha[from + stride]! + alpha[from + stride + 1]! + 2) >> 2;
}
