import { describe, expect, it } from 'vitest';
import { QualityLadder } from '../../../src/plugins/musetalk/quality-ladder.ts';

/** Notes the same time for many frames; how often the step changed. */
function run(ladder: QualityLadder, frames: number, tookMs: number | undefined, isHidden = false): number {
  let changes = 0;
  for (let frame = 0; frame < frames; frame++) if (ladder.record(tookMs, isHidden)) changes++;
  return changes;
}

describe('the quality ladder', () => {
  it('begins with the best that the measurement at the start promises to hold', () => {
    expect(new QualityLadder({ faceMs: { full: 12, tiny: 6 } }).rung).toBe('full');
    expect(new QualityLadder({ faceMs: { full: 50, tiny: 20 } }).rung).toBe('tiny');
    expect(new QualityLadder({ faceMs: { full: 90, tiny: 55 } }).rung).toBe('half');
    expect(new QualityLadder({ faceMs: { full: 50 } }).rung).toBe('half');
  });

  it('says at once when not even the last step would hold', () => {
    expect(new QualityLadder({ faceMs: { full: 400, tiny: 300 } }).keepsUp).toBe(false);
    expect(new QualityLadder({ faceMs: { full: 90, tiny: 55 } }).keepsUp).toBe(true);
  });

  it('knows which decoder a step uses, with and without the small one', () => {
    expect(new QualityLadder({ faceMs: { full: 90, tiny: 55 } }).decoder).toBe('tiny');
    expect(new QualityLadder({ faceMs: { full: 50 } }).decoder).toBe('full');
    expect(new QualityLadder({ faceMs: { full: 12, tiny: 6 } }).decoder).toBe('full');
  });

  it('steps down after two seconds of being too slow, or at once in a pause', () => {
    const patient = new QualityLadder({ faceMs: { full: 30, tiny: 15 } });
    run(patient, 60, 45);
    expect(patient.rung).toBe('full');
    run(patient, 50, 45);
    expect(patient.rung).toBe('tiny');
    const pausing = new QualityLadder({ faceMs: { full: 30, tiny: 15 } });
    run(pausing, 52, 45);
    expect(pausing.record(undefined, true)).toBe(true);
    expect(pausing.rung).toBe('tiny');
  });

  it('does not wait for a pause when it is much too slow', () => {
    const ladder = new QualityLadder({ faceMs: { full: 30, tiny: 15 } });
    run(ladder, 50, 80);
    expect(ladder.rung).toBe('tiny');
  });

  it('gives up its place when the last step is too slow, and takes it back when a trial is quick again', () => {
    const ladder = new QualityLadder({ faceMs: { full: 30 } });
    run(ladder, 50, 80);
    expect(ladder.rung).toBe('half');
    run(ladder, 50, 80);
    expect(ladder.keepsUp).toBe(false);
    ladder.probe(100);
    expect(ladder.keepsUp).toBe(false);
    ladder.probe(50);
    expect(ladder.keepsUp).toBe(true);
  });

  it('climbs again in a pause when there has been room for long, and waits longer after it did not hold', () => {
    const ladder = new QualityLadder({ faceMs: { full: 30, tiny: 15 } });
    run(ladder, 50, 80);
    expect(ladder.rung).toBe('tiny');
    run(ladder, 260, 14);
    expect(ladder.rung).toBe('tiny');
    expect(ladder.record(undefined, true)).toBe(true);
    expect(ladder.rung).toBe('full');
    run(ladder, 50, 80);
    expect(ladder.rung).toBe('tiny');
    run(ladder, 300, 14);
    expect(ladder.record(undefined, true)).toBe(false);
    run(ladder, 200, 14);
    expect(ladder.record(undefined, true)).toBe(true);
  });

  it('never climbs where the better step would not hold', () => {
    const ladder = new QualityLadder({ faceMs: { full: 60, tiny: 20 } });
    run(ladder, 2000, 20);
    expect(run(ladder, 2000, undefined, true)).toBe(0);
    expect(ladder.rung).toBe('tiny');
  });
});
