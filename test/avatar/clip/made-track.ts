import { readFileSync } from 'node:fs';
import type { FaceTrack, FrameFault } from '../../../src/avatar/clip/clip.ts';

/** Values of one frame: 478 landmarks of x, y, z. */
export const VALUES = 478 * 3;

/** The landmarks of a drawn face, forehead to chin 126 px, in a picture of 640x360. */
export function drawnLandmarks(): Float32Array {
  const file = new URL('../../fixtures/face-landmarks.json', import.meta.url);
  const { landmarks } = JSON.parse(readFileSync(file, 'utf8')) as { landmarks: number[][] };
  return Float32Array.from(landmarks.flat());
}

/** A track from one set of landmarks per frame. */
export function makeTrack(
  frames: readonly Float32Array[],
  change: { faults?: readonly (FrameFault | undefined)[]; cuts?: readonly number[] } = {},
): FaceTrack {
  const points = new Float32Array(frames.length * VALUES);
  frames.forEach((frame, i) => {
    points.set(frame, i * VALUES);
  });
  return {
    size: { width: 1280, height: 720 },
    frameCount: frames.length,
    points,
    scores: new Float32Array(frames.length).fill(1),
    faults: change.faults ?? frames.map(() => undefined),
    cuts: change.cuts ?? [],
  };
}

/** Landmarks scaled about 0, 0 and moved. */
export function place(points: Float32Array, scale: number, x = 0, y = 0): Float32Array {
  return points.map((value, i) => value * scale + (i % 3 === 0 ? x : i % 3 === 1 ? y : 0));
}

/** Normal noise of deviation 1, the same in every run (Box and Muller over mulberry32). */
export function seededNoise(seed: number): () => number {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
