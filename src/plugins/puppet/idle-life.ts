import { FRAMES_PER_SECOND, type FrameIndex } from '../../api/media.ts';
import type { Control } from './controls.ts';
import { weightIndex } from './puppet-avatar.ts';

const at = (control: Control) => weightIndex(control);
const BLINK_RIGHT = at('blinkRight');
const BLINK_LEFT = at('blinkLeft');
const BROW = at('brow');
const GAZE_X = at('gazeX');
const GAZE_Y = at('gazeY');
const HEAD_X = at('headX');
const HEAD_Y = at('headY');
const ROLL = at('roll');
const YAW = at('yaw');
const PITCH = at('pitch');
const BREATH = at('breath');
const SMILE = at('smile');

/** Streams of random numbers, one per kind of event, so that none disturbs another. */
const STREAM = { blink: 1, gaze: 2, sway: 16, breath: 40 } as const;
/** Shortest and longest pause between blinks in seconds; a log-normal around 3.4 s. */
const BLINK_PAUSE = { shortest: 2, longest: 6, median: 3.4, spread: 0.4 } as const;
const DOUBLE_BLINK_CHANCE = 0.12;
/** Median time a look rests, in seconds. */
const LOOK = { shortest: 0.7, longest: 4.5, median: 1.7, spread: 0.5 } as const;
/** How often the next look goes back to the camera. */
const CAMERA_CHANCE = 0.62;
/** A saccade of these small angles takes about 50 ms. */
const SACCADE_SECONDS = 0.05;
const MICRO_GAZE = 0.018;

interface Blink {
  readonly start: number;
  readonly closing: number;
  readonly shut: number;
  readonly opening: number;
}

interface Look {
  readonly start: number;
  readonly end: number;
  readonly x: number;
  readonly y: number;
}

/**
 * What a person does without thinking: blinks, glances that come back to the camera, breathing, sway, a nod or a raised
 * brow on stressed syllables. Everything but the last depends on the avatar and the frame alone, so a recording can be
 * repeated; nothing ever repeats by itself, because events and noise come from a hash of their running number.
 */
export class IdleLife {
  readonly #seed: number;
  #blinkNumber = 0;
  #blink: Blink;
  #lookNumber = 0;
  #lookBefore: Look;
  #look: Look;
  #lastFrame: FrameIndex = -1;
  /** Slow and quick follower of the speech's openness; where the quick one leads, a syllable is stressed. */
  #slow = 0;
  #quick = 0;
  #emphasis = 0;

  /** @param avatarId avatars live to different rhythms. */
  constructor(avatarId: string) {
    this.#seed = hashText(avatarId);
    this.#blink = this.#makeBlink(0, 0);
    this.#lookBefore = { start: -1, end: 0, x: 0, y: 0 };
    this.#look = this.#makeLook(0, 0);
  }

