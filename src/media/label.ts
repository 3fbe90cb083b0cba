import type { Rect, Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { checkPicture, planesAt } from './color.ts';
import { CAP_HEIGHT, strokePaths } from './stroke-font.ts';

/** A text on a rounded badge, ready to be laid over frames of one size. */
export interface Label {
  /** Where it goes in the frame; even. Empty (0 by 0) where there is no text. */
  readonly rect: Rect;
  /** Uint8 `[rect.height, rect.width]`: luma, 16 … 235. */
  readonly luma: Uint8Array;
  /** Uint8 `[rect.height, rect.width]`: how much of the label is seen, 255 = all. */
  readonly alpha: Uint8Array;
  /** Uint8 `[rect.height / 2, rect.width / 2]`: the same for U and V, which are neutral. */
  readonly chromaAlpha: Uint8Array;
}

/** Most characters a label may have. */
export const MAX_LABEL_CHARACTERS = 40;
/** Height of a capital letter as a share of the frame's height, and the least that can be read, in pixels. */
const CAP_SHARE = 0.022;
const MIN_CAP_PX = 8;
/** Distances as multiples of the capitals' height. */
const STROKE = 0.15;
const PADDING_ACROSS = 0.95;
const PADDING_DOWN = 0.75;
const MARGIN = 1.6;
/** Luma of text and badge; the badge lets a fifth of the picture through, so it sits in the scene, and white still stands out. */
const TEXT_LUMA = 232;
const BADGE_LUMA = 22;
const BADGE_ALPHA = 0.78;
const NEUTRAL_CHROMA = 128;

/**
 * Draws a text, in white on a dark rounded badge, for the lower left corner of frames of a size. Done once per text;
 * spaces at its ends and doubled ones are dropped. An empty text is no label.
 * @throws AppError LABEL_TOO_LONG: more than {@link MAX_LABEL_CHARACTERS} characters.
 */
export function renderLabel(text: string, frame: Size): Label {
  const words = text.normalize('NFC').trim().replace(/\s+/gu, ' ');
  const length = [...words].length;
  if (length > MAX_LABEL_CHARACTERS)
    throw new AppError('LABEL_TOO_LONG', `The label has ${length} characters; at most ${MAX_LABEL_CHARACTERS} fit.`, {
      fix: 'Use a shorter text, for example "AI avatar"; an empty one takes the label away',
    });
  if (length === 0) return emptyLabel();
  const strokes = strokePaths(words);
  const layout = layOut(strokes.width, frame);
  const ink = drawStrokes(strokes.lines, layout);
  return compose(layout, ink);
}

/** Lays a label over an I420 frame of the size it was drawn for, in place; only its rectangle is touched. */
export function drawLabel(frame: Uint8Array, size: Size, label: Label): void {
  const { rect, luma, alpha, chromaAlpha } = label;
  if (rect.width === 0) return;
  checkPicture('i420', size, frame);
  checkFits(rect, size);
  for (let row = 0; row < rect.height; row++) {
    let at = (rect.y + row) * size.width + rect.x;
    const from = row * rect.width;
    for (let i = from; i < from + rect.width; i++, at++) frame[at] = mix(frame[at]!, luma[i]!, alpha[i]!);
  }
  const planes = planesAt(0, size);
  const [width, stride] = [rect.width >> 1, size.width >> 1];
  for (let row = 0; row < rect.height >> 1; row++) {
    const at = ((rect.y >> 1) + row) * stride + (rect.x >> 1);
    for (let column = 0; column < width; column++) {
      const share = chromaAlpha[row * width + column]!;
      frame[planes.u + at + column] = mix(frame[planes.u + at + column]!, NEUTRAL_CHROMA, share);
      frame[planes.v + at + column] = mix(frame[planes.v + at + column]!, NEUTRAL_CHROMA, share);
    }
  }
}

/** `over` laid on `under`; alpha 0 … 255 is exact at both ends. Rounded as (x * 257 + 2^15) >> 16 ≈ x / 255. */
function mix(under: number, over: number, alpha: number): number {
  return ((under * (255 - alpha) + over * alpha) * 257 + 32_768) >> 16;
}

function checkFits(rect: Rect, size: Size): void {
  if (rect.x + rect.width <= size.width && rect.y + rect.height <= size.height) return;
  throw new RangeError(`A label drawn for a larger frame was laid over one of ${size.width}x${size.height} pixels.`);
}

function emptyLabel(): Label {
  const nothing = new Uint8Array(0);
  return { rect: { x: 0, y: 0, width: 0, height: 0 }, luma: nothing, alpha: nothing, chromaAlpha: nothing };
}

/** Where things are, in pixels. */
interface Layout {
  readonly rect: Rect;
  /** Pixels per unit of the stroke font. */
  readonly scale: number;
  /** Of the text's left end and the top of its capitals, inside the rectangle. */
  readonly left: number;
  readonly top: number;
  /** Half the pen's width. */
  readonly pen: number;
}

function layOut(textUnits: number, frame: Size): Layout {
  const wanted = Math.max(MIN_CAP_PX, frame.height * CAP_SHARE);
  const around = 2 * (PADDING_ACROSS + MARGIN) + STROKE;
  const cap = Math.min(wanted, frame.width / (textUnits / CAP_HEIGHT + around));
  const width = evenCeil(cap * (textUnits / CAP_HEIGHT + 2 * PADDING_ACROSS + STROKE));
  const height = evenCeil(cap * (1 + 2 * PADDING_DOWN));
  const margin = evenCeil(cap * MARGIN);
  const scale = cap / CAP_HEIGHT;
  return {
    rect: { x: margin, y: Math.max(0, (frame.height & ~1) - margin - height), width, height },
    scale,
    left: (width - textUnits * scale) / 2,
    top: Math.round((height - cap) / 2),
    pen: Math.max(0.55, (cap * STROKE) / 2),
  };
}

/** How much of each pixel the pen covers, Float32 `[height, width]` 0 … 1: its distance to the nearest stroke. */
function drawStrokes(lines: readonly Float32Array[], { rect, scale, left, top, pen }: Layout): Float32Array {
  const covered = new Float32Array(rect.width * rect.height);
  const reach = pen + 1;
  for (const line of lines)
    for (let i = 0; i + 3 < line.length; i += 2) {
      const [ax, ay] = [left + line[i]! * scale, top + line[i + 1]! * scale];
      const [bx, by] = [left + line[i + 2]! * scale, top + line[i + 3]! * scale];
      const firstRow = Math.max(0, Math.floor(Math.min(ay, by) - reach));
      const endRow = Math.min(rect.height, Math.ceil(Math.max(ay, by) + reach));
      const firstColumn = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
      const endColumn = Math.min(rect.width, Math.ceil(Math.max(ax, bx) + reach));
      for (let y = firstRow; y < endRow; y++)
        for (let x = firstColumn; x < endColumn; x++) {
          const share = clampToOne(pen + 0.5 - distanceTo(x + 0.5, y + 0.5, ax, ay, bx, by));
          const at = y * rect.width + x;
          if (share > covered[at]!) covered[at] = share;
        }
    }
  return covered;
}

function distanceTo(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : clampToOne(((x - ax) * dx + (y - ay) * dy) / square);
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** Text over badge: one luma and one alpha per pixel. */
function compose({ rect }: Layout, text: Float32Array): Label {
  const { width, height } = rect;
  const luma = new Uint8Array(width * height);
  const alpha = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const badge = badgeCoverage(x + 0.5, y + 0.5, width, height) * BADGE_ALPHA;
      const ink = text[at]!;
      const seen = ink + badge * (1 - ink);
      alpha[at] = Math.round(seen * 255);
      luma[at] = seen === 0 ? BADGE_LUMA : Math.round((TEXT_LUMA * ink + BADGE_LUMA * badge * (1 - ink)) / seen);
    }
  const chromaAlpha = new Uint8Array((width >> 1) * (height >> 1));
  for (let y = 0; y < height; y += 2)
    for (let x = 0; x < width; x += 2) {
      const at = y * width + x;
      const sum = alpha[at]! + alpha[at + 1]! + alpha[at + width]! + alpha[at + width + 1]!;
      chromaAlpha[(y >> 1) * (width >> 1) + (x >> 1)] = (sum + 2) >> 2;
    }
  return { rect, luma, alpha, chromaAlpha };
}

/** Distance to a rounded rectangle that fills the rectangle, with ends of half its height. */
function badgeCoverage(x: number, y: number, width: number, height: number): number {
  const radius = height / 2;
  const fromMiddle = Math.max(0, Math.abs(x - width / 2) - (width / 2 - radius));
  return clampToOne(radius + 0.5 - Math.hypot(fromMiddle, y - height / 2));
}

function clampToOne(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

function evenCeil(value: number): number {
  return Math.ceil(value / 2) * 2;
}
