import { readFileSync } from 'node:fs';
import type { PreparedFace } from '../../../src/api/avatar.ts';
import { rgb24ToI420 } from '../../../src/media/color.ts';
import {
  LEFT_EYE,
  LIP_CORNERS,
  LOWER_INNER,
  LOWER_LIP_ROWS,
  lidRingOf,
  POINT,
  RIGHT_EYE,
  UPPER_INNER,
  UPPER_LIP_ROWS,
} from '../../../src/plugins/puppet/face-points.ts';
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
    passthrough: [],
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

/** How far the mouth of a talking clip is open in each frame, in pixels: silence, talk without a pause, silence. */
export const CLIP_OPENINGS_PX = [...zeros(9), 3, 7, 10, 6, 9, 4, 8, 10, 5, ...zeros(10)];
/** Frames of that clip whose mouth is shut and stays so for six frames around. */
export const CALM_FRAMES = [0, 1, 2, 3, 24, 25, 26, 27];

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

/** The drawn portrait moved sideways, with its lower lip and chin lowered. */
function talkingLandmarks(openPx: number, shiftPx: number): Float32Array {
  const landmarks = faceLandmarks();
  const [right, left] = [landmarks[POINT.rightMouthCorner * 3]!, landmarks[POINT.leftMouthCorner * 3]!];
  const [middle, half] = [(right + left) / 2, (left - right) / 2];
  const lower = new Set<number>(LOWER_LIP_ROWS.flat());
  // Shut lips meet exactly.
  UPPER_INNER.forEach((upper, place) => {
    const down = LOWER_INNER[place]!;
    for (const axis of [0, 1]) {
      const meeting = (landmarks[upper * 3 + axis]! + landmarks[down * 3 + axis]!) / 2;
      landmarks[upper * 3 + axis] = landmarks[down * 3 + axis] = meeting;
    }
  });
  const mouthY = landmarks[POINT.upperLipMiddle * 3 + 1]!;
  const upper = new Set<number>([...UPPER_LIP_ROWS.flat(), ...LIP_CORNERS]);
  for (let point = 0; point < 478; point++) {
    const [x, y] = [landmarks[point * 3]!, landmarks[point * 3 + 1]!];
    const arch = Math.sqrt(Math.max(0, 1 - ((x - middle) / half) ** 2));
    const jaw = 0.8 * Math.max(0, 1 - ((x - middle) / (2 * half)) ** 2) * Math.min(1, Math.max(0, (y - mouthY) / 6));
    if (!upper.has(point)) landmarks[point * 3 + 1] = y + openPx * (lower.has(point) ? arch : jaw);
    landmarks[point * 3] = x + shiftPx;
  }
  return landmarks;
}

/** Paints a face whose lips are red all over, with white teeth between them where they are apart. */
function paintTalkingFace(landmarks: Float32Array, openPx: number): Uint8Array {
  const rgb = paintFace(landmarks);
  const point = (index: number) => ({ x: landmarks[index * 3]!, y: landmarks[index * 3 + 1]! });
  const corners = [point(POINT.rightMouthCorner), point(POINT.leftMouthCorner)] as const;
  const ring = (upper: readonly number[], lower: readonly number[]) => [
    corners[0],
    ...upper.map(point),
    corners[1],
    ...lower.toReversed().map(point),
  ];
  const lips = ring(UPPER_LIP_ROWS[3], LOWER_LIP_ROWS[3]);
  const mouth = [...UPPER_INNER.map(point), ...LOWER_INNER.slice(1, -1).toReversed().map(point)];
  const line = UPPER_INNER.map(point);
  fill(rgb, (x, y) => isInside(lips, x, y), [176, 96, 92]);
  if (openPx > 0) fill(rgb, (x, y) => isInside(mouth, x, y), [228, 222, 210]);
  else {
    const isLine = (x: number, y: number) =>
      x > line[0]!.x && x < line.at(-1)!.x && Math.abs(y - heightAt(line, x)) < 0.9;
    fill(rgb, isLine, [90, 40, 40]);
  }
  return rgb;
}

/** A clip of {@link faceSize} in which the face sways and talks: landmarks, RGB and I420 pictures of every frame. */
export interface DrawnClip {
  readonly face: PreparedFace;
  readonly bodies: readonly Uint8Array[];
  readonly landmarks: readonly Float32Array[];
}

/** Draws a clip. @param openingsPx of the mouth, frame by frame. */
export function drawClip(
  openingsPx: readonly number[] = CLIP_OPENINGS_PX,
  passthrough: readonly number[] = [],
): DrawnClip {
  const landmarks = openingsPx.map((openPx, frame) => talkingLandmarks(openPx, 4 * Math.sin(frame / 4)));
  const pictures = landmarks.map((points, frame) => paintTalkingFace(points, openingsPx[frame]!));
  const face: PreparedFace = {
    ...faceSize,
    pixels: async (frame) => pictures[frame]!,
    frameCount: openingsPx.length,
    landmarks: Float32Array.from(landmarks.flatMap((points) => [...points])),
    masks: new Uint8Array(0),
    faceBoxes: [],
    passthrough,
  };
  return { face, bodies: pictures.map(toI420), landmarks };
}
