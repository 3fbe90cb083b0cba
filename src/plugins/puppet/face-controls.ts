import { FRAME_MS, type FrameIndex, type Heard } from '../../api/media.ts';
import type { Control } from './controls.ts';
import { smoothstep } from './curves.ts';
import type { MouthShape } from './mouth-net.ts';

/**
 * From where on lips come nearer, and where they meet, by the network's closure. Chosen on 71 s of a voice held out of
 * training: of the p, b, m 76 % are shown and 80 % of what is shown is one; (0.2, 0.55) showed 85 % but only 71 % were
 * right, and in noise the false ones took the opening away. See docs/benchmarks.md.
 */
const CLOSURE_NEAR = 0.3;
const CLOSURE_SHUT = 0.7;
/** How far from the frame's centre a closure counts, in seconds. */
const CLOSURE_REACH_SECONDS = 0.012;

/** What `Heard.data` of this engine holds, in order: weights of the mouth's controls, tongue and teeth. */
export const MOUTH_WEIGHTS = [
  'open',
  'wide',
  'round',
  'press',
  'upperUp',
  'lowerDown',
  'tuck',
  'close',
  'tongue',
  'teethShut',
] as const satisfies readonly (Control | 'tongue' | 'teethShut')[];

type Shape = Partial<Record<(typeof MOUTH_WEIGHTS)[number], number>>;

/** The lips' shape for every viseme of the network, in its order; the jaw follows the network's openness instead. */
const VISEME_SHAPES: readonly Shape[] = [
  {}, // sil
  { press: 0.8 }, // PP
  { upperUp: 0.65, tuck: 1 }, // FF
  { tongue: 1, upperUp: 0.15, lowerDown: 0.15 }, // TH
  { tongue: 0.75, upperUp: 0.15, wide: 0.1, lowerDown: 0.1 }, // DD
  { wide: 0.1, tongue: 0.15 }, // kk
  { round: 0.55, upperUp: 0.35, lowerDown: 0.4, teethShut: 1 }, // CH
  { wide: 0.45, upperUp: 0.25, lowerDown: 0.4, teethShut: 1 }, // SS
  { tongue: 0.8, upperUp: 0.1, lowerDown: 0.1 }, // nn
  { round: 0.4, tongue: 0.35 }, // RR
  { wide: 0.08 }, // aa
  { wide: 0.45, lowerDown: 0.08 }, // E
  { wide: 0.85, upperUp: 0.15, lowerDown: 0.25 }, // I
  { round: 0.65 }, // O
  { round: 1 }, // U
];

/** Hops kept; the network gives one each 10 ms. */
const KEPT_HOPS = 16;
/** How much the hops count, the one nearest the frame's centre first. */
const HOP_WEIGHTS = [0.34, 0.28, 0.2, 0.12, 0.06] as const;
/** Speech probability that opens the gate, and the one below which it closes. */
const GATE_OPENS_AT = 0.5;
const GATE_CLOSES_BELOW = 0.3;
/** The mouth is fully there in two frames and gone in five. */
const FADE_IN_PER_FRAME = 0.5;
const FADE_OUT_PER_FRAME = 0.22;
/** How much of the lips' last shape stays in the next frame: lips are slower than the jaw. */
const LIP_INERTIA = 0.3;

const PRESS = MOUTH_WEIGHTS.indexOf('press');
const OPEN = MOUTH_WEIGHTS.indexOf('open');
const WIDE = MOUTH_WEIGHTS.indexOf('wide');
const ROUND = MOUTH_WEIGHTS.indexOf('round');
const CLOSE = MOUTH_WEIGHTS.indexOf('close');

interface Hop {
  timeSeconds: number;
  openness: number;
  width: number;
  closure: number;
  speech: number;
  readonly lips: Float32Array;
}

/**
 * Turns the network's mouth shapes, one every 10 ms, into the face's controls, one set per frame: weighs the hops around
 * the frame's centre, lets lips run into each other (coarticulation), makes closures close, fades in with speech within
 * two frames and out over five. In silence everything is exactly 0.
 */
