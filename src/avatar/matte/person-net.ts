import { fileURLToPath } from 'node:url';
import type { Size } from '../../api/media.ts';
import { type OnnxSession, type OnnxSessionOptions, openSession } from '../../onnx/open-session.ts';
import type { Picture } from '../picture.ts';
import { PictureShrinker } from './shrink-picture.ts';

/** Side of the square the network looks at, in samples. */
const SIDE = 256;
/** The square moves in steps of this many pixels, so that a face that trembles does not make it tremble. */
const STEP_PX = 16;
/** How deep in its border a closer look counts for nothing, and from where on for all of its share; in samples. */
const BORDER = { none: 3, all: 16 };
/** Pictures that are nearly square need no closer look. */
const MIN_ASPECT = 1.2;
/** A closer look's share where both looks count. */
const CLOSE_SHARE = 0.5;
/** No look may be surer than this (a logit: 98 %), so that one that errs can be outvoted. */
const MAX_LOGIT = 4;
/** Looks that agree by half are surer together: their mean logit is made larger by this. */
const AGREEMENT_GAIN = 2;

/**
 * MediaPipe's selfie segmentation: which part of a picture is a person. It looks at the whole picture pressed into a
 * square, as it was trained, and at the largest square round the face, where its samples are finer; at each also mirrored,
 * which helps most where it is unsure (hair in the colour of the wall, drawings). The mean of the logits decides.
 */
export class PersonNet implements AsyncDisposable {
  readonly #session: OnnxSession;
  readonly #samples = new Float32Array(SIDE * SIDE * 3);
  readonly #whole = new Float32Array(SIDE * SIDE);
  readonly #close = new Float32Array(SIDE * SIDE);
  #size: Size = { width: 0, height: 0 };
  #wholeShrinker: PictureShrinker | undefined;
  #closeShrinker: PictureShrinker | undefined;

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  /** @throws AppError ONNX_RUNTIME_MISSING, MODEL_BROKEN. */
  static async open(options: OnnxSessionOptions = {}): Promise<PersonNet> {
    const path = fileURLToPath(new URL('../models/selfie.onnx', import.meta.url));
    return new PersonNet(await openSession(path, options));
  }

