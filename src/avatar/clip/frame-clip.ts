import type { Rect, Size } from '../../api/media.ts';
import { boundsOf } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import { chooseFrame } from '../frame-face.ts';
import type { FaceTrack } from './clip.ts';
import type { FrameRange } from './face-track.ts';

/** What shall be round the face wherever it goes, as shares of its height: hair above, some air at the sides. */
const MARGIN = { above: 0.25, beside: 0.1, below: 0.08 };
/** How much wider the frame may be chosen than for a still face, step by step, to hold all of a moving one. */
const WIDENING = 1.08;
const MAX_STEPS = 14;

/**
 * Chooses the part of a clip that frames its face like a webcam, by the rules for photos: for the face at its usual place
 * where that part holds it wherever it moves, otherwise wider. The camera stands still: one part for the whole clip. May
 * reach beyond the picture, as for photos; even, so that the decoder can cut it exactly.
 * @param clip size of the source in pixels. @param range frames that are used.
 */
export function chooseClipFrame(clip: Size, track: FaceTrack, { start, end }: FrameRange, frame: Size): Rect {
  const scale = clip.width / track.size.width;
  const faces: Rect[] = [];
  for (let i = start; i < end; i++) if (track.faults[i] === undefined) faces.push(scaled(outlineOf(track, i), scale));
  const usual: Rect = {
    x: medianOf(faces.map((face) => face.x + face.width / 2)),
    y: medianOf(faces.map((face) => face.y + face.height / 2)),
    width: medianOf(faces.map((face) => face.width)),
    height: medianOf(faces.map((face) => face.height)),
  };
  const all = unionOf(faces, usual.height, clip);
  const middle = { x: all.x + all.width / 2, y: all.y + all.height / 2 };
  let part = chooseFrame(clip, centred(usual, usual, 1), frame);
  for (let step = 1; step <= MAX_STEPS && !holds(part, all); step++)
    part = chooseFrame(clip, centred(middle, usual, WIDENING ** step), frame);
  return even(part);
}

function outlineOf({ points }: FaceTrack, frame: number): Rect {
  const length = 478 * 3;
  return boundsOf(points.subarray(frame * length, (frame + 1) * length), faceTopology.faceOval);
}

function scaled(rect: Rect, scale: number): Rect {
  return { x: rect.x * scale, y: rect.y * scale, width: rect.width * scale, height: rect.height * scale };
}

/** A face of the usual size, grown by a factor, round a point. */
function centred(middle: { x: number; y: number }, usual: Rect, factor: number): Rect {
  const width = usual.width * factor;
  const height = usual.height * factor;
  return { x: middle.x - width / 2, y: middle.y - height / 2, width, height };
}

/** Everywhere the face is, with its margins, as far as there is a picture. */
function unionOf(faces: readonly Rect[], faceHeight: number, clip: Size): Rect {
  const beside = MARGIN.beside * faceHeight;
  const x = Math.max(0, Math.min(...faces.map((face) => face.x)) - beside);
  const y = Math.max(0, Math.min(...faces.map((face) => face.y)) - MARGIN.above * faceHeight);
  const right = Math.min(clip.width, Math.max(...faces.map((face) => face.x + face.width)) + beside);
  const bottom = Math.max(...faces.map((face) => face.y + face.height)) + MARGIN.below * faceHeight;
  return { x, y, width: right - x, height: Math.min(clip.height, bottom) - y };
}

function holds(part: Rect, face: Rect): boolean {
  return (
    face.x >= part.x &&
    face.y >= part.y &&
    face.x + face.width <= part.x + part.width &&
    face.y + face.height <= part.y + part.height
  );
}

function even({ x, y, width, height }: Rect): Rect {
  const halves = (value: number) => Math.round(value / 2) * 2;
  return { x: halves(x), y: halves(y), width: halves(width), height: halves(height) };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
