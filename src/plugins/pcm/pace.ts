/** How far ahead of real time sound may come in, in ms: senders write in blocks of up to about that length. */
const LEAD_MS = 100;
/** How much faster than our clock sound may come in for good: beyond what the quartzes of two machines differ by. */
const RATE_TOLERANCE = 1.001;

/**
 * Keeps sound that is there too early from being taken in faster than real time. A live sender is never held up; a file
 * or a speech synthesizer that writes as fast as it can is slowed down to the speed of speech. Late sound moves the
 * clock: nothing is hurried to make up for it.
 */
export class Pace {
  /** `performance.now()` up to which the sound taken in so far reaches; undefined before the first. */
  #reachesMs: number | undefined;

  /** How long to wait before sound that is there at `nowMs` may be taken in, in ms; 0 = not at all. */
  waitMs(nowMs: number): number {
    return this.#reachesMs === undefined ? 0 : Math.max(0, this.#reachesMs - LEAD_MS - nowMs);
  }

  /** Notes that sound of this length was taken in. */
  take(nowMs: number, durationMs: number): void {
    const start = this.#reachesMs === undefined ? nowMs : Math.max(nowMs, this.#reachesMs);
    this.#reachesMs = start + durationMs / RATE_TOLERANCE;
  }
}
