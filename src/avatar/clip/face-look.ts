import { heightOf } from '../choose-face.ts';
import { faceTopology } from '../face-topology.ts';
import type { Picture } from '../picture.ts';
import { landmarksAround } from './mesh-rings.ts';

/** How many edges of the mesh a landmark may be away from the lips to count as the mouth's surroundings. */
const MOUTH_REACH = 4;
/** Distance of the nine pixels that are averaged at a landmark, as a share of the face's height. */
const SAMPLE_STEP = 1 / 80;

const { mouth, rest } = chooseLandmarks();
const LANDMARKS = [...mouth, ...rest];
/** Length of a look: RGB per landmark, those round the mouth first. */
export const LOOK_BYTES = LANDMARKS.length * 3;
/** How many of a look's landmarks lie round the mouth: cheeks, chin, nose; the lips themselves are not in it. */
export const MOUTH_COUNT = mouth.length;

/** The colours of a face at landmarks of bare skin: what it is recognised by, and what shows that something hides it. */
export function lookOf({ width, height, pixels }: Picture, points: Float32Array): Uint8Array {
  const step = Math.max(1, heightOf(points) * SAMPLE_STEP);
  const look = new Uint8Array(LOOK_BYTES);
  LANDMARKS.forEach((landmark, i) => {
    const sums = [0, 0, 0];
    for (let row = -1; row <= 1; row++)
      for (let column = -1; column <= 1; column++) {
        const x = clampTo(points[landmark * 3]! + column * step, width);
        const y = clampTo(points[landmark * 3 + 1]! + row * step, height);
        for (let channel = 0; channel < 3; channel++) sums[channel]! += pixels[(y * width + x) * 3 + channel]!;
      }
    for (let channel = 0; channel < 3; channel++) look[i * 3 + channel] = Math.round(sums[channel]! / 9);
  });
  return look;
}

/**
 * How different two faces look, 0 … 255: the mean distance of their colours after both were brought to one brightness.
 * The same face stays below about 12 while it talks and turns a little.
 */
export function compareLooks(a: Uint8Array, b: Uint8Array): number {
  const gain = meanOf(a) / Math.max(1, meanOf(b));
  let sum = 0;
  for (let i = 0; i < LOOK_BYTES; i++) sum += Math.abs(a[i]! - b[i]! * gain);
  return sum / LOOK_BYTES;
}

function meanOf(look: Uint8Array): number {
  let sum = 0;
  for (const value of look) sum += value;
  return sum / look.length;
}

function clampTo(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, Math.floor(value)));
}

/** Landmarks of bare skin: off the outline, where the background shows, and off lips and eyes, which move. */
function chooseLandmarks(): { mouth: number[]; rest: number[] } {
  const { faceOval, refinedLips, refinedRightEye, refinedLeftEye } = faceTopology;
  const other = landmarksAround([...faceOval, ...refinedLips, ...refinedRightEye, ...refinedLeftEye], 1);
  const near = landmarksAround(refinedLips, MOUTH_REACH);
  const skin = [...new Set(faceTopology.triangles.flat())].sort((a, b) => a - b).filter((i) => !other.has(i));
  return { mouth: skin.filter((i) => near.has(i)), rest: skin.filter((i) => !near.has(i)) };
}
