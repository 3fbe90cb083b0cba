import { describe, expect, it } from 'vitest';
import { CaptureClock } from '../../../src/plugins/microphone/capture-clock.ts';

/** Arrivals of 10 ms chunks at 16 kHz: sample time plus a scatter of 0 … 30 ms, in an order that repeats every 16. */
function scatterMs(n: number): number {
  return ((n * 7) % 16) * 2;
}

describe('CaptureClock', () => {
  it('takes the scatter of arrivals out of the times, and never stamps sound after its arrival', () => {
    const clock = new CaptureClock(16_000, 5);
    for (let n = 1; n <= 1000; n++) {
      const arrivedAtMs = 5000 + 10 * n + scatterMs(n);
      const stampMs = clock.stamp(160, arrivedAtMs);
      expect(stampMs).toBeLessThanOrEqual(arrivedAtMs);
      // From the first on-time arrival on: captured at 5000 + 10 n, less the 5 ms of buffering; drift allowance 0.08 ms.
      if (n > 16) expect(stampMs).toBeCloseTo(5000 + 10 * n - 5, 0);
    }
  });

  it('follows a sound card whose clock is 100 ppm slow or fast', () => {
    for (const ppm of [-100, 100]) {
      const clock = new CaptureClock(16_000, 0);
      let stampMs = 0;
      let arrivedAtMs = 0;
      for (let n = 1; n <= 60_000; n++) {
        arrivedAtMs = 10 * n * (1 + ppm / 1e6);
        stampMs = clock.stamp(160, arrivedAtMs);
      }
      // After ten minutes the card is 60 ms away from ours; the stamps are not.
      expect(Math.abs(stampMs - arrivedAtMs)).toBeLessThan(1);
    }
  });

  it('starts anew after sound was lost', () => {
    const clock = new CaptureClock(16_000, 0);
    clock.stamp(160, 1000);
    expect(clock.stamp(160, 4000)).toBe(4000);
    expect(clock.stamp(160, 4010)).toBeCloseTo(4010, 1);
  });

  it('settles on the right times again after this process was held up', () => {
    const clock = new CaptureClock(16_000, 0);
    for (let n = 1; n <= 100; n++) clock.stamp(160, 10 * n);
    // Two seconds of sound are read at once.
    for (let n = 101; n <= 300; n++) expect(clock.stamp(160, 3000)).toBeLessThanOrEqual(3000);
    expect(clock.stamp(160, 3010)).toBeCloseTo(3010, 1);
  });
});
