/**
 * Whisper's log-mel spectrogram as transformers' WhisperFeatureExtractor computes it: 16 kHz mono, periodic Hann window of
 * 25 ms, hop of 10 ms, power of a 400-point DFT, 80 triangles on Slaney's mel scale between 0 and 8000 Hz with Slaney's
 * area normalisation, log10 of at least 1e-10, cut off 8 decades below the loudest value, (S + 4) / 4. Frame m is centred
 * on sample 160 m. Here: one frame, and whole segments of 30 s as in training; {@link MelTape} has endless sound.
 */

import { SAMPLE_RATE_HZ } from '../api/media.ts';

/** Bands of one mel frame. */
export const WHISPER_BANDS = 80;
/** Samples between the centres of two mel frames: 10 ms. */
export const WHISPER_HOP_SAMPLES = 160;
/** Samples before a mel frame's centre, and from it on, that it is made of: 12.5 ms each. */
export const WHISPER_HALF_WINDOW_SAMPLES = 200;
/** Samples of the segments Whisper was trained on: 30 s. */
export const WHISPER_SEGMENT_SAMPLES = 480_000;
/** Mel frames of such a segment. */
export const WHISPER_SEGMENT_FRAMES = WHISPER_SEGMENT_SAMPLES / WHISPER_HOP_SAMPLES;

const WINDOW = 2 * WHISPER_HALF_WINDOW_SAMPLES;
const BINS = WINDOW / 2 + 1;
/** log10 of the least power told apart from silence. */
export const WHISPER_LEAST_LOG = -10;
/** Decades below the peak at which the spectrogram is cut off. */
export const WHISPER_RANGE_DECADES = 8;

/** One pass of the transform: `radix` neighbours of `length` numbers each become one of `radix * length`. */
interface Stage {
  readonly radix: number;
  readonly length: number;
  /** exp(-2 pi i s K / (radix length)) at K radix + s. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** 200 = 4 · 2 · 5 · 5. */
const RADICES = [4, 2, 5, 5];
const HALF = WINDOW / 2;

function makeStages(): Stage[] {
  let length = 1;
  return RADICES.map((radix) => {
    const size = radix * length;
    const angle = (i: number) => (2 * Math.PI * (((i % radix) * Math.floor(i / radix)) % size)) / size;
    const stage: Stage = {
      ...{ radix, length },
      cos: Float64Array.from({ length: size * radix }, (_, i) => Math.cos(angle(i))),
      sin: Float64Array.from({ length: size * radix }, (_, i) => -Math.sin(angle(i))),
    };
    length = size;
    return stage;
  });
}

/** Power of the bins 0 … 200 of a real 400-point DFT: even and odd samples as one complex signal of 200 (Stockham's FFT). */
class PowerSpectrum {
  readonly power = new Float64Array(BINS);
  readonly #stages = makeStages();
  readonly #cos = Float64Array.from({ length: BINS }, (_, k) => Math.cos((2 * Math.PI * k) / WINDOW));
  readonly #sin = Float64Array.from({ length: BINS }, (_, k) => -Math.sin((2 * Math.PI * k) / WINDOW));
  #re = new Float64Array(HALF);
  #im = new Float64Array(HALF);
  #otherRe = new Float64Array(HALF);
  #otherIm = new Float64Array(HALF);

  /** @param samples the first {@link WINDOW} are looked at; @param weights what each is multiplied by. */
  analyse(samples: Float32Array, weights: Float64Array): void {
    for (let n = 0; n < HALF; n++) {
      this.#re[n] = samples[2 * n]! * weights[2 * n]!;
      this.#im[n] = samples[2 * n + 1]! * weights[2 * n + 1]!;
    }
    for (const stage of this.#stages) this.#pass(stage);
    this.#unfold();
  }

  #pass({ radix, length, cos, sin }: Stage): void {
    const re = this.#re;
    const im = this.#im;
    const outRe = this.#otherRe;
    const outIm = this.#otherIm;
    const groups = HALF / (radix * length);
    const stride = groups * length;
    let out = 0;
    for (let group = 0; group < groups; group++) {
      for (let q = 0, twiddle = 0; q < radix; q++) {
        for (let k = 0; k < length; k++, out++, twiddle += radix) {
          let at = group * length + k;
          let sumRe = re[at]!;
          let sumIm = im[at]!;
          for (let s = 1; s < radix; s++) {
            at += stride;
            const c = cos[twiddle + s]!;
            const d = sin[twiddle + s]!;
            sumRe += re[at]! * c - im[at]! * d;
            sumIm += re[at]! * d + im[at]! * c;
          }
          outRe[out] = sumRe;
          outIm[out] = sumIm;
        }
      }
    }
    this.#re = outRe;
    this.#im = outIm;
    this.#otherRe = re;
    this.#otherIm = im;
  }

