import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflate, type InputType, inflate, type ZlibOptions } from 'node:zlib';
import type { Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { CONTROLS } from './controls.ts';
import { VERTEX_COUNT } from './mesh.ts';
import { joinTrack, splitTrack } from './track-code.ts';

/** Version of puppet/fields.bin that is written; rises whenever mesh, controls or layout change. Version 1 is read, too. */
export const FIELDS_VERSION = 2;

/** What is known of every frame, see {@link FrameNumber}. */
export const FRAME_NUMBERS = 8;

/** Places of a frame's numbers. Mouth coordinates: origin, one u and one v, in pixels. */
export const FrameNumber = {
  x: 0,
  y: 1,
  acrossX: 2,
  acrossY: 3,
  downX: 4,
  downY: 5,
  /** How far the face may be driven, 0 … 1: it fades out towards frames that are shown as they are. */
  drive: 6,
  /** How far the source's mouth is open and had to be shut, 0 … 1. */
  shut: 7,
} as const;

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
  /** Uint16 `[frameCount, VERTEX_COUNT, 2]`: body pixels in steps of {@link positionStepPx}. */
  readonly positions: Uint16Array;
  /**
   * Int16 `[frameCount, VERTEX_COUNT, 2]`, mouth coordinates in steps of {@link SHUT_STEP}: what brings the mouth of
   * every frame to the clip's shut and relaxed mouth. Empty for a still.
   */
  readonly shut: Int16Array;
  /** Float32 `[frameCount, FRAME_NUMBERS]`. */
  readonly frames: Float32Array;
  /** Float32 `[CONTROLS.length, VERTEX_COUNT, 2]`, mouth coordinates at weight 1, from the shut mouth. */
  readonly fields: Float32Array;
}

/** Steps of `shut`, in half mouth widths: two of them are the farthest. */
export const SHUT_STEP = 2 / 32_767;

/** Steps of the mesh's positions in pixels: the longer side in 16 bits, 0.02 px at 1280. */
export function positionStepPx({ width, height }: Size): number {
  return (Math.max(width, height) - 1) / 65_535;
}

const MAGIC = 0x31465550; // "PUF1", little endian
const HEADER_BYTES = 32;
const CHECKSUM_AT = 24;
const LOOKS_NUMBERS = 7;
const FIELD_LENGTH = VERTEX_COUNT * 2;
/** A move of more than this many half mouth widths is no face. */
const MAX_MOVE = 40;
const FIRST_VERSION_FRAME_NUMBERS = 6;

const deflateBytes = promisify<InputType, ZlibOptions, Buffer>(deflate);
/** With `info`, zlib also hands over its stream, which knows how many bytes it took; the typings do not say so. */
const inflateBytes = promisify<InputType, ZlibOptions, unknown>(inflate);

/** The most bytes a fields file of an avatar can have; a longer one need not be read. */
export function longestFieldsFile({ frameCount }: { frameCount: number }): number {
  const raw = payloadLength(frameCount);
  // Deflate makes nothing longer than by its blocks' headers.
  return HEADER_BYTES + Math.max(firstVersionLength(frameCount), raw + Math.ceil(raw / 1000) + 1024);
}

/** Bytes of a payload of version 2, inflated. */
function payloadLength(frameCount: number): number {
  const tracks = frameCount * FIELD_LENGTH * 2 * (frameCount > 1 ? 2 : 1);
  const numbers = LOOKS_NUMBERS + frameCount * FRAME_NUMBERS + CONTROLS.length;
  return numbers * 4 + CONTROLS.length * FIELD_LENGTH * 2 + tracks;
}

/**
 * Layout, little endian: u32 magic, version, width, height, frame count, vertex count; 8 bytes of SHA-256 over the rest;
 * then, deflated (zlib): float32 looks (7), frames, the largest move of every control; the moves as int16 shares of it;
 * the mesh's positions and, of clips, `shut`, both as {@link splitTrack} lays them out.
 */
export async function encodeFields(fields: PuppetFields): Promise<Uint8Array> {
  const { looks } = fields;
  const { moves, largest } = quantiseMoves(fields.fields);
  const parts = [
    Float32Array.from([...looks.skin, ...looks.lip, looks.eyeWhite]),
    fields.frames,
    largest,
    moves,
    splitTrack(fields.positions, FIELD_LENGTH),
    splitTrack(fields.shut, FIELD_LENGTH),
  ].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  const payload = await deflateBytes(Buffer.concat(parts), { level: 6 });
  const header = Buffer.alloc(HEADER_BYTES);
  [MAGIC, FIELDS_VERSION, fields.width, fields.height, fields.frameCount, VERTEX_COUNT].forEach((value, index) => {
    header.writeUInt32LE(value, index * 4);
  });
  checksumOf(payload).copy(header, CHECKSUM_AT);
  return Uint8Array.from(Buffer.concat([header, payload]));
}

