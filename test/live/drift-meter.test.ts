import { describe, expect, it } from 'vitest';
import { DriftMeter } from '../../src/live/drift-meter.ts';

function recorded(seconds: number, valueAt: (second: number) => number): DriftMeter {
  const meter = new DriftMeter();
  for (let second = 0; second < seconds; second++) meter.record(5_000_000 + second * 1000, valueAt(second));
  return meter;
}

describe('a drift', () => {
  it('is the slope of the values in an hour', () => {
    expect(recorded(600, (second) => 3 + (second * 12) / 3600).perHour).toBeCloseTo(12, 6);
    expect(recorded(600, () => 7).perHour).toBeCloseTo(0, 6);
  });

  it('is found under noise', () => {
    const wobble = (second: number) => Math.sin(second * 12.9898) * 2;
    expect(Math.abs(recorded(1800, (second) => (second * 20) / 3600 + wobble(second)).perHour! - 20)).toBeLessThan(2);
  });

  it('is not said in the first five minutes', () => {
    expect(new DriftMeter().perHour).toBeUndefined();
    expect(recorded(300, () => 1).perHour).toBeUndefined();
    expect(recorded(302, () => 1).perHour).toBeDefined();
  });

  it('is that of the last half hour only', () => {
    const meter = recorded(5400, (second) => (second < 3600 ? second : 3600));
    expect(meter.perHour).toBeCloseTo(0, 6);
  });
});
