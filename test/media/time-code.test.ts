import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { frameByteLength } from '../../src/api/media.ts';
import { ageOf, paintTimeCode, readTimeCode, TIME_CODE_MIDDLE, TIME_CODE_SPAN_MS } from '../../src/media/time-code.ts';

const size = { width: 640, height: 360 };

function painted(ms: number, isLoud = false): Uint8Array {
  const frame = new Uint8Array(frameByteLength('i420', size)).fill(90);
  paintTimeCode(frame, size, ms, isLoud);
  return frame;
}

function middleRow(luma: Uint8Array, { width, height } = size): Uint8Array {
  const y = Math.floor(height * TIME_CODE_MIDDLE);
  return luma.subarray(y * width, (y + 1) * width);
}

describe('a moment painted over a picture', () => {
  it('is read back to the millisecond, whatever it is', () => {
    for (const ms of [0, 1, 2, 1023, 123_456, 999_999, TIME_CODE_SPAN_MS - 1]) {
      expect(readTimeCode(middleRow(painted(ms)))).toBe(ms);
    }
    expect(readTimeCode(middleRow(painted(TIME_CODE_SPAN_MS + 5.4)))).toBe(5);
  });

  it('survives a JPEG of low quality at half the size', async () => {
    const luma = Buffer.from(painted(345_678).subarray(0, 640 * 360));
    const raw = { width: 640, height: 360, channels: 1 } as const;
    const jpeg = await sharp(luma, { raw }).resize(320, 180).jpeg({ quality: 40 }).toBuffer();
    const small = await sharp(jpeg).greyscale().raw().toBuffer();
    expect(readTimeCode(middleRow(small, { width: 320, height: 180 }))).toBe(345_678);
  });

  it('is not seen in a picture without one, nor in one of two pictures mixed', () => {
    expect(readTimeCode(new Uint8Array(640).fill(200))).toBeUndefined();
    expect(readTimeCode(new Uint8Array(640))).toBeUndefined();
    const torn = Uint8Array.from(middleRow(painted(0x55555)));
    torn.set(middleRow(painted(0x2aaaa)).subarray(320), 320);
    expect(readTimeCode(torn)).toBeUndefined();
  });

  it('leaves the rest of the picture as it is, and shows people whether it is loud', () => {
    const loud = painted(7, true);
    const quiet = painted(7, false);
    expect(loud[45 * 640 + 300]).toBe(235);
    expect(quiet[45 * 640 + 300]).toBe(16);
    expect(loud.subarray(60 * 640, 360 * 640).every((value) => value === 90)).toBe(true);
    expect(loud[640 * 360 + 320 * 30]).toBe(90);
    expect(loud[640 * 360]).toBe(128);
  });

  it('tells its age across the point where it begins anew', () => {
    expect(ageOf(100, 180)).toBe(80);
    expect(ageOf(TIME_CODE_SPAN_MS - 10, TIME_CODE_SPAN_MS + 70)).toBe(80);
    expect(ageOf(TIME_CODE_SPAN_MS - 10, 70)).toBe(80);
  });
});
