import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** A process that has a device open. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
  /** Whether it is this program: the running daemon, for instance. */
  readonly isMuseCam?: boolean;
}

/** How this program shows in a command line: `node …/dist/app/cli.js start`, or by its name. */
const OUR_PROGRAM = /(^|\/)(musecam|app\/cli\.[jt]s)$/;

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
      const line = await readFile(join(proc, entry, 'cmdline'), 'utf8').catch(() => '');
      const isMuseCam = line.split('\0').some((word) => OUR_PROGRAM.test(word));
      holders.push({ pid: Number(entry), name: name.trim(), ...(isMuseCam ? { isMuseCam } : {}) });
    }
  }
  return holders;
}

/** "chrome (4711) and obs (12)", or an empty string. What is this program is called so, not `node`. */
export function describeHolders(holders: readonly Holder[]): string {
  return holders.map((holder) => `${titleOf(holder)} (${holder.pid})`).join(' and ');
}

function titleOf({ pid, name, isMuseCam }: Holder): string {
  if (pid === process.pid) return 'this program';
  return isMuseCam ? 'MuseCam' : name;
}

async function hasOpen(folder: string, path: string): Promise<boolean> {
  const descriptors = await readdir(folder).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(join(folder, fd)).catch(() => '')));
  return targets.includes(path);
}
