import type { Size } from '../../api/media.ts';
import { heightOf, MAX_CUT, MAX_CUT_ABOVE, MAX_TURN, MIN_FACE_HEIGHT, MIN_MESH_SCORE } from '../choose-face.ts';
import { boundsOf } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import type { FaceLandmarks } from '../find-face.ts';
import { measureHeadPose } from '../head-pose.ts';
import type { FrameFault } from './clip.ts';

/** A fault ends only when the face is better than its limit by this share, so that a face at the limit does not flicker. */
const RETURN_SHARE = 0.88;

/**
 * Why this face cannot be driven, by the limits a photo has; undefined where it can.
 * @param before the fault of the frame before: it is left a little later than it is entered.
 * @param scale pixels of the source per pixel of the picture.
 */
export function judgeFace(
  face: FaceLandmarks,
  picture: Size,
  before: FrameFault | undefined,
  scale: number,
): FrameFault | undefined {
  const slack = (fault: FrameFault) => (before === fault ? RETURN_SHARE : 1);
  const height = heightOf(face.points);
  if (height * scale * slack('too-small') < MIN_FACE_HEIGHT) return 'too-small';
  if (isCutOff(face.points, picture, height, slack('cut-off'))) return 'cut-off';
  if (isTurned(face.points, slack('turned'))) return 'turned';
  return face.score * slack('hidden') < MIN_MESH_SCORE ? 'hidden' : undefined;
}

function isCutOff(points: Float32Array, picture: Size, height: number, slack: number): boolean {
  const outline = boundsOf(points, faceTopology.faceOval);
  const beyond = Math.max(
    -outline.x,
    outline.x + outline.width - picture.width,
    outline.y + outline.height - picture.height,
  );
  // The slack is on what is left of the face, not on the small share that may be cut.
  const margin = (1 - slack) * 0.25;
  return beyond > (MAX_CUT - margin) * height || -outline.y > (MAX_CUT_ABOVE - margin) * height;
}

function isTurned(points: Float32Array, slack: number): boolean {
  const pose = measureHeadPose(points);
  return (['yawDegrees', 'pitchDegrees', 'rollDegrees'] as const).some(
    (angle) => Math.abs(pose[angle]) > MAX_TURN[angle] * slack,
  );
}