  /** From the transform Z of x[2n] + i x[2n + 1]: X[k] = (Z[k] + Z*[-k]) / 2 - i w^k (Z[k] - Z*[-k]) / 2. */
  #unfold(): void {
    for (let k = 0; k < BINS; k++) {
      const a = k % HALF;
      const b = (HALF - k) % HALF;
      const evenRe = this.#re[a]! + this.#re[b]!;
      const evenIm = this.#im[a]! - this.#im[b]!;
      const oddRe = this.#im[a]! + this.#im[b]!;
      const oddIm = this.#re[b]! - this.#re[a]!;
      const c = this.#cos[k]!;
      const s = this.#sin[k]!;
      const re = evenRe + oddRe * c - oddIm * s;
      const im = evenIm + oddRe * s + oddIm * c;
      this.power[k] = (re * re + im * im) / 4;
    }
  }
}

/** A triangle: weights of the DFT bins from `firstBin` on. */
interface Triangle {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/** Slaney's scale (Auditory Toolbox): 3 mel per 200 Hz up to 1000 Hz, from there 27 mel per factor of 6.4. */
function makeTriangles(): Triangle[] {
  const melPerNeper = 27 / Math.log(6.4);
  const toHz = (mel: number) => (mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp((mel - 15) / melPerNeper));
  const top = 15 + Math.log(8) * melPerNeper;
  const edges = Array.from({ length: WHISPER_BANDS + 2 }, (_, i) => toHz((top * i) / (WHISPER_BANDS + 1)));
  return Array.from({ length: WHISPER_BANDS }, (_, band) => {
    const [left, mid, right] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    const all = Array.from({ length: BINS }, (_, bin) => {
      const hz = (bin * SAMPLE_RATE_HZ) / WINDOW;
      return Math.max(0, Math.min((hz - left) / (mid - left), (right - hz) / (right - mid))) * (2 / (right - left));
    });
    const firstBin = all.findIndex((weight) => weight > 0);
    const lastBin = all.findLastIndex((weight) => weight > 0);
    return { firstBin, weights: Float64Array.from(all.slice(firstBin, lastBin + 1)) };
  });
}

/** Single mel frames, not yet cut off. Holds its scratch memory; not for use from two places at once. */
export class WhisperFrame {
  readonly #spectrum = new PowerSpectrum();
  readonly #triangles = makeTriangles();
  readonly #hann = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW));

  /**
   * @param samples 400, in -1 … 1
   * @param out takes log10 of the power in each band, -10 or more, from `offset` on, `stride` apart
   * @returns the largest of them
   */
  analyse(samples: Float32Array, out: Float32Array, offset: number, stride: number): number {
    this.#spectrum.analyse(samples, this.#hann);
    const { power } = this.#spectrum;
    let peak = WHISPER_LEAST_LOG;
    for (let band = 0; band < WHISPER_BANDS; band++) {
      const { firstBin, weights } = this.#triangles[band]!;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * power[firstBin + k]!;
      const log = sum > 1e-10 ? Math.log10(sum) : WHISPER_LEAST_LOG;
      out[offset + band * stride] = log;
      if (log > peak) peak = log;
    }
    return peak;
  }
}

/**
 * The spectrogram of a segment as Whisper was trained on it: zeros follow up to 30 s, both ends are reflected.
 * @param samples 16 kHz mono, -1 … 1; at most {@link WHISPER_SEGMENT_SAMPLES}, a RangeError otherwise
 * @returns [80, 3000], band by band
 */
export function whisperMel30(samples: Float32Array): Float32Array {
  if (samples.length > WHISPER_SEGMENT_SAMPLES) throw new RangeError(`${samples.length} samples are more than 30 s`);
  const half = WHISPER_HALF_WINDOW_SAMPLES;
  const padded = new Float32Array(WHISPER_SEGMENT_SAMPLES + 2 * half);
  padded.set(samples, half);
  const end = half + WHISPER_SEGMENT_SAMPLES;
  for (let i = 1; i <= half; i++) {
    padded[half - i] = padded[half + i]!;
    padded[end - 1 + i] = padded[end - 1 - i]!;
  }
  const frame = new WhisperFrame();
  const out = new Float32Array(WHISPER_BANDS * WHISPER_SEGMENT_FRAMES);
  let peak = WHISPER_LEAST_LOG;
  for (let m = 0; m < WHISPER_SEGMENT_FRAMES; m++) {
    const at = m * WHISPER_HOP_SAMPLES;
    peak = Math.max(peak, frame.analyse(padded.subarray(at, at + WINDOW), out, m, WHISPER_SEGMENT_FRAMES));
  }
  const floor = peak - WHISPER_RANGE_DECADES;
  for (let i = 0; i < out.length; i++) out[i] = (Math.max(out[i]!, floor) + 4) / 4;
  return out;
}
