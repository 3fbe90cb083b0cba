import { describe, expect, it } from 'vitest';
import { ArrivalWatch } from '../../../src/plugins/virtual-mic/arrival-watch.ts';
import { PlaybackClock } from '../../../src/plugins/virtual-mic/playback-clock.ts';

describe('the clock of a player', () => {
  it('believes the earliest of its reports, because the others were only delivered late', () => {
    const clock = new PlaybackClock(1_000);
    for (let n = 0; n < 20; n++) clock.report(n * 50, 1_200 + n * 50 + (n % 4) * 7);
    expect(clock.playedMs(2_200)).toBe(1_000);
  });

  it('notices within half a second that the player had nothing to play for a while', () => {
    const clock = new PlaybackClock(0);
    for (let n = 0; n < 20; n++) clock.report(n * 50, n * 50);
    for (let n = 20; n < 30; n++) clock.report(n * 50, n * 50 + 80);
    expect(clock.playedMs(2_080)).toBe(2_000);
  });

  it('begins anew when it ran dry', () => {
    const clock = new PlaybackClock(0);
    clock.report(500, 500);
    clock.ranDry(600, 5_000);
    expect(clock.playedMs(5_010)).toBe(610);
  });
});

describe('the watch over arrivals', () => {
  it('says how late sound is as a rule, without the bursts after a hold-up', () => {
    const watch = new ArrivalWatch();
    expect(watch.usualMs).toBe(0);
    for (let n = 0; n < 512; n++) watch.note(n % 100 < 8 ? 390 : 20 + (n % 10));
    expect(watch.usualMs).toBe(29);
  });

  it('is not frightened for long by a process that hung', () => {
    const watch = new ArrivalWatch();
    for (let n = 0; n < 32; n++) watch.note(5_000);
    expect(watch.usualMs).toBe(150);
    for (let n = 0; n < 400; n++) watch.note(25);
    expect(watch.usualMs).toBe(25);
  });
});
