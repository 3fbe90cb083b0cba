import { describe, expect, it } from 'vitest';
import { cropFace } from '../../../src/plugins/musetalk/crop-face.ts';
import { boxes, describeArray, drawFrame, frameSize, golden } from './drawn-inputs.ts';

/** Float32 `[3, 256, 256]` of -1 … 1 as bytes `[256, 256, 3]`. */
function bytesOf(planes: Float32Array): Uint8Array {
  const plane = 256 * 256;
  return Uint8Array.from({ length: planes.length }, (_, i) =>
    Math.round((planes[(i % 3) * plane + Math.floor(i / 3)]! + 1) * 127.5),
  );
}

describe('cropping a face', () => {
  for (const [name, box] of Object.entries(boxes))
    it(`stretches it to 256x256 as OpenCV's Lanczos does, byte for byte: box "${name}"`, () => {
      const { reference } = cropFace(drawFrame(), frameSize, box);
      expect(describeArray(bytesOf(reference))).toEqual(golden.faces[name]);
    });

  it('gives -1 … 1, and the same with its lower half black', () => {
    const { reference, masked } = cropFace(drawFrame(), frameSize, boxes.inside);
    const sorted = reference.slice().sort();
    expect([sorted[0], sorted.at(-1)]).toEqual([-1, 1]);
    for (let channel = 0; channel < 3; channel++) {
      const [start, half, end] = [channel, channel + 0.5, channel + 1].map((at) => at * 65536) as [
        number,
        number,
        number,
      ];
      expect(masked.subarray(start, half)).toEqual(reference.subarray(start, half));
      expect(masked.subarray(half, end).every((value) => value === -1)).toBe(true);
    }
  });

  it('cuts off what lies outside of the frame, and refuses a box that lies there as a whole', () => {
    const outside = { x: -20, y: 300, width: 120, height: 100 };
    const inside = { x: 0, y: 300, width: 100, height: 60 };
    expect(cropFace(drawFrame(), frameSize, outside)).toEqual(cropFace(drawFrame(), frameSize, inside));
    expect(() => cropFace(drawFrame(), frameSize, { x: 480, y: 0, width: 10, height: 10 })).toThrow(RangeError);
  });
});
