import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A process that has a device open. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** How long looking through all processes may take, in ms; what was found by then is enough for a message. */
const SEARCH_DEADLINE_MS = 500;

/**
 * Who has a file open, as far as /proc shows it: everything for root, one's own processes otherwise. One process at a
 * time, so that frames being written in the same thread pool need not queue behind it.
 * @param proc the folder /proc, another one in tests
 */
export async function findHolders(path: string, proc = '/proc'): Promise<readonly Holder[]> {
  const deadlineMs = performance.now() + SEARCH_DEADLINE_MS;
  const holders: Holder[] = [];
  for (const entry of await readdir(proc).catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    if (performance.now() > deadlineMs) break;
    if (await hasOpen(join(proc, entry, 'fd'), path)) {
      const name = await readFile(join(proc, entry, 'comm'), 'utf8').catch(() => 'unknown');
      holders.push({ pid: Number(entry), name: name.trim() });
    }
  }
  return holders;
}

/** "chrome (4711) and obs (12)", or an empty string. This process is called by what it is. */
export function describeHolders(holders: readonly Holder[]): string {
  return holders
    .map(({ pid, name }) => (pid === process.pid ? `this program (${pid})` : `${name} (${pid})`))
    .join(' and ');
}

async function hasOpen(folder: string, path: string): Promise<boolean> {
  const descriptors = await readdir(folder).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(join(folder, fd)).catch(() => '')));
  return targets.includes(path);
}
