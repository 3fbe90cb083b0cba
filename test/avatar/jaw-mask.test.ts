import { beforeAll, describe, expect, it } from 'vitest';
import type { Rect } from '../../src/api/media.ts';
import { renderPixels } from '../../src/avatar/decode-photo.ts';
import { faceBoxOf, halfRowOf } from '../../src/avatar/face-box.ts';
import { FaceFinder } from '../../src/avatar/find-face.ts';
import { drawJawMask } from '../../src/avatar/jaw-mask.ts';
import { drawPhoto } from './draw-photo.ts';

const SIZE = { width: 800, height: 720 };
let points: Float32Array;
let box: Rect;
let mask: Uint8Array;
beforeAll(async () => {
  const picture = await renderPixels(await drawPhoto(SIZE.width, SIZE.height, [{ x: 100, y: 0, height: 720 }]));
  await using finder = await FaceFinder.open();
  ({ points } = await finder.landmarks(picture, (await finder.detect(picture))[0]!));
  box = faceBoxOf(points, SIZE);
  mask = drawJawMask(points, box);
});

function maskAt(landmark: number, dx = 0, dy = 0): number {
  const x = Math.round(points[landmark * 3]! + dx) - box.x;
  const y = Math.round(points[landmark * 3 + 1]! + dy) - box.y;
  return mask[y * box.width + x]!;
}

describe('the face box', () => {
  it('is even, inside the frame, and halved by the ridge of the nose', () => {
    for (const value of Object.values(box)) expect(value % 2).toBe(0);
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(SIZE.width);
    const chin = points[152 * 3 + 1]!;
    expect(halfRowOf(points) - box.y).toBeCloseTo(chin - halfRowOf(points), -1);
    expect(box.y + box.height).toBeGreaterThan(chin);
  });

  it('is cut at the frame where the face reaches out of it', () => {
    const moved = points.map((value, i) => (i % 3 === 0 ? value - 260 : value));
    const cut = faceBoxOf(moved, SIZE);
    expect(cut.x).toBe(0);
    expect(cut.width).toBeLessThan(box.width);
  });
});

describe('the jaw mask', () => {
  it('covers lips, chin and the lower cheeks', () => {
    for (const landmark of [13, 14, 17, 61, 291, 152, 205, 425])
      expect(maskAt(landmark), `${landmark}`).toBeGreaterThan(240);
  });

  it('leaves nose, eyes, forehead and what is beside the face alone', () => {
    for (const landmark of [1, 4, 33, 263, 10]) expect(maskAt(landmark), `${landmark}`).toBeLessThan(10);
    expect(maskAt(132, -4)).toBeLessThan(20);
    expect(maskAt(361, 4)).toBeLessThan(20);
  });

  it('goes a little below the chin', () => {
    expect(maskAt(152, 0, 5)).toBeGreaterThan(150);
  });

  it('is feathered: no step above a fifth, and nothing to be seen at the edge of the box', () => {
    let step = 0;
    for (let y = 0; y < box.height; y++)
      for (let x = 1; x < box.width; x++)
        step = Math.max(step, Math.abs(mask[y * box.width + x]! - mask[y * box.width + x - 1]!));
    expect(step).toBeLessThan(51);
    const edge = [
      ...mask.subarray(0, box.width),
      ...mask.subarray(-box.width),
      ...Array.from({ length: box.height }, (_, y) => [mask[y * box.width]!, mask[(y + 1) * box.width - 1]!]).flat(),
    ];
    // 2 % of a difference of 100 is two steps of 255.
    expect(Math.max(...edge)).toBeLessThanOrEqual(8);
  });
});
