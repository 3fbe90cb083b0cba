import { beforeAll, describe, expect, it } from 'vitest';
import type { FaceTrack } from '../../../src/avatar/clip/clip.ts';
import { measureJitter } from '../../../src/avatar/clip/measure-jitter.ts';
import { smoothTrack } from '../../../src/avatar/clip/smooth-track.ts';
import { faceTopology } from '../../../src/avatar/face-topology.ts';
import { drawnLandmarks, makeTrack, place, seededNoise, VALUES } from './made-track.ts';

/** Forehead to chin of the made face, in pixels: as in a picture of 720 lines. */
const FACE_HEIGHT = 252;
const FRAMES = 200;
/** What trembles: the whole head, and every landmark for itself; deviations in pixels, about twice what the mesh does. */
const NOISE = { head: 0.35, landmark: 0.45 };
/** When the made head turns away quickly, and how far: 150 px in a third of a second. */
const TURN = { from: 100, to: 108, px: 150 };
const BLINK_AT = 40;
const LOWER_LIP = [91, 181, 84, 17, 314, 405, 321, 95, 88, 178, 87, 14, 317, 402, 318, 324, 180, 85, 16, 315, 404];
const UPPER_LID = [161, 160, 159, 158, 157];

/** The truth: sways by a pixel or two, speaks at 4 Hz from frame 50 on, blinks for three frames, moves over quickly. */
function makeTruth(): Float32Array[] {
  const face = place(drawnLandmarks(), 2);
  return Array.from({ length: FRAMES }, (_, i) => {
    const turn = Math.min(1, Math.max(0, (i - TURN.from) / (TURN.to - TURN.from)));
    const frame = place(face, 1, 2 * Math.sin(i / 20) + TURN.px * turn * turn * (3 - 2 * turn), 1.5 * Math.cos(i / 27));
    const open = i < 50 ? 0 : 9 * Math.max(0, Math.sin((i / 25) * 4 * 2 * Math.PI));
    for (const lip of LOWER_LIP) frame[lip * 3 + 1]! += open;
    if (i >= BLINK_AT && i < BLINK_AT + 3) for (const lid of UPPER_LID) frame[lid * 3 + 1]! += 11;
    return frame;
  });
}

function addNoise(frames: readonly Float32Array[]): Float32Array[] {
  const noise = seededNoise(5);
  return frames.map((frame) => {
    const [x, y] = [noise() * NOISE.head, noise() * NOISE.head];
    return frame.map((value, i) => value + (i % 3 === 0 ? x : i % 3 === 1 ? y : 0) + noise() * NOISE.landmark);
  });
}

const truth = makeTruth();
let noisy: FaceTrack;
let smooth: FaceTrack;
beforeAll(() => {
  noisy = makeTrack(addNoise(truth));
  smooth = smoothTrack(noisy);
});

/** Root mean square distance from the truth over some landmarks and frames, in pixels. */
function errorOf(track: FaceTrack, landmarks: readonly number[], from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++)
    for (const landmark of landmarks)
      for (const at of [landmark * 3, landmark * 3 + 1]) sum += (track.points[i * VALUES + at]! - truth[i]![at]!) ** 2;
  return Math.sqrt(sum / landmarks.length / (to - from));
}

const skull = [1, 6, 9, 67, 116, 151, 297, 345];

