import { describe, expect, it } from 'vitest';
import { PictureExtender } from '../../../src/avatar/clip/extend-picture.ts';
import type { Picture } from '../../../src/avatar/picture.ts';

const FRAME = { width: 640, height: 360 };
const SHOWN = { x: 200, y: 0, width: 240, height: 360 };

function plain(value: number, noise = 0): Picture {
  let state = 1;
  const pixels = Uint8Array.from({ length: SHOWN.width * SHOWN.height * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return value + (noise === 0 ? 0 : Math.round((state / 0x7fffffff - 0.5) * 2 * noise));
  });
  return { width: SHOWN.width, height: SHOWN.height, pixels };
}

function rowOf({ pixels, width }: Picture, y: number): number[] {
  return Array.from({ length: width }, (_, x) => pixels[(y * width + x) * 3]!);
}

describe('a frame larger than its picture', () => {
  it('shows the picture in its place, and around it the picture going on, darker to the sides', () => {
    const row = rowOf(new PictureExtender(SHOWN, FRAME).draw(plain(200)), 180);
    for (let x = 200; x < 440; x++) expect(row[x]).toBe(200);
    expect(row[190]).toBeGreaterThan(190);
    expect(row[0]).toBeGreaterThan(100);
    expect(row[0]).toBeLessThan(140);
    // No seam: nowhere a step that can be seen.
    for (let x = 1; x < FRAME.width; x++) expect(Math.abs(row[x]! - row[x - 1]!)).toBeLessThanOrEqual(2);
  });

  it('does not flicker with the grain of the picture', () => {
    const extender = new PictureExtender(SHOWN, FRAME);
    const seen: number[] = [];
    for (let i = 0; i < 12; i++) {
      const noisy = plain(120, 0);
      for (let k = 0; k < noisy.pixels.length; k++) noisy.pixels[k] = 120 + (((k + i * 7) * 2654435761) % 41) - 20;
      seen.push(extender.draw(noisy).pixels[(180 * 640 + 60) * 3]!);
    }
    expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1);
  });

  it('follows a light that is switched on softly', () => {
    const extender = new PictureExtender(SHOWN, FRAME);
    const sideOf = (picture: Picture) => picture.pixels[(180 * 640 + 100) * 3]!;
    const before = sideOf(extender.draw(plain(60)));
    const steps = Array.from({ length: 20 }, () => sideOf(extender.draw(plain(200))));
    expect(steps[0]! - before).toBeLessThan(40);
    for (let i = 1; i < steps.length; i++) expect(steps[i]).toBeGreaterThanOrEqual(steps[i - 1]!);
    expect(steps.at(-1)).toBeGreaterThan(before * 2.9);
  });

  it('is the picture itself where that fills it', () => {
    const picture = { ...FRAME, pixels: new Uint8Array(FRAME.width * FRAME.height * 3) };
    const whole = { x: 0, y: 0, ...FRAME };
    expect(new PictureExtender(whole, FRAME).draw(picture)).toBe(picture);
  });
});
