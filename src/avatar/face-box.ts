import type { Rect, Size } from '../api/media.ts';
import type { Point } from './picture.ts';

/**
 * The mesh landmarks that stand for the 68 classic ones (iBUG order) that decide about MuseTalk's box: jaw 0 … 16.
 * The jaw is the outline from ear to ear; no brow, eye, nose or lip point lies outside it in a face the warp can move.
 */
const JAW = [127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356];
/** The rest of the 68: brows, nose, eyes, lips. */
const INNER = [
  ...[70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327],
  ...[33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
  ...[61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87],
];
/**
 * What is added under the chin, as a share of the box's height. MuseTalk v1.5 adds 10 px and was trained with 0 … 20 at
 * boxes of about 250 px; 15 leaves room for the mask's push and feather below a chin that the mesh puts a little high.
 */
const CHIN_MARGIN = 0.06;

/** A point of a face by its landmark, in pixels. */
export function landmarkAt(points: Float32Array, landmark: number): Point {
  return { x: points[landmark * 3]!, y: points[landmark * 3 + 1]! };
}

/** The smallest upright box round some landmarks, in pixels. */
export function boundsOf(points: Float32Array, landmarks: Iterable<number>): Rect {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const landmark of landmarks) {
    const { x, y } = landmarkAt(points, landmark);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * Height of the row that halves MuseTalk's box: classic point 29, on the ridge of the nose between landmarks 195 and 5.
 * Everything below it is the mouth's half.
 */
export function halfRowOf(points: Float32Array): number {
  return (points[195 * 3 + 1]! + points[5 * 3 + 1]!) / 2;
}

/**
 * MuseTalk's face box: as wide as the 68 classic points, down to the chin, as high above the ridge of the nose as below
 * it; then a little more under the chin. On even pixels, inside the frame.
 * Formula: MuseTalk, preprocessing.py get_landmark_and_bbox, with extra_margin of v1.5.
 */
export function faceBoxOf(points: Float32Array, frame: Size): Rect {
  const bounds = boundsOf(points, [...JAW, ...INNER]);
  const half = halfRowOf(points);
  const chin = bounds.y + bounds.height;
  const margin = (chin - half) * 2 * CHIN_MARGIN;
  const x = evenFloor(Math.max(0, bounds.x));
  const y = evenFloor(Math.max(0, 2 * half - chin));
  return {
    x,
    y,
    width: evenFloor(Math.min(frame.width, Math.ceil(bounds.x + bounds.width) + 1) - x),
    height: evenFloor(Math.min(frame.height, Math.ceil(chin + margin) + 1) - y),
  };
}

function evenFloor(value: number): number {
  return Math.floor(value / 2) * 2;
}
