import { createHash } from 'node:crypto';
import { AppError } from '../../base/errors.ts';
import { CONTROLS } from './controls.ts';
import { VERTEX_COUNT } from './mesh.ts';

/** Version of puppet/fields.bin; rises whenever mesh, controls or layout change. */
export const FIELDS_VERSION = 1;

/** Numbers per frame that describe its mouth coordinates: origin x, y, across x, y, down x, y in pixels. */
export const FRAME_NUMBERS = 6;

/** How the face looks where the engine has to paint: mean colours 0 … 255. */
export interface FaceLooks {
  readonly skin: readonly [red: number, green: number, blue: number];
  readonly lip: readonly [red: number, green: number, blue: number];
  /** Luma of the white of the eyes, 0 … 255: how bright something white is in this light. */
  readonly eyeWhite: number;
}

/** What the engine works out of an avatar beforehand. */
export interface PuppetFields {
  readonly width: number;
  readonly height: number;
  readonly frameCount: number;
  readonly looks: FaceLooks;
  /** Float32 `[frameCount, VERTEX_COUNT, 2]`, body pixels. */
  readonly positions: Float32Array;
  /** Float32 `[frameCount, FRAME_NUMBERS]`. */
  readonly frames: Float32Array;
  /** Float32 `[CONTROLS.length, VERTEX_COUNT, 2]`, mouth coordinates at weight 1. */
  readonly fields: Float32Array;
}

const MAGIC = 0x31465550; // "PUF1", little endian
const HEADER_BYTES = 32;
const CHECKSUM_AT = 24;
const LOOKS_NUMBERS = 7;
/** A move of more than this many half mouth widths is no face. */
const MAX_MOVE = 40;

/**
 * Layout, little endian: u32 magic, version, width, height, frame count, vertex count; 8 bytes of SHA-256 over the payload;
 * then float32: looks (7), frames, positions, fields.
 */
export function encodeFields(fields: PuppetFields): Uint8Array {
  const { looks } = fields;
  const numbers = [
    Float32Array.from([...looks.skin, ...looks.lip, looks.eyeWhite]),
    fields.frames,
    fields.positions,
    fields.fields,
  ];
  const payload = Buffer.concat(numbers.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
  const header = Buffer.alloc(HEADER_BYTES);
  [MAGIC, FIELDS_VERSION, fields.width, fields.height, fields.frameCount, VERTEX_COUNT].forEach((value, index) => {
    header.writeUInt32LE(value, index * 4);
  });
  checksumOf(payload).copy(header, CHECKSUM_AT);
  return Uint8Array.from(Buffer.concat([header, payload]));
}

/**
 * Reads and checks a fields file.
 * @throws AppError PUPPET_FIELDS_BROKEN when it is truncated, of another version, damaged or not of this picture's size.
 */
export function decodeFields(
  file: Uint8Array,
  expected: { width: number; height: number; frameCount: number },
): PuppetFields {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < HEADER_BYTES) throw broken(`it has only ${bytes.length} bytes`);
  const [magic, version, width, height, frameCount, vertexCount] = Array.from({ length: 6 }, (_, index) =>
    bytes.readUInt32LE(index * 4),
  );
  if (magic !== MAGIC) throw broken('it does not begin like one');
  if (version !== FIELDS_VERSION) throw broken(`it has version ${version}, this program reads ${FIELDS_VERSION}`);
  if (vertexCount !== VERTEX_COUNT) throw broken(`its mesh has ${vertexCount} points instead of ${VERTEX_COUNT}`);
  if (width !== expected.width || height !== expected.height || frameCount !== expected.frameCount) {
    throw broken(
      `it was made for ${frameCount} frame(s) of ${width}x${height}, the avatar has ${expected.frameCount} of ` +
        `${expected.width}x${expected.height}`,
    );
  }
  const counts = [
    LOOKS_NUMBERS,
    frameCount * FRAME_NUMBERS,
    frameCount * VERTEX_COUNT * 2,
    CONTROLS.length * VERTEX_COUNT * 2,
  ];
  const length = HEADER_BYTES + counts.reduce((sum, count) => sum + count * 4, 0);
  if (bytes.length !== length) throw broken(`it has ${bytes.length} bytes instead of ${length}`);
  const payload = bytes.subarray(HEADER_BYTES);
  if (!checksumOf(payload).equals(bytes.subarray(CHECKSUM_AT, HEADER_BYTES))) throw broken('its checksum is wrong');
  const numbers = new Float32Array(Uint8Array.from(payload).buffer);
  if (!numbers.every(Number.isFinite)) throw broken('it holds numbers that are not finite');
  const starts = counts.map((_, index) => counts.slice(0, index).reduce((sum, count) => sum + count, 0));
  const part = (index: number) => numbers.subarray(starts[index]!, starts[index]! + counts[index]!);
  const [looks, frames, positions, fields] = [part(0), part(1), part(2), part(3)];
  checkRanges(positions, fields, frames, expected);
  const [r, g, b, lipR, lipG, lipB, eyeWhite] = looks as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    width,
    height,
    frameCount,
    looks: { skin: [r, g, b], lip: [lipR, lipG, lipB], eyeWhite },
    positions,
    frames,
    fields,
  };
}

function checkRanges(
  positions: Float32Array,
  fields: Float32Array,
  frames: Float32Array,
  size: { width: number; height: number },
): void {
  for (let at = 0; at < positions.length; at += 2) {
    const [x, y] = [positions[at]!, positions[at + 1]!];
    if (x < 0 || y < 0 || x > size.width - 1 || y > size.height - 1) {
      throw broken(`a mesh point at ${x.toFixed(1)},${y.toFixed(1)} lies outside the picture`);
    }
  }
  if (!fields.every((value) => Math.abs(value) <= MAX_MOVE)) throw broken('a move is longer than any face');
  for (let at = 0; at < frames.length; at += FRAME_NUMBERS) {
    const area = frames[at + 2]! * frames[at + 5]! - frames[at + 3]! * frames[at + 4]!;
    if (!(Math.abs(area) >= 1)) throw broken('a mouth is smaller than a pixel');
  }
}

function checksumOf(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest().subarray(0, 8);
}

function broken(why: string): AppError {
  return new AppError('PUPPET_FIELDS_BROKEN', `The puppet engine's file puppet/fields.bin cannot be used: ${why}.`, {
    fix: 'Prepare the avatar again: musecam prepare PHOTO --id ID',
  });
}
