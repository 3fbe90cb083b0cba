import { describe, expect, it } from 'vitest';
import type { FrameFault } from '../../../src/avatar/clip/clip.ts';
import { chooseClipFrame } from '../../../src/avatar/clip/frame-clip.ts';
import { drawnLandmarks, makeTrack, place } from './made-track.ts';

const face = drawnLandmarks();
const FRAME = { width: 1280, height: 720 };

/** Left, top, right, bottom of the face over all frames, in pixels of the survey. */
function facesAt(places: readonly (readonly [x: number, y: number])[], faults?: (FrameFault | undefined)[]) {
  const frames = places.map(([x, y]) => place(face, 1, x, y));
  return { ...makeTrack(frames, faults ? { faults } : {}), size: { width: 640, height: 360 } };
}

function outline(places: readonly (readonly [number, number])[]) {
  const xs: number[] = [];
  const ys: number[] = [];
  for (const [x, y] of places)
    for (let i = 0; i < 468; i++) {
      xs.push(face[i * 3]! + x);
      ys.push(face[i * 3 + 1]! + y);
    }
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

describe('the part of a clip that is shown', () => {
  const range = (count: number) => ({ start: 0, end: count });

  it('has the shape of the frame and even numbers', () => {
    const places = Array.from({ length: 30 }, () => [0, 0] as const);
    const part = chooseClipFrame({ width: 1920, height: 1080 }, facesAt(places), range(30), FRAME);
    expect(part.width / part.height).toBeCloseTo(16 / 9, 2);
    for (const value of Object.values(part)) expect(value % 2).toBe(0);
  });

  it('holds the face wherever it goes', () => {
    // 126 px high, it moves by 160 px to either side in a picture of 640x360 (three times as large in the clip).
    const places = Array.from({ length: 60 }, (_, i) => [Math.round(160 * Math.sin(i / 9)), 0] as const);
    const part = chooseClipFrame({ width: 1920, height: 1080 }, facesAt(places), range(60), FRAME);
    const all = outline(places);
    expect(part.x).toBeLessThanOrEqual(Math.max(0, all.left * 3));
    expect(part.x + part.width).toBeGreaterThanOrEqual(Math.min(1920, all.right * 3));
    expect(part.y).toBeLessThanOrEqual(all.top * 3);
    expect(part.y + part.height).toBeGreaterThanOrEqual(Math.min(1080, all.bottom * 3));
  });

  it('does not mind where the face is while it cannot be used', () => {
    const places = Array.from({ length: 30 }, (_, i) => (i < 5 ? ([250, 150] as const) : ([0, 0] as const)));
    const faults = places.map((_, i) => (i < 5 ? ('cut-off' as const) : undefined));
    const calm = Array.from({ length: 30 }, () => [0, 0] as const);
    const clip = { width: 1920, height: 1080 };
    expect(chooseClipFrame(clip, facesAt(places, faults), range(30), FRAME)).toEqual(
      chooseClipFrame(clip, facesAt(calm), range(30), FRAME),
    );
  });

  it('goes beyond the sides of a portrait, so that the face is not too large', () => {
    const places = Array.from({ length: 30 }, () => [-140, 60] as const);
    const track = { ...facesAt(places), size: { width: 360, height: 640 } };
    const part = chooseClipFrame({ width: 1080, height: 1920 }, track, range(30), FRAME);
    expect(part.x).toBeLessThan(0);
    expect(part.x + part.width).toBeGreaterThan(1080);
    expect(part.y).toBeGreaterThanOrEqual(0);
    expect(part.y + part.height).toBeLessThanOrEqual(1920);
  });
});