  /**
   * @param focus where the face is, in pixels; undefined: only the whole is looked at.
   * @param out Float32 `[grid height, grid width]`: how sure it is that a person is there, 0 … 1.
   */
  async look(picture: Picture, focus: { x: number; y: number } | undefined, grid: Size, out: Float32Array) {
    this.#fit(picture);
    const side = Math.min(picture.width, picture.height);
    await this.#run(picture, this.#wholeShrinker!, 0, 0, this.#whole);
    stretch(this.#whole, { x: 0, y: 0, width: picture.width, height: picture.height }, picture, grid, out);
    if (focus && Math.max(picture.width, picture.height) >= side * MIN_ASPECT) {
      const x = place(focus.x, side, picture.width);
      const y = place(focus.y, side, picture.height);
      await this.#run(picture, this.#closeShrinker!, x, y, this.#close);
      mixIn(this.#close, { x, y, width: side, height: side }, picture, grid, out);
    }
    for (let at = 0; at < out.length; at++) out[at] = 1 / (1 + Math.exp(-AGREEMENT_GAIN * out[at]!));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  #fit({ width, height }: Size): void {
    if (this.#size.width === width && this.#size.height === height) return;
    const side = Math.min(width, height);
    this.#size = { width, height };
    this.#wholeShrinker = new PictureShrinker({ width, height }, { width: SIDE, height: SIDE });
    this.#closeShrinker = new PictureShrinker({ width: side, height: side }, { width: SIDE, height: SIDE });
  }

  async #run(picture: Picture, shrinker: PictureShrinker, left: number, top: number, out: Float32Array): Promise<void> {
    const picture256 = { data: this.#samples, dims: [1, SIDE, SIDE, 3] };
    shrinker.shrink(picture, left, top, this.#samples);
    const seen = (await this.#session.run({ picture: picture256 })).person!.data;
    for (let at = 0; at < out.length; at++) out[at] = bounded(seen[at]!) / 2;
    mirror(this.#samples);
    const mirrored = (await this.#session.run({ picture: picture256 })).person!.data;
    for (let line = 0; line < out.length; line += SIDE)
      for (let x = 0; x < SIDE; x++) out[line + x]! += bounded(mirrored[line + SIDE - 1 - x]!) / 2;
  }
}

function bounded(logit: number): number {
  return Math.min(MAX_LOGIT, Math.max(-MAX_LOGIT, logit));
}

/** Swaps left and right of a square of samples, in place. */
function mirror(samples: Float32Array): void {
  for (let line = 0; line < samples.length; line += SIDE * 3)
    for (let left = line, right = line + (SIDE - 1) * 3; left < right; left += 3, right -= 3)
      for (let channel = 0; channel < 3; channel++) {
        const kept = samples[left + channel]!;
        samples[left + channel] = samples[right + channel]!;
        samples[right + channel] = kept;
      }
}

/** A rectangle of the picture in pixels. */
interface Part extends Size {
  readonly x: number;
  readonly y: number;
}

/** Where a stretch of `side` begins so that it lies round `centre` and inside 0 … length. */
function place(centre: number, side: number, length: number): number {
  const start = Math.round((centre - side / 2) / STEP_PX) * STEP_PX;
  return Math.min(length - side, Math.max(0, start));
}

/** Brings a look at the whole picture to the grid's shape. All these are logits. */
function stretch(look: Float32Array, part: Part, picture: Size, grid: Size, out: Float32Array): void {
  eachCell(part, picture, grid, (at, x, y) => {
    out[at] = sampleAt(look, x, y);
  });
}

/** Mixes a closer look into what is there; towards its border, where it sees too little around, it counts less. */
function mixIn(look: Float32Array, part: Part, picture: Size, grid: Size, out: Float32Array): void {
  const isCutLeft = part.x > 0;
  const isCutRight = part.x + part.width < picture.width;
  const isCutTop = part.y > 0;
  const isCutBottom = part.y + part.height < picture.height;
  eachCell(part, picture, grid, (at, x, y) => {
    const inside = Math.min(
      isCutLeft ? x : SIDE,
      isCutRight ? SIDE - x : SIDE,
      isCutTop ? y : SIDE,
      isCutBottom ? SIDE - y : SIDE,
    );
    const share = CLOSE_SHARE * Math.min(1, Math.max(0, (inside - BORDER.none) / (BORDER.all - BORDER.none)));
    if (share > 0) out[at] = out[at]! + share * (sampleAt(look, x, y) - out[at]!);
  });
}

/** Calls back for each cell of the grid whose middle lies in the part, with where that is in the look, in samples. */
function eachCell(part: Part, picture: Size, grid: Size, visit: (at: number, x: number, y: number) => void): void {
  const across = picture.width / grid.width;
  const down = picture.height / grid.height;
  for (let row = 0; row < grid.height; row++) {
    const y = (((row + 0.5) * down - part.y) / part.height) * SIDE;
    if (y < 0 || y > SIDE) continue;
    for (let column = 0; column < grid.width; column++) {
      const x = (((column + 0.5) * across - part.x) / part.width) * SIDE;
      if (x >= 0 && x <= SIDE) visit(row * grid.width + column, x, y);
    }
  }
}

/** Bilinear; x and y in samples, 0 … SIDE. */
function sampleAt(look: Float32Array, x: number, y: number): number {
  const u = Math.min(SIDE - 1.001, Math.max(0, x - 0.5));
  const v = Math.min(SIDE - 1.001, Math.max(0, y - 0.5));
  const at = Math.floor(v) * SIDE + Math.floor(u);
  const right = u - Math.floor(u);
  const below = v - Math.floor(v);
  const upper = look[at]! + right * (look[at + 1]! - look[at]!);
  const lower = look[at + SIDE]! + right * (look[at + SIDE + 1]! - look[at + SIDE]!);
  return upper + below * (lower - upper);
}
