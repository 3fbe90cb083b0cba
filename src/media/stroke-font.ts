import { ACCENT_DRAWINGS, CAPITAL_RAISE, GLYPH_DRAWINGS, type GlyphDrawing, MISSING_GLYPH } from './stroke-glyphs.ts';

/** Lines of a text: each a way of the pen through points `[x, y, x, y, …]`. */
export interface StrokedText {
  /** In units: x from 0 to `width`; y down, 0 top of capitals, 12 base line, accents from -4.6, descenders to 16. */
  readonly lines: readonly Float32Array[];
  /** Where the text ends, in units. */
  readonly width: number;
}

/** Height of a capital letter in units. */
export const CAP_HEIGHT = 12;
/** Free space between two letters, and what a space adds to it, in units. */
const SPACING = 3.2;
const SPACE_WIDTH = 5;
/** Straight pieces that a quarter of an ellipse or a curve is drawn with. */
const PIECES = 6;
/** Letters without an ascender: an accent sits low on them. */
const LOW_LETTERS = new Set('aceımnopqrsuvwxyzgȷ');

/**
 * A text as strokes: the same on every machine, as no font is asked for. Knows Latin letters with their accents, digits
 * and common punctuation; what it does not know becomes a box. The drawings are this project's own.
 */
export function strokePaths(text: string): StrokedText {
  const lines: Float32Array[] = [];
  let x = 0;
  let end = 0;
  for (const character of text) {
    if (/\s/u.test(character)) {
      x += SPACE_WIDTH;
      end = x;
      continue;
    }
    const glyph = glyphOf(character);
    for (const line of glyph.lines) lines.push(line.map((value, i) => (i % 2 === 0 ? value + x : value)));
    end = x + glyph.width;
    x = end + SPACING;
  }
  return { lines, width: end };
}

/** A text's strokes as the `d` of an SVG path: its left end at `x`, its base line at `y`, capitals `capHeight` high. */
export function svgStrokes(text: string, x: number, y: number, capHeight: number): string {
  const scale = capHeight / CAP_HEIGHT;
  const place = (value: number) => (Math.round(value * 100) / 100).toString();
  return strokePaths(text)
    .lines.map((line) => {
      let d = '';
      for (let i = 0; i < line.length; i += 2)
        d += `${i === 0 ? 'M' : 'L'}${place(x + line[i]! * scale)} ${place(y + (line[i + 1]! - CAP_HEIGHT) * scale)}`;
      return d;
    })
    .join('');
}

interface Glyph {
  readonly width: number;
  readonly lines: readonly Float32Array[];
}

const glyphs = new Map<string, Glyph>();

function glyphOf(character: string): Glyph {
  const known = glyphs.get(character);
  if (known) return known;
  const glyph = composeGlyph(character);
  // Whoever types labels of every script there is must not fill the memory.
  if (glyphs.size < 1000) glyphs.set(character, glyph);
  return glyph;
}

/** A letter as it is drawn, or its base letter and accents (Unicode's canonical decomposition), or the box. */
function composeGlyph(character: string): Glyph {
  const whole = GLYPH_DRAWINGS.get(character);
  if (whole) return flatten(whole);
  const [letter = '', ...marks] = character.normalize('NFD');
  const accents = marks.map((mark) => ACCENT_DRAWINGS.get(mark));
  const isHigh = accents.some((accent) => accent && !accent.isBelow);
  const base = GLYPH_DRAWINGS.get(isHigh && letter === 'i' ? 'ı' : isHigh && letter === 'j' ? 'ȷ' : letter);
  if (!base || accents.some((accent) => !accent)) return flatten(MISSING_GLYPH);
  const { width, lines } = flatten(base);
  const raise = LOW_LETTERS.has(letter) || letter === 'i' || letter === 'j' ? 0 : -CAPITAL_RAISE;
  const placed = accents.flatMap((accent) =>
    flatten({ width, path: accent!.path }).lines.map((line) =>
      line.map((value, i) => value + (i % 2 === 0 ? width / 2 : accent!.isBelow ? 0 : raise)),
    ),
  );
  return { width, lines: [...lines, ...placed] };
}

/** Turns a drawing into straight pieces. */
function flatten({ width, path }: GlyphDrawing): Glyph {
  const lines: number[][] = [];
  for (const [, command, numbers] of path.matchAll(/([MLhvQ])([^MLhvQ]*)/g)) {
    const values = numbers!.trim().split(/[ ,]+/).map(Number);
    const [toX, toY] = [values.at(-2)!, values.at(-1)!];
    if (command === 'M') {
      lines.push([toX, toY]);
      continue;
    }
    const line = lines.at(-1)!;
    const [fromX, fromY] = [line.at(-2)!, line.at(-1)!];
    if (command === 'L') line.push(toX, toY);
    for (let piece = 1; command !== 'L' && piece <= PIECES; piece++) {
      const t = piece / PIECES;
      const [sin, cos] = [Math.sin((t * Math.PI) / 2), Math.cos((t * Math.PI) / 2)];
      // A quarter of an ellipse that leaves horizontally is fast in x first; one that leaves vertically, in y.
      if (command === 'h') line.push(fromX + (toX - fromX) * sin, toY + (fromY - toY) * cos);
      else if (command === 'v') line.push(toX + (fromX - toX) * cos, fromY + (toY - fromY) * sin);
      else line.push(bend(t, fromX, values[0]!, toX), bend(t, fromY, values[1]!, toY));
    }
  }
  return { width, lines: lines.map((line) => Float32Array.from(line)) };
}

/** A quadratic Bézier curve. */
function bend(t: number, from: number, via: number, to: number): number {
  return (1 - t) * (1 - t) * from + 2 * (1 - t) * t * via + t * t * to;
}
