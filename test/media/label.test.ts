import { describe, expect, it } from 'vitest';
import { frameByteLength } from '../../src/api/media.ts';
import { AppError } from '../../src/base/errors.ts';
import { drawLabel, MAX_LABEL_CHARACTERS, renderLabel } from '../../src/media/label.ts';

const SIZE = { width: 1280, height: 720 };

function greyFrame(size: { width: number; height: number }, luma = 120): Uint8Array {
  const frame = new Uint8Array(frameByteLength('i420', size)).fill(90);
  return frame.fill(luma, 0, size.width * size.height);
}

describe('the label', () => {
  it('lies in the lower left corner, on even pixels, and grows with the frame', () => {
    const heights = [360, 720, 1080].map((height) => {
      const frame = { width: (height * 16) / 9, height };
      const { rect } = renderLabel('AI avatar', frame);
      expect([rect.x, rect.y, rect.width, rect.height].every((value) => value % 2 === 0)).toBe(true);
      expect(rect.x).toBeGreaterThan(8);
      expect(rect.x + rect.width).toBeLessThan(frame.width / 3);
      expect(rect.y + rect.height).toBeLessThan(height);
      expect(rect.y).toBeGreaterThan(height * 0.85);
      return rect.height / height;
    });
    expect(Math.max(...heights) / Math.min(...heights)).toBeLessThan(1.1);
  });

  it('changes nothing outside its rectangle, and writes white on dark inside', () => {
    const label = renderLabel('AI avatar', SIZE);
    const frame = greyFrame(SIZE);
    drawLabel(frame, SIZE, label);
    const { x, y, width, height } = label.rect;
    let bright = 0;
    let dark = 0;
    for (let row = y; row < y + height; row++) {
      const line = frame.subarray(row * SIZE.width + x, row * SIZE.width + x + width);
      bright += line.filter((value) => value > 200).length;
      dark += line.filter((value) => value < 60).length;
      line.fill(120);
    }
    // With the label's own pixels put back, the luma is what it was.
    expect(frame.subarray(0, SIZE.width * SIZE.height).every((value) => value === 120)).toBe(true);
    // Strokes cover about a tenth of the badge.
    expect(bright / (width * height)).toBeGreaterThan(0.04);
    expect(bright / (width * height)).toBeLessThan(0.25);
    expect(dark / (width * height)).toBeGreaterThan(0.5);
    const chroma = frame.subarray(SIZE.width * SIZE.height);
    const changed = [...chroma.keys()].filter((i) => chroma[i] !== 90);
    expect(changed.length).toBeGreaterThan((2 * width * height * 0.8) / 4);
    expect(changed.length).toBeLessThanOrEqual((2 * width * height) / 4);
    // Towards neutral.
    expect(changed.every((i) => chroma[i]! > 90 && chroma[i]! <= 128)).toBe(true);
  });

  it('keeps to limited range and leaves the corners of its rectangle as they are', () => {
    for (const luma of [16, 235]) {
      const label = renderLabel('Wg', SIZE);
      const frame = greyFrame(SIZE, luma);
      drawLabel(frame, SIZE, label);
      expect(frame.every((value) => value >= 16 && value <= 235)).toBe(true);
      expect(frame[label.rect.y * SIZE.width + label.rect.x]).toBe(luma);
    }
  });

  it('is nothing without text', () => {
    for (const text of ['', '   ', '\n\t']) {
      const label = renderLabel(text, SIZE);
      expect(label.rect.width).toBe(0);
      const frame = greyFrame(SIZE);
      drawLabel(frame, SIZE, label);
      expect(Buffer.compare(frame, greyFrame(SIZE))).toBe(0);
    }
  });

  it('takes forty characters and refuses one more with the count', () => {
    renderLabel('W'.repeat(MAX_LABEL_CHARACTERS), SIZE);
    // Counted as people count: composed, without spaces at the ends.
    renderLabel(`  ${'e\u0301'.repeat(MAX_LABEL_CHARACTERS)} `, SIZE);
    renderLabel('😀'.repeat(MAX_LABEL_CHARACTERS), SIZE);
    let refusal: unknown;
    try {
      renderLabel('x'.repeat(MAX_LABEL_CHARACTERS + 1), SIZE);
    } catch (thrown) {
      refusal = thrown;
    }
    expect(refusal).toBeInstanceOf(AppError);
    expect((refusal as AppError).code).toBe('LABEL_TOO_LONG');
    expect((refusal as AppError).message).toContain('41 characters');
  });

  it.each([
    [128, 128],
    [130, 2160],
    [3840, 128],
    [3840, 2160],
  ])('fits a frame of %ix%i with the widest text', (width, height) => {
    const size = { width, height };
    const label = renderLabel('W'.repeat(MAX_LABEL_CHARACTERS), size);
    expect(label.rect.x + label.rect.width).toBeLessThanOrEqual(width);
    expect(label.rect.y + label.rect.height).toBeLessThanOrEqual(height);
    drawLabel(greyFrame(size), size, label);
  });

  it('refuses a frame it was not drawn for', () => {
    const label = renderLabel('AI avatar', SIZE);
    const small = { width: 320, height: 180 };
    expect(() => drawLabel(greyFrame(small), small, label)).toThrow(RangeError);
    expect(() => drawLabel(new Uint8Array(10), SIZE, label)).toThrow(AppError);
  });
});
