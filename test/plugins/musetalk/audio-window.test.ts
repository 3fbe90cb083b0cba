import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  copyWindow,
  countFrames,
  countTokens,
  firstTokenOf,
  SEGMENT_TOKENS,
  WHISPER_STATES,
  windowsOfSound,
} from '../../../src/plugins/musetalk/audio-window.ts';

// Golden numbers: get_whisper_chunk of MuseTalk (scripts/musetalk/make-hearing-golden.py).

const golden = (name: string) => readFile(new URL(`./golden/${name}`, import.meta.url));

interface Kept {
  readonly positionFrames: readonly number[];
  /** Length in samples, frames, and the sums over the first states of the last three windows. */
  readonly lengths: readonly (readonly [number, number, readonly number[]])[];
}
const readKept = async () => JSON.parse((await golden('hearing.json')).toString()) as Kept;

/** States that tell their place: 1 + 10 · token + state, as in the script. */
function makePositions(segment: number): Float32Array {
  return Float32Array.from(
    { length: SEGMENT_TOKENS * WHISPER_STATES },
    (_, i) => 1 + 10 * (segment * SEGMENT_TOKENS + Math.floor(i / WHISPER_STATES)) + (i % WHISPER_STATES),
  );
}

describe('windows of a whole sound', () => {
  it('are those of upstream: zeros at both ends, segments joined', async () => {
    const { positionFrames } = await readKept();
    const windows = windowsOfSound([makePositions(0), makePositions(1)], 31 * 16_000, 1);
    expect(windows.length).toBe(775 * 50);
    const kept = positionFrames.flatMap((frame) => [...windows.subarray(frame * 50, frame * 50 + 50)]);
    expect(kept).toEqual([...new Uint16Array(Uint8Array.from(await golden('windows.u16')).buffer)]);
    expect([...windows.subarray(0, 20)]).toEqual(new Array(20).fill(0));
  });

  it('are as many as upstream makes, and end where its do, whatever the length', async () => {
    const { lengths } = await readKept();
    for (const [samples, frames, sums] of lengths) {
      const segments = Array.from({ length: Math.ceil(samples / 480_000) }, (_, i) => makePositions(i));
      const windows = windowsOfSound(segments, samples, 1);
      expect(windows.length / 50, `${samples} samples`).toBe(frames);
      const made = Array.from({ length: frames }, (_, frame) => {
        const window = windows.subarray(frame * 50, frame * 50 + 50);
        return window.reduce((sum, value, i) => (i % WHISPER_STATES === 0 ? sum + value : sum), 0);
      });
      expect(made.slice(-3), `${samples} samples`).toEqual(sums);
    }
  });

  it('count tokens and frames with the rounding of upstream', () => {
    expect(countTokens(16_000)).toBe(50);
    expect(countTokens(15_999)).toBe(49);
    expect(countFrames(1279)).toBe(1);
    expect(firstTokenOf(0)).toBe(-4);
  });
});

describe('copying a window', () => {
  it('takes only the tokens that both have, and leaves the rest', () => {
    const states = Float32Array.from({ length: 20 * WHISPER_STATES * 2 }, (_, i) => 1 + i);
    const out = new Float32Array(10 + 10 * WHISPER_STATES * 2).fill(-1);
    copyWindow({ states, first: 100, until: 105, channels: 2 }, 97, out, 10);
    const length = WHISPER_STATES * 2;
    expect([...out.subarray(0, 10 + 3 * length)].every((value) => value === -1)).toBe(true);
    expect([...out.subarray(10 + 3 * length, 10 + 8 * length)]).toEqual([...states.subarray(0, 5 * length)]);
    expect([...out.subarray(10 + 8 * length)].every((value) => value === -1)).toBe(true);
    copyWindow({ states, first: 100, until: 120, channels: 2 }, 130, out);
    expect(out[0]).toBe(-1);
  });
});
