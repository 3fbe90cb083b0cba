import { describe, expect, it } from 'vitest';
import { fadeFrom } from '../../src/media/fade.ts';
import { noiseBytes } from './picture-samples.ts';

describe('a fade', () => {
  const [before, after] = [noiseBytes(1001, 1), noiseBytes(1001, 2)];

  it('is the weighted mean of both pictures, byte by byte', () => {
    for (const share of [0.1, 1 / 6, 0.5, 5 / 6]) {
      const picture = after.slice();
      fadeFrom(picture, before, share);
      for (let at = 0; at < picture.length; at++) {
        const expected = before[at]! + (after[at]! - before[at]!) * share;
        expect(Math.abs(picture[at]! - expected)).toBeLessThanOrEqual(0.52);
      }
    }
  });

  it('is the old picture at 0 and the new one at 1', () => {
    const picture = after.slice();
    fadeFrom(picture, before, 1);
    expect(picture).toEqual(after);
    fadeFrom(picture, before, 0);
    expect(picture).toEqual(before);
  });

  it('fades from one value for all', () => {
    const picture = new Uint8Array(50).fill(100);
    fadeFrom(picture, 200, 0.25);
    expect(new Set(picture)).toEqual(new Set([175]));
  });
});
