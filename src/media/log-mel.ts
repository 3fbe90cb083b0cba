/**
 * The log-mel front end of the mouth-shape network, and of whoever else wants a small causal picture of speech.
 * Equal, number for number, to scripts/mouth-net/features.py: 16 kHz mono, 25 ms Hann window, 10 ms hop, 512-point
 * FFT, 32 triangular filters between 80 and 7600 Hz on the mel scale of Kaldi and HTK (1127 ln(1 + f/700)).
 */

/** Sample rate the front end is made for. */
export const LOG_MEL_RATE_HZ = 16_000;
/** Samples between two frames: 10 ms. */
export const LOG_MEL_HOP_SAMPLES = 160;
/** Samples one frame sees: 25 ms. */
export const LOG_MEL_WINDOW_SAMPLES = 400;
/** Numbers in one frame. */
export const LOG_MEL_BANDS = 32;

const FFT_SIZE = 512;
const BINS = FFT_SIZE / 2 + 1;
const LOW_HZ = 80;
const HIGH_HZ = 7600;
/** About 10 dB above the rounding noise of 16-bit audio, so digital silence is a number and not minus infinity. */
const POWER_FLOOR = 1e-7;

/**
 * In-place complex FFT of a fixed power-of-two size (radix-2, decimation in time; Cooley and Tukey 1965).
 * Tables are made once; {@link Fft.transform} allocates nothing.
 */
export class Fft {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  /** @param size a power of two, 2 or more; a RangeError otherwise. */
  constructor(size: number) {
    const bits = Math.log2(size);
    if (!Number.isInteger(bits) || bits < 1) throw new RangeError(`FFT size ${size} is not a power of two`);
    this.size = size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.#reversed[i] = (this.#reversed[i >> 1]! >> 1) | ((i & 1) << (bits - 1));
  }

  /** Replaces `re + i im` (each of {@link Fft.size} numbers) by its unscaled forward transform. */
  transform(re: Float64Array, im: Float64Array): void {
    const n = this.size;
    for (let i = 0; i < n; i++) {
      const j = this.#reversed[i]!;
      if (j <= i) continue;
      const r = re[i]!;
      const m = im[i]!;
      re[i] = re[j]!;
      im[i] = im[j]!;
      re[j] = r;
      im[j] = m;
    }
    for (let half = 1, step = n / 2; half < n; half *= 2, step /= 2) {
      for (let k = 0; k < half; k++) {
        const c = this.#cos[k * step]!;
        const s = this.#sin[k * step]!;
        for (let a = k; a < n; a += 2 * half) {
          const b = a + half;
          const r = re[b]! * c - im[b]! * s;
          const m = re[b]! * s + im[b]! * c;
          re[b] = re[a]! - r;
          im[b] = im[a]! - m;
          re[a] = re[a]! + r;
          im[a] = im[a]! + m;
        }
      }
    }
  }
}

/** One triangular filter: weights (their sum is 1) for the FFT bins from `firstBin` on. */
interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float32Array;
}

function makeMelFilters(): MelFilter[] {
  const toMel = (hz: number) => 1127 * Math.log(1 + hz / 700);
  const toHz = (mel: number) => 700 * (Math.exp(mel / 1127) - 1);
  const low = toMel(LOW_HZ);
  const step = (toMel(HIGH_HZ) - low) / (LOG_MEL_BANDS + 1);
  return Array.from({ length: LOG_MEL_BANDS }, (_, band) => {
    const left = toHz(low + band * step);
    const mid = toHz(low + (band + 1) * step);
    const right = toHz(low + (band + 2) * step);
    const binHz = LOG_MEL_RATE_HZ / FFT_SIZE;
    const all = Array.from({ length: BINS }, (_, bin) => {
      const hz = bin * binHz;
      return Math.max(0, Math.min((hz - left) / (mid - left), (right - hz) / (right - mid)));
    });
    const sum = all.reduce((a, b) => a + b, 0) + 1e-9;
    const firstBin = all.findIndex((weight) => weight > 0);
    const lastBin = all.findLastIndex((weight) => weight > 0);
    return { firstBin, weights: Float32Array.from(all.slice(firstBin, lastBin + 1), (weight) => weight / sum) };
  });
}

