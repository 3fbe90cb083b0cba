import { describe, expect, it } from 'vitest';
import { levelDb, Tape } from '../../src/live/tape.ts';
import { settle } from '../fakes/fake-time.ts';

const ramp = (from: number, length: number) => Float32Array.from({ length }, (_, i) => from + i);
const signal = new AbortController().signal;

describe('the tape', () => {
  it('gives back any stretch by absolute position, across the ring and with silence outside', () => {
    const tape = new Tape(0.1); // 1600 samples
    for (let at = 0; at < 4000; at += 250) tape.write(ramp(at, 250), 0);
    expect(tape.end).toBe(4000);
    expect([...tape.read(2400, 4)]).toEqual([2400, 2401, 2402, 2403]);
    expect([...tape.read(3998, 4)]).toEqual([3998, 3999, 0, 0]);
    expect([...tape.read(2398, 4)]).toEqual([0, 0, 2400, 2401]);
    expect([...tape.read(-2, 3)]).toEqual([0, 0, 0]);
  });

  it('keeps the newest part of a chunk longer than itself', () => {
    const tape = new Tape(0.1);
    tape.write(ramp(0, 5000), 0);
    expect([...tape.read(4997, 3)]).toEqual([4997, 4998, 4999]);
    expect(tape.read(3400, 1)[0]).toBe(3400);
  });

  it('waits for a frame until its look-ahead has been heard', async () => {
    const tape = new Tape();
    let sound: { start: number; samples: Float32Array } | undefined;
    void tape.around(1, { before: 0.01, after: 0.02 }, signal).then((heard) => {
      sound = heard;
    });
    tape.write(ramp(0, 1599), 0);
    await settle();
    expect(sound).toBeUndefined();
    tape.write(ramp(1599, 1), 0);
    await settle();
    expect(sound?.start).toBe(480);
    expect(sound?.samples.length).toBe(160 + 640 + 320);
    expect(sound?.samples[0]).toBe(480);
    expect(sound?.samples.at(-1)).toBe(1599);
  });

  it('knows the newest frame that can be made', () => {
    const tape = new Tape();
    expect(tape.newestFrame(0.02)).toBe(-1);
    tape.write(new Float32Array(640 + 320), 0);
    expect(tape.newestFrame(0.02)).toBe(0);
    expect(tape.newestFrame(0.03)).toBe(-1);
  });

  it('counts what is missing as silence once it has ended', async () => {
    const tape = new Tape();
    tape.write(ramp(1, 100), 0);
    const waiting = tape.around(5, { before: 0, after: 0.04 }, signal);
    tape.finish();
    expect((await waiting).samples.every((sample) => sample === 0)).toBe(true);
  });

  it('stops waiting when the show ends', async () => {
    const abort = new AbortController();
    const waiting = new Tape().around(5, { before: 0, after: 0 }, abort.signal);
    abort.abort(new Error('over'));
    await expect(waiting).rejects.toThrow('over');
  });

  it('dates every sample from the newest chunk', () => {
    const tape = new Tape();
    tape.write(new Float32Array(1600), 5000);
    expect(tape.capturedAtMs(1600)).toBe(5000);
    expect(tape.capturedAtMs(0)).toBe(4900);
  });

  it('measures loudness in dB of full scale', () => {
    expect(levelDb(new Float32Array(640))).toBe(-100);
    expect(levelDb(new Float32Array(640).fill(1))).toBeCloseTo(0, 5);
    expect(levelDb(Float32Array.from({ length: 640 }, (_, i) => Math.sin((2 * Math.PI * i) / 64)))).toBeCloseTo(
      -3.01,
      2,
    );
  });
});
