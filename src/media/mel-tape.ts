import { SAMPLE_RATE_HZ } from '../api/media.ts';
import {
  WHISPER_BANDS,
  WHISPER_HALF_WINDOW_SAMPLES,
  WHISPER_HOP_SAMPLES,
  WHISPER_LEAST_LOG,
  WHISPER_RANGE_DECADES,
  WhisperFrame,
} from './whisper-mel.ts';

const WINDOW_SAMPLES = 2 * WHISPER_HALF_WINDOW_SAMPLES;
/** The peak of a voice at an ordinary level, log10 of power: where {@link MelTape.peak} starts. */
const PEAK_START = 0;
/** A muted microphone must not take the cut-off along; 25 dB under an ordinary voice there is none to hear. */
const PEAK_LEAST = -2.5;
/** Seconds the peak is held for, as in a segment of 30 s. */
const PEAK_SECONDS = 30;
/** How fast the peak falls after that, in decades of power per mel frame: 10 dB a second. */
const PEAK_FALL = 0.01;
const FRAMES_PER_SECOND = SAMPLE_RATE_HZ / WHISPER_HOP_SAMPLES;
/** How far sound may step back (the same frame asked for again, a late one) before it counts as other sound. */
const STEP_BACK_SAMPLES = SAMPLE_RATE_HZ;

/**
 * The spectrogram of endless sound: mel frame m, centred on sample 160 m since the show began, is computed once, as soon as
 * sample 160 m + 199 is there. Kept are the last frames, not yet cut off, as the peak may change until they are read.
 */
export class MelTape {
  readonly #frame = new WhisperFrame();
  /** [80, capacity], band by band, as it is read far more often than written. */
  readonly #ring: Float32Array;
  readonly #capacity: number;
  /** The newest samples: the beginning of the next frame's window. */
  readonly #window = new Float32Array(WINDOW_SAMPLES);
  #filled = 0;
  /** The mel frame `#window` is for; frames from `#first` up to it are known. */
  #next = 0;
  #first = 0;
  #heardUpTo: number | undefined;
  #peak = PEAK_START;
  /** Peak of each of the last 30 s. */
  readonly #peaks = new Float32Array(PEAK_SECONDS).fill(PEAK_START);

  /** @param capacityFrames how many mel frames of 10 ms {@link MelTape.read} can reach back. */
  constructor(capacityFrames = 512) {
    this.#capacity = capacityFrames;
    this.#ring = new Float32Array(capacityFrames * WHISPER_BANDS);
  }

  /** The mel frame after the newest known one. */
  get end(): number {
    return this.#next;
  }

  /**
   * log10 of the loudest power of about the last 30 s. Rises at once; falls slowly after half a minute without anything as
   * loud, so that the cut-off does not pump with every pause or jump as a click leaves a window.
   */
  get peak(): number {
    return this.#peak;
  }

  /** Forgets everything heard. */
  reset(): void {
    this.#heardUpTo = undefined;
    this.#peak = PEAK_START;
    this.#peaks.fill(PEAK_START);
    this.#begin(0);
  }

  /**
   * Computes the mel frames that are new. Stretches may overlap; after a gap, or more than 1 s back, it begins afresh.
   * @param samples 16 kHz mono, -1 … 1; @param start position of `samples[0]` since the show began, in samples
   */
  hear(samples: Float32Array, start: number): void {
    const end = start + samples.length;
    const known = this.#heardUpTo;
    if (known === undefined || start > known || known - end >= STEP_BACK_SAMPLES) {
      this.#heardUpTo = start;
      this.#begin(start);
    }
    if (this.#heardUpTo! >= end) return;
    // After a beginning, the first window starts a few samples in.
    const windowStart = this.#next * WHISPER_HOP_SAMPLES - WHISPER_HALF_WINDOW_SAMPLES;
    let at = Math.max(this.#heardUpTo!, windowStart + this.#filled) - start;
    this.#heardUpTo = end;
    while (at < samples.length) {
      const count = Math.min(WINDOW_SAMPLES - this.#filled, samples.length - at);
      this.#window.set(samples.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === WINDOW_SAMPLES) this.#addFrame();
    }
  }

  /**
   * Mel frames `firstFrame` … as the network takes them. What is not known (any more, or yet) counts as silence.
   * @param floorPeak log10 of the power 8 decades above the cut-off: {@link MelTape.peak}
   * @param out takes [80, count], band by band
   */
  read(firstFrame: number, count: number, floorPeak: number, out: Float32Array): void {
    const ring = this.#ring;
    const capacity = this.#capacity;
    const floor = Math.max(WHISPER_LEAST_LOG, floorPeak - WHISPER_RANGE_DECADES);
    const from = Math.max(firstFrame, this.#first, this.#next - capacity);
    const until = Math.min(firstFrame + count, this.#next);
    out.fill((floor + 4) / 4, 0, WHISPER_BANDS * count);
    for (let band = 0; band < WHISPER_BANDS; band++) {
      const row = band * capacity;
      let slot = modulo(from, capacity);
      for (let to = band * count + from - firstFrame, left = until - from; left > 0; left--, to++) {
        const log = ring[row + slot]!;
        if (log > floor) out[to] = (log + 4) / 4;
        if (++slot === capacity) slot = 0;
      }
    }
  }

  #begin(start: number): void {
    this.#first = Math.ceil((start + WHISPER_HALF_WINDOW_SAMPLES) / WHISPER_HOP_SAMPLES);
    this.#next = this.#first;
    this.#filled = 0;
  }

  #addFrame(): void {
    const loudest = this.#frame.analyse(this.#window, this.#ring, modulo(this.#next, this.#capacity), this.#capacity);
    this.#next++;
    this.#window.copyWithin(0, WHISPER_HOP_SAMPLES);
    this.#filled = WINDOW_SAMPLES - WHISPER_HOP_SAMPLES;
    const second = modulo(Math.floor(this.#next / FRAMES_PER_SECOND), PEAK_SECONDS);
    if (modulo(this.#next, FRAMES_PER_SECOND) === 0) this.#peaks[second] = PEAK_LEAST;
    if (loudest > this.#peaks[second]!) this.#peaks[second] = loudest;
    let held = PEAK_LEAST;
    for (const peak of this.#peaks) if (peak > held) held = peak;
    this.#peak = Math.max(held, this.#peak - PEAK_FALL);
  }
}

function modulo(value: number, size: number): number {
  return ((value % size) + size) % size;
}
