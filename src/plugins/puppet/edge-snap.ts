import type { Size } from '../../api/media.ts';
import { interpolate } from './curves.ts';
import {
  type EyePoints,
  LEFT_EYE,
  LOWER_INNER,
  LOWER_LIP_ROWS,
  RIGHT_EYE,
  UPPER_INNER,
  UPPER_LIP_ROWS,
} from './face-points.ts';
import { MouthFrame } from './mouth-frame.ts';
import { PixelSampler } from './pixel-sampler.ts';

/** Lips nearer than this (in half mouth widths) count as closed in the source. */
const CLOSED_GAP = 0.07;

const COLUMN_COUNT = 41;
/** The lip line is looked for this far above and below where the landmarks have it, in half mouth widths. */
const SEARCH_REACH = 0.16;
const SEARCH_STEPS = 16;
const INNER_EDGES: ReadonlySet<number> = new Set([...UPPER_INNER, ...LOWER_INNER]);
/** What a bend of the line costs per step, and a line far from the landmarks per square unit, in luma. */
const STEP_COST = 4;
const FAR_COST = 300;

/**
 * Moves landmarks onto the edges the picture really has: closed lips onto the dark line between them, upper lids onto the
 * lash line. The detector is some pixels off there, and a mesh cut beside the lip line drags a dark stroke along.
 * @param landmarks Float32 `[478, 3]` of the frame `pixels` (RGB24) shows.
 * @returns the shift of every landmark in units of the frame's mouth coordinates, Float32 `[478, 2]`.
 */
export function findEdgeShifts(landmarks: Float32Array, pixels: Uint8Array, size: Size): Float32Array {
  const shifts = new Float32Array((landmarks.length / 3) * 2);
  const frame = new MouthFrame(landmarks);
  const luma = new PixelSampler(pixels, size);
  if (widestGap(landmarks, frame) < CLOSED_GAP) {
    addLineShifts(landmarks, frame, findLipLine(landmarks, frame, luma), 1, shifts);
  } else for (const rows of [UPPER_LIP_ROWS, LOWER_LIP_ROWS]) snapLipEdge(landmarks, frame, luma, rows, shifts);
  snapLid(landmarks, frame, luma, RIGHT_EYE, shifts);
  snapLid(landmarks, frame, luma, LEFT_EYE, shifts);
  return shifts;
}

/** The largest distance between the lips, in half mouth widths. */
function widestGap(landmarks: Float32Array, frame: MouthFrame): number {
  return UPPER_INNER.reduce((widest, upper, place) => {
    const lower = LOWER_INNER[place]!;
    return Math.max(widest, uvOf(landmarks, frame, lower).v - uvOf(landmarks, frame, upper).v);
  }, 0);
}

function uvOf(landmarks: Float32Array, frame: MouthFrame, point: number): { u: number; v: number } {
  return frame.toUv(landmarks[point * 3]!, landmarks[point * 3 + 1]!);
}

/** The line along which closed lips meet, from corner to corner: where the landmarks have it and where the picture. */
export interface LipLine {
  /** Places along the line, rising u. */
  readonly us: readonly number[];
  /** v of the landmarks' line there. */
  readonly vs: readonly number[];
  /** How far below the picture's line lies. */
  readonly offsets: readonly number[];
}

/** The landmarks' own line between the lips, evenly from corner to corner. */
export function lipColumns(landmarks: Float32Array, frame: MouthFrame): Pick<LipLine, 'us' | 'vs'> {
  const line = UPPER_INNER.map((upper, place) => {
    const a = uvOf(landmarks, frame, upper);
    const b = uvOf(landmarks, frame, LOWER_INNER[place]!);
    return { u: (a.u + b.u) / 2, v: (a.v + b.v) / 2 };
  });
  const first = line[0]!.u;
  const step = (line.at(-1)!.u - first) / (COLUMN_COUNT - 1);
  const us = Array.from({ length: COLUMN_COUNT }, (_, column) => first + step * column);
  return { us, vs: us.map((u) => interpolate(line, u)) };
}

