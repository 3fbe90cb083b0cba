import { SAMPLE_RATE_HZ } from '../api/media.ts';

/** Rates between which sound can be resampled, in Hz. */
const RESAMPLE_RATE_LIMITS_HZ = { min: 8_000, max: 192_000 } as const;

/** Attenuation the window is designed for, in dB; 12 dB beyond the 80 dB promised pay for the float32 coefficients. */
const DESIGN_ATTENUATION_DB = 92;
/** Where the pass-band ends, as a share of the lower of the two Nyquist frequencies: 7 kHz of 8 kHz. */
const PASS_BAND_SHARE = 7 / 8;
/** Up to this many phases every phase has its own filter; ratios with more (44 099 : 16 000) interpolate between 512. */
const MAX_EXACT_PHASES = 1024;
/** Error of linear interpolation between 512 phases: (π / 512)² / 8 = -106 dB. */
const INTERPOLATED_PHASES = 512;
/** How many input samples are worked on at once; bounds the memory however long a pushed chunk is. */
const BLOCK_SAMPLES = 4096;

/**
 * Streaming band-limited resampler: windowed-sinc low-pass (Kaiser window) evaluated polyphase, so that only samples that
 * come out are computed. Flat to 7/8 of the lower Nyquist frequency, at least 80 dB down from that Nyquist frequency on:
 * nothing aliases. Zero phase: output sample n belongs to the time of input sample n * inputRate / outputRate, and the
 * filter's group delay shows only as sound that comes out later ({@link delaySeconds}).
 *
 * Positions are whole numbers and every output is the same sum in the same order, so that the result does not depend on
 * how the input was cut into chunks, to the last bit.
 *
 * Formulas: Kaiser window, β = 0.1102 (A - 8.7) and taps = (A - 7.95) / (2.285 Δω) + 1, from Oppenheim & Schafer,
 * Discrete-Time Signal Processing, section 7.5.3.
 */
export class Resampler {
  readonly inputRateHz: number;
  readonly outputRateHz: number;
  /** How much later than its input a sample comes out: half the filter's length. 0 where the rates are equal. */
  readonly delaySeconds: number;
  readonly #bank: FilterBank | undefined;
  readonly #history: Float32Array;
  /** How many samples of `#history` are filled. */
  #filled: number;
  /** Index in `#history` of the sample at or just before the next output's time. */
  #centre: number;
  /** The next output's distance from `#centre`, in input samples times `bank.up`; 0 … up - 1. */
  #phase = 0;
  #pushed = 0;
  #emitted = 0;

  /** @throws RangeError when a rate is not a whole number of Hz within {@link RESAMPLE_RATE_LIMITS_HZ}. */
  constructor(inputRateHz: number, outputRateHz: number = SAMPLE_RATE_HZ) {
    checkRate(inputRateHz);
    checkRate(outputRateHz);
    this.inputRateHz = inputRateHz;
    this.outputRateHz = outputRateHz;
    this.#bank = inputRateHz === outputRateHz ? undefined : designFilterBank(inputRateHz, outputRateHz);
    const halfTaps = this.#bank?.halfTaps ?? 0;
    this.delaySeconds = halfTaps / inputRateHz;
    this.#history = new Float32Array(this.#bank ? 2 * halfTaps + BLOCK_SAMPLES : 0);
    // Silence before the first sample, so that the first output can look back.
    this.#filled = halfTaps;
    this.#centre = halfTaps;
  }

