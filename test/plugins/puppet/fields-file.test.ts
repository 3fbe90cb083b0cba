import { createHash } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodeFields,
  encodeFields,
  FRAME_NUMBERS,
  type PuppetFields,
  positionStepPx,
} from '../../../src/plugins/puppet/fields-file.ts';
import { prepareFields } from '../../../src/plugins/puppet/prepare.ts';
import { seededRandom } from '../../media/picture-samples.ts';
import { drawClip, faceLandmarks, faceSize, fieldsOf, paintFace } from './drawn-face.ts';

const expected = { ...faceSize, frameCount: 1 };
const HEADER_BYTES = 32;
let fields: PuppetFields;
let clip: PuppetFields;
let file: Uint8Array;
beforeAll(async () => {
  fields = await fieldsOf(paintFace(faceLandmarks()));
  clip = await prepareFields(drawClip([0, 0, 6, 9, 0]).face, new AbortController().signal);
  file = await encodeFields(fields);
});

/** A header like `from`'s with another payload and a checksum that fits it. */
function withPayload(from: Uint8Array, payload: Uint8Array): Uint8Array {
  const copy = new Uint8Array([...from.subarray(0, HEADER_BYTES), ...payload]);
  copy.set(createHash('sha256').update(payload).digest().subarray(0, 8), 24);
  return copy;
}

/** The file with other contents and a checksum that fits them. */
function forged(from: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const payload = Uint8Array.from(inflateSync(from.subarray(HEADER_BYTES)));
  change(new DataView(payload.buffer));
  return withPayload(from, deflateSync(payload));
}

function withHeader(from: Uint8Array, at: number, value: number): Uint8Array {
  const copy = from.slice();
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
}

/** Version 1 as it was written: float32 throughout, nothing packed. */
function firstVersion(of: PuppetFields, change: (numbers: Float32Array) => void = () => {}): Uint8Array {
  const { looks, frames } = of;
  const numbers = Float32Array.from([
    ...[...looks.skin, ...looks.lip, looks.eyeWhite],
    ...frames.filter((_, at) => at % FRAME_NUMBERS < 6),
    ...[...of.positions].map((steps) => steps * positionStepPx(of)),
    ...of.fields,
  ]);
  change(numbers);
  return withPayload(withHeader(file, 4, 1), new Uint8Array(numbers.buffer));
}

const broken = (why: RegExp) =>
  expect.objectContaining({ code: 'PUPPET_FIELDS_BROKEN', message: expect.stringMatching(why) });
const refused = async (bytes: Uint8Array, why: RegExp, as = expected) =>
  await expect(decodeFields(bytes, as)).rejects.toEqual(broken(why));

