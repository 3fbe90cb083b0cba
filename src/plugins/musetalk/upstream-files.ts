import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Size } from '../../api/media.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';

const PNG_HEAD = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
const PNG_HEAD_BYTES = 24;
const FIX =
  "Prepare it again with MuseTalk's scripts.realtime_inference (preparation: True), or copy the whole folder again";

/** What is said of a folder that MuseTalk is said to have prepared, and that cannot be imported. */
export function folderBroken(path: string, why: string, cause?: unknown, fix = FIX): AppError {
  return new AppError('MUSETALK_FOLDER_BROKEN', `${path} cannot be imported: ${why}.`, { fix, cause });
}

/**
 * Opens a plain file to look at it: no link is followed, no pipe waited for.
 * @throws AppError MUSETALK_FOLDER_BROKEN where there is none, or it is larger than `limit` bytes.
 */
async function withPlainFile<T>(
  path: string,
  limit: number,
  read: (file: FileHandle, byteLength: number) => Promise<T>,
): Promise<T> {
  // Neither of the two exists on Windows, where nothing of this kind can be opened by accident.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((thrown: unknown) => {
    const code = systemCodeOf(thrown);
    if (code === 'ENOENT') throw folderBroken(dirname(path), `${basename(path)} is missing`, thrown);
    if (code === 'ELOOP') throw folderBroken(path, 'it is a link, and links are not followed', thrown);
    throw folderBroken(path, messageOf(thrown), thrown);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw folderBroken(path, 'it is not a plain file');
    if (stats.size > limit) throw folderBroken(path, `it has ${stats.size} bytes; at most ${limit} are read`);
    return await read(file, stats.size);
  } finally {
    await file.close();
  }
}

/** All of a plain file. @throws AppError MUSETALK_FOLDER_BROKEN. */
export function readPlainFile(path: string, limit: number): Promise<Buffer> {
  return withPlainFile(path, limit, (file) => file.readFile());
}

/** Size of a PNG in pixels, from its head. @throws AppError MUSETALK_FOLDER_BROKEN where it is none. */
export function readPngSize(path: string, limit: number): Promise<Size> {
  return withPlainFile(path, limit, async (file) => {
    const head = Buffer.alloc(PNG_HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, PNG_HEAD_BYTES, 0);
    if (bytesRead < PNG_HEAD_BYTES || !head.subarray(0, PNG_HEAD.length).equals(PNG_HEAD))
      throw folderBroken(path, 'it is not a PNG');
    return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  });
}

/** Path of a picture of a folder by its number. */
export function numberedPng(folder: string, index: number): string {
  return join(folder, `${String(index).padStart(8, '0')}.png`);
}

/**
 * Whether a folder holds just the pictures 00000000.png … and no other PNG or picture.
 * @throws AppError MUSETALK_FOLDER_BROKEN where it is no folder, or another count.
 */
export async function checkNumbered(folder: string, count: number): Promise<void> {
  const stats = await lstat(folder).catch((thrown: unknown) => {
    throw folderBroken(dirname(folder), `${basename(folder)} is missing`, thrown);
  });
  if (stats.isSymbolicLink()) throw folderBroken(folder, 'it is a link, and links are not followed');
  if (!stats.isDirectory()) throw folderBroken(folder, 'it is not a folder');
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const strange = names.find((name) => !/^\d{8}\.png$/.test(name));
  if (strange !== undefined) throw folderBroken(folder, `${strange.slice(0, 100)} does not belong there`);
  if (names.length !== count) throw folderBroken(folder, `there are ${names.length} pictures for ${count} face boxes`);
  const there = new Set(names);
  for (let index = 0; index < count; index++) {
    const name = basename(numberedPng(folder, index));
    if (!there.has(name)) throw folderBroken(folder, `${name} is missing`);
  }
}
