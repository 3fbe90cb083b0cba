import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProgressMeter } from '../../../src/avatar/clip/prepare-progress.ts';
import type { PrepareProgress } from '../../../src/avatar/prepare-options.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function openMeter() {
  const told: PrepareProgress[] = [];
  return { meter: new ProgressMeter((progress) => void told.push(progress)), told };
}

describe('the progress of a preparation', () => {
  it('rises over all stages from 0 to 1, whatever is told in which order', () => {
    const { meter, told } = openMeter();
    for (const step of ['read', 'follow', 'frame', 'film', 'mask', 'report', 'engine', 'write'] as const)
      for (const done of [0, 0.5, 0.4, 1]) meter.update(step, done);
    const fractions = told.map((progress) => progress.fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions[0]).toBe(0);
    expect(fractions.at(-1)).toBeCloseTo(1, 9);
  });

  it('says how long the rest takes as soon as it knows, by the pace so far', () => {
    const { meter, told } = openMeter();
    for (let i = 1; i <= 100; i++) {
      vi.advanceTimersByTime(100);
      meter.update('film', i / 100);
      if (i === 1) expect(told.at(-1)!.secondsLeft).toBeUndefined();
    }
    // The film is 0.64 of the whole and took 10 s; 0.2 come after it.
    expect(told.at(-1)!.secondsLeft).toBeGreaterThanOrEqual(2);
    expect(told.at(-1)!.secondsLeft).toBeLessThanOrEqual(4);
  });

  it('does not take what an earlier run left for the pace of this one', () => {
    const { meter, told } = openMeter();
    meter.update('follow', 1);
    for (let i = 1; i <= 10; i++) {
      vi.advanceTimersByTime(1000);
      meter.update('film', i * 0.05);
    }
    // Half of the film took 10 s; the other half takes as long, and what comes after about 6 s.
    expect(told.at(-1)!.secondsLeft).toBeGreaterThanOrEqual(14);
    expect(told.at(-1)!.secondsLeft).toBeLessThanOrEqual(19);
  });
});