  /**
   * Takes the next piece of sound and returns what can be computed by now, in a new array of exactly that length.
   * `input` may be of any length, 0 included, and is not kept.
   */
  push(input: Float32Array): Float32Array {
    if (!this.#bank) return input.slice();
    const output = new Float32Array(this.#countReady(this.#bank, input.length));
    let written = 0;
    for (let from = 0; from < input.length; from += BLOCK_SAMPLES) {
      const block = input.length <= BLOCK_SAMPLES ? input : input.subarray(from, from + BLOCK_SAMPLES);
      this.#history.set(block, this.#filled);
      this.#filled += block.length;
      written = this.#produce(this.#bank, output, written);
    }
    this.#pushed += input.length;
    this.#emitted += written;
    return output;
  }

  /**
   * Ends the sound: returns what the filter still held, as if silence followed. In all, exactly
   * ceil(pushed * outputRate / inputRate) samples have then come out. The resampler must not be used again.
   */
  flush(): Float32Array {
    if (!this.#bank) return new Float32Array(0);
    const missing = Math.ceil((this.#pushed * this.#bank.up) / this.#bank.down) - this.#emitted;
    return this.push(new Float32Array(this.#bank.halfTaps + 1)).slice(0, missing);
  }

  /** How many outputs lie far enough from the end once `added` more samples are there. */
  #countReady(bank: FilterBank, added: number): number {
    // The last tap of an output at `centre` reads centre + halfTaps.
    const room = this.#filled + added - bank.halfTaps - this.#centre;
    return room <= 0 ? 0 : Math.ceil((room * bank.up - this.#phase) / bank.down);
  }

  #produce(bank: FilterBank, output: Float32Array, written: number): number {
    const { up, down, halfTaps } = bank;
    const history = this.#history;
    let centre = this.#centre;
    let phase = this.#phase;
    while (centre + halfTaps < this.#filled) {
      output[written++] = convolve(bank, history, centre - halfTaps + 1, phase);
      phase += down;
      const whole = Math.floor(phase / up);
      phase -= whole * up;
      centre += whole;
    }
    // Keep what the next output looks back on: at most two half filters.
    const keepFrom = centre - halfTaps;
    history.copyWithin(0, keepFrom, this.#filled);
    this.#filled -= keepFrom;
    this.#centre = centre - keepFrom;
    this.#phase = phase;
    return written;
  }
}

/** A low-pass cut into phases. */
interface FilterBank {
  /** The rates' ratio in lowest terms: `down` input samples become `up` output samples. */
  readonly up: number;
  readonly down: number;
  /** The filter reaches this many input samples to either side. */
  readonly halfTaps: number;
  /** How many filters there are between two input samples: `up`, or 512 where they are interpolated. */
  readonly phases: number;
  /** `[phases + 1, 2 * halfTaps]`; the extra phase is the neighbour the last one is interpolated with. */
  readonly taps: Float32Array;
}

function designFilterBank(inputRateHz: number, outputRateHz: number): FilterBank {
  const divisor = greatestCommonDivisor(inputRateHz, outputRateHz);
  const up = outputRateHz / divisor;
  const down = inputRateHz / divisor;
  const nyquistHz = Math.min(inputRateHz, outputRateHz) / 2;
  const transition = ((1 - PASS_BAND_SHARE) * nyquistHz) / inputRateHz;
  const cutoff = ((1 + PASS_BAND_SHARE) / 2) * (nyquistHz / inputRateHz);
  const halfTaps = Math.ceil(((DESIGN_ATTENUATION_DB - 7.95) / (2.285 * 2 * Math.PI * transition) + 1) / 2);
  const phases = up <= MAX_EXACT_PHASES ? up : INTERPOLATED_PHASES;
  const taps = new Float32Array((phases + 1) * 2 * halfTaps);
  for (let phase = 0; phase <= phases; phase++) {
    fillPhase(taps.subarray(phase * 2 * halfTaps, (phase + 1) * 2 * halfTaps), phase / phases, cutoff);
  }
  return { up, down, halfTaps, phases, taps };
}

/** The filter for an output that lies `fraction` of an input sample after its centre; its sum is 1 (flat at 0 Hz). */
function fillPhase(taps: Float32Array, fraction: number, cutoff: number): void {
  const halfTaps = taps.length / 2;
  const beta = 0.1102 * (DESIGN_ATTENUATION_DB - 8.7);
  const exact = new Float64Array(taps.length);
  let sum = 0;
  for (let i = 0; i < taps.length; i++) {
    const time = i - halfTaps + 1 - fraction;
    const edge = time / halfTaps;
    const window = Math.abs(edge) >= 1 ? 0 : besselI0(beta * Math.sqrt(1 - edge * edge)) / besselI0(beta);
    const angle = 2 * Math.PI * cutoff * time;
    const value = (angle === 0 ? 1 : Math.sin(angle) / angle) * window;
    exact[i] = value;
    sum += value;
  }
  for (let i = 0; i < taps.length; i++) taps[i] = exact[i]! / sum;
}

/** One output: the filter of `phase` over `history[first …]`, summed in float64. */
function convolve(bank: FilterBank, history: Float32Array, first: number, phase: number): number {
  const { taps, up, phases } = bank;
  const count = 2 * bank.halfTaps;
  if (phases === up) return dot(taps, phase * count, history, first, count);
  const place = (phase * phases) / up;
  const lower = Math.floor(place);
  const below = dot(taps, lower * count, history, first, count);
  return below + (place - lower) * (dot(taps, (lower + 1) * count, history, first, count) - below);
}

function dot(taps: Float32Array, tap: number, history: Float32Array, first: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += taps[tap + i]! * history[first + i]!;
  return sum;
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-16; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function checkRate(rateHz: number): void {
  const { min, max } = RESAMPLE_RATE_LIMITS_HZ;
  if (!Number.isInteger(rateHz) || rateHz < min || rateHz > max) {
    throw new RangeError(`cannot resample ${rateHz} Hz: a whole number from ${min} to ${max} is needed`);
  }
}
