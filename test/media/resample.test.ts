import { describe, expect, it } from 'vitest';
import { Resampler } from '../../src/media/resample.ts';

const OUTPUT_RATE_HZ = 16_000;
/** Usual rates, the two ends of the range, and two without a small ratio to 16 kHz. */
const RATES_HZ = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000, 44_099, 15_999];

function sine(frequencyHz: number, rateHz: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, n) => Math.sin((2 * Math.PI * frequencyHz * n) / rateHz));
}

function noise(count: number): Float32Array {
  let state = 12_345;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function resample(input: Float32Array, inputRateHz: number, chunkLengths: readonly number[] = [input.length]) {
  const resampler = new Resampler(inputRateHz, OUTPUT_RATE_HZ);
  const parts: Float32Array[] = [];
  for (let from = 0, k = 0; from < input.length; k++) {
    const length = chunkLengths[k % chunkLengths.length]!;
    parts.push(resampler.push(input.subarray(from, from + length)));
    from += length;
  }
  parts.push(resampler.flush());
  return join(parts);
}

/** Amplitude and phase (radians) of one frequency, and the rms of all else in dB of full scale, away from the ends. */
function fitSine(samples: Float32Array, frequencyHz: number) {
  const from = samples.length >> 2;
  const to = samples.length - from;
  let [ss, cc, sc, sy, cy, yy] = [0, 0, 0, 0, 0, 0];
  for (let n = from; n < to; n++) {
    const s = Math.sin((2 * Math.PI * frequencyHz * n) / OUTPUT_RATE_HZ);
    const c = Math.cos((2 * Math.PI * frequencyHz * n) / OUTPUT_RATE_HZ);
    const y = samples[n]!;
    ss += s * s;
    cc += c * c;
    sc += s * c;
    sy += s * y;
    cy += c * y;
    yy += y * y;
  }
  const determinant = ss * cc - sc * sc;
  const a = (sy * cc - cy * sc) / determinant;
  const b = (cy * ss - sy * sc) / determinant;
  const rest = Math.max(0, yy - a * sy - b * cy) / (to - from);
  return { amplitude: Math.hypot(a, b), phase: Math.atan2(b, a), restDb: 10 * Math.log10(rest + 1e-30) };
}

function rmsDb(samples: Float32Array): number {
  const inner = samples.subarray(samples.length >> 2, samples.length - (samples.length >> 2));
  return 10 * Math.log10(inner.reduce((sum, y) => sum + y * y, 0) / inner.length + 1e-30);
}

describe('Resampler', () => {
  it.each(RATES_HZ)('passes every tone up to 7/8 of the lower Nyquist frequency unchanged, from %i Hz', (rateHz) => {
    const passHz = (7 / 16) * Math.min(rateHz, OUTPUT_RATE_HZ);
    for (let step = 0; step < 16; step++) {
      const frequencyHz = 50 + ((passHz - 50) * step) / 15;
      const fit = fitSine(resample(sine(frequencyHz, rateHz, rateHz >> 1), rateHz), frequencyHz);
      // Kaiser ripple at 92 dB is 2.5e-5; 0.001 dB is four times that.
      expect(Math.abs(20 * Math.log10(fit.amplitude)), `gain at ${frequencyHz} Hz`).toBeLessThan(0.001);
      // Output sample n lies exactly at input time n * in / out: no shift at any frequency.
      expect(Math.abs(fit.phase), `phase at ${frequencyHz} Hz`).toBeLessThan(1e-4);
      // Images and aliases of the tone itself.
      expect(fit.restDb, `images of ${frequencyHz} Hz`).toBeLessThan(-80);
    }
  });

  it.each(RATES_HZ.filter((rateHz) => rateHz > 16_000))('lets nothing above 8 kHz alias, from %i Hz', (rateHz) => {
    const topHz = rateHz / 2 - 1;
    for (let step = 0; step < 24; step++) {
      const frequencyHz = 8_000 + ((topHz - 8_000) * step) / 23;
      const level = rmsDb(resample(sine(frequencyHz, rateHz, rateHz >> 1), rateHz)) + 3;
      expect(level, `alias of ${frequencyHz} Hz`).toBeLessThan(-80);
    }
  });

  it.each([8_000, 44_100, 48_000, 192_000, 44_099])(
    'gives the same bits however %i Hz is cut into chunks',
    (rateHz) => {
      const input = noise(20_011);
      const whole = resample(input, rateHz);
      for (const lengths of [[1], [441], [960], [7, 0, 4096, 1, 333], [5000, 12_000]]) {
        expect(resample(input, rateHz, lengths)).toEqual(whole);
      }
    },
  );

  it.each([...RATES_HZ, 16_000])('turns n samples of %i Hz into ceil(n * 16000 / rate)', (rateHz) => {
    for (const count of [0, 1, 2, 999, 12_345]) {
      expect(resample(noise(count), rateHz).length).toBe(Math.ceil((count * OUTPUT_RATE_HZ) / rateHz));
    }
  });

  it('reports how much later sound comes out', () => {
    for (const rateHz of [8_000, 44_100, 48_000, 192_000]) {
      const resampler = new Resampler(rateHz, OUTPUT_RATE_HZ);
      const produced = resampler.push(new Float32Array(rateHz)).length / OUTPUT_RATE_HZ;
      expect(1 - produced).toBeCloseTo(resampler.delaySeconds, 3);
      // 1 kHz of transition (0.5 kHz from 8 kHz) at 92 dB.
      expect(resampler.delaySeconds).toBeLessThan(rateHz < 16_000 ? 0.006_2 : 0.003_1);
    }
  });

  it('hands equal rates through, as a copy', () => {
    const input = noise(100);
    const output = new Resampler(16_000, 16_000).push(input);
    expect(output).toEqual(input);
    expect(output).not.toBe(input);
  });

  it('refuses rates it was not made for', () => {
    for (const rateHz of [0, -1, 7_999, 192_001, 44_100.5, Number.NaN]) {
      expect(() => new Resampler(rateHz)).toThrow(RangeError);
    }
  });
});
