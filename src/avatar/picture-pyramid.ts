import type { Picture, Point, Square } from './picture.ts';

/**
 * A picture with its halved copies (box filter), made when first needed, so that a large picture can be sampled small
 * without aliasing: a 2x2 bilinear sample only ever sees a level of about its own scale.
 */
export class PicturePyramid {
  readonly #levels: Picture[];

  constructor(picture: Picture) {
    this.#levels = [picture];
  }

  /** The picture itself. */
  get base(): Picture {
    return this.#levels[0]!;
  }

  /**
   * Samples a square into `out`, Float32 `[side, side, 3]`, 0 … 1, bilinear; black outside the picture.
   * @param side side of the result in samples.
   */
  sample(square: Square, side: number, out: Float32Array): void {
    const scale = square.side / side;
    const depth = Math.max(0, Math.round(Math.log2(scale)));
    const level = this.#level(depth);
    const shrink = 2 ** -Math.min(depth, this.#levels.length - 1);
    const across = Math.cos(square.angle) * scale * shrink;
    const down = Math.sin(square.angle) * scale * shrink;
    const left = square.centre.x * shrink - ((across - down) * side) / 2;
    const top = square.centre.y * shrink - ((down + across) * side) / 2;
    let at = 0;
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const x = left + across * (column + 0.5) - down * (row + 0.5) - 0.5;
        const y = top + down * (column + 0.5) + across * (row + 0.5) - 0.5;
        samplePixel(level, x, y, out, at);
        at += 3;
      }
    }
  }

  #level(depth: number): Picture {
    while (this.#levels.length <= depth) {
      const last = this.#levels.at(-1)!;
      if (Math.min(last.width, last.height) < 2) return last;
      this.#levels.push(halvePicture(last));
    }
    return this.#levels[depth]!;
  }
}

/** Where a position inside a sampled square (0 … 1 across and down) lies in the picture. */
export function pointInSquare(square: Square, across: number, down: number): Point {
  const u = (across - 0.5) * square.side;
  const v = (down - 0.5) * square.side;
  const cos = Math.cos(square.angle);
  const sin = Math.sin(square.angle);
  return { x: square.centre.x + cos * u - sin * v, y: square.centre.y + sin * u + cos * v };
}

/** Half the size, each pixel the mean of four; an odd last row or column is left out. */
function halvePicture(picture: Picture): Picture {
  const width = picture.width >> 1;
  const height = picture.height >> 1;
  const stride = picture.width * 3;
  const from = picture.pixels;
  const pixels = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    let source = y * 2 * stride;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++, source++, at++)
        pixels[at] = (from[source]! + from[source + 3]! + from[source + stride]! + from[source + stride + 3]! + 2) >> 2;
      source += 3;
    }
  }
  return { width, height, pixels };
}

/** Bilinear; x and y are of pixel centres. Pixels outside are black, as the models saw them in training. */
function samplePixel(picture: Picture, x: number, y: number, out: Float32Array, at: number): void {
  const { width, height, pixels } = picture;
  if (x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5) {
    out[at] = out[at + 1] = out[at + 2] = 0;
    return;
  }
  const x0 = Math.max(0, Math.min(width - 1, Math.floor(x)));
  const y0 = Math.max(0, Math.min(height - 1, Math.floor(y)));
  const right = x0 + 1 < width ? 3 : 0;
  const below = y0 + 1 < height ? width * 3 : 0;
  const fx = Math.max(0, x - x0);
  const fy = Math.max(0, y - y0);
  const p = (y0 * width + x0) * 3;
  for (let channel = 0; channel < 3; channel++) {
    const q = p + channel;
    const upper = pixels[q]! * (1 - fx) + pixels[q + right]! * fx;
    const lower = pixels[q + below]! * (1 - fx) + pixels[q + below + right]! * fx;
    out[at + channel] = (upper * (1 - fy) + lower * fy) / 255;
  }
}
