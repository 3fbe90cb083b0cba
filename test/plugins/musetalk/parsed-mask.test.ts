import { describe, expect, it } from 'vitest';
import { cropForParser } from '../../../src/plugins/musetalk/crop-for-parser.ts';
import { parseFace } from '../../../src/plugins/musetalk/parse-face.ts';
import { type MaskMode, parsedMask, squareAround } from '../../../src/plugins/musetalk/parsed-mask.ts';
import { boxes, describeArray, drawClasses, drawFrame, frameSize, golden } from './drawn-inputs.ts';

// Golden values: MuseTalk's get_image_prepare_material and FaceParsing with the network stood in for. All bit for bit.

const modes: readonly MaskMode[] = ['jaw', 'raw', 'neck'];

describe("MuseTalk's mask from a parsed face", () => {
  for (const [name, box] of Object.entries(boxes))
    it(`is upstream's, bit for bit, in all modes: box "${name}"`, () => {
      for (const mode of modes) {
        const { crop, mask } = parsedMask(drawClasses(name), box, mode);
        const { crop: expectedCrop, ...expected } = golden.masks[`${name}/${mode}`]!;
        expect([crop.x, crop.y, crop.x + crop.side, crop.y + crop.side]).toEqual(expectedCrop);
        expect({ mode, ...describeArray(mask) }).toEqual({ mode, ...expected });
      }
    });

  it('keeps the jaw off the cheeks the more, the narrower the free middle is', () => {
    const sumAt = (left: number, right: number) =>
      describeArray(parsedMask(drawClasses('inside'), boxes.inside, 'jaw', { left, right }).mask).sum;
    expect(sumAt(20, 20)).toBeLessThan(sumAt(90, 90));
    expect(sumAt(90, 90)).toBeLessThan(sumAt(256, 256));
    expect(sumAt(300, 300)).toBe(sumAt(257, 257));
  });

  it('is empty where the parser saw no face', () => {
    for (const mode of modes)
      expect(parsedMask(new Uint8Array(512 * 512), boxes.inside, mode).mask.every((value) => value === 0)).toBe(true);
  });

  it('refuses a box too small to have a square round it, and a class map of another size', () => {
    expect(() => squareAround({ x: 0, y: 0, width: 1, height: 1 })).toThrow(RangeError);
    expect(() => squareAround({ x: 0, y: 0, width: 3, height: 2 })).toThrow(RangeError);
    expect(() => parsedMask(new Uint8Array(256 * 256), boxes.inside, 'raw')).toThrow(RangeError);
  });
});

describe('what the parser sees', () => {
  for (const [name, box] of Object.entries(boxes))
    it(`is upstream's square, resized and normalised, bit for bit: box "${name}"`, () => {
      const picture = describeArray(cropForParser(drawFrame(), frameSize, box));
      const expected = golden.crops[name]!;
      expect(picture.samples).toEqual(expected.samples);
      expect(picture.sha256).toBe(expected.sha256);
    });
});

describe('parsing a face', () => {
  it("shows the parser the square and cuts upstream's mask to the face box", async () => {
    const box = boxes.corner;
    const seen: Float32Array[] = [];
    const run = async (picture: Float32Array) => {
      seen.push(picture);
      return drawClasses('corner');
    };
    const { mask } = await parseFace(run, drawFrame(), frameSize, box, 'jaw');
    expect(seen.map((picture) => describeArray(picture).sha256)).toEqual([golden.crops.corner!.sha256]);
    const whole = parsedMask(drawClasses('corner'), box, 'jaw');
    expect(mask).toHaveLength(box.width * box.height);
    for (const [x, y] of [
      [0, 0],
      [90, 140],
      [130, 200],
      [179, 259],
    ] as const)
      expect(mask[y * box.width + x]).toBe(
        whole.mask[(y + box.y - whole.crop.y) * whole.crop.side + x + box.x - whole.crop.x],
      );
    expect(mask[228 * box.width + 90]).toBeGreaterThan(250);
  });
});
