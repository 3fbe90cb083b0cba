import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

const placeSchema = z.object({
  port: z.number().int().min(1).max(65_535),
  key: z.string().regex(/^[\w-]{32}$/),
});

/** Where the stream was, so that it is there again after a restart: sources in OBS and open pages find it by themselves. */
export type StreamPlace = z.infer<typeof placeSchema>;

/** Reads the place; undefined where there is none, or nothing sensible. */
export async function readStreamPlace(path: string): Promise<StreamPlace | undefined> {
  try {
    return placeSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps the place, for this user's eyes only. A place that cannot be kept is a new one next time: never throws. */
export async function keepStreamPlace(path: string, place: StreamPlace, log: Log): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}`;
    await writeFile(draft, JSON.stringify(place), { mode: 0o600 });
    await rename(draft, path);
  } catch (thrown) {
    log.warn(`the stream's address will be another one next time: ${messageOf(thrown)}`);
  }
}
