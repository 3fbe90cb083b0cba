import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { Rect, Size } from '../../api/media.ts';
import { faceBoxOf } from '../face-box.ts';
import type { FaceTrack } from './clip.ts';
import { shotsOf } from './face-track.ts';
import { smoothSignals } from './smooth-signals.ts';

/** Share of the usable frames whose box must fit into the one size: the rest are yawns and landmarks gone astray. */
const FITTING_SHARE = 0.98;
/** The box stays while its place is within this many pixels of where it ought to be: even pixels are 2 apart. */
const DEAD_BAND_PX = 1.6;
/** A box is believed to tremble this much, as a share of its height: what it does below that is not followed. */
const TREMBLE_SHARE = 0.004;

/**
 * MuseTalk's face box in every frame: one even size for the whole clip, on a path of even positions that follows the head
 * and stands still when it does, inside the frame. Frames with a fault lie on the way between their neighbours.
 * @param track smoothed (smooth-track.ts), in pixels of `frame`.
 */
export function planBoxes(track: FaceTrack, frame: Size): Rect[] {
  const boxes = Array.from({ length: track.frameCount }, (_, i) =>
    faceBoxOf(track.points.subarray(i * LANDMARK_COUNT * 3, (i + 1) * LANDMARK_COUNT * 3), frame),
  );
  const isUsable = (i: number) => track.faults[i] === undefined;
  const some = boxes.some((_, i) => isUsable(i)) ? boxes.filter((_, i) => isUsable(i)) : boxes;
  const width = Math.min(evenFloor(frame.width), evenCeil(robustMost(some.map((box) => box.width))));
  const height = Math.min(evenFloor(frame.height), evenCeil(robustMost(some.map((box) => box.height))));
  const planned: Rect[] = [];
  for (const { start, end } of shotsOf(track)) {
    // Middles, not corners: a box that is smaller than the one size stays in the middle of it.
    const x = pathOf(start, end, isUsable, (i) => boxes[i]!.x + boxes[i]!.width / 2, height);
    const y = pathOf(start, end, isUsable, (i) => boxes[i]!.y + boxes[i]!.height / 2, height);
    const columns = stepPath(x, width, frame.width);
    const rows = stepPath(y, height, frame.height);
    for (let i = 0; i < end - start; i++) planned.push({ x: columns[i]!, y: rows[i]!, width, height });
  }
  return planned;
}

/** One coordinate over a shot: gaps filled, then smoothed as strongly as its motion allows. */
function pathOf(
  start: number,
  end: number,
  isUsable: (frame: number) => boolean,
  middleOf: (frame: number) => number,
  boxHeight: number,
): Float64Array {
  const known = Array.from({ length: end - start }, (_, i) => start + i).filter(isUsable);
  const filled = Float64Array.from({ length: end - start }, (_, i) => {
    if (known.length === 0) return middleOf(start + i);
    const after = known.findIndex((frame) => frame >= start + i);
    const to = known[after === -1 ? known.length - 1 : after]!;
    const from = known[Math.max(0, (after === -1 ? known.length : after) - 1)]!;
    if (to <= start + i || from >= start + i) return middleOf(after === 0 || to <= start + i ? to : from);
    const share = (start + i - from) / (to - from);
    return middleOf(from) * (1 - share) + middleOf(to) * share;
  });
  return smoothSignals([filled], 1, Float64Array.of(boxHeight * TREMBLE_SHARE))[0]!;
}

/** Even positions of an edge that follow a middle, with play, so that a box at rest does not tremble. */
function stepPath(middles: Float64Array, size: number, limit: number): number[] {
  const most = evenFloor(limit - size);
  let at: number | undefined;
  return Array.from(middles, (middle) => {
    const wanted = middle - size / 2;
    if (at === undefined || Math.abs(wanted - at) > DEAD_BAND_PX) at = Math.round(wanted / 2) * 2;
    at = Math.min(most, Math.max(0, at));
    return at;
  });
}

function robustMost(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((sorted.length - 1) * FITTING_SHARE)]!;
}

function evenFloor(value: number): number {
  return Math.floor(value / 2) * 2;
}

function evenCeil(value: number): number {
  return Math.ceil(value / 2) * 2;
}
