import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { LATENT_SIDE } from '../../onnx/build-unet.ts';
import { floatToHalf, halfToFloat } from '../../onnx/checkpoint.ts';

/** Path inside an avatar's folder: Float16 little endian `[frameCount, 8, 32, 32]`, masked face, then reference. */
export const LATENTS_PATH = 'musetalk/latents.f16';
/** Path of the parsing network's masks, where it was installed: Uint8 `[frameCount, box height, box width]`, gzipped. */
export const MASKS_PATH = 'musetalk/masks.bin.gz';
/** Key of this engine in avatar.json. */
export const ENGINE_KEY = 'musetalk';
/** Version of this engine's files. */
export const FILES_VERSION = 1;
/** Numbers of one frame's latents. */
export const FRAME_LATENTS = 8 * LATENT_SIDE * LATENT_SIDE;
/** Beyond this no encoder of pictures comes; such a number would black out the face. */
const LARGEST = 100;

/** Latents as the file holds them. @param values Float32 `[frameCount, 8, 32, 32]`. */
export function encodeLatents(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  for (let at = 0; at < values.length; at++) view.setUint16(at * 2, floatToHalf(values[at]!), true);
  return new Uint8Array(view.buffer);
}

/**
 * The numbers of a latents file. @param name for the error.
 * @throws AppError MUSETALK_LATENTS_BROKEN when its length or its numbers are not those of `frameCount` frames.
 */
export function decodeLatents(bytes: Uint8Array, frameCount: number, name: string): Float32Array {
  const expected = frameCount * FRAME_LATENTS * 2;
  if (bytes.byteLength !== expected) throw broken(name, `it has ${bytes.byteLength} bytes instead of ${expected}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(frameCount * FRAME_LATENTS);
  for (let at = 0; at < values.length; at++) {
    const value = halfToFloat(view.getUint16(at * 2, true));
    if (!(Math.abs(value) < LARGEST)) throw broken(name, `number ${at} is ${value}`);
    values[at] = value;
  }
  return values;
}

/** Reads a file of at most the length that so many frames need. @throws AppError MUSETALK_LATENTS_BROKEN. */
export async function readLatents(path: string, frameCount: number): Promise<Float32Array> {
  const expected = frameCount * FRAME_LATENTS * 2;
  const handle = await open(path).catch((cause) => {
    throw broken(path, messageOf(cause), cause);
  });
  try {
    const { size } = await handle.stat();
    if (size !== expected) throw broken(path, `it has ${size} bytes instead of ${expected}`);
    return decodeLatents(await handle.readFile(), frameCount, path);
  } finally {
    await handle.close();
  }
}

/** Whether an avatar comes with this engine's files, in the version that is read here. */
export function hasLatents({ manifest }: AvatarRef): boolean {
  const own = manifest.engines[ENGINE_KEY];
  return own?.version === FILES_VERSION && own.files.some(({ path }) => path === LATENTS_PATH);
}

/** Absolute path of an avatar's own latents. */
export function latentsPathOf({ folder }: AvatarRef): string {
  return join(folder, LATENTS_PATH);
}

function broken(name: string, why: string, cause?: unknown): AppError {
  return new AppError('MUSETALK_LATENTS_BROKEN', `${name} cannot be used: ${why}.`, {
    fix: 'Prepare the avatar again: musecam prepare SOURCE --id ID --replace',
    cause,
  });
}
