/** Most that the delay changes while somebody speaks, in ms a second: a pitch 1.7 cents off, which nobody hears. */
const SLEW_MS_PER_SECOND = 1;
/** Off by more than this, the delay jumps even in speech, in ms: lips that far off are worse than one syllable. */
const JUMP_MS = 150;
/** In silence it jumps when off by more than this, in ms. */
const SILENT_JUMP_MS = 3;
/** How long it must have been silent for that, in ms: a pause between sentences, not the closure of a "p". */
const SILENT_FOR_MS = 200;
/** What counts as silence: -46 dB of full scale, peak; in a noisy room, 22 dB below the loudest of late. */
const SILENT_PEAK = 0.005;
const SILENT_SHARE = 0.08;
/** How long the loudest is remembered, in ms: it falls to a third in that time. */
const LOUDEST_MS = 30_000;
/** Slewing begins when off by the first and ends when off by less than the second, in ms. */
const SLEW_BAND_MS = { begin: 1.5, end: 0.25 } as const;
/** A hole in the input longer than this is silence, shorter ones are jitter of its time stamps, in ms. */
const GAP_MS = 30;
/** How much of a time stamp's difference from the steady line is believed. */
const STAMP_SHARE = 0.1;
/** Length of fades, in ms. */
const FADE_MS = 4;

/**
 * Sound that comes out a wanted time after it was captured. What goes in carries when it was captured, what comes out says
 * when it will be heard; the delay between them follows {@link DelayLine.delayMs} so slowly that it cannot be heard, or
 * jumps, cross-faded, where nobody speaks. What is missing is silence. Memory is fixed: about five seconds.
 */
export class DelayLine {
  /** The wanted time from capturing to hearing, in ms. */
  delayMs: number;
  readonly #samplesPerMs: number;
  readonly #ring: Float32Array;
  readonly #mask: number;
  /** Position after the newest sample, in samples since the first. */
  #end = 0;
  /** `performance.now()` at which the sample at position 0 was captured, in ms; undefined before the first. */
  #originMs: number | undefined;
  /** Position that is read next; between samples while slewing. */
  #at: number | undefined;
  #isSlewing = false;
  #gain = 0;
  #silentSamples = 0;
  /** The loudest sample of late, 0 … 1. */
  #loudest = 0;
  #fadeIn = 0;
  #actualMs = Number.NaN;

  constructor(sampleRateHz: number, delayMs = 0) {
    this.delayMs = delayMs;
    this.#samplesPerMs = sampleRateHz / 1000;
    this.#ring = new Float32Array(2 ** Math.round(Math.log2(sampleRateHz * 5)));
    this.#mask = this.#ring.length - 1;
  }

  /** The delay of what was read last, in ms; NaN before there was anything to read. */
  get actualMs(): number {
    return this.#actualMs;
  }

