import type { Size } from '../../api/media.ts';
import { interpolate, smoothstep } from './curves.ts';
import {
  LEFT_EYE,
  LIP_CORNERS,
  LOWER_INNER,
  LOWER_LIP_ROWS,
  POINT,
  RIGHT_EYE,
  UPPER_INNER,
  UPPER_LIP_ROWS,
} from './face-points.ts';
import { partOf, VERTEX_COUNT } from './mesh.ts';
import { MouthFrame } from './mouth-frame.ts';

/** What the moves must know about one vertex. */
export interface Vertex {
  readonly index: number;
  readonly u: number;
  readonly v: number;
  /** u as a share of the distance to the mouth's corner on its side: -1 … 1 between the corners, also on turned faces. */
  readonly side: number;
  /** |side| */
  readonly off: number;
  /** v below the lip line. */
  readonly below: number;
  readonly lip: 'upper' | 'lower' | 'corner' | undefined;
  /** Which lip row from the inside out, 0 … 3; -1 off the lips. */
  readonly row: number;
  /** 1 on the face, falling over the rings to 0 at the fixed one and at the picture's border. */
  readonly hold: number;
  /** How far in front of the face's outline, in half mouth widths. */
  readonly depth: number;
}

/** A face as the moves are worked out from it. Lengths in mouth coordinates. */
export interface Face {
  readonly vertices: readonly Vertex[];
  readonly chinV: number;
  readonly noseV: number;
  readonly neckV: number;
  readonly foreheadV: number;
  readonly browV: number;
  /** Distance between the inner lips by u. */
  readonly gapAt: (u: number) => number;
  readonly widestGap: number;
}

/** How far a vertex goes for a control at weight 1, in mouth coordinates. */
export type Move = readonly [u: number, v: number];

/**
 * Measures a face once for all moves.
 * @param landmarks Float32 `[478, 3]`. @param positions Float32 `[VERTEX_COUNT, 2]`, the mesh over them.
 */
export function describeFace(landmarks: Float32Array, positions: Float32Array, size: Size): Face {
  const frame = new MouthFrame(landmarks);
  const uvOf = (point: number) => frame.toUv(landmarks[point * 3]!, landmarks[point * 3 + 1]!);
  const middle = uvOf(POINT.upperLipMiddle).u;
  const line = UPPER_INNER.map((upper, place) => {
    const [a, b] = [uvOf(upper), uvOf(LOWER_INNER[place]!)];
    return { u: (a.u + b.u) / 2, v: (a.v + b.v) / 2, gap: Math.max(0, b.v - a.v) };
  });
  const gaps = line.map(({ u, gap }) => ({ u, v: gap }));
  const outline = (landmarks[POINT.rightSide * 3 + 2]! + landmarks[POINT.leftSide * 3 + 2]!) / 2;
  const faceWidth = Math.hypot(
    landmarks[POINT.leftSide * 3]! - landmarks[POINT.rightSide * 3]!,
    landmarks[POINT.leftSide * 3 + 1]! - landmarks[POINT.rightSide * 3 + 1]!,
  );
  const chinV = uvOf(POINT.chin).v;
  const depths = Float32Array.from({ length: VERTEX_COUNT }, (_, index) => {
    const part = partOf(index);
    if (part.kind === 'ring') return -0.35 * part.reach;
    const point = part.kind === 'eye' ? part.lidPoint : index;
    return (outline - landmarks[point * 3 + 2]!) / frame.halfWidth;
  });
  flattenSteps(depths, positions, frame.halfWidth);
  const vertices = Array.from({ length: VERTEX_COUNT }, (_, index): Vertex => {
    const x = positions[index * 2]!;
    const y = positions[index * 2 + 1]!;
    const { u, v } = frame.toUv(x, y);
    const side = u < middle ? (u - middle) / (1 + middle) : (u - middle) / (1 - middle);
    const part = partOf(index);
    const { lip, row } = lipOf(index);
    const border = Math.min(x, y, size.width - 1 - x, size.height - 1 - y);
    return {
      index,
      u,
      v,
      side,
      off: Math.abs(side),
      below: v - interpolate(line, Math.min(1, Math.max(-1, u))),
      lip,
      row,
      hold: (part.kind === 'ring' ? 1 - smoothstep(0.42, 1, part.reach) : 1) * smoothstep(0, faceWidth * 0.2, border),
      depth: depths[index]!,
    };
  });
  return {
    vertices,
    chinV,
    noseV: uvOf(POINT.underNose).v,
    foreheadV: uvOf(POINT.forehead).v,
    browV: (uvOf(RIGHT_EYE.brow[2]!).v + uvOf(LEFT_EYE.brow[2]!).v) / 2,
    neckV: chinV + 0.5 * (chinV - uvOf(POINT.underNose).v),
    gapAt: (u) => interpolate(gaps, u),
    widestGap: Math.max(...gaps.map((gap) => gap.v)),
  };
}

function lipOf(index: number): { lip: Vertex['lip']; row: number } {
  if ((LIP_CORNERS as readonly number[]).includes(index)) return { lip: 'corner', row: 0 };
  const upper = UPPER_LIP_ROWS.findIndex((row) => (row as readonly number[]).includes(index));
  if (upper >= 0) return { lip: 'upper', row: upper };
  const lower = LOWER_LIP_ROWS.findIndex((row) => (row as readonly number[]).includes(index));
  return lower >= 0 ? { lip: 'lower', row: lower } : { lip: undefined, row: -1 };
}

/** Steepest slope of depth over the picture: turning the head by a tenth of a radian folds nothing over. */
const STEEPEST_DEPTH = 3;
/** Vertices nearer than this, in half mouth widths, are compared. */
const NEAR = 0.5;
const FLATTEN_ROUNDS = 24;

/**
 * Pulls the depths of near vertices together where they differ too much: at the far cheek of a turned face, points hide
 * each other, and moved by their true depths they would show what the picture does not have.
 */
function flattenSteps(depths: Float32Array, positions: Float32Array, halfWidthPx: number): void {
  const pairs: { readonly a: number; readonly b: number; readonly most: number }[] = [];
  for (let a = 0; a < VERTEX_COUNT; a++) {
    for (let b = a + 1; b < VERTEX_COUNT; b++) {
      const dx = positions[a * 2]! - positions[b * 2]!;
      const dy = positions[a * 2 + 1]! - positions[b * 2 + 1]!;
      const distance = Math.hypot(dx, dy) / halfWidthPx;
      if (distance < NEAR) pairs.push({ a, b, most: STEEPEST_DEPTH * distance });
    }
  }
  for (let round = 0; round < FLATTEN_ROUNDS; round++) {
    for (const { a, b, most } of pairs) {
      const difference = depths[a]! - depths[b]!;
      const excess = (Math.abs(difference) - most) / 2;
      if (excess <= 0) continue;
      depths[a] = depths[a]! - Math.sign(difference) * excess;
      depths[b] = depths[b]! + Math.sign(difference) * excess;
    }
  }
}
