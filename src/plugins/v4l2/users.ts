import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { findHolders, type Holder } from './holders.ts';

/** A process that has a device open, and what for, as far as can be seen from outside. */
export interface User extends Holder {
  readonly role: 'writer' | 'reader' | 'unknown';
}

/** The lowest two bits of the flags of an open file: 0 read only, 1 write only, 2 both. */
const ACCESS_MODE = 3;

/**
 * Who has a device open. Most programs open it for both, so the role is read from what they do: readers map the module's
 * buffers into their memory, writers do not (those that do, such as GStreamer's v4l2sink, look like readers here).
 * @param isWritten whether pictures are being written to it: then the one that is no reader is the writer
 */
export async function findUsers(path: string, isWritten: boolean, proc = '/proc'): Promise<readonly User[]> {
  const users: User[] = [];
  for (const holder of await findHolders(path, proc)) {
    const access = await readAccess(join(proc, String(holder.pid)), path);
    const maps = await readFile(join(proc, String(holder.pid), 'maps'), 'utf8').catch(() => '');
    const isReader = access === 0 || maps.split('\n').some((line) => line.endsWith(` ${path}`));
    users.push({ ...holder, role: access === 1 ? 'writer' : isReader ? 'reader' : 'unknown' });
  }
  const open = users.filter(({ role }) => role === 'unknown');
  const isFound = users.some(({ role }) => role === 'writer');
  if (!isWritten || isFound || open.length !== 1) return users;
  return users.map((user) => (user === open[0] ? { ...user, role: 'writer' } : user));
}

/** How a process has opened a file: the flags of the first descriptor on it; undefined where /proc does not show it. */
async function readAccess(folder: string, path: string): Promise<number | undefined> {
  for (const fd of await readdir(join(folder, 'fd')).catch(() => [])) {
    if ((await readlink(join(folder, 'fd', fd)).catch(() => '')) !== path) continue;
    const flags = /^flags:\s+(\d+)/m.exec(await readFile(join(folder, 'fdinfo', fd), 'utf8').catch(() => ''))?.[1];
    if (flags !== undefined) return Number.parseInt(flags, 8) & ACCESS_MODE;
  }
  return undefined;
}
