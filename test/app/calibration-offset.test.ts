import { describe, expect, it } from 'vitest';
import { compareReadBack } from '../../src/app/calibration-offset.ts';
import { pulseAtMs } from '../../src/app/calibration-pulses.ts';
import type { SeenPicture } from '../../src/app/code-finder.ts';

const spans = (count: number, first = 10) => Array.from({ length: count }, (_, n) => first + n);

/** Pictures of every frame of these spans: each arrives so long after the middle of its sound, by span. */
function picturesOf(range: readonly number[], lateMs: (span: number) => number): SeenPicture[] {
  return range.flatMap((span) =>
    Array.from({ length: 25 }, (_, n) => {
      const ageMs = lateMs(span);
      return { seenAtMs: span * 1000 + n * 40 + 20 + ageMs, ageMs };
    }),
  );
}

describe('the arithmetic of a calibration', () => {
  it('a voice 110 ms late beside a picture that arrives 75 ms late and is held for 40 is 15 ms behind', () => {
    const range = spans(10);
    const heardAtMs = range.map((span) => pulseAtMs(span) + 110);
    const pictures = picturesOf([9, ...range, 20], () => 75);
    expect(compareReadBack({ pictures, heardAtMs, fromMs: 10_000 })).toEqual({
      picture: { p50Ms: 95, p95Ms: 95, count: 11 * 25 + 2 },
      sound: { p50Ms: 110, p95Ms: 110, count: 10 },
      offset: { p50Ms: 15, p95Ms: 15, count: 10 },
    });
  });

  it('a voice before its picture has a negative offset, and its 95 of 100 are told without a sign', () => {
    const range = spans(10);
    const heardAtMs = range.map((span) => pulseAtMs(span) + 60);
    const { offset } = compareReadBack({ pictures: picturesOf(range, () => 75), heardAtMs, fromMs: 0 });
    expect(offset).toEqual({ p50Ms: -35, p95Ms: 35, count: 10 });
  });

  it('tells median and 95 of 100 of delays that jitter, each pulse beside the picture of its own moment', () => {
    const range = spans(20);
    // The picture of span n is 70 + n % 5 ms late; the voice is from -9 to 10 ms off it, in no order.
    const lateMs = (span: number) => 70 + (span % 5);
    const offMs = (span: number) => ((span * 7) % 20) - 9;
    const heardAtMs = range.map((span) => pulseAtMs(span) + lateMs(span) + 20 + offMs(span));
    const { picture, offset } = compareReadBack({ pictures: picturesOf(range, lateMs), heardAtMs, fromMs: 0 });
    expect(picture).toEqual({ p50Ms: 92, p95Ms: 94, count: 500 });
    expect(offset).toEqual({ p50Ms: 1, p95Ms: 10, count: 20 });
  });

  it('leaves out a pulse whose picture was not seen, and what was not heard', () => {
    const range = spans(20);
    const all = picturesOf(range, () => 75);
    // On span 12 every picture near the pulse is lost, on 13 a single one of the neighbours.
    const isNear = (ms: number, span: number, withinMs: number) => Math.abs(ms - pulseAtMs(span)) < withinMs;
    const pictures = all.filter(({ seenAtMs, ageMs }) => !isNear(seenAtMs - ageMs, 12, 60));
    const heardAtMs = range.filter((span) => span !== 15).map((span) => pulseAtMs(span) + (span === 12 ? 305 : 105));
    const { sound, offset } = compareReadBack({ pictures, heardAtMs, fromMs: 0 });
    expect(sound).toEqual({ p50Ms: 105, p95Ms: 305, count: 19 });
    expect(offset).toEqual({ p50Ms: 10, p95Ms: 10, count: 18 });
  });

  it('takes no other sound for a pulse: not one too late for it, not its echo, not one from before', () => {
    const range = spans(10);
    const pulses = range.filter((span) => span !== 14).map((span) => pulseAtMs(span) + 105);
    const strange = [pulseAtMs(14) + 660, pulseAtMs(15) + 105 + 290, pulseAtMs(10) - 5];
    const heardAtMs = [...pulses, ...strange].sort((a, b) => a - b);
    const pictures = picturesOf([9, ...range], () => 75);
    const { sound, offset } = compareReadBack({ pictures, heardAtMs, fromMs: pulseAtMs(12) });
    expect(sound).toEqual({ p50Ms: 105, p95Ms: 105, count: 7 });
    expect(offset).toEqual({ p50Ms: 10, p95Ms: 10, count: 7 });
  });

  it('tells nothing of what was not read back', () => {
    expect(compareReadBack({ pictures: [], fromMs: 0 })).toEqual({});
    const pictures = picturesOf(spans(1), () => 75);
    expect(compareReadBack({ pictures, fromMs: 0 })).toEqual({ picture: { p50Ms: 95, p95Ms: 95, count: 25 } });
    expect(compareReadBack({ pictures, heardAtMs: [], fromMs: 0 }).sound).toBeUndefined();
    expect(compareReadBack({ pictures, heardAtMs: [pulseAtMs(50) + 90], fromMs: 0 }).offset).toBeUndefined();
  });
});
