import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { avatarIdSchema } from '../api/avatar.ts';

/** A thousand avatars have 70 kB. */
const MAX_ORDER_BYTES = 1_000_000;
const orderSchema = z.object({ order: z.array(avatarIdSchema) });

/** Reads the order of avatars, ids in the order in which they are shown; a missing or broken file is no order. */
export async function readOrder(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  try {
    if ((await stat(path)).size > MAX_ORDER_BYTES) return [];
    return orderSchema.parse(JSON.parse(await readFile(path, 'utf8'))).order;
  } catch {
    return [];
  }
}

/** Keeps the order of avatars. */
export async function writeOrder(path: string, order: readonly string[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, `${JSON.stringify({ order }, null, 2)}\n`);
}

/** Replaces a text file at once: whoever reads it sees the old one or the new one, also after a power cut. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const file = await open(next, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (thrown) {
    await rm(next, { force: true });
    throw thrown;
  }
}
