import type { Size } from '../../api/media.ts';
import {
  type EyePoints,
  FACE_OVAL,
  LEFT_EYE,
  LOWER_INNER,
  lidRingOf,
  POINT,
  RIGHT_EYE,
  UPPER_INNER,
} from './face-points.ts';
import { FACE_TRIANGLES } from './tessellation.ts';

/** Points of the face mesh proper; the iris points behind them are not part of the mesh. */
const FACE_POINT_COUNT = 468;
/** Per eye: the lids' edge again (16), a ring about the iris (16), and its centre. */
const EYE_VERTEX_COUNT = 33;
const LID_COUNT = 16;
/** How far the rings around the face's outline lie from its centre, as multiples of the outline. The last one is fixed. */
const RING_FACTORS = [1.09, 1.22, 1.38, 1.57, 1.79, 2.08] as const;
/** Below the chin the outer rings reach further down, so that breathing has shoulders to lift. */
const DOWN_STRETCH = 0.3;
const SPOKES = FACE_OVAL.length;

/** The first vertex of the eyeballs. */
const EYE_VERTICES_AT = FACE_POINT_COUNT;
/** The first vertex of each eyeball; the first 16 are its edge, in the order of `lidRingOf`. */
export const EYEBALLS_AT = { right: EYE_VERTICES_AT, left: EYE_VERTICES_AT + EYE_VERTEX_COUNT } as const;
/** The first vertex of the rings around the face. */
export const RING_VERTICES_AT = FACE_POINT_COUNT + 2 * EYE_VERTEX_COUNT;
/** Vertices of every face's mesh. */
export const VERTEX_COUNT = RING_VERTICES_AT + RING_FACTORS.length * SPOKES;

/** Which part of the face a vertex belongs to. */
export type VertexPart =
  | { readonly kind: 'face' }
  | { readonly kind: 'eye'; readonly eye: 'right' | 'left'; readonly role: 'lid' | 'iris'; readonly lidPoint: number }
  | { readonly kind: 'ring'; readonly ring: number; readonly reach: number };

/** The part of vertex `index`. For rings, `reach` is 0 at the face's outline and 1 at the fixed outer ring. */
export function partOf(index: number): VertexPart {
  if (index < EYE_VERTICES_AT) return { kind: 'face' };
  if (index >= RING_VERTICES_AT) {
    const ring = Math.floor((index - RING_VERTICES_AT) / SPOKES);
    const last = RING_FACTORS.at(-1)!;
    return { kind: 'ring', ring, reach: (RING_FACTORS[ring]! - 1) / (last - 1) };
  }
  const local = index - EYE_VERTICES_AT;
  const isRight = local < EYE_VERTEX_COUNT;
  const place = local % EYE_VERTEX_COUNT;
  const lids = lidRingOf(isRight ? RIGHT_EYE : LEFT_EYE);
  return {
    kind: 'eye',
    eye: isRight ? 'right' : 'left',
    role: place < LID_COUNT ? 'lid' : 'iris',
    lidPoint: lids[place % LID_COUNT]!,
  };
}

/**
 * The mesh of one frame: the face's 468 points, the eyeballs behind the lids and the rings around the face.
 * @param landmarks Float32 `[478, 3]` in body pixels. @returns Float32 `[VERTEX_COUNT, 2]` in body pixels.
 */
export function placeVertices(landmarks: Float32Array, size: Size): Float32Array {
  const vertices = new Float32Array(VERTEX_COUNT * 2);
  for (let point = 0; point < FACE_POINT_COUNT; point++) {
    vertices[point * 2] = landmarks[point * 3]!;
    vertices[point * 2 + 1] = landmarks[point * 3 + 1]!;
  }
  placeEye(vertices, landmarks, RIGHT_EYE, EYEBALLS_AT.right);
  placeEye(vertices, landmarks, LEFT_EYE, EYEBALLS_AT.left);
  placeRings(vertices, size);
  return vertices;
}

/** The eyeball: the lids' edge, a ring that hugs the iris but stays inside the lids, the iris centre. */
function placeEye(vertices: Float32Array, landmarks: Float32Array, eye: EyePoints, at: number): void {
  const [centre, ...rim] = eye.iris.map((point) => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! }));
  const radius = rim.reduce((sum, point) => sum + Math.hypot(point.x - centre!.x, point.y - centre!.y), 0) / rim.length;
  lidRingOf(eye).forEach((lid, place) => {
    const x = landmarks[lid * 3]!;
    const y = landmarks[lid * 3 + 1]!;
    const distance = Math.hypot(x - centre!.x, y - centre!.y);
    const share = Math.min(0.86, (radius * 1.15) / Math.max(distance, 1e-3));
    set(vertices, at + place, x, y);
    set(vertices, at + LID_COUNT + place, centre!.x + (x - centre!.x) * share, centre!.y + (y - centre!.y) * share);
  });
  set(vertices, at + 2 * LID_COUNT, centre!.x, centre!.y);
}

