import { describe, expect, it } from 'vitest';
import { planBoxes } from '../../../src/avatar/clip/box-path.ts';
import type { FrameFault } from '../../../src/avatar/clip/clip.ts';
import { faceBoxOf } from '../../../src/avatar/face-box.ts';
import { drawnLandmarks, makeTrack, place, seededNoise } from './made-track.ts';

const FRAME = { width: 1280, height: 720 };
const face = place(drawnLandmarks(), 2);

function expectInside(boxes: readonly { x: number; y: number; width: number; height: number }[]): void {
  for (const box of boxes) {
    expect([box.x, box.y, box.width, box.height].every((value) => value >= 0 && value % 2 === 0)).toBe(true);
    expect(box.x + box.width).toBeLessThanOrEqual(FRAME.width);
    expect(box.y + box.height).toBeLessThanOrEqual(FRAME.height);
  }
}

describe('the path of the box', () => {
  it('stands still while the face only trembles', () => {
    const noise = seededNoise(3);
    const frames = Array.from({ length: 100 }, () => place(face, 1, noise() * 0.4, noise() * 0.4));
    const boxes = planBoxes(makeTrack(frames), FRAME);
    expectInside(boxes);
    expect(new Set(boxes.map((box) => `${box.x} ${box.y}`)).size).toBe(1);
    // Where MuseTalk would put it, give or take the even pixels.
    const right = faceBoxOf(face, FRAME);
    expect(Math.abs(boxes[0]!.x + boxes[0]!.width / 2 - right.x - right.width / 2)).toBeLessThanOrEqual(3);
    expect(Math.abs(boxes[0]!.y + boxes[0]!.height / 2 - right.y - right.height / 2)).toBeLessThanOrEqual(3);
  });

  it('follows a move of 200 px in half a second, never more than 6 px behind', () => {
    const shift = (i: number) => 200 * Math.min(1, Math.max(0, (i - 30) / 12));
    const frames = Array.from({ length: 80 }, (_, i) => place(face, 1, shift(i)));
    const boxes = planBoxes(makeTrack(frames), FRAME);
    expectInside(boxes);
    boxes.forEach((box, i) => {
      expect(Math.abs(box.x - boxes[0]!.x - shift(i)), `frame ${i}`).toBeLessThanOrEqual(6);
    });
  });

  it('has one size that holds the face at its nearest', () => {
    const frames = Array.from({ length: 100 }, (_, i) => place(face, 0.8 + 0.3 * Math.sin(i / 16) ** 2, 100, 20));
    const boxes = planBoxes(makeTrack(frames), FRAME);
    expectInside(boxes);
    expect(new Set(boxes.map((box) => `${box.width} ${box.height}`)).size).toBe(1);
    const widest = Math.max(...frames.map((frame) => faceBoxOf(frame, FRAME).width));
    expect(boxes[0]!.width).toBeGreaterThanOrEqual(widest - 2);
    expect(boxes[0]!.width).toBeLessThanOrEqual(widest + 2);
  });

  it('is not made larger by what is seen in a frame with a fault, and goes straight through it', () => {
    const faults = Array.from({ length: 60 }, (_, i): FrameFault | undefined =>
      i >= 20 && i < 40 ? 'turned' : undefined,
    );
    const frames = faults.map((fault, i) => place(face, fault ? 1.6 : 1, i < 30 ? 0 : 80));
    const boxes = planBoxes(makeTrack(frames, { faults }), FRAME);
    expect(boxes[0]!.width).toBeLessThanOrEqual(faceBoxOf(face, FRAME).width + 2);
    const xs = boxes.slice(15, 45).map((box) => box.x);
    expect(xs.every((x, i) => i === 0 || x - xs[i - 1]! <= 8)).toBe(true);
    expect(xs.at(-1)! - xs[0]!).toBe(80);
  });

  it('jumps at a cut and nowhere before', () => {
    const frames = Array.from({ length: 60 }, (_, i) => place(face, 1, i < 30 ? 0 : 300));
    const xs = planBoxes(makeTrack(frames, { cuts: [30] }), FRAME).map((box) => box.x);
    expect(xs[29]).toBe(xs[0]);
    expect(xs[30]).toBe(xs[0]! + 300);
  });

  it('stays in the frame where the face is at its edge or larger than it', () => {
    expectInside(planBoxes(makeTrack([place(face, 1, -560, -260), place(face, 1, 520, 300)]), FRAME));
    const large = planBoxes(makeTrack([place(face, 5, -2500, -1400)]), FRAME);
    expectInside(large);
    expect(large[0]!.width).toBeGreaterThan(0);
  });
});
