import { describe, expect, it } from 'vitest';
import { DelayLine } from '../../src/media/delay-line.ts';

const RATE_HZ = 48_000;
const BLOCK_MS = 10;
const BLOCK = (RATE_HZ * BLOCK_MS) / 1000;
const TONE_HZ = 300;

/** A tone whose phase tells when it was captured. */
const toneAt = (ms: number) => 0.5 * Math.sin((2 * Math.PI * TONE_HZ * ms) / 1000);

/** Captures and hears in step, 10 ms at a time, as live. */
class Stand {
  readonly line: DelayLine;
  readonly heard: number[] = [];
  nowMs = 0;
  /** What is captured at a time; undefined: nothing arrives. */
  sound: (ms: number) => number | undefined = toneAt;

  constructor(delayMs: number) {
    this.line = new DelayLine(RATE_HZ, delayMs);
  }

  run(ms: number): this {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      this.nowMs += BLOCK_MS;
      const samples = Float32Array.from(
        { length: BLOCK },
        (_, n) => this.sound(this.nowMs - BLOCK_MS + (n * 1000) / RATE_HZ) ?? Number.NaN,
      );
      if (!samples.some(Number.isNaN)) this.line.write(samples, this.nowMs);
      const out = new Float32Array(BLOCK);
      this.line.read(out, this.nowMs);
      this.heard.push(...out);
    }
    return this;
  }

  /** What was heard between two times. */
  between(fromMs: number, toMs: number): number[] {
    const at = (ms: number) => Math.round(((ms - BLOCK_MS) * RATE_HZ) / 1000);
    return this.heard.slice(at(fromMs), at(toMs));
  }
}

/** The steepest step between two samples: a click is far steeper than the tone. */
const steepest = (samples: readonly number[]) =>
  samples.reduce((most, sample, n) => Math.max(most, n === 0 ? 0 : Math.abs(sample - samples[n - 1]!)), 0);
const TONE_STEP = (0.5 * 2 * Math.PI * TONE_HZ) / RATE_HZ;

