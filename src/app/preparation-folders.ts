import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type AvatarManifest, type QualityReport, qualityReportSchema } from '../api/avatar.ts';
import { AppError, systemCodeOf } from '../base/errors.ts';

/** `PID-JOB`: whose work it is. */
const JOB_FOLDER = /^(\d+)-[0-9a-f]{16}$/;
/** A report has a few kilobytes; more than this is none. */
const MAX_REPORT_BYTES = 200_000;

/** The name of the folder of a job of this process. */
export function jobFolderName(jobId: string): string {
  return `${process.pid}-${jobId}`;
}

/** Takes away the jobs of processes that no longer live. */
export async function clearLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch((thrown) => {
    if (systemCodeOf(thrown) === 'ENOENT') return [];
    throw thrown;
  });
  for (const name of names) {
    const path = join(folder, name);
    const pid = Number(JOB_FOLDER.exec(name)?.[1]);
    if (Number.isNaN(pid) || (await isAtWork(pid, path))) continue;
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function isAtWork(pid: number, path: string): Promise<boolean> {
  if (pid !== process.pid) return isAlive(pid);
  // Of an earlier process that had our number, when it is older than we are.
  const startedMs = Date.now() - process.uptime() * 1000;
  return (await stat(path)).mtimeMs >= startedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === 'EPERM';
  }
}

/** The quality report of a checked avatar; nothing where it has none that can be read. */
export async function readReport(
  folder: string,
  manifest: AvatarManifest,
): Promise<{ readonly report?: QualityReport }> {
  if (!manifest.report || manifest.report.bytes > MAX_REPORT_BYTES) return {};
  try {
    return {
      report: qualityReportSchema.parse(JSON.parse(await readFile(join(folder, manifest.report.path), 'utf8'))),
    };
  } catch {
    return {};
  }
}

/**
 * Gives a prepared avatar its place, whole or not at all; what has the place already keeps it. Where the avatars lie on
 * another disk it is copied beside its place first.
 * @throws AppError AVATAR_EXISTS, DISK_FULL, FOLDER_NOT_WRITABLE.
 */
export async function moveAvatar(from: string, to: string): Promise<void> {
  const parent = dirname(to);
  try {
    await mkdir(parent, { recursive: true });
    // A rename replaces a folder only where that is empty, and an avatar's never is.
    await rename(from, to).catch((thrown) => {
      if (systemCodeOf(thrown) === 'EXDEV') return copyAvatar(from, to);
      throw thrown;
    });
  } catch (thrown) {
    throw explain(thrown, to);
  }
}

/** Under the hidden name of work in progress, which the next preparation clears away should this process be killed. */
async function copyAvatar(from: string, to: string): Promise<void> {
  const hidden = join(dirname(to), `.preparing-${basename(to)}-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await cp(from, hidden, { recursive: true, errorOnExist: true });
    await rename(hidden, to);
  } finally {
    await rm(hidden, { recursive: true, force: true });
  }
}

function explain(thrown: unknown, to: string): unknown {
  const code = systemCodeOf(thrown);
  const parent = dirname(to);
  if (code === 'EEXIST' || code === 'ENOTEMPTY' || code === 'ENOTDIR')
    return new AppError('AVATAR_EXISTS', `There is an avatar "${basename(to)}" in ${parent} meanwhile.`, {
      fix: `Rename or remove that one first: musecam avatars remove ${basename(to)}`,
      cause: thrown,
    });
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', `There is no space left for an avatar in ${parent}.`, {
      fix: 'Free some space, then accept it again.',
      cause: thrown,
    });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('FOLDER_NOT_WRITABLE', `Nothing can be written to ${parent} (${code}).`, {
      fix: `Make it a folder you may write to, for example: chmod u+w ${parent}`,
      cause: thrown,
    });
  return thrown;
}