/** Log-mel power of single windows. Holds its scratch memory; not for use from two places at once. */
export class LogMel {
  readonly #fft = new Fft(FFT_SIZE);
  readonly #filters = makeMelFilters();
  readonly #hann = Float32Array.from(
    { length: LOG_MEL_WINDOW_SAMPLES },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (LOG_MEL_WINDOW_SAMPLES - 1)),
  );
  readonly #re = new Float64Array(FFT_SIZE);
  readonly #im = new Float64Array(FFT_SIZE);
  readonly #power = new Float64Array(BINS);

  /**
   * @param samples {@link LOG_MEL_WINDOW_SAMPLES} samples in -1..1 at 16 kHz
   * @param out {@link LOG_MEL_BANDS} numbers: natural logarithm of the mean power in each band, -16.1 for digital silence
   */
  analyse(samples: Float32Array, out: Float32Array): void {
    const re = this.#re;
    const im = this.#im;
    const power = this.#power;
    for (let i = 0; i < LOG_MEL_WINDOW_SAMPLES; i++) re[i] = samples[i]! * this.#hann[i]!;
    re.fill(0, LOG_MEL_WINDOW_SAMPLES);
    im.fill(0);
    this.#fft.transform(re, im);
    for (let bin = 0; bin < BINS; bin++) power[bin] = re[bin]! * re[bin]! + im[bin]! * im[bin]!;
    for (let band = 0; band < LOG_MEL_BANDS; band++) {
      const { firstBin, weights } = this.#filters[band]!;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * power[firstBin + k]!;
      out[band] = Math.log(sum + POWER_FLOOR);
    }
  }
}

/** Mean log power of ordinary speech at an ordinary level: where the running mean starts. */
const MEAN_START = -6;
/** Share of the difference the mean takes per speech frame: a time constant of 1.7 s of speech. */
const MEAN_RATE = 0.006;
/** Behaves as if this many frames had been heard before the start, so the first seconds adapt fast but not wildly. */
const MEAN_EARLY_FRAMES = 25;
/** Share of the difference by which the noise floor falls per hop. */
const FLOOR_FALL = 0.08;
/** Most nepers of power by which the noise floor rises per hop (0.4 a second, 1.7 dB/s). */
const FLOOR_RISE = 0.004;
/** Lowest noise floor, about -75 dBFS: after digital silence (a muted microphone), room noise must not look like speech. */
const FLOOR_LEAST = -12;
/** Nepers above the floor, mean over the bands, at which a frame starts to count as speech. */
const GATE_LOW = 1.2;
/** Nepers more until it counts fully. */
const GATE_SPAN = 1.2;

/** Numbers per frame that {@link LogMelNormaliser} gives: each band against the mean, then against the floor. */
export const NORMALISED_BANDS = 2 * LOG_MEL_BANDS;

/**
 * Makes log-mel frames independent of level, microphone and steady noise, causally: it follows the noise floor of each
 * band (a slow minimum) and the mean spectrum of what stands out from that floor, and gives the distance to both.
 * A pause of any length leaves the mean alone; a jump of 30 dB is half absorbed after 1.2 s of speech.
 */
export class LogMelNormaliser {
  readonly #mean = new Float32Array(LOG_MEL_BANDS);
  readonly #floor = new Float32Array(LOG_MEL_BANDS);
  #speechFrames = 0;
  #started = false;

  constructor() {
    this.reset();
  }

  /** Forgets everything heard. */
  reset(): void {
    this.#mean.fill(MEAN_START);
    this.#speechFrames = 0;
    this.#started = false;
  }

  /** @param bands one frame of {@link LogMel}; @param out takes {@link NORMALISED_BANDS} numbers from `offset` on. */
  push(bands: Float32Array, out: Float32Array, offset = 0): void {
    const mean = this.#mean;
    const floor = this.#floor;
    if (!this.#started) for (let i = 0; i < LOG_MEL_BANDS; i++) floor[i] = Math.max(FLOOR_LEAST, bands[i]!);
    this.#started = true;
    let lift = 0;
    for (let i = 0; i < LOG_MEL_BANDS; i++) {
      const above = bands[i]! - floor[i]!;
      const moved = floor[i]! + (above < 0 ? above * FLOOR_FALL : Math.min(above, FLOOR_RISE));
      floor[i] = Math.max(FLOOR_LEAST, moved);
      lift += bands[i]! - floor[i]!;
    }
    const gate = Math.min(1, Math.max(0, (lift / LOG_MEL_BANDS - GATE_LOW) / GATE_SPAN));
    this.#speechFrames += gate;
    const rate = gate * Math.max(MEAN_RATE, 1 / (this.#speechFrames + MEAN_EARLY_FRAMES));
    for (let i = 0; i < LOG_MEL_BANDS; i++) {
      const now = bands[i]!;
      mean[i] = mean[i]! + (now - mean[i]!) * rate;
      out[offset + i] = (now - mean[i]!) / 3;
      out[offset + LOG_MEL_BANDS + i] = (now - floor[i]!) / 3 - 1;
    }
  }
}