export class FaceControls {
  readonly #strength: number;
  readonly #hops: Hop[] = Array.from({ length: KEPT_HOPS }, () => ({
    ...{ timeSeconds: Number.NEGATIVE_INFINITY, openness: 0, width: 0, closure: 0, speech: 0 },
    lips: new Float32Array(MOUTH_WEIGHTS.length),
  }));
  #nextHop = 0;
  #gate = 0;
  #isSpeaking = false;
  #lastFrame: FrameIndex | undefined;
  /** What is shown while the gate is open, and held while it closes. */
  readonly #held = new Float32Array(MOUTH_WEIGHTS.length);
  readonly #mixed = new Float32Array(MOUTH_WEIGHTS.length);
  #heldWidth = 0;

  /** @param strength how far the mouth moves for the same speech; 1 = as heard. */
  constructor(strength = 1) {
    this.#strength = strength;
  }

  /** Takes a hop. @param originSeconds show time at which the network's time began. */
  add(shape: MouthShape, originSeconds: number): void {
    const hop = this.#hops[this.#nextHop]!;
    this.#nextHop = (this.#nextHop + 1) % KEPT_HOPS;
    hop.timeSeconds = originSeconds + shape.timeSeconds;
    hop.openness = shape.openness;
    hop.width = shape.width;
    hop.closure = shape.closure;
    hop.speech = shape.speech;
    hop.lips.fill(0);
    for (let viseme = 0; viseme < VISEME_SHAPES.length; viseme++) {
      const probability = shape.visemes[viseme]!;
      for (let control = 0; control < MOUTH_WEIGHTS.length; control++) {
        hop.lips[control] = hop.lips[control]! + probability * (VISEME_SHAPES[viseme]![MOUTH_WEIGHTS[control]!] ?? 0);
      }
    }
  }

  /** Forgets what was heard: after a gap in the sound. */
  reset(): void {
    for (const hop of this.#hops) hop.timeSeconds = Number.NEGATIVE_INFINITY;
    this.#gate = 0;
    this.#isSpeaking = false;
    this.#lastFrame = undefined;
  }

  /** The face for a frame, from the hops nearest its centre that have arrived. Frames in rising order. */
  frame(frame: FrameIndex): Heard {
    const centreSeconds = ((frame + 0.5) * FRAME_MS) / 1000;
    const heard = this.#mixHops(centreSeconds);
    this.#moveGate(frame, heard.speech);
    if (this.#isSpeaking) this.#shapeMouth(heard);
    const data = new Float32Array(MOUTH_WEIGHTS.length);
    const gate = this.#gate;
    if (gate === 0) return { frame, speaking: false, openness: 0, width: 0, closure: 0, data };
    for (let control = 0; control < data.length; control++) data[control] = this.#held[control]! * gate;
    data[CLOSE] = gate;
    return {
      frame,
      speaking: this.#isSpeaking,
      openness: Math.min(1, data[OPEN]!),
      width: this.#heldWidth * gate,
      closure: data[PRESS]!,
      data,
    };
  }

  #mixHops(centreSeconds: number): { openness: number; width: number; closure: number; speech: number } {
    const heard = { openness: 0, width: 0, closure: 0, speech: 0 };
    const reach = HOP_WEIGHTS.length * 0.01;
    this.#mixed.fill(0);
    let total = 0;
    for (const hop of this.#hops) {
      const distance = Math.abs(hop.timeSeconds - centreSeconds);
      if (!(distance < reach)) continue;
      const weight = HOP_WEIGHTS[Math.floor(distance * 100)] ?? 0;
      total += weight;
      heard.openness += hop.openness * weight;
      heard.width += hop.width * weight;
      // Closures are shorter than two frames: the strongest near the centre counts, a mean would lose it.
      if (distance < CLOSURE_REACH_SECONDS) heard.closure = Math.max(heard.closure, hop.closure);
      heard.speech = Math.max(heard.speech, hop.speech);
      for (let control = 0; control < this.#mixed.length; control++) {
        this.#mixed[control] = this.#mixed[control]! + hop.lips[control]! * weight;
      }
    }
    if (total === 0) return heard;
    heard.openness /= total;
    heard.width /= total;
    for (let control = 0; control < this.#mixed.length; control++) this.#mixed[control] = this.#mixed[control]! / total;
    return heard;
  }

  #moveGate(frame: FrameIndex, speech: number): void {
    const steps = this.#lastFrame === undefined ? 1 : Math.max(1, frame - this.#lastFrame);
    this.#lastFrame = frame;
    this.#isSpeaking = speech >= (this.#isSpeaking ? GATE_CLOSES_BELOW : GATE_OPENS_AT);
    if (this.#isSpeaking) {
      if (this.#gate === 0) this.#held.fill(0);
      this.#gate = Math.min(1, this.#gate + FADE_IN_PER_FRAME * steps);
    } else {
      this.#gate = Math.max(0, this.#gate - FADE_OUT_PER_FRAME * steps);
    }
  }

  /** Combines jaw, lips and closure into #held. */
  #shapeMouth(heard: { openness: number; width: number; closure: number }): void {
    const held = this.#held;
    const shut = smoothstep(CLOSURE_NEAR, CLOSURE_SHUT, heard.closure);
    for (let control = 0; control < held.length; control++) {
      const goal = this.#mixed[control]! * (1 - shut);
      held[control] = goal + (held[control]! - goal) * (shut > 0.9 ? 0 : LIP_INERTIA);
    }
    held[OPEN] = heard.openness * this.#strength * (1 - shut);
    held[PRESS] = Math.max(shut, this.#mixed[PRESS]! * 0.5);
    // The network's width is measured, the visemes' is a table: half of each.
    held[WIDE] = 0.5 * held[WIDE]! + 0.5 * Math.max(0, heard.width) * (1 - shut);
    held[ROUND] = 0.5 * held[ROUND]! + 0.5 * Math.max(0, -heard.width) * (1 - shut);
    this.#heldWidth = Math.min(1, Math.max(-1, heard.width));
  }
}