function quantiseMoves(fields: Float32Array): { moves: Int16Array; largest: Float32Array } {
  const moves = new Int16Array(fields.length);
  const largest = Float32Array.from(CONTROLS, (_, control) =>
    fields.subarray(control * FIELD_LENGTH, (control + 1) * FIELD_LENGTH).reduce((a, b) => Math.max(a, Math.abs(b)), 0),
  );
  for (let at = 0; at < fields.length; at++) {
    const most = largest[Math.floor(at / FIELD_LENGTH)]!;
    moves[at] = most > 0 ? Math.round((fields[at]! / most) * 32_767) : 0;
  }
  return { moves, largest };
}

/** What a fields file must have been made for. */
interface Expected extends Size {
  readonly frameCount: number;
}

/**
 * Reads and checks a fields file of version 1 or 2.
 * @throws AppError PUPPET_FIELDS_BROKEN when it is truncated, too long, of another version, damaged or not of this
 * avatar's size.
 */
export async function decodeFields(file: Uint8Array, expected: Expected): Promise<PuppetFields> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < HEADER_BYTES) throw broken(`it has only ${bytes.length} bytes`);
  const [magic, version, width, height, frameCount, vertexCount] = Array.from({ length: 6 }, (_, index) =>
    bytes.readUInt32LE(index * 4),
  );
  if (magic !== MAGIC) throw broken('it does not begin like one');
  if (version !== 1 && version !== FIELDS_VERSION) {
    throw broken(`it has version ${version}, this program reads 1 and ${FIELDS_VERSION}`);
  }
  if (vertexCount !== VERTEX_COUNT) throw broken(`its mesh has ${vertexCount} points instead of ${VERTEX_COUNT}`);
  if (width !== expected.width || height !== expected.height || frameCount !== expected.frameCount) {
    throw broken(
      `it was made for ${frameCount} frame(s) of ${width}x${height}, the avatar has ${expected.frameCount} of ` +
        `${expected.width}x${expected.height}`,
    );
  }
  const size = { width: expected.width, height: expected.height, frameCount };
  const payload = bytes.subarray(HEADER_BYTES);
  const isFirst = version === 1;
  if (isFirst && payload.length !== firstVersionLength(frameCount)) {
    throw broken(`it has ${bytes.length} bytes instead of ${HEADER_BYTES + firstVersionLength(frameCount)}`);
  }
  if (bytes.length > longestFieldsFile(size)) throw broken(`it has ${bytes.length} bytes, more than it can need`);
  if (!checksumOf(payload).equals(bytes.subarray(CHECKSUM_AT, HEADER_BYTES))) throw broken('its checksum is wrong');
  const fields = isFirst
    ? readFirstVersion(payload, size)
    : readPayload(await inflatePayload(payload, frameCount), size);
  checkRanges(fields);
  return fields;
}

/** Inflates to exactly the length that the frame count asks for: whatever claims more is no fields file. */
async function inflatePayload(payload: Buffer, frameCount: number): Promise<Buffer> {
  const length = payloadLength(frameCount);
  const result = await inflateBytes(payload, { maxOutputLength: length, info: true } as ZlibOptions).catch(
    (cause: unknown) => {
      throw broken('its contents cannot be unpacked', cause);
    },
  );
  const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
  if (buffer.length !== length) throw broken(`it unpacks to ${buffer.length} bytes instead of ${length}`);
  if (engine.bytesWritten !== payload.length)
    throw broken(`${payload.length - engine.bytesWritten} bytes follow its end`);
  return buffer;
}

function readPayload(payload: Buffer, size: Expected): PuppetFields {
  let at = 0;
  const take = (byteLength: number) => {
    at += byteLength;
    return Uint8Array.from(payload.subarray(at - byteLength, at)).buffer;
  };
  const { frameCount } = size;
  const looks = new Float32Array(take(LOOKS_NUMBERS * 4));
  const frames = new Float32Array(take(frameCount * FRAME_NUMBERS * 4));
  const largest = new Float32Array(take(CONTROLS.length * 4));
  const moves = new Int16Array(take(CONTROLS.length * FIELD_LENGTH * 2));
  const positions = new Uint16Array(frameCount * FIELD_LENGTH);
  const shut = new Int16Array(frameCount > 1 ? frameCount * FIELD_LENGTH : 0);
  for (const track of [positions, shut]) {
    joinTrack(payload.subarray(at, at + track.byteLength), track, FIELD_LENGTH);
    at += track.byteLength;
  }
  const fields = Float32Array.from(
    moves,
    (share, index) => (share / 32_767) * largest[Math.floor(index / FIELD_LENGTH)]!,
  );
  return { ...size, looks: looksFrom(looks), frames, fields, positions, shut };
}

