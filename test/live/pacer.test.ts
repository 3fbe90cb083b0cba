import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/live/pacer.ts';

/**
 * Runs a pacer against a sound card whose clock differs from ours; frames are finished `readyMs` after their own time,
 * with jitter. Returns what each beat was given.
 */
function simulate(options: { beats: number; driftPpm: number; readyMs: number; jitterMs: number }) {
  const pacer = new Pacer();
  const shown: { frame: number; isFinished: boolean; delayMs: number }[] = [];
  const frameMs = 40 * (1 + options.driftPpm / 1e6);
  let phaseMs = 0;
  let made = 0;
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const finishedAt: number[] = [];
  for (let beat = 0; beat < options.beats; beat++) {
    const now = beat * 40 + phaseMs;
    while (true) {
      finishedAt[made] ??= made * frameMs + options.readyMs + random() * options.jitterMs;
      if (finishedAt[made]! > now) break;
      pacer.record(made, finishedAt[made]!);
      made++;
    }
    const { frame, slewMs } = pacer.beat(now);
    phaseMs += Math.max(-1, Math.min(1, slewMs / 10));
    shown.push({ frame, isFinished: frame < made, delayMs: now - frame * frameMs });
  }
  return shown;
}

describe('the pacer', () => {
  it('shows every frame once although the sound card runs 100 ppm off, for half an hour', () => {
    for (const driftPpm of [-100, 100]) {
      const settled = simulate({ beats: 45_000, driftPpm, readyMs: 55, jitterMs: 8 }).slice(250);
      const steps = settled.slice(1).map(({ frame }, i) => frame - settled[i]!.frame);
      expect(new Set(steps)).toEqual(new Set([1]));
      const unfinished = settled.filter(({ isFinished }) => !isFinished).length;
      expect(unfinished / settled.length).toBeLessThan(0.005);
    }
  });

  it('keeps the delay just above what frames need', () => {
    const settled = simulate({ beats: 2000, driftPpm: 0, readyMs: 55, jitterMs: 8 }).slice(500);
    const worst = Math.max(...settled.map(({ delayMs }) => delayMs));
    expect(worst).toBeLessThan(55 + 8 + 10);
    expect(Math.min(...settled.map(({ delayMs }) => delayMs))).toBeGreaterThan(55);
  });

  it('skips ahead at once when the sound jumps', () => {
    const pacer = new Pacer();
    for (let n = 0; n < 200; n++) pacer.record(n, n * 40 + 50);
    expect(pacer.beat(199 * 40 + 54).frame).toBe(199);
    for (let n = 260; n < 400; n++) pacer.record(n, n * 40 + 50 - 2000);
    expect(pacer.beat(200 * 40 + 54).frame).toBe(250);
  });

  it('holds before the first frame is finished', () => {
    const pacer = new Pacer();
    expect(pacer.beat(0)).toEqual({ frame: -1, slewMs: 0 });
    expect(pacer.beat(40)).toEqual({ frame: -1, slewMs: 0 });
  });
});
