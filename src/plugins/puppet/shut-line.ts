import type { FaceLooks } from './fields-file.ts';
import { type Canvas, type Colour, colourOf } from './mouth-interior.ts';

/** Half the width of the line, in half mouth widths, and what antialiasing needs at least, in pixels. */
const HALF_WIDTH = 0.04;
const LEAST_HALF_WIDTH_PX = 1.25;
/** Its colour is that of the lips in this much of their light. */
const SHADE = 0.5;
const STRENGTH = 0.85;
/** Lips this far apart, in pixels, show no line any more: what is between them is painted. */
const GONE_AT_PX = 2;

/**
 * Draws the dark line along which lips meet, where a source whose mouth is open has been shut: its own line went with the
 * opening. Frames whose mouth is shut keep theirs.
 */
export class ShutLine {
  readonly #tint: Colour;

  constructor({ lip: [red, green, blue] }: FaceLooks) {
    this.#tint = colourOf(red * SHADE, green * SHADE * 0.9, blue * SHADE * 0.9);
  }

  /**
   * @param upper and lower inner edge as x, y pairs in canvas pixels, right corner to left corner.
   * @param amount how far the source was open, 0 … 1. @param unitPx half the mouth's width.
   */
  paint(canvas: Canvas, upper: Float32Array, lower: Float32Array, amount: number, unitPx: number): void {
    if (amount <= 0) return;
    const halfPx = Math.max(LEAST_HALF_WIDTH_PX, HALF_WIDTH * unitPx);
    let top = Number.POSITIVE_INFINITY;
    let bottom = 0;
    for (let at = 1; at < upper.length; at += 2) {
      top = Math.min(top, upper[at]!, lower[at]!);
      bottom = Math.max(bottom, upper[at]!, lower[at]!);
    }
    const last = upper.length - 2;
    const x0 = Math.max(0, Math.floor(upper[0]!)) & ~1;
    const y0 = Math.max(0, Math.floor(top - 2 * halfPx)) & ~1;
    const x1 = Math.min(canvas.width, Math.ceil(upper[last]!));
    const y1 = Math.min(canvas.height, Math.ceil(bottom + 2 * halfPx));
    for (let x = x0; x < x1; x += 2) {
      for (let y = y0; y < y1; y += 2) this.#paintBlock(canvas, upper, lower, x, y, amount * STRENGTH, halfPx);
    }
  }

  /** Paints 2x2 pixels and their chroma sample. */
  #paintBlock(
    canvas: Canvas,
    upper: Float32Array,
    lower: Float32Array,
    x: number,
    y: number,
    strength: number,
    halfPx: number,
  ): void {
    const { bytes, width } = canvas;
    let sum = 0;
    for (let corner = 0; corner < 4; corner++) {
      const [px, py] = [x + (corner & 1), y + (corner >> 1)];
      const cover = strength * coverAt(upper, lower, px, py, halfPx);
      if (cover <= 0) continue;
      const at = canvas.y + py * width + px;
      bytes[at] = Math.round(bytes[at]! + (this.#tint.y - bytes[at]!) * cover);
      sum += cover / 4;
    }
    if (sum <= 0) return;
    const chroma = (y >> 1) * (width >> 1) + (x >> 1);
    const [u, v] = [canvas.u + chroma, canvas.v + chroma];
    bytes[u] = Math.round(bytes[u]! + (this.#tint.u - bytes[u]!) * sum);
    bytes[v] = Math.round(bytes[v]! + (this.#tint.v - bytes[v]!) * sum);
  }
}

/** How much of the line covers a pixel, 0 … 1: all in its middle, nothing at its sides, and at both of its ends. */
function coverAt(upper: Float32Array, lower: Float32Array, x: number, y: number, halfPx: number): number {
  const last = upper.length - 2;
  let at = 0;
  while (at < last - 2 && upper[at + 2]! + lower[at + 2]! < 2 * x) at += 2;
  const from = (upper[at]! + lower[at]!) / 2;
  const to = (upper[at + 2]! + lower[at + 2]!) / 2;
  const share = (x - from) / Math.max(1e-3, to - from);
  if (!(share >= 0 && share <= 1)) return 0;
  const heightAt = (edge: Float32Array) => edge[at + 1]! + (edge[at + 3]! - edge[at + 1]!) * share;
  const [top, bottom] = [heightAt(upper), heightAt(lower)];
  const slope = (lower[at + 3]! + upper[at + 3]! - lower[at + 1]! - upper[at + 1]!) / 2 / Math.max(1e-3, to - from);
  const beside = Math.abs(y - (top + bottom) / 2) / Math.hypot(1, slope) / halfPx;
  if (beside >= 1) return 0;
  const gap = Math.min(1, Math.max(0, 1 - Math.max(0, bottom - top) / GONE_AT_PX));
  const end = Math.min(1, Math.min(x - upper[0]!, upper[last]! - x) / (2 * halfPx));
  return (1 - beside * beside) * gap * Math.max(0, end);
}
