import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * A new file for a recording, `2026-11-26 14-05-09.mp4`; its folder is made where it is missing.
 * @param folder where it goes; empty: MuseCam in the user's folder for videos.
 */
export async function newRecordingPath(folder: string, now: Date): Promise<string> {
  const parent = folder === '' ? join(await videosFolder(), 'MuseCam') : folder;
  await mkdir(parent, { recursive: true });
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return join(parent, `${day} ${two(now.getHours())}-${two(now.getMinutes())}-${two(now.getSeconds())}.mp4`);
}

/** The user's folder for videos: as the desktop says on Linux, whose name depends on the language. */
async function videosFolder(): Promise<string> {
  if (process.platform === 'darwin') return join(homedir(), 'Movies');
  if (process.platform !== 'linux') return join(homedir(), 'Videos');
  const told = await promisify(execFile)('xdg-user-dir', ['VIDEOS']).catch(() => ({ stdout: '' }));
  const folder = told.stdout.trim();
  // Where no folder was ever set, the home folder itself is named.
  return folder === '' || folder === homedir() ? join(homedir(), 'Videos') : folder;
}
