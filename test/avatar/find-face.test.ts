import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPixels } from '../../src/avatar/decode-photo.ts';
import { tilesOf } from '../../src/avatar/detect-faces.ts';
import { faceTopology } from '../../src/avatar/face-topology.ts';
import { FaceFinder } from '../../src/avatar/find-face.ts';
import { measureHeadPose } from '../../src/avatar/head-pose.ts';
import type { Picture } from '../../src/avatar/picture.ts';
import { PicturePyramid } from '../../src/avatar/picture-pyramid.ts';
import { DRAWN_SIZE, DRAWN_TRUTH, drawPhoto, FACE_SHARE } from './draw-photo.ts';
import { turnFace } from './turn-face.ts';

const DEGREE = Math.PI / 180;
let finder: FaceFinder;
beforeAll(async () => {
  finder = await FaceFinder.open();
});
afterAll(() => finder[Symbol.asyncDispose]());

async function draw(
  width: number,
  height: number,
  ...faces: { x: number; y: number; height: number }[]
): Promise<Picture> {
  return renderPixels(await drawPhoto(width, height, faces));
}

describe('the face finder', () => {
  // One of the mesh's own samples is 0.8 % of the face's height; what it finds is good to a little less than one.
  it.each([720, 500, 240])('puts eyes and lips where they are drawn, at %i px', async (height) => {
    const picture = await draw(1000, 800, { x: 150, y: 40, height });
    const [face, ...more] = await finder.detect(picture);
    expect(more).toEqual([]);
    const { points, score } = await finder.landmarks(picture, face!);
    expect(score).toBeGreaterThan(0.99);
    const scale = height / DRAWN_SIZE.height;
    for (const [landmark, [x, y]] of DRAWN_TRUTH) {
      const off = Math.hypot(points[landmark * 3]! - 150 - x * scale, points[landmark * 3 + 1]! - 40 - y * scale);
      expect(off, `landmark ${landmark}`).toBeLessThan(0.01 * FACE_SHARE * height);
    }
  });

  it('gives irises five points and the depth of their eye', async () => {
    const picture = await draw(800, 720, { x: 100, y: 0, height: 720 });
    const { points } = await finder.landmarks(picture, (await finder.detect(picture))[0]!);
    expect(points).toHaveLength(478 * 3);
    for (const [iris, eye] of [
      [faceTopology.rightIris, faceTopology.rightEye],
      [faceTopology.leftIris, faceTopology.leftEye],
    ] as const) {
      // The iris is drawn with a radius of 16.5 px.
      for (const rim of iris.slice(1)) {
        const radius = Math.hypot(
          points[rim * 3]! - points[iris[0]! * 3]!,
          points[rim * 3 + 1]! - points[iris[0]! * 3 + 1]!,
        );
        expect(radius).toBeGreaterThan(11);
        expect(radius).toBeLessThan(22);
      }
      const depth = eye.reduce((sum, landmark) => sum + points[landmark * 3 + 2]!, 0) / eye.length;
      expect(points[iris[0]! * 3 + 2]).toBeCloseTo(depth, 3);
    }
  });

  it('stands still: one more look from its own landmarks moves the lips by less than half a percent', async () => {
    const picture = await draw(800, 720, { x: 100, y: 0, height: 720 });
    const first = await finder.landmarks(picture, (await finder.detect(picture))[0]!);
    const next = await finder.landmarks(picture, first);
    for (const landmark of faceTopology.outerLips)
      expect(Math.abs(next.points[landmark * 3 + 1]! - first.points[landmark * 3 + 1]!)).toBeLessThan(0.005 * 393);
  });

  it('finds two faces, and a face of 20 px in a large picture', async () => {
    const two = await draw(1280, 720, { x: 100, y: 200, height: 420 }, { x: 760, y: 220, height: 420 });
    expect(await finder.detect(two)).toHaveLength(2);
    const small = Math.round(20 / FACE_SHARE);
    const [far] = await finder.detect(await draw(1280, 720, { x: 900, y: 500, height: small }));
    expect(far?.centre.x).toBeGreaterThan(895);
    expect(far?.centre.x).toBeLessThan(900 + small);
  });

  it('finds nothing on an empty wall', async () => {
    expect(await finder.detect(await draw(640, 480))).toEqual([]);
  });

  it.each([
    [0, 0],
    [30, 0],
    [-30, 0],
    [0, 25],
    [0, -25],
  ])('measures a head turned by %i degrees to the side and %i down', async (yaw, pitch) => {
    const picture = await draw(800, 720, { x: 100, y: 0, height: 720 });
    const straight = await finder.landmarks(picture, (await finder.detect(picture))[0]!);
    const turned = turnFace(picture, straight.points, yaw * DEGREE, pitch * DEGREE);
    const seen = await finder.landmarks(turned, (await finder.detect(turned))[0]!);
    const pose = measureHeadPose(seen.points);
    // The mesh guesses depth from one picture: within ten degrees is what it can.
    expect(Math.abs(pose.yawDegrees - yaw)).toBeLessThan(10);
    expect(Math.abs(pose.pitchDegrees - pitch)).toBeLessThan(10);
    expect(Math.abs(pose.rollDegrees)).toBeLessThan(3);
  });
});

describe('the pyramid', () => {
  it('samples a fine checkerboard as even grey, not as a pattern', () => {
    const size = 1024;
    const pixels = new Uint8Array(size * size * 3);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++)
        pixels.fill((x + y) % 2 === 0 ? 255 : 0, (y * size + x) * 3, (y * size + x) * 3 + 3);
    const out = new Float32Array(64 * 64 * 3);
    new PicturePyramid({ width: size, height: size, pixels }).sample(
      { centre: { x: 512, y: 512 }, side: 700, angle: 0.3 },
      64,
      out,
    );
    // Grey of 127.5 is rounded up to 128 by the first halving.
    expect(Math.max(...out) - 128 / 255).toBeCloseTo(0, 2);
    expect(Math.min(...out) - 128 / 255).toBeCloseTo(0, 2);
  });

  it('samples at full size exactly, and black outside', () => {
    const pixels = Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => i);
    const pyramid = new PicturePyramid({ width: 4, height: 4, pixels });
    const out = new Float32Array(4 * 4 * 3);
    pyramid.sample({ centre: { x: 2, y: 2 }, side: 4, angle: 0 }, 4, out);
    expect(Array.from(out, (value) => Math.round(value * 255))).toEqual([...pixels]);
    pyramid.sample({ centre: { x: 102, y: 2 }, side: 4, angle: 0 }, 4, out);
    expect(Math.max(...out)).toBe(0);
  });
});

describe('tiles', () => {
  it('cover the picture to its edges', () => {
    for (const [width, height, divisor] of [
      [1280, 720, 1],
      [1280, 720, 2],
      [705, 1216, 4],
    ] as const) {
      const tiles = tilesOf({ width, height }, divisor);
      const side = tiles[0]!.side;
      for (const [axis, length] of [
        ['x', width],
        ['y', height],
      ] as const) {
        expect(Math.min(...tiles.map((tile) => tile.centre[axis] - side / 2))).toBeLessThanOrEqual(0);
        expect(Math.max(...tiles.map((tile) => tile.centre[axis] + side / 2))).toBeGreaterThanOrEqual(length - 1e-6);
      }
    }
  });
});
