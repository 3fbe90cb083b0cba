/** Rate at which sound is read back, in Hz. */
const READ_BACK_RATE_HZ = 48_000;
/** What counts as the first sample of a pulse; pulses have an amplitude of 0.5. */
const THRESHOLD = 0.1;
/** It must have been quiet for this long before, in ms. */
const QUIET_MS = 200;
/** Around a sound's arrival, within which the earliest chunk says how late sound is, in ms. */
const NEAR_MS = 500;

interface Arrival {
  /** How much sound had come with it in all, in ms. */
  readonly reachMs: number;
  readonly arrivedMs: number;
}

/** Finds pulses in recorded sound, and when each was heard. */
export class OnsetFinder {
  readonly #arrivals: Arrival[] = [];
  /** Where pulses begin, in ms of recorded sound. */
  readonly #onsetsMs: number[] = [];
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #samples = 0;
  #quietSamples = 0;

  /** @param bytes the next float32le samples, mono; need not end between two. @param arrivedMs when they came. */
  take(bytes: Buffer, arrivedMs: number): void {
    const all = Buffer.concat([this.#rest, bytes]);
    const count = all.length >> 2;
    for (let n = 0; n < count; n++) {
      const isLoud = Math.abs(all.readFloatLE(4 * n)) >= THRESHOLD;
      if (isLoud && this.#quietSamples >= (QUIET_MS * READ_BACK_RATE_HZ) / 1000) {
        this.#onsetsMs.push(toMs(this.#samples + n));
      }
      this.#quietSamples = isLoud ? 0 : this.#quietSamples + 1;
    }
    this.#samples += count;
    this.#rest = all.subarray(4 * count);
    this.#arrivals.push({ reachMs: toMs(this.#samples), arrivedMs });
  }

  /**
   * When each pulse was heard, in ms of the clock of the arrivals, as if this process had never been busy: sound can come
   * late but never early, so the earliest chunk near a pulse tells. One that came in a single burst of a second is left out.
   */
  get heardAtMs(): readonly number[] {
    return this.#onsetsMs.flatMap((onsetMs) => {
      const near = this.#arrivals.filter(({ reachMs }) => Math.abs(reachMs - onsetMs) < NEAR_MS);
      return near.length === 0
        ? []
        : [onsetMs + Math.min(...near.map(({ arrivedMs, reachMs }) => arrivedMs - reachMs))];
    });
  }
}

function toMs(samples: number): number {
  return (samples * 1000) / READ_BACK_RATE_HZ;
}
