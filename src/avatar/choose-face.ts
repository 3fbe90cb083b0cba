import { AppError } from '../base/errors.ts';
import type { DetectedFace } from './detect-faces.ts';
import { boundsOf, landmarkAt } from './face-box.ts';
import { faceTopology } from './face-topology.ts';
import type { FaceFinder, FaceLandmarks } from './find-face.ts';
import { type HeadPose, measureHeadPose } from './head-pose.ts';
import type { Picture, Point } from './picture.ts';
import { PicturePyramid } from './picture-pyramid.ts';

/** The face that is to become the avatar. */
export interface ChosenFace extends FaceLandmarks {
  /** From the top of the forehead to the chin, in pixels of the picture. */
  readonly height: number;
}

/** What the choice is about. */
export interface FaceChoice {
  /** How the source is called in messages. */
  readonly source: string;
  /** Pixels of the original photo per pixel of the picture that is looked at. */
  readonly scale: number;
  /** Which one of several faces, from the left, beginning with 1. */
  readonly face?: number | undefined;
}

/**
 * The mesh is the second opinion on what the detector found: faces come out at 0.99 and more, even 16 px small, things that
 * only look like one (a lamp, a framed picture) at about 0.5.
 */
export const MIN_MESH_SCORE = 0.8;
/**
 * How far apart both networks see the eyes. Faces come out at 0.02 … 0.15, more only where they are cut off or fill the
 * picture; a framed landscape the mesh was sure to be a face at 0.4. So beside a sure face a doubtful one is none.
 */
const EYE_OFFSET = { sure: 0.15, doubtful: 0.3 } as const;
/** A face of less than this share of the largest one's height is in the background. */
const BACKGROUND_SHARE = 0.5;
/** Below this a mouth is about 20 px wide and an avatar of it would be a smear; in pixels of the original. */
export const MIN_FACE_HEIGHT = 96;
/** How far a head may be turned: beyond it the far half of the mouth is hidden, or foreshortened out of shape. */
export const MAX_TURN: HeadPose = { yawDegrees: 35, pitchDegrees: 32, rollDegrees: 35 };
/** How far of the face's height its outline may reach beyond the picture's edge; the hairline may be cut a little more. */
export const MAX_CUT = 0.05;
/** The same at the upper edge. */
export const MAX_CUT_ABOVE = 0.15;

/**
 * Finds the one face of a picture that can become an avatar.
 * @throws AppError NO_FACE, SEVERAL_FACES, NO_SUCH_FACE, FACE_TOO_SMALL, FACE_TURNED, FACE_CUT.
 */
export async function chooseFace(finder: FaceFinder, picture: Picture, choice: FaceChoice): Promise<ChosenFace> {
  const chosen = pickFace(await findFaces(finder, picture), choice);
  checkHeight(chosen, choice);
  checkTurn(chosen, choice.source);
  checkCut(chosen, picture, choice.source);
  return chosen;
}

/** All faces both networks agree on, from left to right, without those of less than half the largest one's height. */
export async function findFaces(finder: FaceFinder, picture: Picture, finest?: number): Promise<ChosenFace[]> {
  const pyramid = new PicturePyramid(picture);
  const faces: ChosenFace[] = [];
  const offsets: number[] = [];
  for (const detected of await finder.detect(pyramid, finest)) {
    const found = await finder.landmarks(pyramid, detected);
    const face = { ...found, height: heightOf(found.points) };
    if (found.score < MIN_MESH_SCORE || faces.some((other) => isSame(other, face))) continue;
    faces.push(face);
    offsets.push(eyeOffset(detected, face));
  }
  const isSure = offsets.some((offset) => offset <= EYE_OFFSET.sure);
  const likely = faces.filter((_, i) => !isSure || offsets[i]! <= EYE_OFFSET.doubtful);
  const largest = Math.max(0, ...likely.map((face) => face.height));
  return likely.filter((face) => face.height >= largest * BACKGROUND_SHARE).sort((a, b) => noseOf(a).x - noseOf(b).x);
}

