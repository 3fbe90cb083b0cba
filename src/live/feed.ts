import type { OpenAudioInput } from '../api/contributions.ts';
import type { AudioChunk } from '../api/media.ts';
import { SAMPLE_RATE_HZ } from '../api/media.ts';
import { Emitter } from '../base/event.ts';
import { Resampler } from '../media/resample.ts';
import { realTime, type TimeSource } from './clock.ts';
import type { Tape } from './tape.ts';

/** No sound for this long means that the input has stalled: from then on the tape is fed silence, so time goes on. */
const STALLED_AFTER_MS = 150;
/** How often the watch looks, and how long the pieces of silence are: half a frame. */
const WATCH_MS = 20;

/**
 * Writes an input onto the tape at 16 kHz. Live, {@link Feed.keepTime} makes sure that the tape's time never stands still:
 * while no input is open, or it is unplugged or at its end, silence is written in real time.
 */
export class Feed {
  readonly #tape: Tape;
  readonly #time: TimeSource;
  readonly #heard = new Emitter<AudioChunk>();
  #resampler: Resampler | undefined;
  /** Up to which moment of capturing the tape has been written, in ms. */
  #writtenUntilMs: number;
  #arrivedMs: number;
  #isStalled = false;
  #isReplaced = false;
  /** Silence stands for whatever the input delivers: for the face and for everybody who hears. May change at any time. */
  isMuted = false;

  constructor(tape: Tape, time: TimeSource = realTime) {
    this.#tape = tape;
    this.#time = time;
    this.#writtenUntilMs = time.now();
    this.#arrivedMs = this.#writtenUntilMs;
  }

  /** The input's sound as it is, at its own rate, before anything is done to it. Valid only during the call. */
  readonly onDidHear = this.#heard.event;

  /** Writes everything the input delivers; resolves at its end or when the signal aborts. */
  async follow(input: OpenAudioInput, signal: AbortSignal): Promise<void> {
    for await (const chunk of input.chunks(signal)) {
      if (!this.#isReplaced) this.#write(this.isMuted ? silenced(chunk) : chunk);
    }
    const rest = this.#resampler?.flush();
    if (rest && rest.length > 0) this.#tape.write(rest, this.#time.now());
    this.#resampler = undefined;
  }

  /** Writes other sound in place of the input's, which goes on unheard; resolves at the end of `chunks`. */
  async replace(chunks: AsyncIterable<AudioChunk>): Promise<void> {
    this.#isReplaced = true;
    try {
      for await (const chunk of chunks) this.#write(chunk);
    } finally {
      this.#isReplaced = false;
    }
  }

  /** Writes silence whenever nothing has come for a while; ends with the signal. */
  async keepTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#time.sleepUntil(this.#time.now() + WATCH_MS, signal);
      const now = this.#time.now();
      this.#isStalled ||= now - this.#arrivedMs >= STALLED_AFTER_MS;
      const missingMs = now - this.#writtenUntilMs;
      if (!this.#isStalled || missingMs <= 0) continue;
      const silence = new Float32Array(Math.floor((missingMs * SAMPLE_RATE_HZ) / 1000));
      this.#writtenUntilMs += (silence.length * 1000) / SAMPLE_RATE_HZ;
      this.#tape.write(silence, this.#writtenUntilMs);
    }
  }

  #write(chunk: AudioChunk): void {
    this.#arrivedMs = this.#time.now();
    this.#heard.fire(chunk);
    const samples = this.#isStalled ? this.#withoutOverlap(chunk) : chunk.samples;
    if (samples.length === 0) return;
    const resampler = this.#resamplerFor(chunk.sampleRateHz);
    this.#tape.write(resampler.push(samples), chunk.capturedAtMs - resampler.delaySeconds * 1000);
    this.#writtenUntilMs = Number.isNaN(chunk.capturedAtMs) ? this.#arrivedMs : chunk.capturedAtMs;
    this.#isStalled = false;
  }

  /**
   * After a stall: leaves out what was captured while silence was being written in its place. When this process itself was
   * held up, the sound of that time comes in one burst; kept whole it would put the tape ahead of the clock for good.
   */
  #withoutOverlap({ samples, sampleRateHz, capturedAtMs }: AudioChunk): Float32Array {
    const overlapMs = this.#writtenUntilMs - (capturedAtMs - (samples.length * 1000) / sampleRateHz);
    if (!(overlapMs > 0)) return samples;
    return samples.subarray(Math.min(samples.length, Math.round((overlapMs * sampleRateHz) / 1000)));
  }

  /** A new rate (another microphone was plugged in) gets a new filter. */
  #resamplerFor(sampleRateHz: number): Resampler {
    if (this.#resampler?.inputRateHz !== sampleRateHz) this.#resampler = new Resampler(sampleRateHz);
    return this.#resampler;
  }
}

/** As long as it was, and nothing to be heard. */
function silenced(chunk: AudioChunk): AudioChunk {
  return { ...chunk, samples: new Float32Array(chunk.samples.length) };
}
