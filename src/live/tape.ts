import { type FrameIndex, SAMPLE_RATE_HZ, SAMPLES_PER_FRAME, type Sound, type SoundContext } from '../api/media.ts';

const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;

interface Waiter {
  readonly until: number;
  readonly resolve: () => void;
}

/**
 * The sound of the show: a ring of the last seconds of 16 kHz mono, addressed by absolute sample position since the show
 * began. Video time is audio sample time, so this ring is also the show's notion of "now".
 */
export class Tape {
  readonly #ring: Float32Array;
  readonly #waiters = new Set<Waiter>();
  #end = 0;
  #isEnded = false;
  #endCapturedAtMs = Number.NaN;

  /** @param capacitySeconds how far back {@link Tape.read} can reach. */
  constructor(capacitySeconds = 12) {
    this.#ring = new Float32Array(Math.ceil(capacitySeconds * SAMPLE_RATE_HZ));
  }

  /** Position just after the newest sample, in 16 kHz samples since the show began. */
  get end(): number {
    return this.#end;
  }

  /** True when no more sound will come (the end of a file); what is missing then counts as silence. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The newest frame whose own sound plus `after` seconds is on the tape; -1 before the first. */
  newestFrame(after: number): FrameIndex {
    const heard = Math.max(0, this.#end - Math.round(after * SAMPLE_RATE_HZ));
    return Math.floor(heard / SAMPLES_PER_FRAME) - 1;
  }

  /** `performance.now()` at which the sample at `position` was captured, in ms. */
  capturedAtMs(position: number): number {
    return this.#endCapturedAtMs - (this.#end - position) / SAMPLES_PER_MS;
  }

  /** Appends sound. @param capturedAtMs `performance.now()` when the last of these samples had been captured. */
  write(samples: Float32Array, capturedAtMs: number): void {
    const size = this.#ring.length;
    const kept = samples.length > size ? samples.subarray(samples.length - size) : samples;
    const from = (this.#end + samples.length - kept.length) % size;
    const first = Math.min(kept.length, size - from);
    this.#ring.set(kept.subarray(0, first), from);
    this.#ring.set(kept.subarray(first), 0);
    this.#end += samples.length;
    this.#endCapturedAtMs = capturedAtMs;
    this.#wake();
  }

  /** No more sound will come. */
  finish(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Copies samples `start` … `start + length`; what lies before the show, is forgotten or not there yet is silence. */
  read(start: number, length: number): Float32Array {
    const out = new Float32Array(length);
    const size = this.#ring.length;
    const from = Math.max(start, 0, this.#end - size);
    const to = Math.min(start + length, this.#end);
    for (let position = from; position < to; ) {
      const at = position % size;
      const count = Math.min(to - position, size - at);
      out.set(this.#ring.subarray(at, at + count), position - start);
      position += count;
    }
    return out;
  }

  /** The stretch around a frame, as soon as it has been heard. Rejects when the signal aborts. */
  async around(frame: FrameIndex, context: SoundContext, signal: AbortSignal): Promise<Sound> {
    const start = frame * SAMPLES_PER_FRAME - Math.round(context.before * SAMPLE_RATE_HZ);
    const until = (frame + 1) * SAMPLES_PER_FRAME + Math.round(context.after * SAMPLE_RATE_HZ);
    await this.#reached(until, signal);
    const samples = this.read(start, until - start);
    return { frame, start, samples, ...(this.#isEnded ? { endsAt: this.#end } : {}) };
  }

  #reached(until: number, signal: AbortSignal): Promise<void> {
    if (this.#end >= until || this.#isEnded) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        until,
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (this.#end < waiter.until && !this.#isEnded) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Loudness of a stretch of sound in dB of full scale (RMS), -100 for digital silence. */
export function levelDb(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.max(-100, 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12));
}
