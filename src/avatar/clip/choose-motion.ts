import { LANDMARK_COUNT } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { mouthGapOf, SHUT_GAP } from '../report/measure-face.ts';
import type { FaceTrack } from './clip.ts';
import { type FrameRange, runsOf } from './face-track.ts';

/** How the frames of a clip repeat. */
export interface ClipMotion {
  readonly motion: 'loop' | 'ping-pong';
  /** The source's frames that are used. */
  readonly range: FrameRange;
  /** A loop's last frames fade into its first ones, which are not shown besides: it has so many frames less. */
  readonly fadeFrames: number;
}

/** What is asked for; `auto` takes a loop where one cannot be seen. */
export type MotionWish = 'auto' | 'loop' | 'ping-pong';

/** A loop's end fades into its beginning over this many frames; in a short clip over a quarter of it. */
const FADE_FRAMES = 12;
/** A loop nobody asked for is at least this long, and at least this share of what there is. In frames. */
const MIN_LOOP_FRAMES = 3 * FRAMES_PER_SECOND;
const MIN_LOOP_SHARE = 0.5;
/**
 * How far head and picture may differ between end and beginning for a fade that is not seen: landmarks on average as a share
 * of the face's height (4 px of 300 are seen as a short softness only), the 32x32 thumbnails in steps of 255.
 */
const MAX_HEAD_STEP = 0.014;
const MAX_PICTURE_STEP = 4;
/** How much smaller the share of usable frames may be in a loop nobody asked for. */
const MAX_LOST_SHARE = 0.02;
/** Landmarks of what is not drawn anew: brows, eye corners, nose, temples, cheeks. The mouth will be another one anyway. */
const FIXED = [10, 33, 133, 362, 263, 70, 300, 105, 334, 168, 6, 1, 98, 327, 127, 356, 234, 454, 50, 280];
/** The idle stretch: at least this long, in frames, and not rated better for being longer than so many. */
const MIN_IDLE_FRAMES = 1.5 * FRAMES_PER_SECOND;
const LONG_IDLE_FRAMES = 10 * FRAMES_PER_SECOND;
/** How fast a calm head may move, as a share of its height in a frame: 2 px of 300, and what halves its rating. */
const CALM_STEP = 0.007;
/** Lips may part for so many frames within a stretch: the mesh is not sure of every frame. */
const MAX_PARTED_FRAMES = 2;

/**
 * Chooses how a clip repeats: as a loop where its end can be faded into its beginning without being seen, otherwise to and
 * fro.
 * @param thumbnails see-cut.ts's, one for each frame of the track. @param range frames that may be used, of one shot.
 */
export function chooseMotion(
  track: FaceTrack,
  thumbnails: readonly Uint8Array[],
  range: FrameRange,
  wish: MotionWish,
): ClipMotion {
  const pingPong: ClipMotion = { motion: 'ping-pong', range, fadeFrames: 0 };
  if (wish === 'ping-pong') return pingPong;
  const length = range.end - range.start;
  const fadeFrames = Math.min(FADE_FRAMES, Math.floor(length / 4));
  const least = Math.max(fadeFrames * 2 + 1, length * MIN_LOOP_SHARE, wish === 'loop' ? 0 : MIN_LOOP_FRAMES);
  const seam = findSeam(track, thumbnails, range, { fadeFrames, least: least + fadeFrames });
  if (!seam) return pingPong;
  // A loop must not leave out the good frames and keep those without a usable face.
  const isPoorer = usableShare(track, seam.range) < usableShare(track, range) - MAX_LOST_SHARE;
  if (wish === 'auto' && (seam.cost > 1 || isPoorer)) return pingPong;
  return { motion: 'loop', range: seam.range, fadeFrames };
}

function usableShare({ faults }: FaceTrack, { start, end }: FrameRange): number {
  return faults.slice(start, end).filter((fault) => fault === undefined).length / (end - start);
}

interface Seam {
  readonly range: FrameRange;
  /** 1: at the limit of what is not seen. */
  readonly cost: number;
}

