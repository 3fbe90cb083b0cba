import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** Kinds of picture that are sent; anything else in an avatar's folder stays there. */
const PICTURE_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

/** A picture of an avatar, as it is sent. */
export interface PictureAnswer {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Reads a picture by a path that the show gave, never a request; undefined where it is none or gone. */
export async function readPicture(path: string | undefined): Promise<PictureAnswer | undefined> {
  const contentType = path === undefined ? undefined : PICTURE_TYPES[extname(path).toLowerCase()];
  const bytes = path && contentType ? await readFile(path).catch(() => undefined) : undefined;
  return bytes && contentType ? { contentType, bytes } : undefined;
}