/** Finds the dark line between closed lips. */
export function findLipLine(landmarks: Float32Array, frame: MouthFrame, luma: PixelSampler): LipLine {
  const { us, vs } = lipColumns(landmarks, frame);
  const columns = us.map((u, column) => ({ u, v: vs[column]! }));
  return { us, vs, offsets: darkestPath(columns, frame, luma) };
}

/**
 * Shifts that bring the inner edges of closed lips onto the line found, and what is near along with them.
 * @param share of the shift that is added. @param shifts Float32 `[478, 2]` in mouth coordinates.
 */
export function addLineShifts(
  landmarks: Float32Array,
  frame: MouthFrame,
  line: LipLine,
  share: number,
  shifts: Float32Array,
): void {
  const first = line.us[0]!;
  const last = line.us.at(-1)!;
  const at = (values: readonly number[], u: number) => {
    const place = Math.min(1, Math.max(0, (u - first) / (last - first))) * (COLUMN_COUNT - 1);
    const left = Math.min(COLUMN_COUNT - 2, Math.floor(place));
    return values[left]! + (values[left + 1]! - values[left]!) * (place - left);
  };
  for (let point = 0; point < shifts.length / 2; point++) {
    const { u, v } = uvOf(landmarks, frame, point);
    const lineV = at(line.vs, u);
    const beside = Math.max(0, first - u, u - last);
    const fade = Math.max(0, 1 - Math.max(0, Math.abs(v - lineV) - 0.35) / 0.7) * Math.max(0, 1 - beside / 0.5);
    if (fade <= 0) continue;
    // The inner edges of closed lips are one line.
    const shift = INNER_EDGES.has(point) ? lineV + at(line.offsets, u) - v : at(line.offsets, u) * fade;
    shifts[point * 2 + 1] = shifts[point * 2 + 1]! + shift * share;
  }
}

/**
 * Moves the inner edge of an open mouth's lip to where the lip's red begins: the detector leaves a strip of teeth on it,
 * which would ride along. Looks no further than three quarters of the way to the lip's third row.
 */
function snapLipEdge(
  landmarks: Float32Array,
  frame: MouthFrame,
  luma: PixelSampler,
  rows: readonly (readonly number[])[],
  shifts: Float32Array,
): void {
  const at = (point: number) => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! });
  const found = rows[0]!.map((inner, place) => {
    const from = at(inner);
    const to = at(rows[2]![place]!);
    const redness = (share: number) =>
      luma.rednessAt(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share);
    const lipRed = (redness(0.9) + redness(1)) / 2;
    let share = 0;
    while (share < 0.75 && redness(share) < 0.8 * lipRed) share += 0.05;
    return share;
  });
  const shares = smoothed(found);
  rows[0]!.forEach((inner, place) => {
    const share = shares[place]!;
    const to = at(rows[2]![place]!);
    const goal = frame.toUv(to.x, to.y);
    // The second row makes room.
    for (const [point, part] of [
      [inner, share],
      [rows[1]![place]!, share * 0.5],
    ] as const) {
      const own = uvOf(landmarks, frame, point);
      shifts[point * 2] = (goal.u - own.u) * part;
      shifts[point * 2 + 1] = (goal.v - own.v) * part;
    }
  });
}

/** The smooth line along which the picture is darkest, as offsets from the columns' v (dynamic programming). */
function darkestPath(columns: readonly { u: number; v: number }[], frame: MouthFrame, luma: PixelSampler): number[] {
  const choices = 2 * SEARCH_STEPS + 1;
  const offsetOf = (choice: number) => ((choice - SEARCH_STEPS) / SEARCH_STEPS) * SEARCH_REACH;
  const steps: { readonly cost: Float64Array; readonly from: Int16Array }[] = [];
  for (const { u, v } of columns) {
    const before = steps.at(-1)?.cost;
    const cost = new Float64Array(choices);
    const from = new Int16Array(choices);
    for (let choice = 0; choice < choices; choice++) {
      const { x, y } = frame.toPixel(u, v + offsetOf(choice));
      from[choice] = before ? cheapestNeighbour(before, choice) : choice;
      const way = before ? before[from[choice]!]! + Math.abs(from[choice]! - choice) * STEP_COST : 0;
      cost[choice] = way + luma.at(x, y) + FAR_COST * offsetOf(choice) ** 2;
    }
    steps.push({ cost, from });
  }
  const last = steps.at(-1)!.cost;
  let choice = last.indexOf(Math.min(...last));
  const path = steps.toReversed().map(({ from }) => {
    const offset = offsetOf(choice);
    choice = from[choice]!;
    return offset;
  });
  return smoothed(path.reverse());
}

