import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { AvatarManifest } from '../api/avatar.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { isGzipped, maskBytes } from './manifest-rules.ts';
import { PREPARE_AGAIN } from './read-manifest.ts';

/**
 * The masks of all frames: Uint8 `[frameCount, box height, box width]`, 255 = face, unpacked where they are gzipped.
 * Never reads more into memory than the manifest allows for.
 * @param folder of an avatar that has passed its check.
 * @throws AppError AVATAR_BROKEN when the file is gone, damaged, or has another length.
 */
export async function readMasks(folder: string, manifest: AvatarManifest): Promise<Uint8Array> {
  const { masks } = manifest;
  const expected = maskBytes(manifest);
  try {
    const bytes = await readFile(join(folder, masks.path));
    const unpacked = isGzipped(masks) ? await promisify(gunzip)(bytes, { maxOutputLength: expected }) : bytes;
    if (unpacked.byteLength !== expected) throw new Error(`${unpacked.byteLength} bytes, not ${expected}`);
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, expected);
  } catch (thrown) {
    const message = `The avatar in ${folder} cannot be used: ${masks.path} cannot be read: ${messageOf(thrown)}.`;
    throw new AppError('AVATAR_BROKEN', message, { fix: PREPARE_AGAIN, cause: thrown });
  }
}
