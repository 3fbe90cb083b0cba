import { heightOf, noseOf } from '../choose-face.ts';
import type { FaceFinder, FaceLandmarks } from '../find-face.ts';
import type { Picture } from '../picture.ts';
import { lookNear } from './look-near.ts';

/** Below this the mesh doubts what it sees, and what was seen before is kept. */
const MIN_SCORE = 0.5;
/** The same face seen in more pixels cannot lie further off than this share of its height. */
const MAX_STEP = 0.08;

/**
 * The landmarks at final pixels: one more look from those of the survey. Where the look fails or slides away (a profile, a
 * hand), those of the survey stay.
 * @param start Float32 `[478, 3]`, the survey's landmarks mapped to the picture ({@link mapPoints}).
 */
export async function refineFrame(finder: FaceFinder, picture: Picture, start: Float32Array): Promise<FaceLandmarks> {
  const found = await lookNear(finder, picture, start);
  const from = noseOf({ points: start });
  const to = noseOf(found);
  const height = heightOf(start);
  const step = Math.max(Math.hypot(to.x - from.x, to.y - from.y), Math.abs(heightOf(found.points) - height));
  return found.score >= MIN_SCORE && step <= MAX_STEP * height ? found : { points: start, score: found.score };
}

/**
 * Landmarks of one framing in another: `(x - left) * scale`, depth scaled alike.
 * @param points Float32 `[n * 3]`; not changed.
 * @param part left and top edge of the new framing, in the old one's pixels.
 * @param scale new pixels per old pixel.
 */
export function mapPoints(points: Float32Array, part: { x: number; y: number }, scale: number): Float32Array {
  const mapped = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    mapped[i] = (points[i]! - part.x) * scale;
    mapped[i + 1] = (points[i + 1]! - part.y) * scale;
    mapped[i + 2] = points[i + 2]! * scale;
  }
  return mapped;
}
