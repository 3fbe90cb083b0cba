import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, systemCodeOf } from '../base/errors.ts';

/** What of the file system is used to write an avatar; a test makes it fail. */
export interface AvatarFiles {
  writeFile(path: string, data: Uint8Array): Promise<void>;
}

/** `.KIND-ID-PID-RANDOM`: work in progress, an old version during a swap, one that is being taken away. */
const UNFINISHED = /^\.(preparing|replaced|removed)-([a-z0-9-]+)-(\d+)-[0-9a-f]{8}$/;

/**
 * A new avatar's folder while it is being written: beside its final place, under a hidden name. `finish` gives it its
 * name at once; disposing it before that takes everything away.
 */
export class AvatarFolder implements AsyncDisposable {
  readonly #target: string;
  readonly #temporary: string;
  readonly #files: AvatarFiles;
  #isFinished = false;

  private constructor(target: string, temporary: string, files: AvatarFiles) {
    this.#target = target;
    this.#temporary = temporary;
    this.#files = files;
  }

  /**
   * Creates the parent and the hidden folder; clears away what killed runs have left in the parent.
   * @throws AppError DISK_FULL, FOLDER_NOT_WRITABLE.
   */
  static async open(parent: string, id: string, files: AvatarFiles = realFiles): Promise<AvatarFolder> {
    const temporary = join(parent, hiddenName('preparing', id));
    try {
      await mkdir(parent, { recursive: true });
      await clearUnfinished(parent);
      await mkdir(temporary);
    } catch (thrown) {
      throw folderNotWritable(thrown, parent);
    }
    return new AvatarFolder(join(parent, id), temporary, files);
  }

  /** The hidden folder, while it is being written. */
  get path(): string {
    return this.#temporary;
  }

  /** Writes one file, by its path inside the avatar. @throws AppError DISK_FULL, FOLDER_NOT_WRITABLE. */
  async write(path: string, data: Uint8Array): Promise<void> {
    const full = join(this.#temporary, path);
    try {
      await mkdir(dirname(full), { recursive: true });
      await this.#files.writeFile(full, data);
    } catch (thrown) {
      throw folderNotWritable(thrown, dirname(this.#target));
    }
  }

  /**
   * Gives the folder its name. With `replace` an avatar that is there already is swapped for it: should the machine stop
   * in between, the next run puts the old one back.
   * @throws AppError AVATAR_EXISTS, DISK_FULL, FOLDER_NOT_WRITABLE.
   */
  async finish(replace: boolean): Promise<void> {
    const old = this.#temporary.replace('.preparing-', '.replaced-');
    try {
      const isReplacing = await exists(this.#target);
      if (isReplacing && !replace) throw avatarExists(this.#target);
      if (isReplacing) await rename(this.#target, old);
      try {
        await rename(this.#temporary, this.#target);
      } catch (thrown) {
        if (isReplacing) await rename(old, this.#target);
        throw thrown;
      }
      this.#isFinished = true;
      if (isReplacing) await rm(old, { recursive: true, force: true });
    } catch (thrown) {
      throw folderNotWritable(thrown, dirname(this.#target));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isFinished) await rm(this.#temporary, { recursive: true, force: true });
  }
}

/** What is said where an id is taken. */
export function avatarExists(target: string): AppError {
  return new AppError('AVATAR_EXISTS', `There is an avatar "${basename(target)}" in ${dirname(target)} already.`, {
    fix: 'Choose another id, or replace it: --replace',
  });
}

/** Takes an avatar's folder away: hidden at once, so that it is never half there, then deleted. */
export async function removeAvatarFolder(folder: string): Promise<void> {
  const hidden = join(dirname(folder), hiddenName('removed', basename(folder)));
  try {
    await rename(folder, hidden);
    await rm(hidden, { recursive: true, force: true });
  } catch (thrown) {
    throw folderNotWritable(thrown, dirname(folder));
  }
}

function hiddenName(kind: 'preparing' | 'removed', id: string): string {
  return `.${kind}-${id}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Takes away what runs that no longer live have left behind, and puts back what they were about to replace. */
async function clearUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const [, kind, id, pid] = UNFINISHED.exec(name) ?? [];
    if (!kind || !id || isAlive(Number(pid))) continue;
    const path = join(parent, name);
    if (kind === 'replaced' && !(await exists(join(parent, id)))) await rename(path, join(parent, id));
    else await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === 'EPERM';
  }
}

/** Whether there is something under this path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Files are flushed, so that an avatar that has its name also has its bytes after a power cut. */
const realFiles: AvatarFiles = {
  async writeFile(path, data) {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  },
};

/**
 * What went wrong while writing avatars to a folder, in words a user can mend: AppError DISK_FULL or FOLDER_NOT_WRITABLE;
 * anything else as it is.
 */
export function folderNotWritable(thrown: unknown, parent: string): unknown {
  const code = systemCodeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', `There is no space left for an avatar in ${parent}.`, {
      fix: 'Free some space (an avatar of a photo takes about 2 MB), then prepare it again',
      cause: thrown,
    });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
    return new AppError('FOLDER_NOT_WRITABLE', `Nothing can be written to ${parent} (${code}).`, {
      fix: `Make it a folder you may write to, for example: chmod u+w ${parent}`,
      cause: thrown,
    });
  return thrown;
}
