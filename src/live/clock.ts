import { FRAME_MS } from '../api/media.ts';

/** One beat of the clock. */
export interface Tick {
  /** How many intervals have passed since the clock began, lagged ones included. */
  readonly beat: number;
  /** When it was due, in `performance.now()` milliseconds. */
  readonly dueMs: number;
  /** How many beats were missed just before this one because the process was late. */
  readonly lagged: number;
}

/** Where time comes from; tests turn it by hand. */
export interface TimeSource {
  now(): number;
  /** Resolves at or soon after `atMs`, or at once when the signal aborts. */
  sleepUntil(atMs: number, signal: AbortSignal): Promise<void>;
}

/** The real time: `performance.now()` and `setTimeout`. */
export const realTime: TimeSource = {
  now: () => performance.now(),
  sleepUntil: (atMs, signal) =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, atMs - performance.now()));
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    }),
};

/** Fastest change of phase, in ms a beat: 2.5 % of an interval cannot be seen. */
const MAX_SLEW_MS = FRAME_MS / 40;

/**
 * The show's clock: due times are absolute, so it never drifts and never bursts; a late process loses beats and counts
 * them. Its phase may be slewed to follow the sound card's clock (see {@link Pacer}).
 */
export class Clock {
  readonly #time: TimeSource;
  readonly #intervalMs: number;
  #phaseMs = 0;

  constructor(time: TimeSource = realTime, intervalMs = FRAME_MS) {
    this.#time = time;
    this.#intervalMs = intervalMs;
  }

  /** Moves all later beats by up to `ms`, at most 2.5 % of an interval a call. */
  slew(ms: number): void {
    this.#phaseMs += Math.max(-MAX_SLEW_MS, Math.min(MAX_SLEW_MS, ms));
  }

  /** What some work comes to; undefined where it takes longer than `ms`, and then it goes on alone. Rejects as it does. */
  async within<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
    const waiting = new AbortController();
    const late = this.#time.sleepUntil(this.#time.now() + ms, waiting.signal).then(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      waiting.abort();
    }
  }

  /** Beats until the signal aborts; the first one at once. */
  async *ticks(signal: AbortSignal): AsyncGenerator<Tick, void> {
    const begin = this.#time.now();
    for (let beat = 0; !signal.aborted; beat++) {
      let dueMs = begin + this.#phaseMs + beat * this.#intervalMs;
      await this.#time.sleepUntil(dueMs, signal);
      if (signal.aborted) return;
      const lagged = Math.max(0, Math.floor((this.#time.now() - dueMs) / this.#intervalMs));
      beat += lagged;
      dueMs += lagged * this.#intervalMs;
      yield { beat, dueMs, lagged };
    }
  }
}