function pickFace(faces: readonly ChosenFace[], { source, face }: FaceChoice): ChosenFace {
  if (faces.length === 0)
    throw new AppError('NO_FACE', `No face was found in ${source}.`, {
      fix: 'Use a photo in which a face looks into the camera, upright, well lit and not covered',
    });
  if (face !== undefined) {
    const chosen = faces[face - 1];
    if (chosen) return chosen;
    throw new AppError('NO_SUCH_FACE', `There is no face ${face} in ${source}: ${faces.length} found.`, {
      fix: faces.length === 1 ? 'Leave out --face' : `Choose from the left: --face 1 … --face ${faces.length}`,
    });
  }
  if (faces.length > 1) {
    const places = faces.map((one, i) => `${i + 1} at ${Math.round(noseOf(one).x)},${Math.round(noseOf(one).y)}`);
    throw new AppError('SEVERAL_FACES', `${faces.length} faces were found in ${source} (${places.join('; ')}).`, {
      fix: `Say which one, counted from the left: --face 1 … --face ${faces.length}; or cut the photo`,
    });
  }
  return faces[0]!;
}

function checkHeight(face: ChosenFace, { source, scale }: FaceChoice): void {
  const height = Math.round(face.height * scale);
  if (height >= MIN_FACE_HEIGHT) return;
  throw new AppError(
    'FACE_TOO_SMALL',
    `The face in ${source} is only ${height} pixels high; at least ${MIN_FACE_HEIGHT} are needed.`,
    { fix: 'Use a photo taken from nearer, or the original instead of a reduced copy; 300 pixels or more look best' },
  );
}

function checkTurn(face: ChosenFace, source: string): void {
  const pose = measureHeadPose(face.points);
  const turns = (
    [
      ['yawDegrees', 'to the side'],
      ['pitchDegrees', pose.pitchDegrees > 0 ? 'down' : 'up'],
      ['rollDegrees', 'over to a shoulder'],
    ] as const
  ).filter(([key]) => Math.abs(pose[key]) > MAX_TURN[key]);
  if (turns.length === 0) return;
  const words = turns.map(
    ([key, way]) => `${Math.abs(Math.round(pose[key]))} degrees ${way} (at most ${MAX_TURN[key]})`,
  );
  throw new AppError('FACE_TURNED', `The head in ${source} is turned about ${words.join(' and ')}.`, {
    fix: 'Use a photo in which the face looks into the camera',
  });
}

function checkCut(face: ChosenFace, picture: Picture, source: string): void {
  const outline = boundsOf(face.points, faceTopology.faceOval);
  const beyond = Math.max(
    -outline.x,
    outline.x + outline.width - picture.width,
    outline.y + outline.height - picture.height,
  );
  if (beyond <= MAX_CUT * face.height && -outline.y <= MAX_CUT_ABOVE * face.height) return;
  const percent = Math.round((Math.max(beyond, -outline.y) / face.height) * 100);
  throw new AppError('FACE_CUT', `The face in ${source} is cut off by the picture's edge (about ${percent} % of it).`, {
    fix: 'Use a photo that shows the whole face, from the hair to below the chin',
  });
}

/** How far apart both networks see the eyes, as a share of the eyes' distance. */
function eyeOffset(detected: DetectedFace, { points, height }: ChosenFace): number {
  const middle = (a: number, b: number): Point => {
    const [from, to] = [landmarkAt(points, a), landmarkAt(points, b)];
    return { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  };
  const right = middle(33, 133);
  const left = middle(263, 362);
  // In a profile the eyes come close to each other: the height keeps the share from growing.
  const apart = Math.max(distance(right, left), height * 0.4);
  return (distance(right, detected.rightEye) + distance(left, detected.leftEye)) / 2 / apart;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Two detections that the mesh pulled onto one face. */
function isSame(a: ChosenFace, b: ChosenFace): boolean {
  return distance(noseOf(a), noseOf(b)) < Math.max(a.height, b.height) * 0.35;
}

/** From the top of the forehead to the chin, in pixels. */
export function heightOf(points: Float32Array): number {
  const forehead = landmarkAt(points, 10);
  const chin = landmarkAt(points, 152);
  return Math.hypot(chin.x - forehead.x, chin.y - forehead.y);
}

/** Where the tip of the nose is, in pixels. */
export function noseOf(face: Pick<FaceLandmarks, 'points'>): Point {
  return landmarkAt(face.points, 1);
}
