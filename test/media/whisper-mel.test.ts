import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { MelTape } from '../../src/media/mel-tape.ts';
import {
  WHISPER_BANDS,
  WHISPER_SEGMENT_FRAMES,
  WHISPER_SEGMENT_SAMPLES,
  whisperMel30,
} from '../../src/media/whisper-mel.ts';
import { makeVoice } from './voice.ts';

// Golden numbers: WhisperFeatureExtractor of transformers 4.39.2 (scripts/musetalk/make-hearing-golden.py), which computes in
// float32; this program computes in float64.

const golden = (name: string) => readFile(new URL(`../plugins/musetalk/golden/${name}`, import.meta.url));
const MEL_TOLERANCE = 2e-5;

let voice: Float32Array;
let mels: readonly Float32Array[];
beforeAll(() => {
  voice = makeVoice(31 * 16_000);
  mels = [
    whisperMel30(voice.subarray(0, WHISPER_SEGMENT_SAMPLES)),
    whisperMel30(voice.subarray(WHISPER_SEGMENT_SAMPLES)),
  ];
});

/** The mel of a tape, not cut off: log10 of power back from what `read` gives. */
function readLog(tape: MelTape, first: number, count: number): Float32Array {
  const out = new Float32Array(WHISPER_BANDS * count);
  tape.read(first, count, -100, out);
  return out.map((value) => value * 4 - 4);
}

function worstDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
}

