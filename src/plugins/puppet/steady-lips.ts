import { LANDMARK_COUNT } from '../../api/avatar.ts';
import { smoothstep } from './curves.ts';
import { LOWER_LIP_ROWS, POINT, UPPER_LIP_ROWS } from './face-points.ts';
import { HeadFit, type HeadPlace, toReference } from './head-fit.ts';

const NUMBERS = LANDMARK_COUNT * 3;
const FACE_POINTS = 468;
/** Weights of a frame and of those one and two away. */
const WINDOW = [6, 4, 1] as const;
/** Lips this far from where the frames around have them, in half mouth widths, do move. */
const MOTION = 0.07;
const LIPS = [...UPPER_LIP_ROWS, ...LOWER_LIP_ROWS].flat();

/**
 * Takes the tremble out of lips and jaw: the detector finds them anew in every frame, a pixel or two apart, and speech is
 * quick enough that a tracker hardly tells that from motion. Seen from the skull, so that the head's own motion stays; a
 * frame whose lips are far from those around it, as for a short "p", is left alone.
 * @param points Float32 `[frames, 478, 3]`; smoothed in place. @param runs of frames that belong together.
 */
export function steadyLips(
  points: Float32Array,
  runs: readonly { readonly start: number; readonly end: number }[],
): void {
  const first = runs[0];
  if (!first) return;
  const fit = new HeadFit(points.subarray(first.start * NUMBERS, (first.start + 1) * NUMBERS));
  const noseV = fit.model[POINT.underNose * 3 + 1]!;
  const shares = Float32Array.from({ length: FACE_POINTS }, (_, point) =>
    smoothstep(noseV, noseV * 0.6, fit.model[point * 3 + 1]!),
  );
  for (const { start, end } of runs) {
    const frames = Array.from({ length: end - start }, (_, step) =>
      points.subarray((start + step) * NUMBERS, (start + step + 1) * NUMBERS),
    );
    const places = frames.map((landmarks) => fit.place(landmarks));
    const seen = frames.map((landmarks, step) => see(landmarks, places[step]!, fit.model));
    const moves = new Float32Array(FACE_POINTS * 2);
    for (const [step, landmarks] of frames.entries()) {
      for (let at = 0; at < moves.length; at++) {
        const share = shares[at >> 1]!;
        moves[at] = share > 0 ? share * (meanAround(seen, step, at) - seen[step]![at]!) : 0;
      }
      const trembling = 1 / (1 + (lipMotion(moves) / MOTION) ** 4);
      const { acrossX, acrossY, downX, downY } = places[step]!;
      for (let point = 0; point < FACE_POINTS; point++) {
        const [u, v] = [moves[point * 2]! * trembling, moves[point * 2 + 1]! * trembling];
        landmarks[point * 3] = landmarks[point * 3]! + u * acrossX + v * downX;
        landmarks[point * 3 + 1] = landmarks[point * 3 + 1]! + u * acrossY + v * downY;
      }
    }
  }
}

/** How far the lips are from where their neighbours in time have them: root mean square, in half mouth widths. */
function lipMotion(moves: Float32Array): number {
  let sum = 0;
  for (const point of LIPS) sum += moves[point * 2]! ** 2 + moves[point * 2 + 1]! ** 2;
  return Math.sqrt(sum / LIPS.length);
}

function see(landmarks: Float32Array, place: HeadPlace, model: Float32Array): Float32Array {
  const seen = new Float32Array(FACE_POINTS * 2);
  for (let point = 0; point < FACE_POINTS; point++) {
    const { u, v } = toReference(place, model[point * 3 + 2]!, landmarks[point * 3]!, landmarks[point * 3 + 1]!);
    seen[point * 2] = u;
    seen[point * 2 + 1] = v;
  }
  return seen;
}

function meanAround(seen: readonly Float32Array[], step: number, at: number): number {
  let [sum, total] = [0, 0];
  for (let offset = 1 - WINDOW.length; offset < WINDOW.length; offset++) {
    const neighbour = seen[step + offset];
    if (!neighbour) continue;
    const weight = WINDOW[Math.abs(offset)]!;
    sum += neighbour[at]! * weight;
    total += weight;
  }
  return sum / total;
}