/** Where a path to `choice` comes from most cheaply: straight on, or one choice up or down. */
function cheapestNeighbour(before: Float64Array, choice: number): number {
  let best = choice;
  for (const neighbour of [choice - 1, choice + 1]) {
    const cost = before[neighbour];
    if (cost !== undefined && cost + STEP_COST < before[best]! + Math.abs(best - choice) * STEP_COST) best = neighbour;
  }
  return best;
}

/** Each value mixed with its neighbours, 1 2 1. */
function smoothed(values: readonly number[]): number[] {
  return values.map((value, index) => ((values[index - 1] ?? value) + 2 * value + (values[index + 1] ?? value)) / 4);
}

/** Moves an upper lid's edge outwards to its lash line, the darkest place just beyond it; the fold follows by less. */
function snapLid(
  landmarks: Float32Array,
  frame: MouthFrame,
  luma: PixelSampler,
  eye: EyePoints,
  shifts: Float32Array,
): void {
  const at = (point: number) => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! });
  const lids = eye.upper.map((upper, place) => {
    const edge = at(upper);
    const below = at(eye.lower[place]!);
    const opening = Math.hypot(edge.x - below.x, edge.y - below.y);
    const outwards = { x: (edge.x - below.x) / opening, y: (edge.y - below.y) / opening };
    return { edge, opening, outwards, moved: lashDistance(edge, outwards, tallestOpening(eye, at), luma) };
  });
  const moved = lids.map((lid) => lid.moved);
  const median = moved.map((_, place) =>
    middleOf(moved[Math.max(0, place - 1)]!, moved[place]!, moved[Math.min(6, place + 1)]!),
  );
  const distances = smoothed(median);
  lids.forEach((lid, place) => {
    const distance = distances[place]!;
    const to = frame.toUv(lid.edge.x + lid.outwards.x * distance, lid.edge.y + lid.outwards.y * distance);
    const from = frame.toUv(lid.edge.x, lid.edge.y);
    for (const [point, share] of [
      [eye.upper[place]!, 1],
      [eye.fold[place]!, 0.4],
    ] as const) {
      shifts[point * 2] = (to.u - from.u) * share;
      shifts[point * 2 + 1] = (to.v - from.v) * share;
    }
  });
}

function tallestOpening(eye: EyePoints, at: (point: number) => { x: number; y: number }): number {
  return Math.max(...eye.upper.map((upper, place) => Math.abs(at(upper).y - at(eye.lower[place]!).y)));
}

/** How far outwards in pixels the lash line lies; 0 when nothing dark enough is there. */
function lashDistance(
  edge: { x: number; y: number },
  outwards: { x: number; y: number },
  opening: number,
  luma: PixelSampler,
): number {
  const step = 0.25;
  const lumaAt = (distance: number) => luma.at(edge.x + outwards.x * distance, edge.y + outwards.y * distance);
  let darkest = Number.POSITIVE_INFINITY;
  let found = 0;
  let skin = 0;
  for (let distance = 0; distance <= 0.5 * opening; distance += step) {
    const value = lumaAt(distance) + (40 * distance) / opening;
    skin = Math.max(skin, lumaAt(distance));
    if (value < darkest) {
      darkest = value;
      found = distance;
      skin = 0;
    }
  }
  const isLash = skin - darkest > 12;
  return isLash ? Math.max(0, found - 0.2) : 0;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
