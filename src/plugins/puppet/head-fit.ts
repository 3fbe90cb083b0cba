import { MouthFrame } from './mouth-frame.ts';

/**
 * Points that move with the skull and with nothing else: bridge, ridge and root of the nose, corners of the eyes, forehead
 * and temples, the outline beside the ears. Brows, lids, lips, cheeks and jaw are left out.
 */
const SKULL_POINTS = [
  ...[168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278, 8, 9, 151, 10],
  ...[33, 133, 362, 263, 130, 359, 243, 463, 226, 446],
  ...[109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 108, 337, 69, 299, 104, 333],
  ...[127, 356, 234, 454, 93, 323, 116, 345, 111, 340],
] as const;
/** u, v, depth and 1. */
const UNKNOWNS = 4;
/** Keeps the depth column small where points hardly tell it from the others, per point. */
const DEPTH_RIDGE = 0.004;

/**
 * Where the reference's mouth coordinates lie in a frame, in pixels: origin, one u, one v, and one unit of depth (half a
 * mouth width towards the camera) as the head is turned.
 */
export interface HeadPlace {
  readonly x: number;
  readonly y: number;
  readonly acrossX: number;
  readonly acrossY: number;
  readonly downX: number;
  readonly downY: number;
  readonly depthX: number;
  readonly depthY: number;
}

/**
 * Follows the skull from frame to frame: a least-squares fit of a camera without perspective (an affine map of u, v and
 * depth) to points that no expression moves. What lips and jaw do stays visible against it.
 */
export class HeadFit {
  /** u, v and depth of every landmark of the reference, Float32 `[478, 3]`. */
  readonly model: Float32Array;
  /** What every skull point counts for each unknown, `[UNKNOWNS, points]`. */
  readonly #solve: readonly Float64Array[];

  /** @param reference landmarks Float32 `[478, 3]` of the frame whose mouth coordinates the others are measured in. */
  constructor(reference: Float32Array) {
    const frame = new MouthFrame(reference);
    const count = reference.length / 3;
    this.model = new Float32Array(count * 3);
    for (let point = 0; point < count; point++) {
      const { u, v } = frame.toUv(reference[point * 3]!, reference[point * 3 + 1]!);
      this.model.set([u, v, -reference[point * 3 + 2]! / frame.halfWidth], point * 3);
    }
    this.#solve = solverOf(SKULL_POINTS.map((point) => [...this.model.subarray(point * 3, point * 3 + 3), 1]));
  }

  /** @param landmarks Float32 `[478, 3]` of a frame. */
  place(landmarks: Float32Array): HeadPlace {
    const sums = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let unknown = 0; unknown < UNKNOWNS; unknown++) {
      const row = this.#solve[unknown]!;
      for (let index = 0; index < SKULL_POINTS.length; index++) {
        const at = SKULL_POINTS[index]! * 3;
        sums[unknown * 2] = sums[unknown * 2]! + row[index]! * landmarks[at]!;
        sums[unknown * 2 + 1] = sums[unknown * 2 + 1]! + row[index]! * landmarks[at + 1]!;
      }
    }
    const [acrossX, acrossY, downX, downY, depthX, depthY, x, y] = sums as [
      ...[number, number, number, number],
      ...[number, number, number, number],
    ];
    return { x, y, acrossX, acrossY, downX, downY, depthX, depthY };
  }
}

/** Pixels to mouth coordinates as seen by the reference: what the turn of the head does to a point of that depth is undone. */
export function toReference(place: HeadPlace, depth: number, x: number, y: number): { u: number; v: number } {
  const { acrossX, acrossY, downX, downY } = place;
  const determinant = acrossX * downY - acrossY * downX;
  const dx = x - place.x - depth * place.depthX;
  const dy = y - place.y - depth * place.depthY;
  return { u: (dx * downY - dy * downX) / determinant, v: (acrossX * dy - acrossY * dx) / determinant };
}

/** Rows of (AᵀA + ridge)⁻¹Aᵀ for the points' u, v, depth, 1. */
function solverOf(points: readonly (readonly number[])[]): Float64Array[] {
  const normal = Array.from({ length: UNKNOWNS }, (_, row) =>
    Array.from({ length: UNKNOWNS * 2 }, (_unused, column) => {
      if (column >= UNKNOWNS) return column - UNKNOWNS === row ? 1 : 0;
      const sum = points.reduce((total, point) => total + point[row]! * point[column]!, 0);
      return row === column && row === 2 ? sum + DEPTH_RIDGE * points.length : sum;
    }),
  );
  // Gauss-Jordan; the matrix is symmetric and positive, so the largest pivot is only a matter of rounding.
  for (let column = 0; column < UNKNOWNS; column++) {
    const below = normal.slice(column).map((row) => Math.abs(row[column]!));
    const pivot = column + below.indexOf(Math.max(...below));
    [normal[column], normal[pivot]] = [normal[pivot]!, normal[column]!];
    const scale = normal[column]![column]!;
    normal[column] = normal[column]!.map((value) => value / scale);
    normal.forEach((row, index) => {
      if (index === column) return;
      const share = row[column]!;
      normal[index] = row.map((value, at) => value - share * normal[column]![at]!);
    });
  }
  return normal.map((row) =>
    Float64Array.from(points, (point) =>
      point.reduce((sum, value, unknown) => sum + row[UNKNOWNS + unknown]! * value, 0),
    ),
  );
}