function placeRings(vertices: Float32Array, size: Size): void {
  const x = (point: number) => vertices[point * 2]!;
  const y = (point: number) => vertices[point * 2 + 1]!;
  const centreX = (x(POINT.rightSide) + x(POINT.leftSide)) / 2;
  const centreY = (y(POINT.forehead) + y(POINT.chin)) / 2;
  const halfHeight = (y(POINT.chin) - y(POINT.forehead)) / 2;
  RING_FACTORS.forEach((factor, ring) => {
    FACE_OVAL.forEach((point, spoke) => {
      const downness = Math.max(0, (y(point) - centreY) / halfHeight);
      const stretch = factor + (factor - 1) * DOWN_STRETCH * downness * downness;
      const toX = Math.min(size.width - 1, Math.max(0, centreX + (x(point) - centreX) * factor));
      const toY = Math.min(size.height - 1, Math.max(0, centreY + (y(point) - centreY) * stretch));
      set(vertices, RING_VERTICES_AT + ring * SPOKES + spoke, toX, toY);
    });
  });
}

function set(vertices: Float32Array, index: number, x: number, y: number): void {
  vertices[index * 2] = x;
  vertices[index * 2 + 1] = y;
}

/**
 * The mesh's triangles in drawing order: eyeballs and what lies between the lips first, because lids and lips slide over
 * them; then what a turned face hides behind its own edge; then the skin from the outside in; the upper lids last, because
 * they come down over the lower ones.
 */
export class TriangleOrder {
  /** How many triangles there are. */
  readonly count: number;
  readonly #first: readonly (readonly number[])[];
  readonly #skin: readonly (readonly number[])[];
  readonly #last: readonly (readonly number[])[];

  /** @param isNeeded triangles that never move can be left out. */
  constructor(isNeeded: (triangle: readonly number[]) => boolean = () => true) {
    const upperLids = new Set([RIGHT_EYE, LEFT_EYE].flatMap((eye) => [...eye.upper, ...eye.fold]));
    const isLid = (triangle: readonly number[]) => triangle.some((point) => upperLids.has(point));
    const eyes = Object.values(EYEBALLS_AT).flatMap(eyeTriangles);
    this.#first = [...eyes, ...stripTriangles(UPPER_INNER, LOWER_INNER)].filter(isNeeded);
    this.#skin = [...ringTriangles(), ...FACE_TRIANGLES.filter((triangle) => !isLid(triangle))].filter(isNeeded);
    this.#last = FACE_TRIANGLES.filter(isLid).filter(isNeeded);
    this.count = this.#first.length + this.#skin.length + this.#last.length;
  }

  /**
   * Writes the order for a pose. @param positions Float32 `[VERTEX_COUNT, 2]`: tells which triangles are hidden.
   * @param target Uint16 `[count, 3]`.
   */
  write(positions: Float32Array, target: Uint16Array): void {
    let at = 0;
    const put = (triangle: readonly number[]) => {
      for (const vertex of triangle) target[at++] = vertex;
    };
    for (const triangle of this.#first) put(triangle);
    for (const triangle of this.#skin) if (isTurnedAway(triangle, positions)) put(triangle);
    for (const triangle of this.#skin) if (!isTurnedAway(triangle, positions)) put(triangle);
    for (const triangle of this.#last) put(triangle);
  }
}

/** Triangles are clockwise in a picture of a face from the front; counter-clockwise ones show their back. */
function isTurnedAway(triangle: readonly number[], positions: Float32Array): boolean {
  const [a, b, c] = [triangle[0]! * 2, triangle[1]! * 2, triangle[2]! * 2];
  const [ax, ay] = [positions[a]!, positions[a + 1]!];
  const [bx, by] = [positions[b]! - ax, positions[b + 1]! - ay];
  return bx * (positions[c + 1]! - ay) - (positions[c]! - ax) * by < 0;
}

function eyeTriangles(at: number): number[][] {
  const centre = at + 2 * LID_COUNT;
  return Array.from({ length: LID_COUNT }, (_, place) => {
    const next = (place + 1) % LID_COUNT;
    const [lid, nextLid] = [at + place, at + next];
    const [iris, nextIris] = [at + LID_COUNT + place, at + LID_COUNT + next];
    return [
      [lid, nextLid, iris],
      [nextLid, nextIris, iris],
      [iris, nextIris, centre],
    ];
  }).flat();
}

/** Triangles between two rows of points that share their ends. */
function stripTriangles(upper: readonly number[], lower: readonly number[]): number[][] {
  return upper.slice(0, -1).flatMap((point, place) => [
    [point, upper[place + 1]!, lower[place]!],
    [upper[place + 1]!, lower[place + 1]!, lower[place]!],
  ]);
}

function ringTriangles(): number[][] {
  const rings: (readonly number[])[] = RING_FACTORS.map((_, ring) =>
    FACE_OVAL.map((_point, spoke) => RING_VERTICES_AT + ring * SPOKES + spoke),
  ).toReversed();
  return [...rings, FACE_OVAL].slice(1).flatMap((inside, index) => {
    const outside = rings[index]!;
    return inside.flatMap((point, spoke) => {
      const next = (spoke + 1) % SPOKES;
      return [
        [point, outside[spoke]!, inside[next]!],
        [inside[next]!, outside[spoke]!, outside[next]!],
      ];
    });
  });
}

/** Moves vertices that lie outside the picture onto its border. */
export function keepInside(vertices: Float32Array, size: Size): void {
  for (let at = 0; at < vertices.length; at += 2) {
    vertices[at] = Math.min(size.width - 1, Math.max(0, vertices[at]!));
    vertices[at + 1] = Math.min(size.height - 1, Math.max(0, vertices[at + 1]!));
  }
}