  /**
   * Adds the life of a frame to `weights` (one per control).
   * @param openness of the mouth, 0 … 1: the envelope of speech. @param amount 0 none … 1 all of it.
   */
  add(frame: FrameIndex, openness: number, amount: number, weights: Float32Array): void {
    if (amount <= 0) return;
    const seconds = frame / FRAMES_PER_SECOND;
    if (frame < this.#lastFrame) this.#startAgain();
    this.#follow(openness, Math.max(1, Math.min(25, frame - this.#lastFrame)));
    this.#lastFrame = frame;

    const closed = this.#blinkAt(seconds) * Math.min(1, amount * 2);
    put(weights, BLINK_RIGHT, closed);
    put(weights, BLINK_LEFT, closed);
    this.#addGaze(seconds, amount, weights);
    this.#addSway(seconds, amount, weights);

    const stress = this.#emphasis * amount;
    put(weights, BROW, 0.5 * stress + 0.1 * amount * (this.#noise(seconds * 0.13, 9) + 0.2));
    put(weights, PITCH, 0.045 * stress);
    put(weights, HEAD_Y, 0.03 * stress);
    put(weights, BREATH, 0.4 * amount * this.#breathAt(seconds));
    put(weights, SMILE, amount * 0.12 * Math.max(0, this.#noise(seconds * 0.09, 10)));
  }

  #startAgain(): void {
    this.#blinkNumber = 0;
    this.#blink = this.#makeBlink(0, 0);
    this.#lookNumber = 0;
    this.#lookBefore = { start: -1, end: 0, x: 0, y: 0 };
    this.#look = this.#makeLook(0, 0);
    this.#slow = this.#quick = this.#emphasis = 0;
  }

  #follow(openness: number, frames: number): void {
    for (let step = 0; step < frames; step++) {
      this.#quick += (openness - this.#quick) * 0.45;
      this.#slow += (openness - this.#slow) * 0.06;
      const lead = Math.max(0, this.#quick - this.#slow - 0.12) * 1.6;
      this.#emphasis += (Math.min(1, lead) - this.#emphasis) * 0.16;
    }
  }

  /** How far the lids are shut at a time, 0 … 1: quick down, a moment shut, slower up. */
  #blinkAt(seconds: number): number {
    while (seconds > this.#blink.start + this.#blink.closing + this.#blink.shut + this.#blink.opening) {
      this.#blinkNumber++;
      this.#blink = this.#makeBlink(this.#blinkNumber, this.#blink.start);
    }
    const { start, closing, shut, opening } = this.#blink;
    const since = seconds - start;
    if (since <= 0) return 0;
    if (since < closing) return ease(since / closing);
    if (since < closing + shut) return 1;
    return (1 - ease((since - closing - shut) / opening)) ** 1.3;
  }

  #makeBlink(number: number, lastStart: number): Blink {
    const random = (index: number) => this.#random(STREAM.blink, number * 8 + index);
    const isDouble = number > 0 && random(0) < DOUBLE_BLINK_CHANCE;
    const pause = isDouble ? 0.34 + 0.12 * random(1) : logNormal(BLINK_PAUSE, random(1), random(2));
    return {
      start: lastStart + pause,
      closing: 0.06 + 0.06 * random(3),
      shut: 0.03 + 0.03 * random(4),
      opening: 0.13 + 0.1 * random(5),
    };
  }

  #addGaze(seconds: number, amount: number, weights: Float32Array): void {
    while (seconds >= this.#look.end) {
      this.#lookNumber++;
      this.#lookBefore = this.#look;
      this.#look = this.#makeLook(this.#lookNumber, this.#look.end);
    }
    const way = ease(Math.min(1, (seconds - this.#look.start) / SACCADE_SECONDS));
    const x = this.#lookBefore.x + (this.#look.x - this.#lookBefore.x) * way;
    const y = this.#lookBefore.y + (this.#look.y - this.#lookBefore.y) * way;
    put(weights, GAZE_X, amount * x);
    put(weights, GAZE_Y, amount * y);
    // The head goes a little way with the eyes, later and slower.
    const head = ease(Math.min(1, (seconds - this.#look.start) / 0.6));
    put(weights, YAW, amount * 0.05 * (this.#lookBefore.x + (this.#look.x - this.#lookBefore.x) * head));
  }

  #makeLook(number: number, start: number): Look {
    const random = (index: number) => this.#random(STREAM.gaze, number * 8 + index);
    const rests = logNormal(LOOK, random(0), random(1));
    const isCamera = number === 0 || random(2) < CAMERA_CHANCE;
    const angle = random(3) * 2 * Math.PI;
    const far = isCamera ? MICRO_GAZE * random(4) : 0.1 + 0.17 * random(4);
    // Eyes wander sideways more than up and down.
    return {
      start,
      end: start + (isCamera ? rests * 1.5 : rests * 0.6),
      x: Math.cos(angle) * far,
      y: Math.sin(angle) * far * 0.5,
    };
  }

  #addSway(seconds: number, amount: number, weights: Float32Array): void {
    put(weights, HEAD_X, amount * 0.06 * this.#noise(seconds * 0.17, 0));
    put(weights, HEAD_Y, amount * 0.032 * this.#noise(seconds * 0.21, 1));
    put(weights, ROLL, amount * 0.014 * this.#noise(seconds * 0.15, 2));
    put(weights, YAW, amount * 0.035 * this.#noise(seconds * 0.19, 3));
    put(weights, PITCH, amount * 0.022 * this.#noise(seconds * 0.16, 4));
  }

  /** Chest up and down, 0 … 1: 12 to 16 breaths a minute, in quicker than out. */
  #breathAt(seconds: number): number {
    const breaths = seconds * (14 / 60) + 0.35 * this.#noise(seconds / 15, STREAM.breath - STREAM.sway);
    const phase = breaths - Math.floor(breaths);
    return phase < 0.4 ? ease(phase / 0.4) : 1 - ease((phase - 0.4) / 0.6);
  }

  /** Smooth noise, about -1 … 1: three octaves of random values joined by quintic curves. Never repeats. */
  #noise(time: number, channel: number): number {
    let sum = 0;
    let size = 0.62;
    let place = time + this.#random(STREAM.sway + channel, 0) * 7;
    for (let octave = 0; octave < 3; octave++) {
      const cell = Math.floor(place);
      const t = place - cell;
      const blend = t * t * t * (t * (t * 6 - 15) + 10);
      const from = this.#random(STREAM.sway + channel, cell * 4 + octave + 1) * 2 - 1;
      const to = this.#random(STREAM.sway + channel, (cell + 1) * 4 + octave + 1) * 2 - 1;
      sum += size * (from + (to - from) * blend);
      size *= 0.5;
      place = place * 1.93 + 0.37;
    }
    return sum;
  }

  /** 0 … 1 from avatar, stream and running number (a mixing function after Murmur3's finaliser). */
  #random(stream: number, number: number): number {
    let mixed = (this.#seed ^ Math.imul(stream, 0x9e3779b1) ^ Math.imul(number | 0, 0x85ebca77)) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
  }
}

/** FNV-1a over UTF-16 units: the same text, the same life. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** A log-normal time by the Box-Muller transform, kept between limits. */
function logNormal(
  times: { readonly shortest: number; readonly longest: number; readonly median: number; readonly spread: number },
  a: number,
  b: number,
): number {
  const normal = Math.sqrt(-2 * Math.log(1 - a * 0.999_999)) * Math.cos(2 * Math.PI * b);
  return Math.min(times.longest, Math.max(times.shortest, times.median * Math.exp(times.spread * normal)));
}

function ease(x: number): number {
  const t = Math.min(1, Math.max(0, x));
  return t * t * (3 - 2 * t);
}

function put(weights: Float32Array, control: number, value: number): void {
  weights[control] = weights[control]! + value;
}
