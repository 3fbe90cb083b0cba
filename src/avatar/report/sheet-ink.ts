import type { Rating } from '../../api/avatar.ts';
import { CAP_HEIGHT, strokePaths, svgStrokes } from '../../media/stroke-font.ts';

/** Colours of the contact sheet: those of the control page in the dark. */
export const INK = {
  ground: '#0f1116',
  panel: '#181b22',
  line: '#2d323e',
  ink: '#eff1f5',
  soft: '#a7aebd',
  brand: '#ff7d5c',
  rest: '#6cb0ff',
  landmarks: '#7df0c0',
  good: '#45cf92',
  fair: '#f2b63f',
  poor: '#ff6e7a',
} as const;

/** The colour of a rating. */
export function colourOf(rating: Rating): string {
  return INK[rating];
}

/** How a text is drawn. Lengths in pixels. */
export interface TextStyle {
  /** Height of a capital letter. */
  readonly cap: number;
  readonly colour?: string;
  /** Thickness of the strokes as a share of `cap`; default 0.125. */
  readonly weight?: number;
}

/** A text as an SVG path, its left end at `x`, its base line at `y`; no font is asked for. */
export function drawText(
  text: string,
  x: number,
  y: number,
  { cap, colour = INK.ink, weight = 0.125 }: TextStyle,
): string {
  const width = Math.max(1, cap * weight).toFixed(2);
  return (
    `<path d="${svgStrokes(text, x, y, cap)}" fill="none" stroke="${colour}" stroke-width="${width}" ` +
    'stroke-linecap="round" stroke-linejoin="round"/>'
  );
}

/** How wide a text is in pixels. */
export function widthOf(text: string, cap: number): number {
  return (strokePaths(text).width * cap) / CAP_HEIGHT;
}

/** A text cut to a width in pixels, with an ellipsis where something is missing. */
export function fitText(text: string, cap: number, width: number): string {
  if (widthOf(text, cap) <= width) return text;
  let kept = text;
  while (kept.length > 0 && widthOf(`${kept}…`, cap) > width) kept = kept.slice(0, -1);
  return `${kept.trimEnd()}…`;
}

/** A filled rectangle with round corners. */
export function drawBox(
  rect: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  fill: string,
  radius: number,
  more = '',
): string {
  const [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map((value) => value.toFixed(2));
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${fill}" ${more}/>`;
}

/** A rating's sign, drawn: a tick, an exclamation mark or a cross, in a disc of its colour. */
export function drawMark(rating: Rating, x: number, y: number, radius: number): string {
  const at = (dx: number, dy: number) => `${(x + dx * radius).toFixed(2)} ${(y + dy * radius).toFixed(2)}`;
  const sign = {
    good: `M${at(-0.42, 0.02)}L${at(-0.1, 0.36)}L${at(0.45, -0.34)}`,
    fair: `M${at(0, -0.5)}L${at(0, 0.12)}M${at(0, 0.46)}L${at(0, 0.48)}`,
    poor: `M${at(-0.35, -0.35)}L${at(0.35, 0.35)}M${at(0.35, -0.35)}L${at(-0.35, 0.35)}`,
  }[rating];
  return (
    `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colourOf(rating)}"/>` +
    `<path d="${sign}" fill="none" stroke="${INK.ground}" stroke-width="${(radius * 0.26).toFixed(2)}" ` +
    'stroke-linecap="round" stroke-linejoin="round"/>'
  );
}
