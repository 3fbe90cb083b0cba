import type { Percentiles } from '../api/status.ts';

/** How many frames percentiles look back: ten seconds. */
const WINDOW_FRAMES = 250;

/** The last ten seconds of one measure, in ms. Records without allocating. */
export class Stopwatch {
  readonly #ring = new Float64Array(WINDOW_FRAMES);
  #count = 0;

  /** Notes one measurement; NaN is ignored. */
  record(ms: number): void {
    if (Number.isNaN(ms)) return;
    this.#ring[this.#count % WINDOW_FRAMES] = ms;
    this.#count++;
  }

  /** Median and 95th percentile of what is remembered; zeros before the first measurement. */
  percentiles(): Percentiles {
    const sorted = this.#ring.slice(0, Math.min(this.#count, WINDOW_FRAMES)).sort();
    return { p50Ms: round(valueAt(sorted, 0.5)), p95Ms: round(valueAt(sorted, 0.95)) };
  }

  /** Median of the last measurements alone, at most as many as are remembered; 0 before the first. */
  medianOfLast(count: number): number {
    const known = Math.min(this.#count, WINDOW_FRAMES, count);
    const last = Float64Array.from({ length: known }, (_, n) => this.#ring[(this.#count - 1 - n) % WINDOW_FRAMES]!);
    return round(valueAt(last.sort(), 0.5));
  }
}

function valueAt(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Counts what the clock showed. */
class FrameCounter {
  shown = 0;
  fresh = 0;
  repeated = 0;
  /** Beats missed because the process itself was late. */
  lagged = 0;
  /** Late work thrown away. */
  dropped = 0;
  readonly #freshAt = new Uint8Array(WINDOW_FRAMES);

  /** Notes one tick: whether it showed a new picture, the beats missed before it, the late work dropped so far. */
  record(isFresh: boolean, lagged = 0, dropped = this.dropped): void {
    this.lagged += lagged;
    this.dropped = dropped;
    this.#freshAt[this.shown % WINDOW_FRAMES] = isFresh ? 1 : 0;
    this.shown++;
    if (isFresh) this.fresh++;
    else this.repeated++;
  }

  /** New pictures a second over the last ten seconds. @param framesPerSecond of the clock. */
  freshPerSecond(framesPerSecond: number): number {
    const seen = Math.min(this.shown, WINDOW_FRAMES);
    if (seen === 0) return 0;
    let fresh = 0;
    for (let i = 0; i < seen; i++) fresh += this.#freshAt[i] ?? 0;
    return round((fresh / seen) * framesPerSecond);
  }
}

/** What the show measures about itself. */
export class Meter {
  readonly frames = new FrameCounter();
  readonly latency = new Stopwatch();
  readonly hear = new Stopwatch();
  readonly draw = new Stopwatch();
  readonly paste = new Stopwatch();
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
