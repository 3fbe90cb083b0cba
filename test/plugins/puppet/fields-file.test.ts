import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFields, encodeFields, type PuppetFields } from '../../../src/plugins/puppet/fields-file.ts';
import { faceLandmarks, faceSize, fieldsOf, paintFace } from './drawn-face.ts';

const expected = { ...faceSize, frameCount: 1 };
let fields: PuppetFields;
let file: Uint8Array;
beforeAll(async () => {
  fields = await fieldsOf(paintFace(faceLandmarks()));
  file = encodeFields(fields);
});

/** The file with other contents and a checksum that fits them. */
function forged(change: (view: DataView) => void): Uint8Array {
  const copy = file.slice();
  change(new DataView(copy.buffer, copy.byteOffset, copy.byteLength));
  const checksum = createHash('sha256').update(copy.subarray(32)).digest().subarray(0, 8);
  copy.set(checksum, 24);
  return copy;
}

const broken = (why: RegExp) =>
  expect.objectContaining({ code: 'PUPPET_FIELDS_BROKEN', message: expect.stringMatching(why) });

describe('puppet/fields.bin', () => {
  it('comes back as it was written', () => {
    const read = decodeFields(file, expected);
    expect(read.positions).toEqual(fields.positions);
    expect(read.fields).toEqual(fields.fields);
    expect(read.frames).toEqual(fields.frames);
    expect(read.looks.eyeWhite).toBeCloseTo(fields.looks.eyeWhite, 3);
    expect(read.looks.skin[0]).toBeCloseTo(fields.looks.skin[0], 3);
  });

  it('is refused when it is cut short, empty or too long', () => {
    for (const length of [0, 3, 31, 32, 5000, file.length - 4]) {
      expect(() => decodeFields(file.subarray(0, length), expected)).toThrow(broken(/bytes/));
    }
    expect(() => decodeFields(new Uint8Array([...file, 0]), expected)).toThrow(broken(/bytes/));
  });

  it('is refused when a bit has flipped', () => {
    const flipped = file.slice();
    flipped[20_000] = flipped[20_000]! ^ 1;
    expect(() => decodeFields(flipped, expected)).toThrow(broken(/checksum/));
  });

  it('is refused when it is something else, of another version or of another mesh', () => {
    expect(() =>
      decodeFields(
        forged((view) => view.setUint32(0, 1, true)),
        expected,
      ),
    ).toThrow(broken(/begin/));
    expect(() =>
      decodeFields(
        forged((view) => view.setUint32(4, 99, true)),
        expected,
      ),
    ).toThrow(broken(/version 99/));
    expect(() =>
      decodeFields(
        forged((view) => view.setUint32(20, 7, true)),
        expected,
      ),
    ).toThrow(broken(/7 points/));
  });

  it('is refused when it was made for a picture of another size or number', () => {
    expect(() => decodeFields(file, { ...expected, width: 642 })).toThrow(broken(/640x360.*642x360/));
    expect(() => decodeFields(file, { ...expected, frameCount: 2 })).toThrow(broken(/1 frame/));
  });

  it('is refused when it holds NaN, infinity, points outside the picture or endless moves', () => {
    const positionsAt = 32 + 7 * 4 + 6 * 4;
    const fieldsAt = positionsAt + fields.positions.byteLength;
    const write = (at: number, value: number) => forged((view) => view.setFloat32(at, value, true));
    expect(() => decodeFields(write(fieldsAt, Number.NaN), expected)).toThrow(broken(/finite/));
    expect(() => decodeFields(write(positionsAt, Number.POSITIVE_INFINITY), expected)).toThrow(broken(/finite/));
    expect(() => decodeFields(write(positionsAt, -3), expected)).toThrow(broken(/outside/));
    expect(() => decodeFields(write(positionsAt + 4, 360), expected)).toThrow(broken(/outside/));
    expect(() => decodeFields(write(fieldsAt, 1e6), expected)).toThrow(broken(/longer/));
    expect(() => decodeFields(write(32 + 7 * 4 + 8, 0), expected)).toThrow(broken(/pixel/));
  });
});
