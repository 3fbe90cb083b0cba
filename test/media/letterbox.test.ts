import { describe, expect, it } from 'vitest';
import { rgb24ToI420 } from '../../src/media/color.ts';
import { fitInside, letterbox, letterboxMatte } from '../../src/media/letterbox.ts';
import { noiseBytes, smoothRgb } from './picture-samples.ts';

const HD = { width: 1280, height: 720 };

/** The triangle filter in floating point: bilinear when enlarging, as wide as the reduction when reducing. */
function scaledAt(plane: Uint8Array, from: [number, number], to: [number, number], x: number, y: number): number {
  const [width, height] = from;
  const weights = (position: number, source: number, target: number) => {
    const ratio = source / target;
    const support = Math.max(1, ratio);
    const centre = (position + 0.5) * ratio - 0.5;
    const list: [number, number][] = [];
    for (let at = Math.floor(centre - support) + 1; at < centre + support; at++)
      list.push([Math.min(source - 1, Math.max(0, at)), 1 - Math.abs(at - centre) / support]);
    return list;
  };
  let sum = 0;
  let total = 0;
  for (const [row, down] of weights(y, height, to[1]))
    for (const [column, across] of weights(x, width, to[0])) {
      sum += plane[row * width + column]! * down * across;
      total += down * across;
    }
  return sum / total;
}

describe('the place of a picture in a frame', () => {
  it('is as large as fits, in the middle, in even numbers', () => {
    expect(fitInside({ width: 640, height: 360 }, HD)).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
    expect(fitInside({ width: 720, height: 1280 }, HD)).toEqual({ x: 436, y: 0, width: 406, height: 720 });
    expect(fitInside({ width: 1000, height: 500 }, HD)).toEqual({ x: 0, y: 40, width: 1280, height: 640 });
    expect(fitInside({ width: 3840, height: 128 }, { width: 128, height: 128 })).toMatchObject({
      width: 128,
      height: 4,
    });
    for (let width = 128; width < 400; width += 2)
      for (const value of Object.values(fitInside({ width, height: 222 }, HD))) expect(value % 2).toBe(0);
  });
});

describe('a letterboxed picture', () => {
  const cases: [string, [number, number], [number, number]][] = [
    ['enlarged, bars left and right', [80, 96], [160, 90]],
    ['reduced by 1.5, bars above and below', [240, 96], [160, 90]],
    ['reduced by 4 into odd halves', [400, 400], [110, 102]],
    ['enlarged by 1.1', [146, 82], [160, 90]],
    ['left as it is, bars all around', [160, 66], [160, 90]],
  ];
  it.each(cases)('%s: is what the triangle filter makes of it, and black beside it', (_, from, to) => {
    const size = { width: from[0], height: from[1] };
    const frameSize = { width: to[0], height: to[1] };
    const rgb = smoothRgb(...from);
    const picture = new Uint8Array((from[0] * from[1] * 3) / 2);
    rgb24ToI420(rgb, size, picture);
    const frame = noiseBytes((to[0] * to[1] * 3) / 2, 1);
    letterbox(picture, size, frame, frameSize);
    const place = fitInside(size, frameSize);
    let worst = 0;
    const compare = (source: number, target: number, scale: number, black: number) => {
      const [w, h] = [to[0] / scale, to[1] / scale];
      const plane = picture.subarray(source, source + (from[0] * from[1]) / scale ** 2);
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const [px, py] = [x - place.x / scale, y - place.y / scale];
          const [pw, ph] = [place.width / scale, place.height / scale];
          const isInside = px >= 0 && py >= 0 && px < pw && py < ph;
          const value = frame[target + y * w + x]!;
          if (!isInside) expect(value).toBe(black);
          else {
            const expected = scaledAt(plane, [from[0] / scale, from[1] / scale], [pw, ph], px, py);
            worst = Math.max(worst, Math.abs(value - expected));
          }
        }
    };
    const [pixels, framePixels] = [from[0] * from[1], to[0] * to[1]];
    compare(0, 0, 1, 16);
    compare(pixels, framePixels, 2, 128);
    compare(pixels * 1.25, framePixels * 1.25, 2, 128);
    // Weights are multiples of 1/256 and each of the two directions rounds once.
    expect(worst).toBeLessThan(2);
  });

  it('of the same size is the same, bit for bit', () => {
    const size = { width: 64, height: 48 };
    const picture = noiseBytes((64 * 48 * 3) / 2, 5);
    const frame = new Uint8Array(picture.length);
    letterbox(picture, size, frame, size);
    expect(frame).toEqual(picture);
  });

  it('keeps fine lines as even grey when it is reduced: nothing shimmers', () => {
    const [from, to] = [
      { width: 600, height: 400 },
      { width: 240, height: 160 },
    ];
    const picture = new Uint8Array((600 * 400 * 3) / 2).fill(128);
    for (let at = 0; at < 600 * 400; at++) picture[at] = at % 2 ? 235 : 16;
    const frame = new Uint8Array((240 * 160 * 3) / 2);
    letterbox(picture, from, frame, to);
    const inner = [...frame.subarray(0, 240 * 160)].filter((_, at) => at % 240 > 2 && at % 240 < 237);
    expect(Math.max(...inner.slice(0, 20_000)) - Math.min(...inner.slice(0, 20_000))).toBeLessThan(40);
  });

  it('refuses odd sizes and buffers of another length', () => {
    expect(() => letterbox(new Uint8Array(10), { width: 4, height: 4 }, new Uint8Array(24), HD)).toThrow();
    expect(() => letterboxMatte(new Uint8Array(10), { width: 4, height: 4 }, new Uint8Array(24), HD)).toThrow();
  });
});

describe('a letterboxed matte', () => {
  it('is transparent beside the picture', () => {
    const size = { width: 40, height: 80 };
    const frameSize = { width: 128, height: 96 };
    const frame = noiseBytes(128 * 96, 2);
    letterboxMatte(new Uint8Array(40 * 80).fill(255), size, frame, frameSize);
    const place = fitInside(size, frameSize);
    for (let at = 0; at < frame.length; at++) {
      const x = at % 128;
      expect(frame[at]).toBe(x >= place.x && x < place.x + place.width ? 255 : 0);
    }
  });
});
