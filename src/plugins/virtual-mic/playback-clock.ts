/** How many reports are looked back on: half a second. */
const WINDOW_REPORTS = 10;

/**
 * How far a player is, between its reports. A report can come late but never early, so that the earliest of the last ones
 * is believed; a player that paused without saying so is noticed as soon as the window is over.
 */
export class PlaybackClock {
  readonly #startsMs: number[] = [];
  #startMs: number;

  /** @param startMs when it is thought to begin, on `performance.now()`, in ms. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** The player says how much of its stream had been heard. */
  report(playedMs: number, arrivedAtMs: number): void {
    this.#startsMs.push(arrivedAtMs - playedMs);
    if (this.#startsMs.length > WINDOW_REPORTS) this.#startsMs.shift();
    this.#startMs = Math.min(...this.#startsMs);
  }

  /** It paused or went on: what it said before that is no measure any more. */
  forget(): void {
    this.#startsMs.length = 0;
  }

  /** It has been without sound: what is written at `nowMs` is heard at once. */
  ranDry(writtenMs: number, nowMs: number): void {
    this.#startsMs.length = 0;
    this.#startMs = nowMs - writtenMs;
  }

  /** How much of the stream has been heard by `nowMs`, in ms. */
  playedMs(nowMs: number): number {
    return nowMs - this.#startMs;
  }
}
