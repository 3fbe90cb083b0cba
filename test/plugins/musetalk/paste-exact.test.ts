import { describe, expect, it } from 'vitest';
import { parsedMask } from '../../../src/plugins/musetalk/parsed-mask.ts';
import { pasteExact } from '../../../src/plugins/musetalk/paste-exact.ts';
import { boxes, describeArray, drawClasses, drawFrame, frameSize, golden, seededBytes } from './drawn-inputs.ts';

describe('pasting exactly', () => {
  for (const [name, box] of Object.entries(boxes))
    it(`makes the frame that get_image_blending makes, bit for bit: box "${name}"`, () => {
      const frame = drawFrame();
      const face = seededBytes(`${name}.face`, [256, 256, 3]);
      pasteExact(frame, frameSize, { face, box, mask: parsedMask(drawClasses(name), box, 'jaw') });
      expect(describeArray(frame)).toEqual(golden.pasted[name]);
    });

  it('cuts off a box that reaches out of the frame', () => {
    const box = { x: -40, y: 240, width: 120, height: 140 };
    const frame = drawFrame();
    const before = frame.slice();
    pasteExact(frame, frameSize, {
      face: new Uint8Array(256 * 256 * 3),
      box,
      mask: parsedMask(new Uint8Array(512 * 512).fill(1), box, 'raw'),
    });
    expect(frame[(350 * frameSize.width + 5) * 3]).toBe(0);
    const right = (y: number) => frame.subarray((y * frameSize.width + 80) * 3, (y + 1) * frameSize.width * 3);
    expect(right(350)).toEqual(before.subarray((350 * frameSize.width + 80) * 3, 351 * frameSize.width * 3));
  });
});
