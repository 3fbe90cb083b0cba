import { describe, expect, it } from 'vitest';
import { chooseIdle, chooseMotion } from '../../../src/avatar/clip/choose-motion.ts';
import type { FaceTrack, FrameFault } from '../../../src/avatar/clip/clip.ts';
import { fadePictures, fadeTrack } from '../../../src/avatar/clip/fade-loop.ts';
import { THUMBNAIL_BYTES } from '../../../src/avatar/clip/see-cut.ts';
import { drawnLandmarks, makeTrack, place, VALUES } from './made-track.ts';

const face = drawnLandmarks();
/** Lower inner lip: moved down, the mouth is open. */
const LOWER_LIP = [178, 87, 14, 317, 402];

/** A head whose place follows `x`, in pixels; forehead to chin 126 px. */
function headAt(count: number, x: (frame: number) => number, faults?: (FrameFault | undefined)[]): FaceTrack {
  const frames = Array.from({ length: count }, (_, i) => place(face, 1, x(i), 0));
  return makeTrack(frames, faults ? { faults } : {});
}

function openMouth(points: Float32Array): Float32Array {
  const open = points.slice();
  for (const landmark of LOWER_LIP) open[landmark * 3 + 1]! += 12;
  return open;
}

function thumbnails(count: number, light: (frame: number) => number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(THUMBNAIL_BYTES).fill(light(i)));
}

const whole = (track: FaceTrack) => ({ start: 0, end: track.frameCount });
const still = (count: number) => thumbnails(count, () => 100);

describe('how a clip repeats', () => {
  it('is a loop where the head comes back to where it was, the longest there is', () => {
    // Sways once in 100 frames: frame 200 + i is like frame i, with 240 frames to choose from.
    const track = headAt(240, (i) => 30 * Math.sin((2 * Math.PI * i) / 100));
    const { motion, range, fadeFrames } = chooseMotion(track, still(240), whole(track), 'auto');
    expect(motion).toBe('loop');
    expect(fadeFrames).toBe(12);
    const span = range.end - range.start - fadeFrames;
    // A sway's turning points are slow: some frames more or less look the same.
    expect(Math.abs((span % 100) - 50)).toBeGreaterThan(20);
    expect(span).toBeGreaterThanOrEqual(190);
  });

  it('is to and fro where the head never comes back', () => {
    const track = headAt(200, (i) => i);
    expect(chooseMotion(track, still(200), whole(track), 'auto')).toEqual({
      motion: 'ping-pong',
      range: whole(track),
      fadeFrames: 0,
    });
  });

  it('is to and fro where the head comes back but the picture does not', () => {
    const track = headAt(200, () => 0);
    const seen = thumbnails(200, (i) => 50 + i / 2);
    expect(chooseMotion(track, seen, whole(track), 'auto').motion).toBe('ping-pong');
  });

  it('is what is asked for, at the best place', () => {
    const track = headAt(200, (i) => (i < 100 ? i : 200 - i) + (i > 150 ? 8 : 0));
    expect(chooseMotion(track, still(200), whole(track), 'ping-pong').motion).toBe('ping-pong');
    const drifting = headAt(200, (i) => i);
    expect(chooseMotion(drifting, still(200), whole(drifting), 'loop')).toMatchObject({
      motion: 'loop',
      fadeFrames: 12,
    });
  });

  it('keeps to the frames it may use, and fades none without a usable face', () => {
    const faults = Array.from({ length: 200 }, (_, i) => (i < 30 ? ('turned' as const) : undefined));
    const track = headAt(200, () => 0, faults);
    const { motion, range } = chooseMotion(track, still(200), { start: 10, end: 190 }, 'auto');
    expect(motion).toBe('loop');
    expect(range.start).toBeGreaterThanOrEqual(30);
    expect(range.end).toBeLessThanOrEqual(190);
  });

  it('is no loop of mostly what cannot be driven', () => {
    // Usable at the beginning, before and after a long turn; only round the turn the head is where it was.
    const faults = Array.from({ length: 240 }, (_, i) => (i >= 115 && i < 220 ? ('turned' as const) : undefined));
    const track = headAt(240, (i) => (i < 100 ? i : 200), faults);
    expect(chooseMotion(track, still(240), whole(track), 'auto').motion).toBe('ping-pong');
    expect(chooseMotion(track, still(240), whole(track), 'loop').motion).toBe('loop');
  });

  it('does not make a loop of a second', () => {
    const track = headAt(40, () => 0);
    expect(chooseMotion(track, still(40), whole(track), 'auto').motion).toBe('ping-pong');
  });
});

