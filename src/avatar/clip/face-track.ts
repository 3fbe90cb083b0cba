import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { measureHeadPose } from '../head-pose.ts';
import type { FaceTrack, FrameFault } from './clip.ts';
import { findHidden } from './find-hidden.ts';
import type { FollowOptions } from './follow-face.ts';
import type { FollowedFrame } from './followed-frame.ts';

/** Frames of one shot: from the first to before the second. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

/** A face that is merely missed for up to this many frames is put where it must have been. */
const MAX_GAP_FRAMES = 5;
/** A fault as short as this is a face at the limit: stopping the mouth for it would look worse. */
const MAX_BLIP_FRAMES = 2;
/** Usable frames between faults are used when there are at least this many: fewer would make the mouth flicker. */
const MIN_USABLE_FRAMES = 5;
/** Up to here a head's colours are compared with those of the rest of the shot. */
const MAX_LOOK_YAW_DEGREES = 22;
const VALUES = LANDMARK_COUNT * 3;

/**
 * The face through the whole clip: gaps are closed, frames in which the mouth is hidden are found, and what is too short to
 * be used becomes a fault. Frames without a face carry the landmarks of the nearest frame of their shot that has some.
 * @param size of the pictures that were followed.
 * @throws AppError NO_FACE, NO_SUCH_FACE when no frame has the face.
 */
export function trackOf(frames: readonly FollowedFrame[], size: Size, options: FollowOptions): FaceTrack {
  checkFound(frames, options);
  const cuts = frames.flatMap((frame, i) => (frame.isCut && i > 0 ? [i] : []));
  const points = new Float32Array(frames.length * VALUES);
  const faults = frames.map((frame) => frame.fault);
  const track = {
    size,
    frameCount: frames.length,
    points,
    scores: Float32Array.from(frames, (frame) => frame.score),
    faults,
    cuts,
  };
  for (const shot of shotsOf(track)) {
    markHidden(frames, faults, shot);
    fillPoints(frames, points, shot);
    closeGaps(frames, faults, shot);
    for (const run of runsOf(faults, shot)) if (isBlip(run, shot, faults)) faults.fill(undefined, run.start, run.end);
    dropShortRuns(faults, shot);
  }
  return track;
}

/** The shots of a clip, one after another: what lies between cuts. */
export function shotsOf({ cuts, frameCount }: Pick<FaceTrack, 'cuts' | 'frameCount'>): FrameRange[] {
  const starts = [0, ...cuts];
  return starts.map((start, i) => ({ start, end: starts[i + 1] ?? frameCount }));
}

/**
 * The stretch an avatar is made of: of the shots the one with most usable frames (the first of equals), without frames
 * that show no face at its ends. Empty when no frame can be used.
 */
export function longestShot(track: FaceTrack): FrameRange {
  let best: FrameRange = { start: 0, end: 0 };
  let most = 0;
  for (const shot of shotsOf(track)) {
    const usable = track.faults.slice(shot.start, shot.end).filter((fault) => fault === undefined).length;
    if (usable <= most) continue;
    most = usable;
    best = shot;
  }
  let { start, end } = best;
  while (start < end && track.faults[start] === 'no-face') start++;
  while (end > start && track.faults[end - 1] === 'no-face') end--;
  return { start, end };
}

/** The frames of a shot as stretches with equal faults (or equally without), one after another. */
export function runsOf(faults: readonly (FrameFault | undefined)[], shot: FrameRange): FrameRange[] {
  const runs: FrameRange[] = [];
  for (let start = shot.start; start < shot.end; ) {
    let end = start + 1;
    while (end < shot.end && faults[end] === faults[start]) end++;
    runs.push({ start, end });
    start = end;
  }
  return runs;
}

function checkFound(frames: readonly FollowedFrame[], { source, face }: FollowOptions): void {
  if (frames.some((frame) => frame.points)) return;
  const seen = Math.max(0, ...frames.map((frame) => frame.others?.length ?? 0));
  if (face !== undefined && seen > 0)
    throw new AppError('NO_SUCH_FACE', `There is no face ${face} in ${source}: ${seen} found.`, {
      fix: seen === 1 ? 'Leave out --face' : `Choose from the left: --face 1 … --face ${seen}`,
    });
  throw new AppError('NO_FACE', `No face was found in ${source}, in none of ${frames.length} frames.`, {
    fix: 'Use a clip in which a face looks into the camera, upright, well lit and not covered',
  });
}

