import type { AudioChunk } from '../../api/media.ts';
import { DelayLine } from '../../media/delay-line.ts';
import { Resampler } from '../../media/resample.ts';
import { STREAM_SOUND_RATE_HZ } from './matroska.ts';

const SAMPLES_PER_MS = STREAM_SOUND_RATE_HZ / 1000;
const BYTES_PER_SAMPLE = 2;
const FULL_SCALE = 32_767;

/** The voice at 48 kHz, to be read by when it was captured. What was not captured, or is too old (5 s), is silence. */
export class VoiceTrack {
  readonly #line = new DelayLine(STREAM_SOUND_RATE_HZ);
  #resampler: Resampler | undefined;
  #scratch = new Float32Array(0);

  /** Takes in a piece of sound as an input delivers it. */
  hear({ samples, sampleRateHz, capturedAtMs }: AudioChunk): void {
    if (this.#resampler?.inputRateHz !== sampleRateHz)
      this.#resampler = new Resampler(sampleRateHz, STREAM_SOUND_RATE_HZ);
    const lateMs = this.#resampler.delaySeconds * 1000;
    const endMs = Number.isNaN(capturedAtMs) ? performance.now() : capturedAtMs;
    const resampled = this.#resampler.push(samples);
    if (resampled.length > 0) this.#line.write(resampled, endMs - lateMs);
  }

  /**
   * What was captured from a moment on. To be read in order, without gaps.
   * @param capturedMs in ms of `performance.now()`. @param lengthMs whole ms.
   * @returns 16 bits, little endian, mono: 96 bytes for each ms.
   */
  read(capturedMs: number, lengthMs: number): Buffer {
    const length = lengthMs * SAMPLES_PER_MS;
    if (this.#scratch.length < length) this.#scratch = new Float32Array(length);
    const samples = this.#scratch.subarray(0, length);
    this.#line.read(samples, capturedMs);
    const bytes = Buffer.allocUnsafe(length * BYTES_PER_SAMPLE);
    for (const [i, sample] of samples.entries()) {
      bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * FULL_SCALE), i * BYTES_PER_SAMPLE);
    }
    return bytes;
  }
}