describe('a smoothed track', () => {
  it('trembles by no more than 0.3 px where the head rests', () => {
    // 0.8 px of noise in two directions, less what a parabola through nine frames takes up.
    expect(measureJitter(noisy).rmsPx).toBeGreaterThan(0.6);
    const after = measureJitter(smooth);
    expect(after.frameCount).toBeGreaterThan(150);
    expect(after.rmsPx).toBeLessThan(0.3);
  });

  it('is nearer to the truth than the raw one, at rest by more than half', () => {
    expect(errorOf(smooth, skull, 5, 95)).toBeLessThan(errorOf(noisy, skull, 5, 95) / 2);
    expect(errorOf(smooth, faceTopology.outerLips, 55, 95)).toBeLessThan(
      errorOf(noisy, faceTopology.outerLips, 55, 95),
    );
  });

  it('follows a quick turn without being late', () => {
    expect(errorOf(smooth, skull, TURN.from - 4, TURN.to + 4)).toBeLessThan(0.006 * FACE_HEIGHT);
    // Late by a frame would be off by 28 px in the middle of it.
    const middle = (TURN.from + TURN.to) / 2;
    expect(errorOf(smooth, skull, middle, middle + 1)).toBeLessThan(0.006 * FACE_HEIGHT);
  });

  it('keeps a blink of three frames', () => {
    const opening = (track: FaceTrack, i: number) =>
      track.points[i * VALUES + 145 * 3 + 1]! - track.points[i * VALUES + 159 * 3 + 1]!;
    const open = opening(smooth, BLINK_AT - 6);
    expect(opening(smooth, BLINK_AT + 1)).toBeLessThan(open - 9.5);
    expect(opening(smooth, BLINK_AT)).toBeLessThan(open - 9);
    expect(opening(smooth, BLINK_AT - 2)).toBeGreaterThan(open - 2);
    expect(opening(smooth, BLINK_AT + 5)).toBeGreaterThan(open - 2);
  });

  it('keeps syllables of a quarter of a second: the lips open as far as they did', () => {
    const gap = (points: Float32Array, i: number) => points[i + 14 * 3 + 1]! - points[i + 13 * 3 + 1]!;
    const spoken = truth.map((_, i) => i).slice(55, 195);
    const meanOf = (frames: readonly number[], of: (i: number) => number) =>
      frames.reduce((sum, i) => sum + of(i), 0) / frames.length;
    const wide = spoken.filter((i) => gap(truth[i]!, 0) > 8);
    const kept = meanOf(wide, (i) => gap(smooth.points, i * VALUES)) / meanOf(wide, (i) => gap(truth[i]!, 0));
    expect(kept).toBeGreaterThan(0.94);
    const error = (track: FaceTrack) =>
      Math.sqrt(meanOf(spoken, (i) => (gap(track.points, i * VALUES) - gap(truth[i]!, 0)) ** 2));
    expect(error(smooth)).toBeLessThan(1.2 * error(noisy));
  });

  it('knows nothing across a cut, and leaves frames with a fault alone', () => {
    const faults = truth.map((_, i) => (i >= 150 && i < 160 ? ('turned' as const) : undefined));
    const shots = makeTrack(
      addNoise(truth).map((frame, i) => (i < 70 ? frame : place(frame, 1, 400, 90))),
      { faults, cuts: [70] },
    );
    const done = smoothTrack(shots);
    for (const i of [69, 70]) {
      const off = done.points[i * VALUES + 3]! - (truth[i]![3]! + (i < 70 ? 0 : 400));
      expect(Math.abs(off)).toBeLessThan(1.5);
    }
    const part = (track: FaceTrack) => Array.from(track.points.subarray(150 * VALUES, 160 * VALUES));
    expect(part(done)).toEqual(part(shots));
  });

  it('leaves a track of one or two frames as it is, within the noise', () => {
    for (const count of [1, 2]) {
      const short = makeTrack(addNoise(truth).slice(0, count));
      const done = smoothTrack(short);
      for (let at = 0; at < VALUES; at++) expect(done.points[at]).toBeCloseTo(short.points[at]!, 2);
    }
  });
});

describe('jitter', () => {
  it('is the noise that was put in, as far as a parabola leaves it', () => {
    const noise = seededNoise(9);
    const still = place(drawnLandmarks(), 2);
    const track = makeTrack(Array.from({ length: 400 }, () => still.map((value) => value + noise() * 0.5)));
    // White noise of 0.5 px in x and y; nine samples leave 1 - 59/231 of its variance at their middle.
    expect(measureJitter(track).rmsPx).toBeCloseTo(0.5 * Math.SQRT2 * Math.sqrt(1 - 59 / 231), 1);
  });

  it('is not measured while the head moves', () => {
    const still = place(drawnLandmarks(), 2);
    const track = makeTrack(Array.from({ length: 60 }, (_, i) => place(still, 1, i * 4)));
    expect(measureJitter(track)).toEqual({ rmsPx: 0, frameCount: 0 });
  });
});
