import { describe, expect, it } from 'vitest';
import { CAP_HEIGHT, strokePaths, svgStrokes } from '../../src/media/stroke-font.ts';

/** Highest and lowest place of a text, in units. */
function extentOf(text: string): { top: number; bottom: number } {
  const ys = strokePaths(text).lines.flatMap((line) => [...line].filter((_, i) => i % 2 === 1));
  return { top: Math.min(...ys), bottom: Math.max(...ys) };
}

const BOX = strokePaths('漢');

describe('the stroke font', () => {
  it('draws every printable character of Latin-1 as itself', () => {
    const drawings = new Map<string, string>();
    for (let code = 33; code < 256; code++) {
      if (code >= 127 && code <= 160) continue;
      const character = String.fromCharCode(code);
      // A soft hyphen has no shape.
      if (character === '\u00ad') continue;
      const drawn = JSON.stringify(strokePaths(character).lines.map((line) => [...line]));
      expect(drawn, character).not.toBe(JSON.stringify(BOX.lines.map((line) => [...line])));
      expect(drawn.includes('null'), character).toBe(false);
      const same = drawings.get(drawn);
      // Eth and the D with stroke look alike everywhere.
      expect(same, `${character} looks like ${same}`).toBeUndefined();
      drawings.set(drawn, character);
    }
    expect(drawings.size).toBeGreaterThan(185);
  });

  it('keeps letters between the highest accent and the lowest descender, and within their width', () => {
    for (let code = 33; code < 384; code++) {
      const character = String.fromCharCode(code);
      const { top, bottom } = extentOf(character);
      expect(top, character).toBeGreaterThanOrEqual(-4.7);
      expect(bottom, character).toBeLessThanOrEqual(16);
      const { lines, width } = strokePaths(character);
      for (const line of lines)
        for (let i = 0; i < line.length; i += 2) {
          expect(line[i]!, character).toBeGreaterThan(-2.5);
          expect(line[i]!, character).toBeLessThan(width + 2.5);
        }
    }
  });

  it('stands capitals and digits on the base line, as high as each other', () => {
    for (const character of 'ABDEHIKMNXZ0123456789') {
      expect(extentOf(character), character).toEqual({ top: 0, bottom: CAP_HEIGHT });
    }
    expect(extentOf('x')).toEqual({ top: 4, bottom: 12 });
    expect(extentOf('Äg').top).toBeLessThan(-2);
    expect(extentOf('Äg').bottom).toBe(16);
  });

  it('composes accents, also decomposed ones, and takes the dot off an i', () => {
    expect(strokePaths('é').lines).toHaveLength(strokePaths('e').lines.length + 1);
    expect(strokePaths('í').lines).toHaveLength(strokePaths('i').lines.length);
    expect(strokePaths('ž').lines).toHaveLength(strokePaths('z').lines.length + 1);
  });

  it('draws a box for what it does not know', () => {
    for (const unknown of ['漢', '😀', 'Ж', '\u0007', '\u0301']) {
      expect(strokePaths(unknown).lines, unknown).toEqual(BOX.lines);
    }
  });

  it('puts letters side by side, and words apart', () => {
    const word = strokePaths('on').width;
    expect(word).toBeGreaterThan(strokePaths('o').width + strokePaths('n').width);
    expect(strokePaths('o n').width).toBeGreaterThan(word + 2);
    expect(strokePaths('').lines).toEqual([]);
    expect(strokePaths('').width).toBe(0);
    // Numbers stand under each other.
    expect(strokePaths('111').width).toBe(strokePaths('888').width);
  });

  it('places text in an SVG path by its base line', () => {
    expect(svgStrokes('I', 10, 50, 24)).toBe('M10 26L10 50');
    expect(svgStrokes('<&"', 0, 0, 12)).toMatch(/^[ML0-9 .-]+$/);
  });
});
