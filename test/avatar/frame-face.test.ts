import { describe, expect, it } from 'vitest';
import { chooseFrame } from '../../src/avatar/frame-face.ts';

const FRAME = { width: 1280, height: 720 };

describe('the frame', () => {
  it('keeps a picture that is framed like a webcam already', () => {
    const face = { x: 520, y: 180, width: 240, height: 300 };
    expect(chooseFrame(FRAME, face, FRAME)).toEqual({ x: 0, y: 0, ...FRAME });
  });

  it('comes nearer where the face is small', () => {
    const part = chooseFrame({ width: 4000, height: 3000 }, { x: 1800, y: 1000, width: 240, height: 300 }, FRAME);
    expect(300 / part.height).toBeCloseTo(0.42, 2);
    expect(part.x + part.width / 2).toBeCloseTo(1920, 0);
    expect(part.width / part.height).toBeCloseTo(16 / 9, 2);
  });

  it('takes the whole width of a portrait photo rather than adding sides, as long as the face is not too large', () => {
    const part = chooseFrame({ width: 3000, height: 4000 }, { x: 1200, y: 1000, width: 640, height: 800 }, FRAME);
    expect(part).toMatchObject({ x: 0, width: 3000 });
  });

  it('reaches beyond both sides of a narrow portrait and keeps the photo whole in between', () => {
    const part = chooseFrame({ width: 700, height: 1200 }, { x: 100, y: 300, width: 460, height: 560 }, FRAME);
    expect(part.x).toBeLessThan(0);
    expect(part.x + part.width).toBeGreaterThan(700);
    expect(560 / part.height).toBeCloseTo(0.52, 2);
  });

  it('never cuts the face: a close-up keeps its lower edge and gets room above', () => {
    const face = { x: 100, y: 40, width: 700, height: 860 };
    const part = chooseFrame({ width: 900, height: 960 }, face, FRAME);
    expect(part.y).toBeLessThan(0);
    expect(part.y + part.height).toBe(960);
    expect(face.height / part.height).toBeLessThanOrEqual(0.63);
  });

  it('stays inside the photo where the face is in a corner', () => {
    const part = chooseFrame({ width: 4000, height: 3000 }, { x: 20, y: 30, width: 240, height: 300 }, FRAME);
    expect(part.x).toBe(0);
    expect(part.y).toBe(0);
  });
});