function cut(mel: Float32Array, frames: readonly number[]): Float32Array {
  const bands = Array.from({ length: WHISPER_BANDS }, (_, band) => band * WHISPER_SEGMENT_FRAMES);
  return Float32Array.from(bands.flatMap((row) => frames.map((frame) => mel[row + frame]!)));
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const peakOf = (mel: Float32Array) => mel.reduce((peak, value) => Math.max(peak, value), -9) * 4 - 4;

describe("Whisper's log-mel of a segment", () => {
  for (const number of [0, 1])
    it(`equals that of transformers, both edges included: ${['a full segment', 'one of 1 s'][number]}`, async () => {
      const { melFrames } = JSON.parse((await golden('hearing.json')).toString()) as { melFrames: number[] };
      const expected = new Float32Array(Uint8Array.from(await golden(`mel-${number}.f32`)).buffer);
      expect(worstDifference(cut(mels[number]!, melFrames), expected)).toBeLessThan(MEL_TOLERANCE);
    });

  it('is -1.5 throughout for digital silence', () => {
    expect(new Set(whisperMel30(new Float32Array(100)))).toEqual(new Set([-1.5]));
  });

  it('refuses more than 30 s', () => {
    expect(() => whisperMel30(new Float32Array(WHISPER_SEGMENT_SAMPLES + 1))).toThrow(RangeError);
  });
});

describe('the mel tape', () => {
  it('gives what the whole segment gives, in whatever pieces the sound comes', () => {
    const tape = new MelTape(3000);
    for (let at = 0, piece = 1; at < WHISPER_SEGMENT_SAMPLES; at += piece, piece = ((piece * 7) % 997) + 3)
      tape.hear(voice.subarray(at, Math.min(at + piece, WHISPER_SEGMENT_SAMPLES)), at);
    expect(tape.end).toBe(2999);
    const out = new Float32Array(WHISPER_BANDS * 2000);
    tape.read(500, 2000, peakOf(mels[0]!), out);
    expect(worstDifference(out, cut(mels[0]!, range(500, 2500)))).toBeLessThan(1e-6);
  });

  it('takes stretches that overlap, as engines hear them, and computes each frame once', () => {
    const tape = new MelTape();
    for (let frame = 0; frame < 50; frame++) {
      const start = frame * 640 - 1600;
      const stretch = new Float32Array(1600 + 2600);
      for (let i = 0; i < stretch.length; i++) stretch[i] = start + i < 0 ? 0 : voice[start + i]!;
      tape.hear(stretch, start);
      expect(tape.end).toBe(4 * frame + 16);
    }
    const out = new Float32Array(WHISPER_BANDS * 200);
    tape.read(12, 200, peakOf(mels[0]!), out);
    expect(worstDifference(out, cut(mels[0]!, range(12, 212)))).toBeLessThan(1e-6);
  });

  it('knows a frame as soon as its last sample is there and not before', () => {
    const tape = new MelTape();
    tape.hear(voice.subarray(0, 160 * 10 + 199), 0);
    expect(tape.end).toBe(10);
    tape.hear(voice.subarray(160 * 10 + 199, 160 * 10 + 200), 160 * 10 + 199);
    expect(tape.end).toBe(11);
  });

  it('counts as silence what came before the sound and what it has forgotten', () => {
    const tape = new MelTape(100);
    tape.hear(voice.subarray(0, 1600), 0);
    const early = readLog(tape, -3, 6);
    // The first window that lies in the sound is that of frame 2.
    for (let band = 0; band < WHISPER_BANDS; band++) {
      expect([...early.subarray(band * 6, band * 6 + 5)]).toEqual([-10, -10, -10, -10, -10]);
      expect(early[band * 6 + 5]).toBeGreaterThan(-9);
    }
    tape.hear(voice.subarray(1600, 32_000), 1600);
    expect(Math.max(...readLog(tape, tape.end - 101, 1))).toBe(-10);
    expect(Math.max(...readLog(tape, tape.end - 100, 1))).toBeGreaterThan(-9);
  });

  it('cuts off 8 decades below the peak it is given', () => {
    const tape = new MelTape();
    tape.hear(new Float32Array(16_000), 0);
    const out = new Float32Array(WHISPER_BANDS);
    tape.read(50, 1, 0.5, out);
    expect(new Set(out)).toEqual(new Set([(0.5 - 8 + 4) / 4]));
    tape.read(50, 1, -3, out);
    expect(new Set(out)).toEqual(new Set([-1.5]));
  });

  it('begins afresh after a gap and after a step back, with addresses that stay absolute', () => {
    const whole = new MelTape();
    whole.hear(voice.subarray(0, 80_000), 0);
    const tape = new MelTape();
    tape.hear(voice.subarray(0, 16_000), 0);
    tape.hear(voice.subarray(48_030, 80_000), 48_030);
    expect(tape.end).toBe(499);
    expect(readLog(tape, 302, 197)).toEqual(readLog(whole, 302, 197));
    expect(Math.max(...readLog(tape, 301, 1))).toBe(-10);
    tape.hear(voice.subarray(16_000, 48_000), 16_000);
    expect(tape.end).toBe(299);
    expect(readLog(tape, 102, 197)).toEqual(readLog(whole, 102, 197));
  });

  it('keeps its frames when a little of the past is told again', () => {
    const tape = new MelTape();
    tape.hear(voice.subarray(0, 16_000), 0);
    tape.hear(voice.subarray(8000, 15_000), 8000);
    expect(tape.end).toBe(99);
  });

  it('holds its peak for 30 s, then lets it fall by 10 dB a second', () => {
    const tape = new MelTape();
    const tone = (amplitude: number, seconds: number) =>
      Float32Array.from({ length: seconds * 16_000 }, (_, i) => amplitude * Math.sin(0.4 * i));
    let at = 0;
    const hear = (samples: Float32Array) => {
      tape.hear(samples, at);
      at += samples.length;
    };
    expect(tape.peak).toBe(0);
    hear(tone(1, 1));
    const loud = tape.peak;
    expect(loud).toBeGreaterThan(1.5);
    hear(tone(0.1, 28));
    expect(tape.peak).toBe(loud);
    hear(tone(0.1, 2.5));
    expect(tape.peak).toBeLessThan(loud);
    expect(tape.peak).toBeGreaterThan(loud - 1.6);
    hear(tone(0.1, 3));
    expect(tape.peak).toBeCloseTo(loud - 2, 2);
    hear(new Float32Array(40 * 16_000));
    expect(tape.peak).toBeCloseTo(-2.5, 5);
    tape.reset();
    expect(tape.peak).toBe(0);
  });
});
