import { frameByteLength, type Size, type VideoFrame } from '../../../src/api/media.ts';

/** Bits of the frame number in the bar code along the top. */
const CODE_BITS = 16;
const CODE_ROWS = 40;

/** Luma of the bar code's blocks: BT.601 black and white. */
const BLACK = 16;
const WHITE = 235;

/**
 * Picture n: its number as a bar code on top, below it rows that all differ and move with n, flat chroma that differs
 * from picture to picture. No byte of it is the same in the picture before, so a torn one cannot pass.
 */
export function makeBarcodeFrame(index: number, size: Size): VideoFrame {
  const { width, height } = size;
  const data = new Uint8Array(frameByteLength('i420', size));
  for (let y = 0; y < height; y++) drawRow(data, y * width, width, index, y);
  const pixels = width * height;
  data.fill(chromaU(index), pixels, pixels + pixels / 4);
  data.fill(chromaV(index), pixels + pixels / 4);
  return { format: 'i420', width, height, data, index, capturedAtMs: Number.NaN };
}

/** The same picture as the camera's reader must get it, made without the code under test. */
export function makeExpectedBytes(index: number, size: Size, format: 'yuyv' | 'i420'): Uint8Array {
  const i420 = makeBarcodeFrame(index, size).data;
  if (format === 'i420') return i420;
  const out = new Uint8Array(frameByteLength('yuyv', size));
  const pair = Buffer.from([0, chromaU(index), 0, chromaV(index)]);
  Buffer.from(out.buffer).fill(pair);
  for (let pixel = 0; pixel < size.width * size.height; pixel++) out[pixel * 2] = i420[pixel]!;
  return out;
}

/** Bodies of a {@link BarcodeReel}: a picture differs from all that can be in the module with it. */
const REEL_LENGTH = 16;

/**
 * Bar-coded I420 pictures made quickly, for thousands of them in an emulated machine: the bar code is drawn for each, the
 * rest is one of 16 bodies. A picture is not changed by later ones until the 16th after it is made.
 */
export class BarcodeReel {
  readonly #bodies: readonly VideoFrame[];
  readonly #size: Size;

  constructor(size: Size) {
    this.#size = size;
    this.#bodies = Array.from({ length: REEL_LENGTH }, (_, index) => makeBarcodeFrame(index, size));
  }

  /** Picture n. */
  frame(index: number): VideoFrame {
    const { data } = this.#bodies[index % REEL_LENGTH]!;
    for (let y = 0; y < CODE_ROWS; y++) drawRow(data, y * this.#size.width, this.#size.width, index, y);
    return { ...this.#bodies[index % REEL_LENGTH]!, data, index };
  }
}

/** The number in a picture's bar code. */
export function readBarcode(picture: Uint8Array, size: Size, format: 'yuyv' | 'i420'): number {
  const blockPx = size.width / CODE_BITS;
  let index = 0;
  for (let bit = 0; bit < CODE_BITS; bit++) {
    const pixel = (CODE_ROWS / 2) * size.width + Math.floor((bit + 0.5) * blockPx);
    if (picture[format === 'yuyv' ? pixel * 2 : pixel]! > 128) index |= 1 << bit;
  }
  return index;
}

function drawRow(data: Uint8Array, start: number, width: number, index: number, y: number): void {
  if (y >= CODE_ROWS) {
    data.fill(BLACK + ((index * 7 + y) % 219), start, start + width);
    return;
  }
  const blockPx = width / CODE_BITS;
  for (let bit = 0; bit < CODE_BITS; bit++) {
    const luma = (index >> bit) & 1 ? WHITE : BLACK;
    data.fill(luma, start + bit * blockPx, start + (bit + 1) * blockPx);
  }
}

function chromaU(index: number): number {
  return 40 + ((index * 3) % 170);
}

function chromaV(index: number): number {
  return 40 + ((index * 11) % 170);
}
