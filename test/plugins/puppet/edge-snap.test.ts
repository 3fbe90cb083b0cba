import { describe, expect, it } from 'vitest';
import { findEdgeShifts } from '../../../src/plugins/puppet/edge-snap.ts';
import { LOWER_INNER, UPPER_INNER } from '../../../src/plugins/puppet/face-points.ts';
import { MouthFrame } from '../../../src/plugins/puppet/mouth-frame.ts';
import { faceLandmarks, faceSize, paintFace } from './drawn-face.ts';

describe('finding the edges a picture really has', () => {
  it('moves closed lips onto the dark line between them, above or below where the landmarks are', () => {
    const landmarks = faceLandmarks();
    const frame = new MouthFrame(landmarks);
    for (const offsetPx of [-2, 0, 3]) {
      const shifts = findEdgeShifts(landmarks, paintFace(landmarks, offsetPx), faceSize);
      UPPER_INNER.slice(2, -2).forEach((upper, place) => {
        const lower = LOWER_INNER[place + 2]!;
        const yOf = (point: number) => landmarks[point * 3 + 1]! + shifts[point * 2 + 1]! * frame.down.y;
        const line = (landmarks[upper * 3 + 1]! + landmarks[lower * 3 + 1]!) / 2 + offsetPx;
        expect(Math.abs(yOf(upper) - line)).toBeLessThan(0.8);
        // Both lips' edges are the same line: nothing shows between them.
        expect(Math.abs(yOf(upper) - yOf(lower))).toBeLessThan(0.35);
      });
    }
  });

  it('leaves the face alone where there is no edge to be found', () => {
    const landmarks = faceLandmarks();
    const plain = new Uint8Array(faceSize.width * faceSize.height * 3).fill(150);
    const { halfWidth } = new MouthFrame(landmarks);
    const shifts = findEdgeShifts(landmarks, plain, faceSize);
    expect(Math.max(...shifts.map(Math.abs)) * halfWidth).toBeLessThan(1);
  });
});
