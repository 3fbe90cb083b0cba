import { describe, expect, it } from 'vitest';
import type { AudioChunk } from '../../src/api/media.ts';
import { calibrationPulses, PULSE_EVERY_MS, PULSE_RATE_HZ, pulseAtMs } from '../../src/app/calibration-pulses.ts';

describe('the pulses of a calibration', () => {
  it('come one to a span, at distances that do not repeat, so that none is taken for its neighbour', () => {
    const starts = Array.from({ length: 200 }, (_, span) => pulseAtMs(span));
    for (const [span, ms] of starts.entries()) {
      expect(ms).toBeGreaterThanOrEqual(span * PULSE_EVERY_MS);
      expect(ms).toBeLessThan(span * PULSE_EVERY_MS + 300);
    }
    const gaps = starts.slice(1).map((ms, n) => ms - starts[n]!);
    expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(100);
    expect(Math.min(...gaps)).toBeGreaterThan(650);
  });

  it('begin in the sound at the moment they say, and are marked as a test', async () => {
    const ending = new AbortController();
    const chunks: AudioChunk[] = [];
    for await (const chunk of calibrationPulses(ending.signal)) {
      chunks.push(chunk);
      if (chunks.length === 250) ending.abort();
    }
    expect(chunks.every(({ isTest, sampleRateHz }) => isTest && sampleRateHz === PULSE_RATE_HZ)).toBe(true);
    const startMs = chunks[0]!.capturedAtMs - (chunks[0]!.samples.length * 1000) / PULSE_RATE_HZ;
    const samples = Float32Array.from(chunks.flatMap((chunk) => [...chunk.samples]));
    const onsets = [...samples.keys()].filter(
      (n) => n > 4800 && Math.abs(samples[n]!) > 0.1 && samples.subarray(n - 4800, n).every((s) => s === 0),
    );
    expect(onsets.length).toBeGreaterThanOrEqual(1);
    for (const onset of onsets) {
      const ms = startMs + (onset * 1000) / PULSE_RATE_HZ;
      expect(Math.abs(ms - pulseAtMs(Math.floor(ms / PULSE_EVERY_MS)))).toBeLessThan(0.1);
    }
  });
});