  /** Adds sound. @param capturedAtMs when its last sample had been captured, in ms. */
  write(samples: Float32Array, capturedAtMs: number): void {
    const lengthMs = samples.length / this.#samplesPerMs;
    const originMs = capturedAtMs - lengthMs - this.#end / this.#samplesPerMs;
    const offMs = this.#originMs === undefined ? Number.POSITIVE_INFINITY : originMs - this.#originMs;
    if (Math.abs(offMs) <= GAP_MS) this.#originMs! += offMs * STAMP_SHARE;
    else this.#breakOff(offMs, originMs);
    const fade = Math.round(FADE_MS * this.#samplesPerMs);
    for (const sample of samples) {
      this.#ring[this.#end++ & this.#mask] = this.#fadeIn > 0 ? sample * (1 - this.#fadeIn / fade) : sample;
      if (this.#fadeIn > 0) this.#fadeIn--;
    }
  }

  /** Fills `out` with what is heard from `heardAtMs` on, in ms. */
  read(out: Float32Array, heardAtMs: number): void {
    if (this.#originMs === undefined) {
      out.fill(0);
      return;
    }
    const ideal = (heardAtMs - this.delayMs - this.#originMs) * this.#samplesPerMs;
    this.#at ??= ideal;
    const off = ideal - this.#at;
    if (this.#mayJump(off, ideal, out.length)) this.#jump(out, this.#at, ideal);
    else {
      const moved = this.#slew(off, this.#at, out.length);
      this.#copy(out, this.#at, 1 + moved / out.length);
      this.#at += out.length + moved;
    }
    this.#fadeMissing(out);
    this.#actualMs = heardAtMs + out.length / this.#samplesPerMs - this.#originMs - this.#at / this.#samplesPerMs;
    this.#noteLoudness(out);
  }

  /** The input's time jumped: forward, and silence stands for what is missing; back, and positions get new times. */
  #breakOff(offMs: number, originMs: number): void {
    const fade = Math.round(FADE_MS * this.#samplesPerMs);
    const start = Math.max(0, this.#end - fade);
    for (let at = start; at < this.#end; at++) this.#ring[at & this.#mask]! *= (this.#end - at) / (fade + 1);
    this.#fadeIn = fade;
    const hole = Math.round(offMs * this.#samplesPerMs);
    if (offMs > 0 && hole < this.#ring.length) {
      for (let n = 0; n < hole; n++) this.#ring[this.#end++ & this.#mask] = 0;
      return;
    }
    this.#originMs = originMs;
    // All that is left behind a hole of any length is silence, and old sound must not come again.
    if (offMs > 0) {
      this.#ring.fill(0);
      this.#at = undefined;
    }
  }

  #mayJump(off: number, ideal: number, length: number): boolean {
    const offMs = Math.abs(off) / this.#samplesPerMs;
    if (offMs > JUMP_MS) return true;
    const isSilent = this.#silentSamples > SILENT_FOR_MS * this.#samplesPerMs;
    if (offMs <= SILENT_JUMP_MS || !isSilent) return false;
    const first = Math.floor(ideal);
    const limit = this.#silentPeak;
    for (let n = 0; n < length; n++) if (Math.abs(this.#peek(first + n)) >= limit) return false;
    return true;
  }

  get #silentPeak(): number {
    return Math.max(SILENT_PEAK, this.#loudest * SILENT_SHARE);
  }

  #noteLoudness(out: Float32Array): void {
    const limit = this.#silentPeak;
    this.#loudest *= Math.exp(-out.length / (LOUDEST_MS * this.#samplesPerMs));
    for (const sample of out) {
      const level = Math.abs(sample);
      this.#silentSamples = level < limit ? this.#silentSamples + 1 : 0;
      if (level > this.#loudest) this.#loudest = level;
    }
  }

  /** By how many samples the next `length` are stretched. Ends on a whole sample, where nothing is interpolated. */
  #slew(off: number, at: number, length: number): number {
    const offMs = Math.abs(off) / this.#samplesPerMs;
    this.#isSlewing = offMs > (this.#isSlewing ? SLEW_BAND_MS.end : SLEW_BAND_MS.begin);
    const wanted = this.#isSlewing ? off : Math.round(at) - at;
    const most = (length * SLEW_MS_PER_SECOND) / 1000;
    return Math.max(-most, Math.min(most, wanted));
  }

  /** From the old place to the new one within `out`. */
  #jump(out: Float32Array, from: number, to: number): void {
    const target = Math.round(to);
    this.#copy(out, from, 1);
    for (let n = 0; n < out.length; n++) {
      const share = (n + 1) / out.length;
      out[n] = out[n]! * (1 - share) + this.#peek(target + n) * share;
    }
    this.#at = target + out.length;
    this.#isSlewing = false;
  }

  #copy(out: Float32Array, from: number, step: number): void {
    for (let n = 0; n < out.length; n++) {
      const place = from + n * step;
      const before = Math.floor(place);
      out[n] = this.#between(before, place - before);
    }
  }

  /** Cubic (Catmull-Rom) interpolation; sound below a quarter of the rate keeps its level within 1.1 dB. */
  #between(before: number, fraction: number): number {
    const b = this.#peek(before);
    if (fraction === 0) return b;
    const a = this.#peek(before - 1);
    const c = this.#peek(before + 1);
    const d = this.#peek(before + 2);
    return b + 0.5 * fraction * (c - a + fraction * (2 * a - 5 * b + 4 * c - d + fraction * (3 * (b - c) + d - a)));
  }

  #peek(position: number): number {
    return position < 0 || position >= this.#end || position < this.#end - this.#ring.length
      ? 0
      : this.#ring[position & this.#mask]!;
  }

  /** Sound that is not there yet: fades out before it, and in again after it. */
  #fadeMissing(out: Float32Array): void {
    const fade = Math.round(FADE_MS * this.#samplesPerMs);
    const lacking = Math.ceil(this.#at!) + 2 + fade - this.#end;
    const target = lacking > 0 ? 0 : 1;
    const length = Math.max(1, Math.min(fade, out.length, out.length - lacking + fade));
    const begin = this.#gain;
    if (begin === target && target === 1) return;
    for (let n = 0; n < out.length; n++) {
      out[n]! *= n >= length ? target : begin + ((target - begin) * (n + 1)) / length;
    }
    this.#gain = target;
  }
}
