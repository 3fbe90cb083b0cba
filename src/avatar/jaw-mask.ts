import type { Rect } from '../api/media.ts';
import { boundsOf, halfRowOf, landmarkAt } from './face-box.ts';
import { faceTopology } from './face-topology.ts';
import type { Point } from './picture.ts';

/** The nose below the half row, round its wings: it does not move with the jaw. */
const NOSE = [168, 122, 174, 198, 49, 64, 98, 97, 2, 326, 327, 294, 279, 420, 399, 351];
/** The lower edge is pushed down by this share of the face's height: an opening jaw goes below the chin. */
const CHIN_PUSH = 0.03;
/** The cheeks are pulled in by this share of half the face's width: hair and background stay out. */
const CHEEK_PULL = 0.07;
/** Width of the feather's kernel as a share of MuseTalk's square crop (1.5 times the box). */
const FEATHER_SHARE = 0.05;
const CROP_SCALE = 1.5;
/** Each pixel's edge coverage is counted on this many rows and columns. */
const SUBSAMPLES = 4;

/**
 * MuseTalk's "jaw" mask from landmarks instead of a parsing network: the lower half of the face oval, pushed down, cheeks
 * pulled in, without the nose, feathered. It fades out before the box's left, right and lower edge.
 * @param points Float32 `[478, 3]` in frame pixels.
 * @param box the face box in frame pixels.
 * @returns Uint8 `[box height, box width]`, 255 = face.
 */
export function drawJawMask(points: Float32Array, box: Rect): Uint8Array {
  const radius = featherRadius(box);
  const sigma = 0.3 * (radius - 1) + 0.8;
  const coverage = new Float32Array(box.width * box.height);
  addPolygon(coverage, box, jawPolygon(points), 1);
  addPolygon(
    coverage,
    box,
    NOSE.map((landmark) => landmarkAt(points, landmark)),
    -1,
  );
  // Two sigma from the edge the feather has come down to 2 %, which nobody sees end.
  clip(coverage, box, halfRowOf(points) - box.y, 2 * sigma);
  const feathered = blur(coverage, box, gaussianKernel(radius, sigma));
  const mask = new Uint8Array(feathered.length);
  for (let i = 0; i < mask.length; i++) mask[i] = Math.round(Math.min(1, Math.max(0, feathered[i]!)) * 255);
  return mask;
}

/** The face oval, its lower part pushed down the more the nearer it is to the chin, all of it pulled in sideways. */
function jawPolygon(points: Float32Array): Point[] {
  const bounds = boundsOf(points, faceTopology.faceOval);
  const half = halfRowOf(points);
  const chin = bounds.y + bounds.height;
  // The face's middle line, so that a turned head is pulled in towards its own middle.
  const middle = (points[168 * 3]! + points[152 * 3]!) / 2;
  return faceTopology.faceOval.map((landmark) => {
    const { x, y } = landmarkAt(points, landmark);
    const below = Math.min(1, Math.max(0, (y - half) / (chin - half)));
    return {
      x: middle + (x - middle) * (1 - CHEEK_PULL),
      y: y + CHIN_PUSH * bounds.height * below * below * (3 - 2 * below),
    };
  });
}

/** Adds a filled polygon (even-odd), `weight` where it covers a pixel wholly, less along its edge. */
function addPolygon(coverage: Float32Array, box: Rect, polygon: readonly Point[], weight: number): void {
  const share = weight / (SUBSAMPLES * SUBSAMPLES);
  for (let row = 0; row < box.height * SUBSAMPLES; row++) {
    const y = box.y + (row + 0.5) / SUBSAMPLES;
    const crossings = crossingsAt(polygon, y);
    const line = Math.floor(row / SUBSAMPLES) * box.width;
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil((crossings[i]! - box.x) * SUBSAMPLES - 0.5));
      const last = Math.min(box.width * SUBSAMPLES, Math.ceil((crossings[i + 1]! - box.x) * SUBSAMPLES - 0.5));
      addSpan(coverage, line, first, last, share);
    }
  }
}

/** Adds `share` for each of the columns `first` to before `last` of a sampled row, `SUBSAMPLES` of them to a pixel. */
function addSpan(coverage: Float32Array, line: number, first: number, last: number, share: number): void {
  for (let column = first; column < last; ) {
    const pixel = Math.floor(column / SUBSAMPLES);
    const end = Math.min(last, (pixel + 1) * SUBSAMPLES);
    coverage[line + pixel]! += share * (end - column);
    column = end;
  }
}

/** Where a level line crosses a polygon's edges, from left to right. */
function crossingsAt(polygon: readonly Point[], y: number): number[] {
  const crossings: number[] = [];
  polygon.forEach((from, i) => {
    const to = polygon[(i + 1) % polygon.length]!;
    if (from.y <= y !== to.y <= y) crossings.push(from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x));
  });
  return crossings.sort((a, b) => a - b);
}

/** Clears what lies above the half row, and an edge as wide as the feather on the other three sides. */
function clip(coverage: Float32Array, box: Rect, halfRow: number, edge: number): void {
  for (let y = 0; y < box.height; y++)
    for (let x = 0; x < box.width; x++) {
      const inside = y >= halfRow && y < box.height - edge && x >= edge && x < box.width - edge;
      // Nose over jaw may leave -1 where the nose reaches out of the oval.
      const at = y * box.width + x;
      coverage[at] = inside ? Math.max(0, coverage[at]!) : 0;
    }
}

/** Radius of the feather's kernel in pixels; MuseTalk's kernel is `2 * radius + 1` wide. */
function featherRadius(box: Rect): number {
  return Math.floor((FEATHER_SHARE * CROP_SCALE * Math.max(box.width, box.height)) / 2);
}

/** Weights of a Gaussian; they sum to 1. With OpenCV's rule sigma is 0.3 (radius - 1) + 0.8. */
function gaussianKernel(radius: number, sigma: number): Float32Array {
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  return kernel.map((value) => value / sum);
}

/** Blurs along rows, then columns; the plane goes on with its edge value (0 after {@link clip}). */
function blur(plane: Float32Array, box: Rect, kernel: Float32Array): Float32Array {
  const { width, height } = box;
  const along = blurLines(plane, width, height, 1, width, kernel);
  return blurLines(along, height, width, width, 1, kernel);
}

/** Blurs `lines` lines of `length` values that lie `step` apart; the lines themselves lie `stride` apart. */
function blurLines(
  plane: Float32Array,
  length: number,
  lines: number,
  step: number,
  stride: number,
  kernel: Float32Array,
): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const blurred = new Float32Array(plane.length);
  // A line with its end values repeated beyond both ends: no position needs to be checked.
  const wide = new Float32Array(length + 2 * radius);
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    let most = 0;
    for (let i = 0; i < length; i++) {
      const value = plane[start + i * step]!;
      wide[radius + i] = value;
      if (value > most) most = value;
    }
    // Half of the box is empty.
    if (most === 0) continue;
    wide.fill(wide[radius]!, 0, radius);
    wide.fill(wide[radius + length - 1]!, radius + length);
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += wide[i + k]! * kernel[k]!;
      blurred[start + i * step] = sum;
    }
  }
  return blurred;
}
