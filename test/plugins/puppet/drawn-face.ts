import { readFileSync } from 'node:fs';
import { rgb24ToI420 } from '../../../src/media/color.ts';
import { LEFT_EYE, LOWER_INNER, lidRingOf, RIGHT_EYE, UPPER_INNER } from '../../../src/plugins/puppet/face-points.ts';
import type { PuppetFields } from '../../../src/plugins/puppet/fields-file.ts';
import { prepareFields } from '../../../src/plugins/puppet/prepare.ts';
import { PuppetAvatar } from '../../../src/plugins/puppet/puppet-avatar.ts';

export const faceSize = { width: 640, height: 360 };

/** Landmarks of a real (drawn) portrait, Float32 `[478, 3]`. */
export function faceLandmarks(): Float32Array {
  const file = new URL('../../fixtures/face-landmarks.json', import.meta.url);
  const { landmarks } = JSON.parse(readFileSync(file, 'utf8')) as { landmarks: number[][] };
  return Float32Array.from(landmarks.flat());
}

type Colour = readonly [number, number, number];
const SKIN: Colour = [206, 160, 136];

/** Paints polygons and discs over plain skin: eyes white with dark irises, lips closed along a dark line. */
export function paintFace(landmarks: Float32Array, lipLineOffsetPx = 0): Uint8Array {
  const { width, height } = faceSize;
  const rgb = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    // A soft gradient, so that every displacement shows somewhere.
    rgb.set([SKIN[0] - (at % width) * 0.05, SKIN[1] - Math.floor(at / width) * 0.06, SKIN[2]], at * 3);
  }
  const point = (index: number) => ({ x: landmarks[index * 3]!, y: landmarks[index * 3 + 1]! });
  for (const eye of [RIGHT_EYE, LEFT_EYE]) {
    const lids = lidRingOf(eye).map(point);
    const iris = point(eye.iris[0]!);
    fill(rgb, (x, y) => isInside(lids, x, y), [232, 230, 226]);
    fill(rgb, (x, y) => isInside(lids, x, y) && Math.hypot(x - iris.x, y - iris.y) < 4.6, [30, 24, 20]);
  }
  const line = UPPER_INNER.map((upper, place) => {
    const [a, b] = [point(upper), point(LOWER_INNER[place]!)];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 + lipLineOffsetPx };
  });
  fill(rgb, (x, y) => Math.abs(y - heightAt(line, x)) < 5 && x > line[0]!.x && x < line.at(-1)!.x, [176, 96, 92]);
  fill(rgb, (x, y) => Math.abs(y - heightAt(line, x)) < 0.9 && x > line[0]!.x && x < line.at(-1)!.x, [70, 30, 30]);
  return rgb;
}

function fill(rgb: Uint8Array, covers: (x: number, y: number) => boolean, colour: Colour): void {
  for (let y = 0; y < faceSize.height; y++) {
    for (let x = 0; x < faceSize.width; x++) if (covers(x, y)) rgb.set(colour, (y * faceSize.width + x) * 3);
  }
}

function heightAt(line: readonly { x: number; y: number }[], x: number): number {
  const right = Math.max(
    1,
    line.findIndex((point) => point.x >= x),
  );
  const [a, b] = [line[right - 1]!, line[right]!];
  return a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x);
}

function isInside(polygon: readonly { x: number; y: number }[], x: number, y: number): boolean {
  let inside = false;
  polygon.forEach((a, index) => {
    const b = polygon[(index + 1) % polygon.length]!;
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  });
  return inside;
}

/** Fields worked out from a picture of {@link faceSize}. */
export function fieldsOf(rgb: Uint8Array, landmarks = faceLandmarks()): Promise<PuppetFields> {
  const face = {
    ...faceSize,
    pixels: async () => rgb,
    frameCount: 1,
    landmarks,
    masks: new Uint8Array(0),
    faceBoxes: [],
  };
  return prepareFields(face, new AbortController().signal);
}

/** RGB to a whole I420 picture of {@link faceSize}. */
export function toI420(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(faceSize.width * faceSize.height * 1.5);
  rgb24ToI420(rgb, faceSize, out);
  return out;
}

/** The painted face as an avatar, and its body picture. */
export async function openPaintedFace(): Promise<{ avatar: PuppetAvatar; body: Uint8Array; landmarks: Float32Array }> {
  const landmarks = faceLandmarks();
  const rgb = paintFace(landmarks);
  const body = toI420(rgb);
  return { avatar: PuppetAvatar.fromPictures('painted', 1, await fieldsOf(rgb, landmarks), [body]), body, landmarks };
}
