/** How fast a sound card's clock may run away from ours, in ms a second: 500 ppm, several times what quartzes do. */
const DRIFT_MS_PER_SECOND = 0.5;
/** Sound this much later than expected was not delayed but lost (the device paused): the clock starts anew. */
const GAP_MS = 250;

/**
 * Estimates when samples were captured from when they arrived. Sample n of a device is captured at start + n / rate;
 * arrivals scatter above that line, by scheduling and buffers that fill up in turn. So the line is drawn through the
 * earliest arrivals (a lower envelope that may rise with the drift of clocks), and what is always buffered on the way is
 * taken off.
 */
export class CaptureClock {
  readonly #sampleRateHz: number;
  readonly #bufferingMs: number;
  /** Start of the line, in ms on `performance.now()`; undefined before the first chunk. */
  #startMs: number | undefined;
  #samples = 0;

  /** @param bufferingMs how long even the fastest sample is on its way. */
  constructor(sampleRateHz: number, bufferingMs: number) {
    this.#sampleRateHz = sampleRateHz;
    this.#bufferingMs = bufferingMs;
  }

  /** When the last of `count` samples that arrived at `arrivedAtMs` had been captured, in ms; never after its arrival. */
  stamp(count: number, arrivedAtMs: number): number {
    const lengthMs = (count * 1000) / this.#sampleRateHz;
    this.#samples += count;
    const reachMs = (this.#samples * 1000) / this.#sampleRateHz;
    const candidate = arrivedAtMs - reachMs;
    const line = this.#startMs === undefined ? candidate : this.#startMs + (lengthMs / 1000) * DRIFT_MS_PER_SECOND;
    this.#startMs = candidate - line > GAP_MS ? candidate : Math.min(candidate, line);
    return this.#startMs + reachMs - this.#bufferingMs;
  }
}
