import { describe, expect, it } from 'vitest';
import { CONTROLS, type Control } from '../../../src/plugins/puppet/controls.ts';
import { IdleLife } from '../../../src/plugins/puppet/idle-life.ts';
import { WEIGHT_COUNT, weightIndex } from '../../../src/plugins/puppet/puppet-avatar.ts';

const MINUTE = 60 * 25;

function record(id: string, frames: number, amount = 1, openness: (frame: number) => number = () => 0): Float32Array[] {
  const life = new IdleLife(id);
  return Array.from({ length: frames }, (_, frame) => {
    const weights = new Float32Array(WEIGHT_COUNT);
    life.add(frame, openness(frame), amount, weights);
    return weights;
  });
}

const track = (frames: readonly Float32Array[], control: Control) =>
  frames.map((weights) => weights[weightIndex(control)]!);

/** Frames at which a blink begins. */
function blinkStarts(frames: readonly Float32Array[]): number[] {
  const lids = track(frames, 'blinkRight');
  return lids.flatMap((lid, frame) => (lid > 0 && !(lids[frame - 1]! > 0) ? [frame] : []));
}

describe('idle life', () => {
  it('is the same for the same avatar and frame, also when frames are left out or asked for again', () => {
    const all = record('mira', 500);
    expect(record('mira', 500)).toEqual(all);
    const life = new IdleLife('mira');
    for (const frame of [3, 40, 41, 300, 499, 120, 7]) {
      const weights = new Float32Array(WEIGHT_COUNT);
      life.add(frame, 0, 1, weights);
      expect(weights).toEqual(all[frame]);
    }
  });

  it('is another for another avatar', () => {
    expect(blinkStarts(record('mira', MINUTE))).not.toEqual(blinkStarts(record('jonas', MINUTE)));
  });

  it('does nothing when it is switched off', () => {
    for (const weights of record('mira', 200, 0)) expect(weights).toEqual(new Float32Array(WEIGHT_COUNT));
  });

  it('blinks as people do: every 2 to 6 s, shut in 60 to 120 ms, opening slower, sometimes twice', () => {
    const frames = record('mira', 10 * MINUTE);
    const starts = blinkStarts(frames);
    const pauses = starts.slice(1).map((start, index) => (start - starts[index]!) / 25);
    const double = pauses.filter((pause) => pause < 1);
    expect(starts.length).toBeGreaterThan(10 * 10);
    expect(starts.length).toBeLessThan(10 * 26);
    expect(double.length).toBeGreaterThan(3);
    expect(double.length).toBeLessThan(pauses.length / 3);
    for (const pause of pauses.filter((value) => value >= 1)) {
      expect(pause).toBeGreaterThan(1.9);
      expect(pause).toBeLessThan(6.1);
    }
    expect(new Set(pauses.map((pause) => pause.toFixed(2))).size).toBeGreaterThan(40);
    const lids = track(frames, 'blinkRight');
    for (const start of starts.slice(0, -1)) {
      const shut = lids.slice(start, start + 12);
      expect(Math.max(...shut)).toBeGreaterThan(0.75);
      const deepest = shut.indexOf(Math.max(...shut));
      expect(deepest).toBeLessThanOrEqual(4);
    }
    expect(lids.every((lid) => lid >= 0 && lid <= 1)).toBe(true);
  });

  it('never repeats within a minute: no shift of more than a second brings the same motion back', () => {
    const frames = record('mira', 2 * MINUTE);
    const moves = (['headX', 'headY', 'roll', 'yaw'] as const).map((control) => track(frames, control));
    for (let shift = 25; shift <= MINUTE; shift++) {
      let difference = 0;
      for (const move of moves) {
        const size = Math.max(...move.map(Math.abs));
        for (let frame = 0; frame < MINUTE; frame += 5)
          difference = Math.max(difference, Math.abs(move[frame]! - move[frame + shift]!) / size);
      }
      expect(difference).toBeGreaterThan(0.25);
    }
  });

  it('moves smoothly and little: no head jumps, nothing beyond what looks calm', () => {
    const frames = record('jonas', 4 * MINUTE);
    const limits: Partial<Record<Control, [most: number, step: number]>> = {
      headX: [0.08, 0.012],
      headY: [0.06, 0.008],
      roll: [0.02, 0.003],
      yaw: [0.06, 0.008],
      pitch: [0.04, 0.005],
      breath: [0.45, 0.05],
    };
    for (const [control, [most, step]] of Object.entries(limits) as [Control, [number, number]][]) {
      const values = track(frames, control);
      expect(Math.max(...values.map(Math.abs)), control).toBeLessThan(most);
      const steps = values.slice(1).map((value, index) => Math.abs(value - values[index]!));
      expect(Math.max(...steps), control).toBeLessThan(step);
    }
  });

  it('breathes 12 to 16 times a minute', () => {
    const breath = track(record('jonas', 10 * MINUTE), 'breath');
    const risings = breath.filter((value, frame) => frame > 0 && breath[frame - 1]! < 0.2 && value >= 0.2).length;
    expect(risings / 10).toBeGreaterThan(11.5);
    expect(risings / 10).toBeLessThan(16.5);
  });

  it('looks away now and then and comes back to the camera', () => {
    const gaze = track(record('mira', 5 * MINUTE), 'gazeX');
    const atCamera = gaze.filter((x) => Math.abs(x) < 0.03).length / gaze.length;
    expect(atCamera).toBeGreaterThan(0.5);
    expect(atCamera).toBeLessThan(0.95);
    expect(Math.max(...gaze.map(Math.abs))).toBeGreaterThan(0.1);
    expect(Math.max(...gaze.map(Math.abs))).toBeLessThan(0.35);
  });

  it('lifts brows and nods on stressed syllables, and moves the mouth only to a faint smile', () => {
    const loud = (frame: number) => (frame % 50 < 8 ? 0.9 : 0.1);
    const quiet = record('mira', 500);
    const speaking = record('mira', 500, 1, loud);
    const lift = track(speaking, 'brow').map((value, frame) => value - track(quiet, 'brow')[frame]!);
    expect(Math.max(...lift)).toBeGreaterThan(0.1);
    const mouth = CONTROLS.slice(0, CONTROLS.indexOf('smile'));
    for (const control of mouth) expect(track(speaking, control).every((value) => value === 0)).toBe(true);
    expect(Math.max(...track(speaking, 'smile'))).toBeLessThan(0.2);
  });
});
