import type { Rect, Size } from '../../api/media.ts';
import { BLUR_SHARE, type EdgeFade, fadeEdges } from '../edge-fade.ts';
import type { Picture } from '../picture.ts';

/** The ground is made this many times smaller than the frame: it is blurred more than that anyway. */
const CELL_PX = 8;
/** Pixels looked at per cell, across and down. */
const SAMPLES = 4;
/** How much of each frame goes into the ground: it follows within a fifth of a second, and grain does not make it flicker. */
const FRESH_SHARE = 0.2;
/** Three box blurs in a row are a Gaussian to the eye. */
const BOX_BLURS = 3;

/**
 * Puts the frames of a clip into a larger frame: beyond the picture's edges its edge goes on, blurred and darkened, as
 * cut-frame.ts does it for photos, but calm from frame to frame. Frames are given in order.
 */
export class PictureExtender {
  readonly #shown: Rect;
  readonly #frame: Size;
  readonly #cells: Size;
  readonly #across: EdgeFade;
  readonly #down: EdgeFade;
  /** Float32 `[cells high, cells wide, 3]`: what this frame says, and what is drawn. */
  readonly #seen: Float32Array;
  readonly #ground: Float32Array;
  readonly #line: Float32Array;
  readonly #row: Float32Array;
  readonly #out: Uint8Array;
  #isFirst = true;

  /** @param shown where in the frame the picture is, in pixels. */
  constructor(shown: Rect, frame: Size) {
    this.#shown = shown;
    this.#frame = frame;
    this.#cells = { width: Math.ceil(frame.width / CELL_PX), height: Math.ceil(frame.height / CELL_PX) };
    const { across, down } = fadeEdges(frame, shown);
    this.#across = across;
    this.#down = down;
    const { width, height } = this.#cells;
    this.#seen = new Float32Array(width * height * 3);
    this.#ground = new Float32Array(width * height * 3);
    this.#line = new Float32Array(Math.max(width, height) * 3);
    this.#row = new Float32Array(width * 3);
    this.#out = new Uint8Array(frame.width * frame.height * 3);
  }

  /** The next frame. Valid until the one after it; the picture itself where it fills the frame. */
  draw(picture: Picture): Picture {
    const { width, height } = this.#frame;
    if (picture.width === width && picture.height === height) return picture;
    this.#look(picture);
    const radius = (Math.sqrt((12 * (width * BLUR_SHARE) ** 2) / BOX_BLURS + 1) - 1) / 2 / CELL_PX;
    for (let pass = 0; pass < BOX_BLURS; pass++) this.#blur(Math.max(1, Math.round(radius)));
    const share = this.#isFirst ? 1 : FRESH_SHARE;
    this.#isFirst = false;
    for (let i = 0; i < this.#ground.length; i++) this.#ground[i]! += (this.#seen[i]! - this.#ground[i]!) * share;
    this.#place(picture);
    for (let y = 0; y < height; y++) this.#fillRow(y);
    return { width, height, pixels: this.#out };
  }

  /** The mean colour of each cell; cells outside the picture take that of the nearest one inside. */
  #look({ width, height, pixels }: Picture): void {
    const { x: left, y: top } = this.#shown;
    const step = CELL_PX / SAMPLES;
    let at = 0;
    for (let row = 0; row < this.#cells.height; row++) {
      const y0 = clamp(row * CELL_PX - top, 0, height - CELL_PX);
      for (let column = 0; column < this.#cells.width; column++) {
        const x0 = clamp(column * CELL_PX - left, 0, width - CELL_PX);
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let dy = 0; dy < CELL_PX; dy += step)
          for (let dx = 0; dx < CELL_PX; dx += step) {
            const pixel = ((y0 + dy) * width + x0 + dx) * 3;
            red += pixels[pixel]!;
            green += pixels[pixel + 1]!;
            blue += pixels[pixel + 2]!;
          }
        this.#seen[at++] = red / SAMPLES ** 2;
        this.#seen[at++] = green / SAMPLES ** 2;
        this.#seen[at++] = blue / SAMPLES ** 2;
      }
    }
  }

  #blur(radius: number): void {
    const { width, height } = this.#cells;
    for (let row = 0; row < height; row++) this.#blurLine(row * width * 3, 3, width, radius);
    for (let column = 0; column < width; column++) this.#blurLine(column * 3, width * 3, height, radius);
  }

  /** One box blur along a line of `count` cells that lie `step` values apart; the line goes on with its end values. */
  #blurLine(start: number, step: number, count: number, radius: number): void {
    const plane = this.#seen;
    const line = this.#line;
    const last = count - 1;
    for (let i = 0; i < count; i++) for (let c = 0; c < 3; c++) line[i * 3 + c] = plane[start + i * step + c]!;
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let i = -radius; i <= radius; i++) sum += line[clamp(i, 0, last) * 3 + c]!;
      for (let i = 0; i < count; i++) {
        plane[start + i * step + c] = sum / (2 * radius + 1);
        sum += line[clamp(i + radius + 1, 0, last) * 3 + c]! - line[clamp(i - radius, 0, last) * 3 + c]!;
      }
    }
  }

  #place(picture: Picture): void {
    const { x, y, width, height } = this.#shown;
    for (let row = 0; row < height; row++)
      this.#out.set(
        picture.pixels.subarray(row * width * 3, (row + 1) * width * 3),
        ((y + row) * this.#frame.width + x) * 3,
      );
  }

  /** Lays the ground, enlarged bilinearly, over one row of the frame wherever the picture does not cover it wholly. */
  #fillRow(y: number): void {
    const { width } = this.#frame;
    const fadeDown = this.#down.share[y]!;
    const lightDown = this.#down.light[y]!;
    this.#mixRows((y + 0.5) / CELL_PX - 0.5);
    const last = this.#cells.width - 1;
    let at = y * width * 3;
    for (let x = 0; x < width; x++, at += 3) {
      const share = Math.max(this.#across.share[x]!, fadeDown);
      if (share === 0) continue;
      const light = share * Math.min(this.#across.light[x]!, lightDown);
      const place = clamp((x + 0.5) / CELL_PX - 0.5, 0, last);
      const from = Math.min(last - 1, Math.floor(place));
      const right = place - from;
      for (let c = 0; c < 3; c++) {
        const i = from * 3 + c;
        const ground = this.#row[i]! * (1 - right) + this.#row[i + 3]! * right;
        const under = share === 1 ? 0 : this.#out[at + c]! * (1 - share);
        this.#out[at + c] = under + ground * light + 0.5;
      }
    }
  }

  #mixRows(place: number): void {
    const { width, height } = this.#cells;
    const clamped = clamp(place, 0, height - 1);
    const from = Math.min(height - 2, Math.floor(clamped));
    const below = clamped - from;
    const upper = from * width * 3;
    const lower = upper + width * 3;
    for (let i = 0; i < width * 3; i++)
      this.#row[i] = this.#ground[upper + i]! * (1 - below) + this.#ground[lower + i]! * below;
  }
}

function clamp(value: number, least: number, most: number): number {
  return value < least ? least : value > most ? most : value;
}
