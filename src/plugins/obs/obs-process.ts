import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { obsFolders } from './target.ts';

const run = promisify(execFile);

/** What OBS's program is called where processes are listed by a command. */
const LISTED: Partial<Record<NodeJS.Platform, readonly [program: string, ...args: string[]]>> = {
  win32: ['tasklist', '/NH', '/FI', 'IMAGENAME eq obs64.exe'],
  darwin: ['pgrep', '-x', 'OBS'],
};

/**
 * Whether an OBS runs that keeps its settings in this folder: it writes its scene collection when it ends, over whatever
 * has been changed meanwhile. Where that cannot be found out: no.
 */
export async function isObsRunning(folder: string, platform = process.platform): Promise<boolean> {
  const listed = LISTED[platform];
  if (!listed) return isRunningOnLinux(folder);
  const [program, ...args] = listed;
  // pgrep ends with 1 where there is none.
  const { stdout } = await run(program, args).catch(() => ({ stdout: '' }));
  return platform === 'darwin' ? stdout.trim() !== '' : /obs64\.exe/i.test(stdout);
}

async function isRunningOnLinux(folder: string): Promise<boolean> {
  const entries = await readdir('/proc').catch(() => []);
  const found = await Promise.all(entries.filter((name) => /^\d+$/.test(name)).map((pid) => usesFolder(pid, folder)));
  return found.includes(true);
}

/** Processes of others cannot be looked into; they do not use a folder of ours either. */
async function usesFolder(pid: string, folder: string): Promise<boolean> {
  try {
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')).trim() !== 'obs') return false;
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').map((line) => line.split(/=(.*)/s));
    return obsFolders(Object.fromEntries(variables), 'linux').includes(folder);
  } catch {
    return false;
  }
}
