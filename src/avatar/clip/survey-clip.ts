import type { Size } from '../../api/media.ts';
import type { FaceFinder } from '../find-face.ts';
import { decodeClip } from './decode-clip.ts';
import { FaceFollower } from './follow-face.ts';
import { FOLLOWED_BYTES, type FollowedFrame, packFollowed, unpackFollowed } from './followed-frame.ts';
import type { ProbedClip } from './probe-clip.ts';
import type { WorkFolder } from './work-folder.ts';

/** Longest side of the frames in which the face is followed: the mesh looks at 192 px of them anyway. */
const SURVEY_SIDE = 1280;

/** What was seen in a clip. */
export interface Survey {
  /** Size of the frames that were looked at. */
  readonly size: Size;
  readonly frames: readonly FollowedFrame[];
}

/** Size in which a clip is looked through. */
function surveySizeOf({ width, height }: Size): Size {
  const scale = Math.min(1, SURVEY_SIDE / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/**
 * Looks through a whole clip once and follows the face. Each frame's result goes to the work folder, and those that are
 * there already are not worked out again.
 * @param onFrame told how many frames are done.
 * @throws AppError what decodeClip and FaceFollower throw.
 */
export async function surveyClip(
  clip: ProbedClip,
  finder: FaceFinder,
  face: number | undefined,
  work: WorkFolder,
  onFrame: (done: number) => void,
  signal: AbortSignal,
): Promise<Survey> {
  const size = surveySizeOf(clip);
  const options = { source: clip.source, face, scale: clip.width / size.width };
  const records = await work.openRecords('survey.bin', FOLLOWED_BYTES);
  const frames: FollowedFrame[] = [];
  while (frames.length < records.count) {
    const frame = unpackFollowed(await records.read(frames.length));
    if (!frame) await records.cut(frames.length);
    else frames.push(frame);
  }
  onFrame(frames.length);
  // Done is done: how many frames there are is only known at the end.
  if (await work.has('survey.done')) return { size, frames };
  const follower = FaceFollower.resume(finder, options, frames);
  for await (const picture of decodeClip(clip, { size, firstFrame: frames.length }, signal)) {
    const frame = await follower.follow(picture);
    await records.append(packFollowed(frame));
    frames.push(frame);
    onFrame(frames.length);
  }
  await work.write('survey.done', String(frames.length));
  return { size, frames };
}
