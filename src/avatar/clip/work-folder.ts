import { createHash } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemCodeOf } from '../../base/errors.ts';

/** Half-done work nobody came back to is taken away after a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

/**
 * Where an interrupted preparation keeps what it has worked out, so that the same command goes on there. One folder for
 * each source and what was asked of it; results of the source as it was before it changed are never taken.
 */
export class WorkFolder implements AsyncDisposable {
  readonly path: string;
  readonly #lock: FileHandle;
  readonly #files = new Set<RecordFile>();

  private constructor(path: string, lock: FileHandle) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Opens the folder of a piece of work. Where another running process works in it, a new one: two cannot share.
   * @param parent holds all work folders. @param key see {@link workKey}. @param isFresh forget what is there.
   */
  static async open(parent: string, key: string, isFresh: boolean): Promise<WorkFolder> {
    await mkdir(parent, { recursive: true });
    await removeOld(parent);
    let path = join(parent, key);
    if (await isInUse(path)) path = join(parent, `${key}-${process.pid}`);
    if (isFresh) await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
    const now = new Date();
    await utimes(path, now, now);
    const lock = await open(join(path, 'lock'), 'w');
    await lock.writeFile(String(process.pid));
    return new WorkFolder(path, lock);
  }

  /** Path of a file in it. */
  fileAt(name: string): string {
    return join(this.path, name);
  }

  /** A finished result; undefined where there is none. */
  async read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.fileAt(name));
    } catch (thrown) {
      if (systemCodeOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
  }

  /** Whether there is a finished result of this name. */
  async has(name: string): Promise<boolean> {
    return (await stat(this.fileAt(name)).catch(() => undefined)) !== undefined;
  }

  /** Keeps a finished result: all of it or nothing. */
  async write(name: string, data: Uint8Array | string): Promise<void> {
    await writeFile(this.fileAt(`${name}.part`), data);
    await this.finish(name);
  }

  /** Gives `NAME.part`, which somebody has written, its name: from now on it is a finished result. */
  async finish(name: string): Promise<void> {
    await rename(this.fileAt(`${name}.part`), this.fileAt(name));
  }

  /** A file that grows by one record of fixed length at a time. */
  async openRecords(name: string, recordBytes: number): Promise<RecordFile> {
    const file = await RecordFile.open(this.fileAt(name), recordBytes);
    this.#files.add(file);
    return file;
  }

  /** Takes everything away: the work is done. */
  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await rm(this.path, { recursive: true, force: true });
  }

  /** Leaves everything for the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files) await file[Symbol.asyncDispose]();
    this.#files.clear();
    await this.#lock.close().catch(() => {});
    await rm(this.fileAt('lock'), { force: true });
  }
}

/** Records of one length, appended; what a killed run left half-written at the end is cut off. */
export class RecordFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #recordBytes: number;
  #count: number;
  #isClosed = false;

  private constructor(file: FileHandle, recordBytes: number, count: number) {
    this.#file = file;
    this.#recordBytes = recordBytes;
    this.#count = count;
  }

  static async open(path: string, recordBytes: number): Promise<RecordFile> {
    const file = await open(path, 'a+');
    const count = Math.floor((await file.stat()).size / recordBytes);
    await file.truncate(count * recordBytes);
    return new RecordFile(file, recordBytes, count);
  }

  /** How many records there are. */
  get count(): number {
    return this.#count;
  }

  /** One of the records. */
  async read(index: number): Promise<Buffer> {
    const record = Buffer.alloc(this.#recordBytes);
    await this.#file.read(record, 0, this.#recordBytes, index * this.#recordBytes);
    return record;
  }

  async append(record: Uint8Array): Promise<void> {
    if (record.length !== this.#recordBytes)
      throw new Error(`a record of ${record.length} bytes where they have ${this.#recordBytes}`);
    await this.#file.appendFile(record);
    this.#count++;
  }

  /** Forgets the records from this one on: they do not make sense. */
  async cut(count: number): Promise<void> {
    await this.#file.truncate(count * this.#recordBytes);
    this.#count = count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}

/**
 * Names a piece of work: the source as it is now (for a folder, every picture in it) and what was asked of it.
 * @param asked anything that changes the result, as plain data; with a version that grows when results change.
 */
export async function workKey(source: string, asked: unknown): Promise<string> {
  const path = await realpath(resolve(source));
  const stats = await stat(path);
  const marks: unknown[] = [path, stats.size, stats.mtimeMs];
  if (stats.isDirectory())
    for (const name of (await readdir(path)).sort()) {
      const { size, mtimeMs } = await stat(join(path, name));
      marks.push(name, size, mtimeMs);
    }
  return hashOf([marks, asked]);
}

/** A short name for anything that is plain data. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}

async function isInUse(path: string): Promise<boolean> {
  const pid = Number(await readFile(join(path, 'lock'), 'utf8').catch(() => ''));
  if (!pid) return false;
  // In this very process too: the folder belongs to whoever opened it first.
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return systemCodeOf(thrown) === 'EPERM';
  }
}

async function removeOld(parent: string): Promise<void> {
  const oldest = Date.now() - KEPT_MS;
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats && stats.mtimeMs < oldest && !(await isInUse(path))) await rm(path, { recursive: true, force: true });
  }
}
