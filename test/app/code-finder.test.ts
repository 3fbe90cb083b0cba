import { describe, expect, it } from 'vitest';
import { frameByteLength } from '../../src/api/media.ts';
import { CODE_ROW_BYTES, CodeFinder } from '../../src/app/code-finder.ts';
import { paintTimeCode, TIME_CODE_SPAN_MS } from '../../src/media/time-code.ts';

const size = { width: CODE_ROW_BYTES, height: 60 };

/** The row of grey values that is kept of a picture marked with this moment. */
function rowOf(ms: number): Buffer {
  const frame = new Uint8Array(frameByteLength('i420', size));
  paintTimeCode(frame, size, ms, false);
  return Buffer.from(frame.subarray(2 * size.width, 3 * size.width));
}

describe('reading the codes of pictures', () => {
  it('tells how old each picture was when it came', () => {
    const finder = new CodeFinder();
    finder.take(rowOf(12_340), 12_415);
    finder.take(rowOf(12_380), 12_470.5);
    expect(finder.pictures).toEqual([
      { seenAtMs: 12_415, ageMs: 75 },
      { seenAtMs: 12_470.5, ageMs: 90.5 },
    ]);
    expect(finder.unreadable).toBe(0);
  });

  it('goes on where the time of the code begins again', () => {
    const finder = new CodeFinder();
    finder.take(rowOf(3 * TIME_CODE_SPAN_MS - 10), 3 * TIME_CODE_SPAN_MS + 70);
    expect(finder.pictures.map(({ ageMs }) => ageMs)).toEqual([80]);
  });

  it('reads rows however they are cut up, and counts a picture that is shown again once', () => {
    const finder = new CodeFinder();
    const bytes = Buffer.concat([rowOf(1_000), rowOf(1_000), rowOf(1_040)]);
    for (let at = 0; at < bytes.length; at += 50) finder.take(bytes.subarray(at, at + 50), 1_200);
    expect(finder.pictures.map(({ ageMs }) => ageMs)).toEqual([200, 160]);
  });

  it('takes neither plain pictures nor damaged codes, nor one that nothing so old could carry', () => {
    const finder = new CodeFinder();
    finder.take(Buffer.alloc(CODE_ROW_BYTES, 128), 1_000);
    const damaged = rowOf(1_000);
    damaged.fill(235, 40, 44).fill(16, 60, 64);
    finder.take(damaged, 1_080);
    finder.take(rowOf(500_000), 40_000);
    finder.take(rowOf(30_000), 40_000);
    expect(finder.pictures).toEqual([]);
    expect(finder.unreadable).toBe(4);
  });
});
