import { describe, expect, it } from 'vitest';
import { flattenI420 } from '../../src/media/flatten.ts';
import { noiseBytes } from './picture-samples.ts';

/** The plain grey, in BT.601. */
const GROUND = [110, 128, 128];

describe('flattenI420', () => {
  // Widths with and without a tail after the sixteen-pixel vectors.
  for (const size of [
    { width: 64, height: 32 },
    { width: 50, height: 6 },
    { width: 6, height: 4 },
  ]) {
    it(`lays the person on plain grey by the matte, at ${size.width}x${size.height}`, () => {
      const { width, height } = size;
      const pixels = width * height;
      const picture = noiseBytes(pixels * 1.5, 1);
      const matte = noiseBytes(pixels, 2);
      const out = new Uint8Array(picture.length);
      flattenI420(picture, matte, size, out);
      const mix = (value: number, ground: number, alpha: number) => ground + ((value - ground) * alpha) / 255;
      for (let at = 0; at < pixels; at++) {
        expect(Math.abs(out[at]! - mix(picture[at]!, GROUND[0]!, matte[at]!))).toBeLessThan(1.01);
      }
      for (let at = 0; at < pixels / 4; at++) {
        const corner = Math.floor(at / (width / 2)) * 2 * width + (at % (width / 2)) * 2;
        const mean = [0, 1, width, width + 1].reduce((sum, step) => sum + matte[corner + step]!, 0) / 4;
        for (const plane of [pixels, pixels * 1.25]) {
          expect(Math.abs(out[plane + at]! - mix(picture[plane + at]!, 128, mean))).toBeLessThan(1.6);
        }
      }
    });
  }

  it('shows nothing of what is behind the person, and all of the person; in place, too', () => {
    const size = { width: 32, height: 2 };
    const picture = new Uint8Array(96).fill(200);
    const matte = Uint8Array.from({ length: 64 }, (_, at) => (at % 32 < 16 ? 0 : 255));
    flattenI420(picture, matte, size, picture);
    expect([picture[0], picture[15], picture[16], picture[31]]).toEqual([110, 110, 200, 200]);
    expect([picture[64], picture[71], picture[72], picture[79]]).toEqual([128, 128, 200, 200]);
  });
});
