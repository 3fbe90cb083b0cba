import { describe, expect, it } from 'vitest';
import { OnsetFinder } from '../../src/app/onset-finder.ts';

const RATE_HZ = 48_000;
/** When the first sample would have arrived on a machine that never waits, in ms. */
const BEGIN_MS = 5_000;

/** A recording in which pulses of 50 ms begin at these samples. */
function recordingOf(seconds: number, onsets: readonly number[], level = 0.5): Buffer {
  const bytes = Buffer.alloc(seconds * RATE_HZ * 4);
  for (const onset of onsets) for (let n = 0; n < 2400; n++) bytes.writeFloatLE(level, (onset + n) * 4);
  return bytes;
}

/** Hands a recording over in chunks of 10 ms, each so late. */
function hear(finder: OnsetFinder, bytes: Buffer, lateMs: (chunk: number) => number): void {
  for (let chunk = 0; chunk * 1920 < bytes.length; chunk++) {
    finder.take(bytes.subarray(chunk * 1920, (chunk + 1) * 1920), BEGIN_MS + (chunk + 1) * 10 + lateMs(chunk));
  }
}

describe('finding pulses in recorded sound', () => {
  it('tells the moment of the very sample at which one begins', () => {
    const finder = new OnsetFinder();
    hear(finder, recordingOf(4, [48_000, 96_240, 150_001]), () => 0);
    expect(finder.heardAtMs[0]).toBeCloseTo(6_000, 6);
    expect(finder.heardAtMs[1]).toBeCloseTo(7_005, 6);
    expect(finder.heardAtMs[2]).toBeCloseTo(BEGIN_MS + 150_001 / 48, 6);
    expect(finder.heardAtMs).toHaveLength(3);
  });

  it('believes the earliest chunk near a pulse, so that chunks which were held up change nothing', () => {
    const finder = new OnsetFinder();
    // Every third chunk comes 3 ms after it could, the others up to 80.
    hear(finder, recordingOf(3, [96_000]), (chunk) => (chunk % 3 === 0 ? 3 : 10 + ((chunk * 13) % 70)));
    expect(finder.heardAtMs).toHaveLength(1);
    expect(finder.heardAtMs[0]).toBeCloseTo(7_003, 6);
  });

  it('follows a delay that changes: only what is near a pulse tells of it', () => {
    const finder = new OnsetFinder();
    hear(finder, recordingOf(6, [48_000, 240_000]), (chunk) => (chunk < 300 ? 5 : 25));
    expect(finder.heardAtMs.map((ms) => Math.round(ms))).toEqual([6_005, 10_025]);
  });

  it('takes neither quiet sound nor what follows a loud one for a pulse', () => {
    const finder = new OnsetFinder();
    hear(finder, recordingOf(3, [48_000], 0.09), () => 0);
    expect(finder.heardAtMs).toEqual([]);
    const loud = new OnsetFinder();
    hear(loud, recordingOf(3, [48_000, 55_000, 96_000]), () => 0);
    expect(loud.heardAtMs).toHaveLength(2);
  });

  it('reads pieces that end in the middle of a sample', () => {
    const finder = new OnsetFinder();
    const bytes = recordingOf(2, [48_000]);
    for (let at = 0; at < bytes.length; at += 1921) {
      const end = Math.min(bytes.length, at + 1921);
      finder.take(bytes.subarray(at, end), BEGIN_MS + (Math.floor(end / 4) * 1000) / RATE_HZ);
    }
    expect(finder.heardAtMs).toHaveLength(1);
    expect(finder.heardAtMs[0]).toBeCloseTo(6_000, 6);
  });

  it('leaves a pulse out that came with a second of other sound in one piece', () => {
    const finder = new OnsetFinder();
    finder.take(recordingOf(2, [48_000]), 9_000);
    expect(finder.heardAtMs).toEqual([]);
  });
});
