import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, systemCodeOf } from '../base/errors.ts';

/** A file of the store, open for reading. Disposing it closes it and lets the store take it away when room is needed. */
export interface UnpackedFile extends AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
  readonly bytes: number;
}

/** Limits of a store; a test sets its own. */
export interface StoreLimits {
  /** How much all files together may take, in bytes. */
  readonly maxBytes?: number;
  /** How much room the disk under `folder` has, in bytes. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Writes a file's next bytes. */
export type Append = (data: Uint8Array) => Promise<void>;

/** 20 GB: four minutes of 1080p, ten of 720p. */
const DEFAULT_MAX_BYTES = 20_000_000_000;
/** What is left free on the disk for everything else, in bytes. */
const RESERVE_BYTES = 64_000_000;
/** `NAME.use-PID-RANDOM`: a process holds NAME. `NAME.part-PID-RANDOM`: a process is writing NAME. */
const MARK = /^(.+)\.(use|part)-(\d+)-[0-9a-f]{8}$/;

interface Kept {
  readonly name: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/**
 * A folder of large files that can be made again at any time, shared by all processes of this user. The ones used longest
 * ago leave first when the store is full; one that some living process holds never leaves, so that an engine host that
 * is started again finds it where it was.
 */
export class UnpackedStore {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #freeBytes: (folder: string) => Promise<number>;

  constructor(folder: string, limits: StoreLimits = {}) {
    this.#folder = folder;
    this.#maxBytes = limits.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#freeBytes = limits.freeBytes ?? freeBytesOf;
  }

  /** Whether a file is there, whole. */
  async has(name: string, bytes: number): Promise<boolean> {
    const found = await stat(join(this.#folder, name)).catch(() => undefined);
    return found?.size === bytes;
  }

  /**
   * A file by its name: the one that is there and has this length, or one that `write` makes now. It is written beside its
   * place and renamed; nothing is left of one that fails.
   * @throws AppError DISK_FULL, FOLDER_NOT_WRITABLE, and what `write` throws.
   */
  async take(name: string, bytes: number, write: (append: Append) => Promise<void>): Promise<UnpackedFile> {
    const mark = join(this.#folder, markName(name, 'use'));
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(mark, '', { flag: 'wx' });
    } catch (thrown) {
      throw writeFailed(thrown, this.#folder, bytes);
    }
    try {
      const handle = (await this.#openKept(name, bytes)) ?? (await this.#make(name, bytes, write));
      return new OpenFile(join(this.#folder, name), handle, bytes, mark);
    } catch (thrown) {
      await rm(mark, { force: true });
      throw thrown;
    }
  }

  async #openKept(name: string, bytes: number): Promise<FileHandle | undefined> {
    const path = join(this.#folder, name);
    const handle = await open(path, 'r').catch(() => undefined);
    if (!handle) return undefined;
    if ((await handle.stat()).size === bytes) {
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
      return handle;
    }
    await handle.close();
    return undefined;
  }

  async #make(name: string, bytes: number, write: (append: Append) => Promise<void>): Promise<FileHandle> {
    await this.#makeRoom(bytes);
    const part = join(this.#folder, markName(name, 'part'));
    try {
      await writeWhole(part, bytes, write);
      await rename(part, join(this.#folder, name));
      return await open(join(this.#folder, name), 'r');
    } catch (thrown) {
      await rm(part, { force: true });
      throw writeFailed(thrown, this.#folder, bytes);
    }
  }

  /** Lets the oldest files that nobody holds go until `bytes` more fit. @throws AppError DISK_FULL. */
  async #makeRoom(bytes: number): Promise<void> {
    const kept = await this.#listFree();
    let total = kept.all;
    let free = await this.#freeBytes(this.#folder);
    for (const { name, bytes: size } of kept.unused) {
      if (total + bytes <= this.#maxBytes && free >= bytes + RESERVE_BYTES) break;
      if ((await this.#heldNames()).has(name)) continue;
      await rm(join(this.#folder, name), { force: true });
      total -= size;
      free += size;
    }
    if (free < bytes + RESERVE_BYTES) throw diskFull(this.#folder, bytes, free);
  }

  /** Files that nobody holds, the one used longest ago first, and how many bytes there are in all. */
  async #listFree(): Promise<{ readonly all: number; readonly unused: readonly Kept[] }> {
    const held = await this.#heldNames();
    const unused: Kept[] = [];
    let all = 0;
    for (const name of await readdir(this.#folder)) {
      if (MARK.test(name)) continue;
      const found = await stat(join(this.#folder, name)).catch(() => undefined);
      if (!found?.isFile()) continue;
      all += found.size;
      if (!held.has(name)) unused.push({ name, bytes: found.size, usedMs: found.mtimeMs });
    }
    return { all, unused: unused.sort((a, b) => a.usedMs - b.usedMs) };
  }

  /** Names that a living process holds or writes. Takes away what dead ones have left behind. */
  async #heldNames(): Promise<Set<string>> {
    const held = new Set<string>();
    for (const entry of await readdir(this.#folder)) {
      const [, name, , pid] = MARK.exec(entry) ?? [];
      if (!name) continue;
      if (isAlive(Number(pid))) held.add(name);
      else await rm(join(this.#folder, entry), { force: true });
    }
    return held;
  }
}

class OpenFile implements UnpackedFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly #mark: string;
  #closing: Promise<void> | undefined;

  constructor(path: string, handle: FileHandle, bytes: number, mark: string) {
    this.path = path;
    this.handle = handle;
    this.bytes = bytes;
    this.#mark = mark;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.handle.close();
    await rm(this.#mark, { force: true });
  }
}

async function writeWhole(path: string, bytes: number, write: (append: Append) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    let written = 0;
    await write(async (data) => {
      await file.writeFile(data);
      written += data.byteLength;
    });
    if (written !== bytes) throw new Error(`${written} bytes were written where ${bytes} belong`);
  } finally {
    await file.close();
  }
}

function markName(name: string, kind: 'use' | 'part'): string {
  return `${name}.${kind}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === 'EPERM';
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function diskFull(folder: string, bytes: number, free?: number, cause?: unknown): AppError {
  const left = free === undefined ? '' : `, and ${Math.max(0, Math.round(free / 1e6))} MB are free`;
  return new AppError('DISK_FULL', `${Math.ceil(bytes / 1e6)} MB are needed in ${folder} to unpack an avatar${left}.`, {
    fix: 'Free some space, or take the avatar shorter or smaller: musecam prepare CLIP --seconds 10 --size 1280x720',
    cause,
  });
}

function writeFailed(thrown: unknown, folder: string, bytes: number): unknown {
  const code = systemCodeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(folder, bytes, undefined, thrown);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST')
    return new AppError('FOLDER_NOT_WRITABLE', `Nothing can be written to ${folder} (${code}).`, {
      fix: `Make it a folder you may write to, for example: chmod u+w ${folder}`,
      cause: thrown,
    });
  return thrown;
}
