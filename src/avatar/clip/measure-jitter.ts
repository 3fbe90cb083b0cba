import { LANDMARK_COUNT } from '../../api/avatar.ts';
import { heightOf } from '../choose-face.ts';
import type { FaceTrack } from './clip.ts';
import { runsOf, shotsOf } from './face-track.ts';
import { STILL_LANDMARKS } from './rigid-motion.ts';

/** How much a track trembles. */
export interface Jitter {
  /** Root mean square distance of the still landmarks from their smooth paths, in pixels; 0 without frames at rest. */
  readonly rmsPx: number;
  /** Frames at rest that were measured. */
  readonly frameCount: number;
}

/** Frames on either side that the path is fitted to: 9 frames, about a third of a second. */
const REACH = 4;
/** A head rests while it moves less than this share of its height in 1/25 s: 1 px for a face of 250 px. */
const REST_SPEED = 0.004;
/** Weights of the quadratic least-squares fit at the middle of nine samples (Savitzky and Golay 1964). */
const FIT = [-21, 14, 39, 54, 59, 54, 39, 14, -21].map((weight) => weight / 231);
/** Its slope there. */
const SLOPE = [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((weight) => weight / 60);

/**
 * The tremble of a track: how far the still landmarks are from a parabola through nine frames, at their middle, where the
 * head is at rest. Frames near a cut or fault are left out.
 */
export function measureJitter(track: FaceTrack): Jitter {
  let squares = 0;
  let frameCount = 0;
  for (const shot of shotsOf(track))
    for (const { start, end } of runsOf(track.faults, shot)) {
      if (track.faults[start] !== undefined) continue;
      for (let i = start + REACH; i < end - REACH; i++) {
        const square = squareAtRest(track.points, i);
        if (square === undefined) continue;
        squares += square;
        frameCount++;
      }
    }
  return { rmsPx: frameCount > 0 ? Math.sqrt(squares / frameCount) : 0, frameCount };
}

/** Mean square of the still landmarks' distances from their paths; undefined while the head moves. */
function squareAtRest(points: Float32Array, frame: number): number | undefined {
  const value = (at: number, step: number) => points[(frame + step) * LANDMARK_COUNT * 3 + at]!;
  const sum = (at: number, weights: readonly number[]) =>
    weights.reduce((total, weight, k) => total + weight * value(at, k - REACH), 0);
  const mean = (axis: number) =>
    STILL_LANDMARKS.reduce((total, i) => total + sum(i * 3 + axis, SLOPE), 0) / STILL_LANDMARKS.length;
  const height = heightOf(points.subarray(frame * LANDMARK_COUNT * 3, (frame + 1) * LANDMARK_COUNT * 3));
  if (Math.hypot(mean(0), mean(1)) > REST_SPEED * height) return undefined;
  let square = 0;
  for (const landmark of STILL_LANDMARKS)
    for (const at of [landmark * 3, landmark * 3 + 1]) square += (value(at, 0) - sum(at, FIT)) ** 2;
  return square / STILL_LANDMARKS.length;
}
