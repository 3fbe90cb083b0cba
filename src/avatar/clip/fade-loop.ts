import type { Picture } from '../picture.ts';
import type { ClipMotion } from './choose-motion.ts';
import type { FaceTrack, FrameFault } from './clip.ts';

/** A frame of the finished avatar. */
export interface LoopFrame {
  /** Counted from 0 in the avatar. */
  readonly index: number;
  /** Valid until the next one. */
  readonly picture: Picture;
}

/**
 * Makes a loop's frames of a clip's, which are given in order: the first ones are kept back, and the last ones fade into
 * them, so that the avatar's last frame goes over into its first. To and fro, every frame stays what it is.
 * @returns a function that gives the avatar's frame for the clip's, undefined for those that are kept back.
 */
export function fadePictures({ range, fadeFrames }: ClipMotion) {
  const length = range.end - range.start;
  const head: Uint8Array[] = [];
  let mixed = new Uint8Array(0);
  return (picture: Picture, index: number): LoopFrame | undefined => {
    if (index < fadeFrames) {
      head.push(picture.pixels.slice());
      return undefined;
    }
    const step = index - (length - fadeFrames);
    if (step < 0 || fadeFrames === 0) return { index: index - fadeFrames, picture };
    const to = head[step]!;
    const from = picture.pixels;
    if (mixed.length !== from.length) mixed = new Uint8Array(from.length);
    // In whole 256ths: one multiplication for each byte.
    const share = Math.round(256 * shareOf(step, fadeFrames));
    for (let i = 0; i < from.length; i++) mixed[i] = (from[i]! * (256 - share) + to[i]! * share + 128) >> 8;
    return { index: index - fadeFrames, picture: { ...picture, pixels: mixed } };
  };
}

/** The same for landmarks: those of the avatar's frames, with their scores and faults. */
export function fadeTrack(track: FaceTrack, fadeFrames: number): FaceTrack {
  if (fadeFrames === 0) return track;
  const values = track.points.length / track.frameCount;
  const frameCount = track.frameCount - fadeFrames;
  const points = track.points.slice(fadeFrames * values);
  const scores = track.scores.slice(fadeFrames);
  const faults: (FrameFault | undefined)[] = track.faults.slice(fadeFrames);
  for (let step = 0; step < fadeFrames; step++) {
    const frame = frameCount - fadeFrames + step;
    const share = shareOf(step, fadeFrames);
    for (let i = 0; i < values; i++) {
      const at = frame * values + i;
      points[at] = points[at]! * (1 - share) + track.points[step * values + i]! * share;
    }
    scores[frame] = Math.min(scores[frame]!, track.scores[step]!);
    faults[frame] ??= track.faults[step];
  }
  return { ...track, frameCount, points, scores, faults };
}

/** How much of the beginning is in the frame: rising softly, never 0 or 1. */
function shareOf(step: number, fadeFrames: number): number {
  const t = (step + 1) / (fadeFrames + 1);
  return t * t * (3 - 2 * t);
}