/** Light falls differently on a head that is turned away: its colours would look as if something covered them. */
function canJudgeLook({ points, fault }: FollowedFrame): boolean {
  return (
    points !== undefined && fault === undefined && Math.abs(measureHeadPose(points).yawDegrees) < MAX_LOOK_YAW_DEGREES
  );
}

function markHidden(frames: readonly FollowedFrame[], faults: (FrameFault | undefined)[], shot: FrameRange): void {
  const part = frames.slice(shot.start, shot.end);
  const hidden = findHidden(part.map((frame) => (canJudgeLook(frame) ? frame.look : undefined)));
  hidden.forEach((isHidden, i) => {
    if (isHidden) faults[shot.start + i] ??= 'hidden';
  });
  // A head on its way to a profile looks as if something covered it: what goes over into a turn is part of it.
  for (const { start, end } of runsOf(faults, shot)) {
    if (faults[start] !== 'hidden' || end - start > MAX_GAP_FRAMES) continue;
    if (faults[start - 1] === 'turned' || faults[end] === 'turned') faults.fill('turned', start, end);
  }
}

/**
 * Writes the landmarks of each frame of the shot, or of the nearest frame that has some. A shot without any face takes
 * those of another one: they are never used, but never nonsense.
 */
function fillPoints(frames: readonly FollowedFrame[], points: Float32Array, shot: FrameRange): void {
  const inShot = facesIn(frames, shot);
  const known = inShot.length > 0 ? inShot : facesIn(frames, { start: 0, end: frames.length });
  let nearest = 0;
  for (let i = shot.start; i < shot.end; i++) {
    while (nearest + 1 < known.length && Math.abs(known[nearest + 1]! - i) < Math.abs(known[nearest]! - i)) nearest++;
    points.set(frames[known[nearest]!]!.points!, i * VALUES);
  }
  interpolateGaps(frames, points, shot);
}

function facesIn(frames: readonly FollowedFrame[], { start, end }: FrameRange): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i).filter((i) => frames[i]!.points);
}

/** Short gaps between two frames with a face: straight from one to the other. */
function interpolateGaps(frames: readonly FollowedFrame[], points: Float32Array, shot: FrameRange): void {
  for (const gap of gapsOf(frames, shot)) {
    const from = (gap.start - 1) * VALUES;
    const to = gap.end * VALUES;
    for (let i = gap.start; i < gap.end; i++) {
      const share = (i - gap.start + 1) / (gap.end - gap.start + 1);
      for (let k = 0; k < VALUES; k++)
        points[i * VALUES + k] = points[from + k]! * (1 - share) + points[to + k]! * share;
    }
  }
}

/** A gap between usable frames is no fault once it is interpolated. */
function closeGaps(frames: readonly FollowedFrame[], faults: (FrameFault | undefined)[], shot: FrameRange): void {
  for (const gap of gapsOf(frames, shot)) {
    const edges = [faults[gap.start - 1], faults[gap.end]];
    const fault = edges.find((edge) => edge !== undefined);
    faults.fill(fault, gap.start, gap.end);
  }
}

/** Stretches without landmarks, short, with landmarks on both sides. */
function gapsOf(frames: readonly FollowedFrame[], shot: FrameRange): FrameRange[] {
  const isMissing = frames.map((frame) => (frame.points ? undefined : ('no-face' as const)));
  return runsOf(isMissing, shot).filter(
    ({ start, end }) => isMissing[start] && end - start <= MAX_GAP_FRAMES && start > shot.start && end < shot.end,
  );
}

function isBlip(run: FrameRange, shot: FrameRange, faults: readonly (FrameFault | undefined)[]): boolean {
  return (
    faults[run.start] !== undefined &&
    faults[run.start] !== 'no-face' &&
    run.end - run.start <= MAX_BLIP_FRAMES &&
    run.start > shot.start &&
    run.end < shot.end &&
    faults[run.start - 1] === undefined &&
    faults[run.end] === undefined
  );
}

/** Too few usable frames beside a fault become part of it. */
function dropShortRuns(faults: (FrameFault | undefined)[], shot: FrameRange): void {
  for (const { start, end } of runsOf(faults, shot)) {
    if (faults[start] !== undefined || end - start >= MIN_USABLE_FRAMES) continue;
    const beside = (start > shot.start ? faults[start - 1] : undefined) ?? (end < shot.end ? faults[end] : undefined);
    if (beside) faults.fill(beside, start, end);
  }
}
