import type { PrepareProgress, PrepareStep } from '../prepare-options.ts';

/** The stages of a clip's preparation with what they cost, per frame, in parts of the whole: measured at 720p. */
const STAGES = [
  ['read', 0.01],
  ['follow', 0.14],
  ['frame', 0.01],
  ['film', 0.64],
  ['mask', 0.12],
  ['report', 0.01],
  ['engine', 0.05],
  ['write', 0.02],
] as const satisfies readonly (readonly [PrepareStep, number])[];

/** Nothing is said about the time left before this much was seen of the present run, in seconds. */
const LEAST_SECONDS = 2;

/** So much at once, in so short a time, is no work of this run: an earlier one left it. A share, and ms. */
const LEAP = 0.04;
const LEAP_MS = 2000;

/** Adds up how far a preparation is, over all its stages, and about how long the rest takes. */
export class ProgressMeter {
  readonly #tell: (progress: PrepareProgress) => void;
  readonly #startMs = performance.now();
  /** What an earlier run did: it took no time in this one. */
  #foundFraction = 0;
  #fraction = 0;
  #lastMs = this.#startMs;

  constructor(tell: ((progress: PrepareProgress) => void) | undefined) {
    this.#tell = tell ?? (() => {});
  }

  /** @param done share of the stage, 0 … 1. */
  update(step: (typeof STAGES)[number][0], done: number): void {
    let before = 0;
    for (const [stage, share] of STAGES) {
      if (stage === step) {
        this.#advance(Math.min(1, before + share * Math.min(1, done)));
        break;
      }
      before += share;
    }
    this.#tell({ step, fraction: this.#fraction, secondsLeft: this.#secondsLeft() });
  }

  #advance(fraction: number): void {
    const nowMs = performance.now();
    const gained = Math.max(0, fraction - this.#fraction);
    if (gained > LEAP && nowMs - this.#lastMs < LEAP_MS) this.#foundFraction += gained;
    this.#fraction += gained;
    this.#lastMs = nowMs;
  }

  #secondsLeft(): number | undefined {
    const seconds = (performance.now() - this.#startMs) / 1000;
    const gained = this.#fraction - this.#foundFraction;
    if (seconds < LEAST_SECONDS || gained <= 0) return undefined;
    return Math.round(((1 - this.#fraction) / gained) * seconds);
  }
}
