import { Stopwatch } from './meter.ts';

/** A call is given up after this many times the usual (95th percentile), within these limits in ms. */
const DEADLINE = { factor: 4, shortestMs: 80, longestMs: 500, learnFromCalls: 20 } as const;

/**
 * How long a live call to an engine is waited for: it follows from what this engine usually needs, so that a slow one does
 * not flicker between face and rest, and a stopped one is at rest within a few frames.
 */
export class CallPatience {
  readonly #times = new Stopwatch();
  #calls = 0;
  #deadlineMs: number = DEADLINE.longestMs;

  /** Notes how long a call took, in ms. */
  learn(callMs: number): void {
    this.#times.record(callMs);
    this.#calls++;
    if (this.#calls % DEADLINE.learnFromCalls !== 0) return;
    const usualMs = DEADLINE.factor * this.#times.percentiles().p95Ms;
    this.#deadlineMs = Math.min(DEADLINE.longestMs, Math.max(DEADLINE.shortestMs, usualMs));
  }

  /** The answer, or undefined when it is given up. @param answer never rejects. @param onGivenUp called in that case. */
  wait<T>(answer: Promise<T>, onGivenUp: () => void): Promise<T | undefined> {
    return new Promise((resolve) => {
      const giveUp = () => {
        onGivenUp();
        resolve(undefined);
      };
      const timer = setTimeout(giveUp, this.#deadlineMs);
      void answer.then((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }
}
