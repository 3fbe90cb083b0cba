import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { Size } from '../../api/media.ts';
import { bell, smoothstep } from './curves.ts';
import { describeFace, type Face, type Vertex } from './face-description.ts';
import { FACE_OVAL, LOWER_INNER, POINT, UPPER_INNER } from './face-points.ts';
import { SHUT_STEP } from './fields-file.ts';
import { HeadFit, type HeadPlace, toReference } from './head-fit.ts';
import { placeVertices, RING_VERTICES_AT, VERTEX_COUNT } from './mesh.ts';

/** A face through a clip, as the moves are worked out from it. */
export interface LipTrack {
  readonly frameCount: number;
  /** Float32 `[frameCount, 478, 3]`, lips already where the pictures have them. */
  readonly points: Float32Array;
  /** How far every frame's mouth is open in half mouth widths. */
  readonly openings: Float32Array;
  /** How far every frame's face may be driven, 0 … 1; 0 for frames shown as they are. */
  readonly drives: Float32Array;
}

/** An opening of this many half mouth widths makes a frame e times worse a model of a shut mouth. */
const MODEL_OPENING = 0.05;
/** Nearness to an open mouth that makes a frame e times worse is the reciprocal of this. */
const MODEL_TALKING = 3;
/** An open mouth is believed to belong to speech that reaches so many frames to both sides. */
const TALK_FRAMES = 4;
/** Even the worst frame counts a little, or clips that never shut their mouth had no model. */
const LEAST_MODEL = 1e-4;
/** Frames this near count as models of each other's shut mouth, in frames, and heads turned alike, in radians. */
const NEAR_FRAMES = 3;
const NEAR_TURN = 0.08;
/** Models from all over the clip, and how far around a frame every one is looked at. */
const FAR_MODELS = 64;
const AROUND_FRAMES = 12;
/** Shut lips are pushed this far over each other, in half mouth widths, so that no tooth shows through. */
const OVERLAP = 0.012;
/** A mouth narrower than the model by this share is rounded and gets its width back; from the second on all of it. */
const ROUNDED_FROM = 0.1;
const ROUNDED_FULLY = 0.22;
const FACE_POINTS = 468;

/**
 * Works out what brings the mouth of every frame to the clip's own shut, relaxed mouth. Seen from the skull, which talking
 * does not move, the frames with a shut mouth tell what it looks like there; nearest in time and turn of the head count
 * most, so that what is no speech (a smile, how the detector sees a turned face) stays. A frame whose mouth is shut, and
 * stays so for some frames around, gets exactly nothing.
 */
export class ShutMoves {
  readonly places: readonly HeadPlace[];
  /** How far each frame's mouth had to be shut, 0 … 1. */
  readonly amounts: Float32Array;
  readonly #track: LipTrack;
  readonly #fit: HeadFit;
  readonly #face: Face;
  /** Every frame's points seen from the skull, and the same with the lips brought together. */
  readonly #seen: Float32Array;
  readonly #closed: Float32Array;
  readonly #model: Float32Array;
  readonly #widths: Float32Array;
  readonly #farModels: readonly number[];
  /** Share of a move that reaches a face point; 0 above the mouth. */
  readonly #reach: Float32Array;

