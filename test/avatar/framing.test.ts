import { describe, expect, it } from 'vitest';
import { placePart } from '../../src/avatar/cut-frame.ts';
import { frameSizeFor, wholePart } from '../../src/avatar/framing.ts';
import { optionsFor } from './prepare-drawn.ts';

describe('the whole picture as the frame', () => {
  const options = optionsFor('/nowhere', 'me.png', { framing: 'whole' });

  it('has the picture’s own size, even, unless another is asked for', () => {
    expect(frameSizeFor({ width: 641, height: 361 }, options)).toEqual({ width: 640, height: 360 });
    const size = { width: 320, height: 180 };
    expect(frameSizeFor({ width: 641, height: 361 }, { ...options, size })).toEqual(size);
    expect(frameSizeFor({ width: 641, height: 361 }, { ...options, framing: undefined })).toEqual({
      width: 1280,
      height: 720,
    });
  });

  it('is refused where it is larger than an avatar may be', () => {
    const large = { width: 4000, height: 2000 };
    expect(() => frameSizeFor(large, options)).toThrow(expect.objectContaining({ code: 'PICTURE_TOO_LARGE' }));
  });

  it('is taken pixel by pixel at its own size', () => {
    expect(wholePart({ width: 641, height: 361 }, { width: 640, height: 360 })).toEqual({
      ...{ x: 0, y: 0, width: 640, height: 360 },
    });
  });

  it('lies in the middle of a frame of another shape, all of it', () => {
    const picture = { width: 400, height: 600 };
    const frame = { width: 1280, height: 720 };
    const part = wholePart(picture, frame);
    expect(part).toEqual({ x: -332, y: 0, width: 1066, height: 600 });
    const { visible, shown } = placePart(picture, part, frame);
    expect(visible).toEqual({ x: 0, y: 0, ...picture });
    expect(shown).toMatchObject({ y: 0, height: 720, width: 480 });
    expect(Math.abs(shown.x * 2 + shown.width - frame.width)).toBeLessThanOrEqual(4);
  });
});