function firstVersionLength(frameCount: number): number {
  const perFrame = FIRST_VERSION_FRAME_NUMBERS + FIELD_LENGTH;
  return (LOOKS_NUMBERS + frameCount * perFrame + CONTROLS.length * FIELD_LENGTH) * 4;
}

/** Version 1, made for stills, is float32 throughout: looks, mouth coordinates, positions, moves. */
function readFirstVersion(payload: Buffer, size: Expected): PuppetFields {
  const { frameCount } = size;
  const numbers = new Float32Array(Uint8Array.from(payload).buffer);
  const framesAt = LOOKS_NUMBERS;
  const positionsAt = framesAt + frameCount * FIRST_VERSION_FRAME_NUMBERS;
  const fieldsAt = positionsAt + frameCount * FIELD_LENGTH;
  const frames = new Float32Array(frameCount * FRAME_NUMBERS);
  for (let frame = 0; frame < frameCount; frame++) {
    const from = framesAt + frame * FIRST_VERSION_FRAME_NUMBERS;
    frames.set(numbers.subarray(from, from + FIRST_VERSION_FRAME_NUMBERS), frame * FRAME_NUMBERS);
    frames[frame * FRAME_NUMBERS + FrameNumber.drive] = 1;
  }
  const pixels = numbers.subarray(positionsAt, fieldsAt);
  if (!pixels.every(Number.isFinite)) throw broken('it holds numbers that are not finite');
  checkInside(pixels, size);
  return {
    ...size,
    looks: looksFrom(numbers),
    frames,
    fields: numbers.slice(fieldsAt),
    positions: quantisePositions(pixels, size),
    shut: new Int16Array(frameCount > 1 ? frameCount * FIELD_LENGTH : 0),
  };
}

/** Pixels to the steps they are kept in. */
export function quantisePositions(pixels: Float32Array, size: Size): Uint16Array {
  const step = positionStepPx(size);
  return Uint16Array.from(pixels, (pixel) => Math.round(pixel / step));
}

function looksFrom(numbers: Float32Array): FaceLooks {
  const [r, g, b, lipR, lipG, lipB, eyeWhite] = numbers.subarray(0, LOOKS_NUMBERS) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { skin: [r, g, b], lip: [lipR, lipG, lipB], eyeWhite };
}

function checkInside(pixels: ArrayLike<number>, { width, height }: Size, stepPx = 1): void {
  // Rounding to steps may reach half a step beyond the last pixel.
  const slack = stepPx === 1 ? 0 : stepPx;
  for (let at = 0; at < pixels.length; at += 2) {
    const [x, y] = [pixels[at]! * stepPx, pixels[at + 1]! * stepPx];
    if (x < 0 || y < 0 || x > width - 1 + slack || y > height - 1 + slack) {
      throw broken(`a mesh point at ${x.toFixed(1)},${y.toFixed(1)} lies outside the picture`);
    }
  }
}

function checkRanges(fields: PuppetFields): void {
  const { positions, frames, looks } = fields;
  for (const numbers of [fields.fields, frames, [...looks.skin, ...looks.lip, looks.eyeWhite]]) {
    if (!numbers.every(Number.isFinite)) throw broken('it holds numbers that are not finite');
  }
  checkInside(positions, fields, positionStepPx(fields));
  if (!fields.fields.every((value) => Math.abs(value) <= MAX_MOVE)) throw broken('a move is longer than any face');
  const longest = fields.width + fields.height;
  for (let at = 0; at < frames.length; at += FRAME_NUMBERS) {
    const [, , acrossX, acrossY, downX, downY, drive, shut] = frames.subarray(at, at + FRAME_NUMBERS);
    if (!(Math.abs(acrossX! * downY! - acrossY! * downX!) >= 1)) throw broken('a mouth is smaller than a pixel');
    if (frames.subarray(at, at + FrameNumber.drive).some((value) => Math.abs(value) > longest)) {
      throw broken('a mouth is larger than the picture');
    }
    if (!(drive! >= 0 && drive! <= 1 && shut! >= 0 && shut! <= 1)) throw broken('a share is not between 0 and 1');
  }
}

function checksumOf(payload: Uint8Array): Buffer {
  return createHash('sha256').update(payload).digest().subarray(0, 8);
}

function broken(why: string, cause?: unknown): AppError {
  return new AppError('PUPPET_FIELDS_BROKEN', `The puppet engine's file puppet/fields.bin cannot be used: ${why}.`, {
    fix: 'Prepare the avatar again: musecam prepare PHOTO --id ID',
    cause,
  });
}
