import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioChunk } from '../api/media.ts';

/** Rate of the pulses, in Hz: that of calls, so that nothing is resampled on their way. */
export const PULSE_RATE_HZ = 48_000;
/** One pulse begins in every such span, in ms. */
export const PULSE_EVERY_MS = 1000;
/** At most so much later than the span begins, in ms: uneven, so that a late pulse is not taken for its neighbour. */
const JITTER_MS = 300;
const PULSE_MS = 60;
const TONE_HZ = 1000;
const AMPLITUDE = 0.5;
const CHUNK_MS = 10;

/** When the pulse of a span begins, in ms of the clock that spans are counted on. */
export function pulseAtMs(span: number): number {
  // MurmurHash3's finalizer: neighbours have nothing in common, and no two places have to share a state.
  let hash = span | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  return span * PULSE_EVERY_MS + (hash / 2 ** 32) * JITTER_MS;
}

/** Pulses of a tone in real time, captured as they are made, on `performance.now()`; ends with the signal. */
export async function* calibrationPulses(signal: AbortSignal): AsyncGenerator<AudioChunk, void> {
  const samplesPerMs = PULSE_RATE_HZ / 1000;
  for (let startMs = performance.now(); !signal.aborted; startMs += CHUNK_MS) {
    const endMs = startMs + CHUNK_MS;
    await sleep(Math.max(0, endMs - performance.now()), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const samples = Float32Array.from({ length: CHUNK_MS * samplesPerMs }, (_, n) =>
      levelAt(startMs + n / samplesPerMs),
    );
    yield { samples, sampleRateHz: PULSE_RATE_HZ, capturedAtMs: endMs, isTest: true };
  }
}

/** Begins at full amplitude, so that its first sample is its beginning; ends softly. */
function levelAt(ms: number): number {
  const inPulseMs = ms - pulseAtMs(Math.floor(ms / PULSE_EVERY_MS));
  if (inPulseMs < 0 || inPulseMs >= PULSE_MS) return 0;
  const fade = Math.min(1, (PULSE_MS - inPulseMs) / (PULSE_MS / 4));
  return AMPLITUDE * fade * Math.cos((2 * Math.PI * TONE_HZ * inPulseMs) / 1000);
}