describe('a delay line', () => {
  it('delays by exactly what it was told, to the sample', () => {
    const stand = new Stand(80).run(500);
    expect(stand.line.actualMs).toBeCloseTo(80, 6);
    const heard = stand.between(200, 400);
    const worst = heard.map((sample, n) => Math.abs(sample - toneAt(200 - 80 + (n * 1000) / RATE_HZ)));
    expect(Math.max(...worst)).toBeLessThan(1e-6);
  });

  it('follows a new delay in speech at one millisecond a second, without a step', () => {
    const stand = new Stand(60).run(1_000);
    stand.line.delayMs = 66;
    const before = stand.line.actualMs;
    const rates: number[] = [];
    for (let second = 0; second < 5; second++) {
      const at = stand.line.actualMs;
      stand.run(1_000);
      rates.push(stand.line.actualMs - at);
    }
    expect(before).toBeCloseTo(60, 3);
    for (const rate of rates) expect(rate).toBeCloseTo(1, 3);
    stand.run(4_000);
    expect(Math.abs(stand.line.actualMs - 66)).toBeLessThan(0.3);
    expect(steepest(stand.between(500, 9_900))).toBeLessThan(TONE_STEP * 1.05);
    // And back, which reads faster than it is written.
    stand.line.delayMs = 60;
    stand.run(8_000);
    expect(Math.abs(stand.line.actualMs - 60)).toBeLessThan(0.3);
    expect(steepest(stand.between(10_000, 17_900))).toBeLessThan(TONE_STEP * 1.05);
  });

  it('lets small wobbles of the measurement be', () => {
    const stand = new Stand(60).run(1_000);
    stand.line.delayMs = 61;
    expect(stand.run(2_000).line.actualMs).toBeCloseTo(60, 6);
  });

  it('jumps while nobody speaks, and only then', () => {
    const stand = new Stand(60).run(1_000);
    stand.line.delayMs = 160;
    stand.run(500);
    expect(stand.line.actualMs).toBeLessThan(61);
    stand.sound = () => 0.001 * Math.random();
    stand.run(600);
    expect(Math.abs(stand.line.actualMs - 160)).toBeLessThan(0.05);
    stand.sound = toneAt;
    stand.run(1_000);
    expect(steepest(stand.between(500, 3_000))).toBeLessThan(TONE_STEP * 1.3);
  });

  it('takes the pauses of a voice in a noisy room for silence, but not the noise where nobody has spoken', () => {
    const noise = (ms: number) => 0.02 * Math.sin(ms * 7.3) * Math.sin(ms * 1.7);
    const stand = new Stand(60).run(1_000);
    stand.line.delayMs = 160;
    stand.sound = noise;
    stand.run(600);
    expect(Math.abs(stand.line.actualMs - 160)).toBeLessThan(0.05);
    const loud = new Stand(60);
    loud.sound = noise;
    loud.run(1_000);
    loud.line.delayMs = 160;
    loud.run(1_000);
    expect(loud.line.actualMs).toBeLessThan(62);
  });

  it('jumps in speech when off by more than lips may be, cross-faded', () => {
    const stand = new Stand(60).run(1_000);
    stand.line.delayMs = 220;
    stand.run(100);
    expect(Math.abs(stand.line.actualMs - 220)).toBeLessThan(0.05);
    expect(steepest(stand.between(500, 1_100))).toBeLessThan(TONE_STEP * 1.3);
  });

  it('is silent where the input had a gap, with soft edges, and in time after it', () => {
    const stand = new Stand(60).run(1_000);
    stand.sound = () => undefined;
    stand.run(400);
    stand.sound = toneAt;
    stand.run(1_000);
    const gap = stand.between(1_070, 1_450);
    expect(Math.max(...gap.map(Math.abs))).toBe(0);
    const after = stand.between(1_500, 2_000);
    const worst = after.map((sample, n) => Math.abs(sample - toneAt(1_500 - 60 + (n * 1000) / RATE_HZ)));
    expect(Math.max(...worst)).toBeLessThan(0.02);
    expect(steepest(stand.between(500, 2_300))).toBeLessThan(TONE_STEP * 1.3);
  });

  it('is silent before the first sound, and again in time after an hour without any', () => {
    const stand = new Stand(60);
    stand.sound = () => undefined;
    stand.run(200);
    expect(Math.max(...stand.heard)).toBe(0);
    stand.sound = toneAt;
    stand.run(500);
    stand.nowMs += 3_600_000;
    stand.run(1_000);
    const last = stand.heard.slice(-BLOCK * 20);
    const from = stand.nowMs - 20 * BLOCK_MS - 60;
    const worst = last.map((sample, n) => Math.abs(sample - toneAt(from + BLOCK_MS + (n * 1000) / RATE_HZ)));
    expect(Math.max(...worst)).toBeLessThan(0.02);
  });

  it('fades when sound comes too late to be heard in time, and never clicks', () => {
    const stand = new Stand(3).run(1_000);
    expect(steepest(stand.heard)).toBeLessThan(TONE_STEP + 0.5 / 150);
  });

  it('is not thrown off by jitter of the time stamps', () => {
    const line = new DelayLine(RATE_HZ, 60);
    const out = new Float32Array(BLOCK);
    const heard: number[] = [];
    for (let n = 1; n <= 1_000; n++) {
      const nowMs = n * BLOCK_MS;
      const samples = Float32Array.from({ length: BLOCK }, (_, i) => toneAt(nowMs - BLOCK_MS + (i * 1000) / RATE_HZ));
      line.write(samples, nowMs + 3 * Math.sin(n * 1.7));
      line.read(out, nowMs);
      heard.push(...out);
    }
    expect(Math.abs(line.actualMs - 60)).toBeLessThan(2);
    expect(steepest(heard.slice(BLOCK * 20))).toBeLessThan(TONE_STEP * 1.05);
  });
});
