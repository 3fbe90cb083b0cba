import { frameByteLength, type Size } from '../api/media.ts';

/** Cells of the code, side by side: white, black, 20 bits of time, 4 of check. */
export const TIME_CODE_CELLS = 26;
/** Time repeats after so many ms: 17 minutes, far more than any picture is late. */
export const TIME_CODE_SPAN_MS = 2 ** 20;
/** Height of the code, and of the bar below it, as a share of the frame's height. */
const BAND_SHARE = 1 / 12;
/** Where the code is read: in the middle of its band, away from scaled and compressed edges. */
export const TIME_CODE_MIDDLE = BAND_SHARE / 2;

const WHITE = 235;
const BLACK = 16;
const NEUTRAL = 128;
/** The least that white must be brighter than black. */
const LEAST_CONTRAST = 60;
const BITS = 20;
const CHECK_BITS = 4;

/**
 * Paints a moment over the top of an I420 frame, in place, so that a program which reads the picture back can tell how old
 * it is; below it a bar that is white while `isLoud`, for people with a camera or sharp eyes.
 * @param ms any clock, in ms; what is read back is its rest after {@link TIME_CODE_SPAN_MS}.
 */
export function paintTimeCode(frame: Uint8Array, size: Size, ms: number, isLoud: boolean): void {
  const { width, height } = size;
  if (frame.length !== frameByteLength('i420', size)) throw new RangeError('the frame is not of that size');
  const band = bandHeight(height);
  const value = wholeMs(ms);
  const bits = [1, 0, ...bitsOf(value, BITS), ...bitsOf(checkOf(value), CHECK_BITS)];
  const row = new Uint8Array(width);
  for (let x = 0; x < width; x++) row[x] = bits[Math.floor((x * TIME_CODE_CELLS) / width)] ? WHITE : BLACK;
  for (let y = 0; y < band; y++) frame.set(row, y * width);
  frame.fill(isLoud ? WHITE : BLACK, band * width, 2 * band * width);
  const chromaWidth = width / 2;
  const plane = chromaWidth * (height / 2);
  for (const start of [width * height, width * height + plane]) {
    frame.fill(NEUTRAL, start, start + band * chromaWidth);
  }
}

/**
 * Reads the moment from one row of grey values through the middle of the code, of any width.
 * @returns whole ms below {@link TIME_CODE_SPAN_MS}; undefined where the row is no code, or a damaged one.
 */
export function readTimeCode(row: Uint8Array): number | undefined {
  const levels = Array.from({ length: TIME_CODE_CELLS }, (_, cell) => meanOfMiddle(row, cell));
  const [white = 0, black = 0] = levels;
  if (white - black < LEAST_CONTRAST) return undefined;
  const threshold = (white + black) / 2;
  const bits = levels.slice(2).map((level) => level > threshold);
  const value = numberOf(bits.slice(0, BITS));
  return numberOf(bits.slice(BITS)) === checkOf(value) ? value : undefined;
}

/**
 * How old a picture is whose code was read at a moment of the same clock.
 * @returns ms, at least 0 and below {@link TIME_CODE_SPAN_MS}
 */
export function ageOf(codeMs: number, nowMs: number): number {
  return (((nowMs - codeMs) % TIME_CODE_SPAN_MS) + TIME_CODE_SPAN_MS) % TIME_CODE_SPAN_MS;
}

function wholeMs(ms: number): number {
  return ageOf(0, Math.round(ms));
}

/** Even, so that chroma has whole rows. */
function bandHeight(height: number): number {
  return Math.max(2, 2 * Math.round((height * BAND_SHARE) / 2));
}

/** Brightness of a cell, its outer quarters left out. */
function meanOfMiddle(row: Uint8Array, cell: number): number {
  const width = row.length / TIME_CODE_CELLS;
  const from = Math.round((cell + 0.25) * width);
  const to = Math.max(from + 1, Math.round((cell + 0.75) * width));
  let sum = 0;
  for (let x = from; x < to; x++) sum += row[x] ?? 0;
  return sum / (to - from);
}

function bitsOf(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => (value >> (count - 1 - n)) & 1);
}

function numberOf(bits: readonly boolean[]): number {
  return bits.reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0);
}

/** All nibbles and a constant, so that neither an empty nor a full row is a code. */
function checkOf(value: number): number {
  let check = 0b1010;
  for (let shift = 0; shift < BITS; shift += CHECK_BITS) check ^= (value >> shift) & 0b1111;
  return check;
}