  /** @param reference index of the frame whose mouth coordinates all moves are in. @param opennessOf an opening, 0 … 1. */
  constructor(track: LipTrack, reference: number, size: Size, opennessOf: (opening: number) => number) {
    this.#track = track;
    const landmarks = pointsOf(track, reference);
    this.#fit = new HeadFit(landmarks);
    this.#face = describeFace(landmarks, placeVertices(landmarks, size), size);
    this.places = Array.from({ length: track.frameCount }, (_, index) => this.#fit.place(pointsOf(track, index)));
    this.#reach = Float32Array.from(this.#face.vertices.slice(0, FACE_POINTS), (vertex) => reachOf(vertex, this.#face));
    this.#seen = new Float32Array(track.frameCount * FACE_POINTS * 2);
    for (let index = 0; index < track.frameCount; index++) this.#see(index);
    this.#closed = this.#seen.slice();
    for (let index = 0; index < track.frameCount; index++) this.#bringTogether(index);
    const talking = talkingOf(track, opennessOf);
    this.#model = modelWeights(track, talking);
    this.#widths = Float32Array.from(track.openings, (_, index) => this.#uOf(index, 291) - this.#uOf(index, 61));
    this.#farModels = this.#chooseFarModels();
    this.amounts = Float32Array.from(track.openings, (_, index) => {
      if (track.drives[index]! <= 0) return 0;
      const narrower = 1 - this.#widths[index]! / this.#modelWidth(index);
      const rounded = smoothstep(ROUNDED_FROM, ROUNDED_FULLY, narrower);
      return Math.max(talking[index]!, rounded) * track.drives[index]!;
    });
  }

  /** Writes a frame's moves, Int16 `[VERTEX_COUNT, 2]` in steps of {@link SHUT_STEP}. */
  write(index: number, target: Int16Array): void {
    target.fill(0);
    const amount = this.amounts[index]!;
    if (amount <= 0) return;
    const weights = this.#weigh(index);
    const moves = new Float32Array(FACE_POINTS * 2);
    for (const { frame, weight } of weights) {
      const at = frame * FACE_POINTS * 2;
      for (let point = 0; point < FACE_POINTS * 2; point++) {
        moves[point] = moves[point]! + this.#closed[at + point]! * weight;
      }
    }
    const own = index * FACE_POINTS * 2;
    for (let point = 0; point < FACE_POINTS; point++) {
      const share = this.#reach[point]! * amount;
      for (const axis of [0, 1]) {
        const place = point * 2 + axis;
        moves[place] = (moves[place]! - this.#seen[own + place]!) * share;
      }
    }
    this.#overlap(moves, amount);
    const put = (vertex: number, u: number, v: number) => {
      target[vertex * 2] = toSteps(u);
      target[vertex * 2 + 1] = toSteps(v);
    };
    for (let point = 0; point < FACE_POINTS; point++) put(point, moves[point * 2]!, moves[point * 2 + 1]!);
    // The neck gives way below the chin, as far as for the jaw's own moves.
    for (let vertex = RING_VERTICES_AT; vertex < VERTEX_COUNT; vertex++) {
      const outline = FACE_OVAL[(vertex - RING_VERTICES_AT) % FACE_OVAL.length]!;
      const { hold, v } = this.#face.vertices[vertex]!;
      const share = hold * (1 - smoothstep(this.#face.chinV * 0.98, this.#face.chinV + 1.9, v));
      put(vertex, moves[outline * 2]! * share, moves[outline * 2 + 1]! * share);
    }
  }

  #uOf(frame: number, point: number): number {
    return this.#seen[(frame * FACE_POINTS + point) * 2]!;
  }

  #see(index: number): void {
    const points = pointsOf(this.#track, index);
    const place = this.places[index]!;
    for (let point = 0; point < FACE_POINTS; point++) {
      const depth = this.#fit.model[point * 3 + 2]!;
      const { u, v } = toReference(place, depth, points[point * 3]!, points[point * 3 + 1]!);
      this.#seen[(index * FACE_POINTS + point) * 2] = u;
      this.#seen[(index * FACE_POINTS + point) * 2 + 1] = v;
    }
  }

  /** Lips meet where the lower one has gone 70 % of the way; lips keep their thickness, chin and cheeks follow. */
  #bringTogether(index: number): void {
    const at = index * FACE_POINTS * 2;
    const seen = this.#seen;
    const vOf = (point: number) => seen[at + point * 2 + 1]!;
    const columns = UPPER_INNER.map((upper, column) => {
      const lower = LOWER_INNER[column]!;
      const u = (seen[at + upper * 2]! + seen[at + lower * 2]!) / 2;
      return { u, gap: vOf(lower) - vOf(upper) };
    });
    const widest = Math.max(0, ...columns.map(({ gap }) => gap));
    const gapAt = (u: number) => interpolateGap(columns, u);
    for (let point = 0; point < FACE_POINTS; point++) {
      const { lip, off, below, row } = this.#face.vertices[point]!;
      const place = at + point * 2 + 1;
      const gap = lip ? gapAt(seen[at + point * 2]!) : 0;
      if (lip === 'upper') this.#closed[place] = seen[place]! + gap * 0.3 * (1 - 0.15 * row);
      else if (lip === 'lower') this.#closed[place] = seen[place]! - gap * 0.7 * (1 - 0.1 * row);
      else if (lip === undefined && below > 0) {
        const share = bell(off, 1.2) * (1 - smoothstep(0.1, this.#face.chinV, below));
        this.#closed[place] = seen[place]! - widest * 0.42 * share;
      }
    }
    // Both inner edges are one line.
    UPPER_INNER.forEach((upper, column) => {
      const lower = LOWER_INNER[column]!;
      for (const axis of [0, 1]) {
        const [a, b] = [at + upper * 2 + axis, at + lower * 2 + axis];
        const meeting = this.#closed[a]! * 0.5 + this.#closed[b]! * 0.5;
        this.#closed[a] = this.#closed[b] = meeting;
      }
    });
  }

  /** The best models of the clip, one of every stretch of it. */
  #chooseFarModels(): number[] {
    const { frameCount } = this.#track;
    const stretches = Math.min(FAR_MODELS, frameCount);
    return Array.from({ length: stretches }, (_, stretch) => {
      const from = Math.floor((stretch * frameCount) / stretches);
      const end = Math.floor(((stretch + 1) * frameCount) / stretches);
      let best = from;
      for (let index = from; index < end; index++) if (this.#model[index]! > this.#model[best]!) best = index;
      return best;
    });
  }

  /** The frames that tell what this one's shut mouth looks like; weights add up to 1. */
  #weigh(index: number): { readonly frame: number; readonly weight: number }[] {
    const around = Array.from({ length: 2 * AROUND_FRAMES + 1 }, (_, step) => index - AROUND_FRAMES + step);
    const frames = new Set([
      ...this.#farModels,
      ...around.filter((frame) => this.#track.openings[frame] !== undefined),
    ]);
    const own = this.places[index]!;
    const weights = [...frames].map((frame) => {
      const place = this.places[frame]!;
      const turn = Math.hypot(turnOf(place, 'x') - turnOf(own, 'x'), turnOf(place, 'y') - turnOf(own, 'y'));
      const nearInTurn = Math.exp(-((turn / NEAR_TURN) ** 2)) + 0.02;
      const nearInTime = 1 / (1 + ((frame - index) / NEAR_FRAMES) ** 2);
      return { frame, weight: this.#model[frame]! * nearInTime * nearInTurn };
    });
    const total = Math.max(
      1e-12,
      weights.reduce((sum, { weight }) => sum + weight, 0),
    );
    return weights.map(({ frame, weight }) => ({ frame, weight: weight / total }));
  }

  #modelWidth(index: number): number {
    return this.#weigh(index).reduce((sum, { frame, weight }) => sum + this.#widths[frame]! * weight, 0);
  }

  #overlap(moves: Float32Array, amount: number): void {
    UPPER_INNER.slice(1, -1).forEach((upper, place) => {
      const lower = LOWER_INNER[place + 1]!;
      const arch = 1 - this.#face.vertices[upper]!.off ** 2;
      const over = OVERLAP * amount * Math.max(0, arch);
      moves[upper * 2 + 1] = moves[upper * 2 + 1]! + over;
      moves[lower * 2 + 1] = moves[lower * 2 + 1]! - over;
    });
  }
}

/** How near every frame is to one with an open mouth, 0 … 1: the lips of a "p" amid speech are not those of silence. */
function talkingOf({ openings }: LipTrack, opennessOf: (opening: number) => number): Float32Array {
  const openness = openings.map(opennessOf);
  return openness.map((_, index) => {
    let most = 0;
    for (let step = -TALK_FRAMES; step <= TALK_FRAMES; step++) {
      most = Math.max(most, (openness[index + step] ?? 0) * (1 - Math.abs(step) / (TALK_FRAMES + 1)));
    }
    return most;
  });
}

/** How good a model of the shut, relaxed mouth every frame is; the best one 1. */
function modelWeights({ openings, drives }: LipTrack, talking: Float32Array): Float32Array {
  const weights = openings.map((opening, index) =>
    drives[index]! > 0 ? Math.exp(-((opening / MODEL_OPENING) ** 2) - (MODEL_TALKING * talking[index]!) ** 2) : 0,
  );
  const best = weights.reduce((most, weight) => Math.max(most, weight), 1e-12);
  return weights.map((weight, index) => (drives[index]! > 0 ? weight / best + LEAST_MODEL : 0));
}

function pointsOf({ points }: LipTrack, index: number): Float32Array {
  const numbers = LANDMARK_COUNT * 3;
  return points.subarray(index * numbers, (index + 1) * numbers);
}

/** About how far the head is turned against the reference, in radians: x sideways, y up and down. */
function turnOf(place: HeadPlace, axis: 'x' | 'y'): number {
  return axis === 'x'
    ? place.depthX / Math.hypot(place.acrossX, place.acrossY)
    : place.depthY / Math.hypot(place.downX, place.downY);
}

/** All of the mouth and jaw, nothing from the nose's root upwards and beside the jaw. */
function reachOf({ v, off, index }: Vertex, { noseV }: Face): number {
  if (index === POINT.underNose) return 0;
  return smoothstep(noseV, noseV * 0.45, v) * smoothstep(3, 1.6, off);
}

function interpolateGap(columns: readonly { readonly u: number; readonly gap: number }[], u: number): number {
  if (u <= columns[0]!.u) return 0;
  for (let index = 1; index < columns.length; index++) {
    const right = columns[index]!;
    if (u > right.u) continue;
    const left = columns[index - 1]!;
    const share = (u - left.u) / Math.max(1e-6, right.u - left.u);
    return Math.max(0, left.gap + (right.gap - left.gap) * share);
  }
  return 0;
}

function toSteps(value: number): number {
  return Math.round(Math.min(2, Math.max(-2, value)) / SHUT_STEP);
}
