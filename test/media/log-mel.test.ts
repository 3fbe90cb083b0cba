import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  Fft,
  LOG_MEL_BANDS,
  LOG_MEL_HOP_SAMPLES,
  LOG_MEL_WINDOW_SAMPLES,
  LogMel,
  LogMelNormaliser,
  NORMALISED_BANDS,
} from '../../src/media/log-mel.ts';

/** The fixtures keep every 4th frame of the Python reference (scripts/mouth-net/export.py). */
const KEPT_EVERY = 4;

async function readFixture(name: string): Promise<ArrayBuffer> {
  const bytes = await readFile(new URL(`../fixtures/mouth-net/${name}`, import.meta.url));
  return new Uint8Array(bytes).buffer;
}

function* windowsOf(samples: Float32Array): Generator<Float32Array> {
  for (let at = 0; at + LOG_MEL_WINDOW_SAMPLES <= samples.length; at += LOG_MEL_HOP_SAMPLES) {
    yield samples.subarray(at, at + LOG_MEL_WINDOW_SAMPLES);
  }
}

/** Deterministic noise, uniform in -1..1 (a linear congruential generator, Numerical Recipes constants). */
function makeNoise(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

describe('the FFT', () => {
  test('equals the sum that defines the transform', () => {
    const size = 32;
    const noise = makeNoise(2 * size);
    const re = Float64Array.from(noise.subarray(0, size));
    const im = Float64Array.from(noise.subarray(size));
    const wantRe = new Float64Array(size);
    const wantIm = new Float64Array(size);
    for (let k = 0; k < size; k++) {
      for (let n = 0; n < size; n++) {
        const angle = (-2 * Math.PI * k * n) / size;
        wantRe[k] = wantRe[k]! + re[n]! * Math.cos(angle) - im[n]! * Math.sin(angle);
        wantIm[k] = wantIm[k]! + re[n]! * Math.sin(angle) + im[n]! * Math.cos(angle);
      }
    }
    new Fft(size).transform(re, im);
    for (let k = 0; k < size; k++) {
      expect(re[k]).toBeCloseTo(wantRe[k]!, 10);
      expect(im[k]).toBeCloseTo(wantIm[k]!, 10);
    }
  });

  test('refuses a size that is not a power of two', () => {
    expect(() => new Fft(400)).toThrow(RangeError);
    expect(() => new Fft(1)).toThrow(RangeError);
  });
});

describe('log-mel frames', () => {
  test('equal the Python reference on the test signal', async () => {
    const samples = Float32Array.from(new Int16Array(await readFixture('signal.s16')), (s) => s / 32768);
    const want = new Float32Array(await readFixture('log-mel.f32'));
    const wantNormalised = new Float32Array(await readFixture('normalised.f32'));
    const logMel = new LogMel();
    const normaliser = new LogMelNormaliser();
    const bands = new Float32Array(LOG_MEL_BANDS);
    const normalised = new Float32Array(NORMALISED_BANDS);
    let frame = 0;
    let worst = 0;
    for (const window of windowsOf(samples)) {
      logMel.analyse(window, bands);
      normaliser.push(bands, normalised);
      if (frame % KEPT_EVERY === 0) {
        const row = frame / KEPT_EVERY;
        bands.forEach((x, i) => {
          worst = Math.max(worst, Math.abs(x - want[row * LOG_MEL_BANDS + i]!));
        });
        normalised.forEach((x, i) => {
          worst = Math.max(worst, Math.abs(x - wantNormalised[row * NORMALISED_BANDS + i]!));
        });
      }
      frame++;
    }
    expect(want.length).toBe(Math.ceil(frame / KEPT_EVERY) * LOG_MEL_BANDS);
    expect(worst).toBeLessThan(1e-4);
  });

  test('put a tone into the band around its frequency and give the floor for digital silence', () => {
    const logMel = new LogMel();
    const bands = new Float32Array(LOG_MEL_BANDS);
    logMel.analyse(new Float32Array(LOG_MEL_WINDOW_SAMPLES), bands);
    for (const band of bands) expect(band).toBeCloseTo(Math.log(1e-7), 4);
    logMel.analyse(
      Float32Array.from({ length: LOG_MEL_WINDOW_SAMPLES }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / 16000)),
      bands,
    );
    // 1000 Hz is mel 1000 by definition; the 34 edges lie evenly between mel 121.9 (80 Hz) and mel 2786 (7600 Hz).
    const nearest = Math.round((1000 - 121.9) / ((2786 - 121.9) / 33)) - 1;
    expect(bands.indexOf(Math.max(...bands))).toBe(nearest);
  });
});

describe('the normaliser', () => {
  /** Four "words" a second of noise over a floor 50 dB below; the normalised frames of the last second are returned. */
  function listen(seconds: number, gainAt: (second: number) => number): number[] {
    const samples = makeNoise(16000 * seconds);
    for (let i = 0; i < samples.length; i++) {
      const word = Math.floor(i / 2000) % 2 === 0 ? 0.1 : 0.0003;
      samples[i] = samples[i]! * word * gainAt(i / 16000);
    }
    const logMel = new LogMel();
    const normaliser = new LogMelNormaliser();
    const bands = new Float32Array(LOG_MEL_BANDS);
    const out = new Float32Array(NORMALISED_BANDS);
    const levels: number[] = [];
    for (const window of windowsOf(samples)) {
      logMel.analyse(window, bands);
      normaliser.push(bands, out);
      levels.push(out.subarray(0, LOG_MEL_BANDS).reduce((a, b) => a + b, 0) / LOG_MEL_BANDS);
    }
    return levels.slice(-100);
  }

  test('gives the same picture 30 dB quieter, once it has heard a few seconds', () => {
    const steady = listen(12, () => 1);
    const dropped = listen(12, (second) => (second < 4 ? 1 : 10 ** (-30 / 20)));
    // One unit is 3 nepers of power, 13 dB; without normalising, the two would lie 30 / 13 = 2.3 units apart.
    // 4 s of words since the drop leave exp(-400 x 0.006) = 9 % of that; words' soft edges count a little differently.
    steady.forEach((level, i) => {
      if (level > -1) expect(Math.abs(level - dropped[i]!)).toBeLessThan(0.6);
    });
  });

  test('keeps the speaker in mind through a long silence', () => {
    const before = listen(6, () => 1);
    const after = listen(66, (second) => (second < 6 || second >= 65 ? 1 : 0));
    const loud = (levels: number[]) => Math.max(...levels);
    expect(Math.abs(loud(before) - loud(after))).toBeLessThan(0.2);
  });
});
