import type { Rect } from '../../api/media.ts';
import { boundsOf, landmarkAt } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import { type HeadPose, measureHeadPose } from '../head-pose.ts';
import type { Picture, Point } from '../picture.ts';
import { type LumaPart, measureEdgeBlur } from './edge-blur.ts';

/** What one frame says about its face. */
export interface FaceMeasures extends HeadPose {
  /** From the top of the forehead to the chin, in pixels. */
  readonly heightPx: number;
  /** The middle between the outer eye corners and the tip of the nose: what moves when the head does. In pixels. */
  readonly place: Point;
  /** Standard deviation of the blur of the face's crisp edges, in pixels. */
  readonly blurPx: number;
  /** Grain on smooth skin, in luma steps of 255. */
  readonly noise: number;
  /** Luma that a tenth of the face exceeds, 0 … 255: its lit parts. What a skin's own colour is matters little to it. */
  readonly lightLuma: number;
  /** Share of the face that is burnt out, 0 … 1. */
  readonly burntShare: number;
  /** Light on the darker half of the face as a share of that on the lighter one, 0 … 1, both linear. */
  readonly evenness: number;
  /** How far the lips are apart, in half mouth widths. */
  readonly mouthGap: number;
}

/**
 * Lips that touch measure less than this, in half mouth widths. The mesh sees 0 … 0.1 in shut mouths that it is sure of
 * (drawn and rendered faces 0.00 … 0.01, a painted one that is half turned 0.03 … 0.1), and 0.11 … 0.14 in one just parted.
 */
export const SHUT_GAP = 0.1;
/** From this luma on a pixel is burnt out. */
const BURNT_LUMA = 250;
/** Pixels of the face that are looked at for light, about. */
const LIGHT_SAMPLES = 6000;
/** Of the face's height, how much round its outline belongs to the part that is looked at. */
const MARGIN = 0.02;
/** Places that mirror each other on bare skin: forehead, cheekbones, cheeks. */
const MIRRORED_SKIN: readonly (readonly [number, number])[] = [
  [104, 333],
  [50, 280],
  [205, 425],
];
/** Half the side of the squares looked at there, as a share of the face's height. */
const PATCH_SHARE = 0.025;
const GAMMA = 2.2;
/** Inner edges of the lips, upper and lower, at the middle and beside it. */
const LIP_PAIRS: readonly (readonly [number, number])[] = [
  [81, 178],
  [82, 87],
  [13, 14],
  [312, 317],
  [311, 402],
];

/** Measures the face of one frame; looks at the face's own pixels only. `points`: Float32 `[478, 3]` in its pixels. */
export function measureFace(picture: Picture, points: Float32Array): FaceMeasures {
  const part = cutLuma(picture, points);
  const forehead = landmarkAt(points, 10);
  const chin = landmarkAt(points, 152);
  const heightPx = Math.hypot(chin.x - forehead.x, chin.y - forehead.y);
  return {
    ...measureHeadPose(points),
    heightPx,
    place: placeOf(points),
    ...measureEdgeBlur(part),
    ...measureLight(part),
    evenness: measureEvenness(part, points, heightPx),
    mouthGap: mouthGapOf(points),
  };
}

/** How far the lips are apart at their widest, in half mouth widths; closed ones measure up to {@link SHUT_GAP}. */
export function mouthGapOf(points: Float32Array): number {
  const right = landmarkAt(points, 61);
  const left = landmarkAt(points, 291);
  const half = Math.hypot(left.x - right.x, left.y - right.y) / 2;
  const gaps = LIP_PAIRS.map(([upper, lower]) => {
    const a = landmarkAt(points, upper);
    const b = landmarkAt(points, lower);
    return Math.hypot(b.x - a.x, b.y - a.y);
  });
  return half === 0 ? 0 : Math.max(...gaps) / half;
}

function placeOf(points: Float32Array): Point {
  const places = [33, 263, 1].map((landmark) => landmarkAt(points, landmark));
  return {
    x: places.reduce((sum, { x }) => sum + x, 0) / places.length,
    y: places.reduce((sum, { y }) => sum + y, 0) / places.length,
  };
}

/** The face's part of the picture as luma; at least 1x1. */
function cutLuma({ width, height, pixels }: Picture, points: Float32Array): LumaPart {
  const outline = boundsOf(points, faceTopology.faceOval);
  const margin = outline.height * MARGIN;
  const x = clamp(Math.floor(outline.x - margin), 0, width - 1);
  const y = clamp(Math.floor(outline.y - margin), 0, height - 1);
  const right = clamp(Math.ceil(outline.x + outline.width + margin), x + 1, width);
  const bottom = clamp(Math.ceil(outline.y + outline.height + margin), y + 1, height);
  const rect: Rect = { x, y, width: right - x, height: bottom - y };
  const luma = new Uint8Array(rect.width * rect.height);
  for (let row = 0, to = 0; row < rect.height; row++) {
    let from = ((y + row) * width + x) * 3;
    for (let column = 0; column < rect.width; column++, from += 3)
      luma[to++] = (77 * pixels[from]! + 150 * pixels[from + 1]! + 29 * pixels[from + 2]! + 128) >> 8;
  }
  return { rect, luma };
}

function measureLight({ rect, luma }: LumaPart): { lightLuma: number; burntShare: number } {
  const counts = new Uint32Array(256);
  const step = Math.max(1, Math.floor(Math.sqrt((rect.width * rect.height) / LIGHT_SAMPLES)));
  let all = 0;
  // An ellipse that leaves hair and background out.
  for (let y = 0; y < rect.height; y += step)
    for (let x = 0; x < rect.width; x += step) {
      const across = (x / rect.width - 0.5) / 0.4;
      const down = (y / rect.height - 0.52) / 0.42;
      if (across * across + down * down > 1) continue;
      counts[luma[y * rect.width + x]!]!++;
      all++;
    }
  let burnt = 0;
  let above = 0;
  let lightLuma = 0;
  for (let value = 255; value >= 0 && above <= all / 10; value--) {
    above += counts[value]!;
    if (value >= BURNT_LUMA) burnt += counts[value]!;
    lightLuma = value;
  }
  return { lightLuma, burntShare: all === 0 ? 0 : burnt / all };
}

function measureEvenness(part: LumaPart, points: Float32Array, heightPx: number): number {
  const reach = Math.max(1, Math.round(heightPx * PATCH_SHARE));
  let right = 0;
  let left = 0;
  for (const [a, b] of MIRRORED_SKIN) {
    right += lightAround(part, landmarkAt(points, a), reach);
    left += lightAround(part, landmarkAt(points, b), reach);
  }
  const more = Math.max(left, right);
  return more === 0 ? 1 : Math.min(left, right) / more;
}

/** Mean linear light, 0 … 1, of a square round a point. */
function lightAround({ rect, luma }: LumaPart, { x, y }: Point, reach: number): number {
  let sum = 0;
  let count = 0;
  for (let row = Math.round(y) - rect.y - reach; row <= Math.round(y) - rect.y + reach; row++)
    for (let column = Math.round(x) - rect.x - reach; column <= Math.round(x) - rect.x + reach; column++) {
      if (row < 0 || column < 0 || row >= rect.height || column >= rect.width) continue;
      sum += luma[row * rect.width + column]!;
      count++;
    }
  return count === 0 ? 0 : (sum / count / 255) ** GAMMA;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