describe('puppet/fields.bin', () => {
  it('comes back as it was written; moves to one part in 32767 of the longest', async () => {
    for (const one of [fields, clip]) {
      const read = await decodeFields(await encodeFields(one), one);
      expect(read.positions).toEqual(one.positions);
      expect(read.shut).toEqual(one.shut);
      expect(read.frames).toEqual(one.frames);
      expect(read.looks.eyeWhite).toBeCloseTo(one.looks.eyeWhite, 3);
      expect(read.looks.skin[0]).toBeCloseTo(one.looks.skin[0], 3);
      expect(Math.max(...read.fields.map((value, at) => Math.abs(value - one.fields[at]!)))).toBeLessThan(3e-4);
    }
  });

  it('of version 1 gives what it always gave', async () => {
    const read = await decodeFields(firstVersion(fields), expected);
    expect(read.fields).toEqual(fields.fields);
    expect(read.positions).toEqual(fields.positions);
    expect(read.frames).toEqual(fields.frames);
    expect(read.shut).toHaveLength(0);
  });

  it('is refused when it is cut short, empty or too long', async () => {
    for (const length of [0, 3, 31]) await refused(file.subarray(0, length), /bytes/);
    for (const length of [32, 5000, file.length - 4]) await refused(file.subarray(0, length), /checksum/);
    await refused(new Uint8Array([...file, 0]), /checksum/);
    await refused(withPayload(file, new Uint8Array([...file.subarray(HEADER_BYTES), 0])), /1 bytes follow/);
    await refused(withPayload(file, file.subarray(HEADER_BYTES, -20)), /unpacked/);
    const first = firstVersion(fields);
    await refused(first.subarray(0, first.length - 4), /bytes/);
    await refused(new Uint8Array([...first, 0]), /bytes/);
  });

  it('is refused when it unpacks to more or less than its frames need, without unpacking it all', async () => {
    const payload = inflateSync(file.subarray(HEADER_BYTES));
    await refused(withPayload(file, deflateSync(payload.subarray(0, -2))), /unpacks to/);
    // 300 MB of zeros in 300 kB.
    const before = process.memoryUsage().rss;
    const bomb = deflateSync(Buffer.alloc(300_000_000));
    const peak = process.memoryUsage().rss;
    await refused(withPayload(file, bomb), /unpacked|can need/);
    await refused(withPayload(file, deflateSync(Buffer.alloc(30_000_000))), /unpacked/);
    expect(process.memoryUsage().rss - Math.max(before, peak)).toBeLessThan(50_000_000);
  });

  it('is refused when a bit has flipped', async () => {
    const flipped = file.slice();
    flipped[5000] = flipped[5000]! ^ 1;
    await refused(flipped, /checksum/);
  });

  it('is refused when it is something else, of another version or of another mesh', async () => {
    await refused(withHeader(file, 0, 1), /begin/);
    await refused(withHeader(file, 4, 99), /version 99/);
    await refused(withHeader(file, 20, 7), /7 points/);
  });

  it('is refused when it was made for a picture of another size or number', async () => {
    await refused(file, /640x360.*642x360/, { ...expected, width: 642 });
    await refused(file, /1 frame/, { ...expected, frameCount: 2 });
    await refused(withHeader(file, 16, 2), /unpack/, { ...expected, frameCount: 2 });
    await refused(withHeader(file, 16, 4_000_000_000), /4000000000 frame/);
  });

  it('is refused when it holds NaN, infinity, points outside the picture or endless moves', async () => {
    const framesAt = 7 * 4;
    const largestAt = framesAt + FRAME_NUMBERS * 4;
    const write = (at: number, value: number) => forged(file, (view) => view.setFloat32(at, value, true));
    await refused(write(0, Number.NaN), /finite/);
    await refused(write(framesAt, Number.POSITIVE_INFINITY), /finite/);
    await refused(write(framesAt, 1e9), /larger/);
    await refused(write(framesAt + 8, 0), /pixel/);
    await refused(write(framesAt + 6 * 4, 1.5), /between/);
    await refused(write(largestAt, 1e6), /longer/);
    const first = (at: number, value: number) =>
      firstVersion(fields, (numbers) => {
        numbers[at] = value;
      });
    const positionsAt = 7 + 6;
    const fieldsAt = positionsAt + fields.positions.length;
    await refused(first(fieldsAt, Number.NaN), /finite/);
    await refused(first(positionsAt, Number.POSITIVE_INFINITY), /finite/);
    await refused(first(positionsAt, -3), /outside/);
    await refused(first(positionsAt + 1, 360), /outside/);
    await refused(first(fieldsAt, 1e6), /longer/);
  });

  it('is read or refused with its own error, whatever bytes it holds', async () => {
    const random = seededRandom(7);
    const packed = await encodeFields(clip);
    const inside = inflateSync(packed.subarray(HEADER_BYTES));
    for (let round = 0; round < 60; round++) {
      const wild = Uint8Array.from(inside);
      for (let change = 0; change < 20; change++) {
        wild[Math.floor(random() * (round % 2 ? 400 : wild.length))] = Math.floor(random() * 256);
      }
      const forgery = withPayload(packed, deflateSync(wild, { level: 1 }));
      await decodeFields(forgery, clip).catch((thrown: unknown) => expect(thrown).toEqual(broken(/./)));
    }
  });
});