describe('the idle stretch', () => {
  const speaking = (count: number, isOpen: (frame: number) => boolean, x: (frame: number) => number = () => 0) =>
    makeTrack(Array.from({ length: count }, (_, i) => place(isOpen(i) ? openMouth(face) : face, 1, x(i), 0)));

  it('is where the lips are shut', () => {
    const track = speaking(200, (i) => i < 70 || i >= 130);
    expect(chooseIdle(track, whole(track))).toEqual({ start: 70, end: 130 });
  });

  it('is the calmer one of two', () => {
    const track = speaking(
      240,
      (i) => i >= 100 && i < 140,
      (i) => (i < 100 ? 10 * Math.sin(i / 3) : 0),
    );
    expect(chooseIdle(track, whole(track))).toEqual({ start: 140, end: 240 });
  });

  it('is not broken by a frame the mesh was not sure of, but by a word', () => {
    const blink = speaking(100, (i) => i === 50);
    expect(chooseIdle(blink, whole(blink))).toEqual({ start: 0, end: 100 });
    const word = speaking(100, (i) => i >= 50 && i < 56);
    expect(chooseIdle(word, whole(word))).toEqual({ start: 0, end: 50 });
  });

  it('is none where there is no second and a half of it', () => {
    const track = speaking(200, (i) => i % 40 > 30);
    expect(chooseIdle(track, whole(track))).toBeUndefined();
  });
});

describe('the fade of a loop', () => {
  const motion = { motion: 'loop' as const, range: { start: 5, end: 25 }, fadeFrames: 4 };
  const pictureOf = (value: number) => ({ width: 2, height: 1, pixels: new Uint8Array(6).fill(value) });

  it('leads the last picture over to the first', () => {
    const next = fadePictures(motion);
    const shown = Array.from({ length: 20 }, (_, i) => {
      const frame = next(pictureOf(i * 10), i);
      return frame && [frame.index, frame.picture.pixels[0]!];
    });
    expect(shown.slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(shown[4]).toEqual([0, 40]);
    expect(shown[15]).toEqual([11, 150]);
    const faded = shown.slice(16).map((frame) => frame![1]!);
    expect(shown.at(-1)![0]).toBe(15);
    // From 150 towards 40, where the loop goes on: each step nearer to it.
    for (const [i, value] of faded.entries()) expect(value).toBeLessThan(i === 0 ? 155 : faded[i - 1]!);
    expect(faded.at(-1)).toBeLessThan(60);
  });

  it('leads the last landmarks over to the first, and keeps a fault of either', () => {
    const faults = Array.from({ length: 20 }, (_, i) => (i === 1 ? ('turned' as const) : undefined));
    const track = headAt(20, (i) => i * 10, faults);
    const faded = fadeTrack(track, 4);
    expect(faded.frameCount).toBe(16);
    const xAt = (frame: number) => faded.points[frame * VALUES]! - face[0]!;
    expect(xAt(0)).toBeCloseTo(40, 3);
    expect(xAt(11)).toBeCloseTo(150, 3);
    expect(xAt(15)).toBeLessThan(60);
    expect(faded.faults.flatMap((fault, i) => (fault ? [i] : []))).toEqual([13]);
  });
});