/** The longest loop whose seam is good; where none is, the one with the best seam. */
function findSeam(
  track: FaceTrack,
  thumbnails: readonly Uint8Array[],
  range: FrameRange,
  { fadeFrames, least }: { readonly fadeFrames: number; readonly least: number },
): Seam | undefined {
  let best: Seam | undefined;
  // `span`: from a frame at the beginning to the one at the end that fades into it. Longest first.
  for (let span = range.end - range.start - fadeFrames; span + fadeFrames >= least; span--) {
    const pairs = range.end - range.start - span;
    const steps = Float32Array.from({ length: pairs }, (_, i) => {
      const from = range.start + i;
      return stepBetween(track, thumbnails, from, from + span);
    });
    for (let first = 0; first + fadeFrames <= pairs; first++) {
      const cost = meanOf(steps.subarray(first, first + fadeFrames));
      if (best && cost >= best.cost) continue;
      const start = range.start + first;
      best = { range: { start, end: start + span + fadeFrames }, cost };
    }
    if (best && best.cost <= 1) return best;
  }
  return best;
}

/** How different two frames are, 1 = at the limit; a frame that cannot be driven is different from every other. */
function stepBetween(track: FaceTrack, thumbnails: readonly Uint8Array[], a: number, b: number): number {
  if (track.faults[a] !== undefined || track.faults[b] !== undefined) return 100;
  const head = headStep(track, a, b) / MAX_HEAD_STEP;
  // Looking at the rest costs a hundred times as much, and changes nothing any more.
  return head > 1 ? head : Math.max(head, meanDifference(thumbnails[a]!, thumbnails[b]!) / MAX_PICTURE_STEP);
}

/** How far the head is moved between two frames: mean over fixed landmarks, as a share of the face's height. */
function headStep({ points }: FaceTrack, a: number, b: number): number {
  const from = a * LANDMARK_COUNT * 3;
  const to = b * LANDMARK_COUNT * 3;
  let sum = 0;
  for (const landmark of FIXED) {
    const at = landmark * 3;
    sum += Math.hypot(points[to + at]! - points[from + at]!, points[to + at + 1]! - points[from + at + 1]!);
  }
  const height = Math.hypot(
    points[from + 152 * 3]! - points[from + 10 * 3]!,
    points[from + 152 * 3 + 1]! - points[from + 10 * 3 + 1]!,
  );
  return sum / FIXED.length / Math.max(1, height);
}

/**
 * The best stretch in which the person only listens: lips shut, face usable, calm, at least 1.5 s. Undefined where there is
 * none.
 */
export function chooseIdle(track: FaceTrack, range: FrameRange): FrameRange | undefined {
  const length = LANDMARK_COUNT * 3;
  const isShut = track.faults.map((fault, i) => {
    if (fault !== undefined || i < range.start || i >= range.end) return false;
    return mouthGapOf(track.points.subarray(i * length, (i + 1) * length)) <= SHUT_GAP;
  });
  let best: FrameRange | undefined;
  let most = 0;
  for (const run of shutRuns(isShut, range)) {
    const frames = run.end - run.start;
    if (frames < MIN_IDLE_FRAMES) continue;
    let motion = 0;
    for (let i = run.start + 1; i < run.end; i++) motion += headStep(track, i - 1, i);
    const rating = Math.min(frames, LONG_IDLE_FRAMES) / (1 + motion / (frames - 1) / CALM_STEP);
    if (rating <= most) continue;
    most = rating;
    best = run;
  }
  return best;
}

/** Stretches with shut lips; one or two parted frames between do not end a stretch, but faults do. */
function shutRuns(isShut: readonly boolean[], range: FrameRange): FrameRange[] {
  const marks = isShut.map((shut) => (shut ? undefined : ('hidden' as const)));
  const runs = runsOf(marks, range);
  const joined: { start: number; end: number }[] = [];
  for (const run of runs) {
    if (marks[run.start] !== undefined) continue;
    const last = joined.at(-1);
    if (last && run.start - last.end <= MAX_PARTED_FRAMES) last.end = run.end;
    else joined.push({ ...run });
  }
  return joined;
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

function meanOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
