import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { anySignal } from '../base/any-signal.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';

/** What shall be fetched, and what it has to be. */
export interface DownloadOptions {
  /** https, or http on this machine (tests, mirrors of one's own). */
  readonly url: string;
  /** Where it shall be; until it is whole and right it is called `PATH.part`. */
  readonly path: string;
  /** Length in bytes, where known. */
  readonly bytes?: number | undefined;
  /** Hexadecimal, where known. */
  readonly sha256?: string | undefined;
  /** Bytes that are there, and of how many (undefined until the server says). */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  readonly signal: AbortSignal;
  /** Tests are less patient. */
  readonly patience?: Partial<Patience>;
}

/** How long to wait for what. */
interface Patience {
  /** No byte for this long: the connection is given up and made again, in ms. */
  readonly stallMs: number;
  /** First pause before another try, in ms; doubles up to thirty times as long. */
  readonly pauseMs: number;
  /** Tries in a row that bring no new byte before the download fails. */
  readonly tries: number;
}

const PATIENCE: Patience = { stallMs: 30_000, pauseMs: 1000, tries: 6 };
const LONGEST_PAUSE_FACTOR = 30;
/** A server may ask for more patience than this, but will not get it, in ms. */
const LONGEST_RETRY_AFTER_MS = 120_000;

/** What a finished download turned out to be. */
export interface Downloaded {
  readonly bytes: number;
  readonly sha256: string;
}

/** Worth another try: the connection broke, the server is busy. */
class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** How long the server asked to wait, in ms. */
  readonly waitMs: number;
  constructor(message: string, waitMs = 0) {
    super(message);
    this.waitMs = waitMs;
  }
}

/**
 * Fetches a file. Goes on where an earlier try stopped, also in another process; checks length and SHA-256 before the file
 * gets its name.
 * @throws AppError DOWNLOAD_REFUSED (404, 403 …), DOWNLOAD_FAILED (no connection), DOWNLOAD_WRONG (another file than
 * expected), DISK_FULL, BAD_MODEL_SOURCE (an address that is not allowed).
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  checkUrl(options.url);
  const patience = { ...PATIENCE, ...options.patience };
  const part = await PartFile.open(`${options.path}.part`);
  try {
    const total = await fetchAll(options, part, patience);
    const sha256 = part.digest();
    if (options.sha256 && sha256 !== options.sha256)
      throw await wrongFile(options, part, `its SHA-256 is ${sha256} instead of ${options.sha256}`);
    await part.finish(options.path);
    return { bytes: total, sha256 };
  } finally {
    await part[Symbol.asyncDispose]();
  }
}

/** Tries until everything is there; a try that brought new bytes does not count against the others. */
async function fetchAll(options: DownloadOptions, part: PartFile, patience: Patience): Promise<number> {
  let failures = 0;
  for (;;) {
    const before = part.length;
    try {
      return await fetchRest(options, part, patience);
    } catch (thrown) {
      options.signal.throwIfAborted();
      if (!(thrown instanceof Interrupted)) throw thrown;
      failures = part.length > before ? 0 : failures + 1;
      if (failures >= patience.tries) throw downloadFailed(options.url, thrown);
      const factor = Math.min(2 ** failures, LONGEST_PAUSE_FACTOR);
      await pause(Math.max(thrown.waitMs, patience.pauseMs * factor), options.signal);
    }
  }
}

/** One request for what is still missing. Resolves with the whole length when nothing is missing any more. */
async function fetchRest(options: DownloadOptions, part: PartFile, patience: Patience): Promise<number> {
  if (options.bytes !== undefined && part.length > options.bytes) await part.clear();
  if (part.length > 0 && part.length === options.bytes) return part.length;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), patience.stallMs);
  try {
    const response = await ask(options, part, anySignal(options.signal, stalled.signal));
    const total = await checkAnswer(options, part, response);
    return total === part.length ? total : await receive(options, part, response, total, () => timer.refresh());
  } catch (thrown) {
    if (thrown instanceof AppError || thrown instanceof Interrupted || options.signal.aborted) throw thrown;
    throw new Interrupted(stalled.signal.aborted ? `nothing came for ${patience.stallMs / 1000} s` : reasonOf(thrown));
  } finally {
    clearTimeout(timer);
    // Lets go of a connection whose body was not read to its end.
    stalled.abort();
  }
}

async function receive(
  options: DownloadOptions,
  part: PartFile,
  response: Response,
  total: number | undefined,
  onBytes: () => void,
): Promise<number> {
  for await (const chunk of response.body ?? []) {
    onBytes();
    await part.append(chunk);
    if (part.length > (total ?? Number.POSITIVE_INFINITY))
      throw await wrongFile(options, part, `more than the announced ${total} bytes came`);
    options.onProgress?.(part.length, total);
  }
  if (total !== undefined && part.length < total)
    throw new Interrupted(`the connection ended after ${part.length} of ${total} bytes`);
  return part.length;
}

async function ask({ url }: DownloadOptions, part: PartFile, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (part.length > 0) headers.range = `bytes=${part.length}-`;
  return fetch(url, { headers, signal, redirect: 'follow' });
}

/** The whole length as the server sees it. Starts from the beginning where the server does not go on. */
async function checkAnswer(options: DownloadOptions, part: PartFile, response: Response): Promise<number | undefined> {
  const { status, headers } = response;
  if (status === 429 || status >= 500) throw new Interrupted(`the server answers ${status}`, retryAfterMs(headers));
  if (status !== 200 && status !== 206 && status !== 416) throw refused(options.url, status);
  const range = parseRange(headers);
  const isNext = status === 206 ? range.start === part.length : status === 416 && range.total === part.length;
  if (part.length > 0 && !isNext) await part.clear();
  // 416: nothing lies behind what is there. Either it is whole, or it was of another file.
  if (status !== 200 && !isNext) throw new Interrupted('the server sent another part than was asked for');
  const total = status === 200 ? numberOf(headers.get('content-length')) : range.total;
  if (options.bytes !== undefined && total !== undefined && total !== options.bytes)
    throw await wrongFile(options, part, `the server says it has ${total} bytes instead of ${options.bytes}`);
  return total ?? options.bytes;
}

/** `bytes 100-299/300`; a star stands for the first part where the range asked for is not there. */
function parseRange(headers: Headers): { readonly start?: number | undefined; readonly total?: number | undefined } {
  const [, start, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  return { start: numberOf(start), total: numberOf(total) };
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text);
}

/** The unfinished file with the hash of what is in it. */
class PartFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #length: number;
  #isOpen = true;

  private constructor(path: string, file: FileHandle, hash: Hash, length: number) {
    this.#path = path;
    this.#file = file;
    this.#hash = hash;
    this.#length = length;
  }

  static async open(path: string): Promise<PartFile> {
    await mkdir(dirname(path), { recursive: true });
    const hash = createHash('sha256');
    let length = 0;
    if (await stat(path).catch(() => undefined))
      for await (const chunk of createReadStream(path)) {
        hash.update(chunk);
        length += (chunk as Buffer).length;
      }
    return new PartFile(path, await open(path, 'a'), hash, length);
  }

  get length(): number {
    return this.#length;
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      await this.#file.write(chunk);
    } catch (thrown) {
      throw systemCodeOf(thrown) === 'ENOSPC' ? diskFull(this.#path, thrown) : thrown;
    }
    this.#hash.update(chunk);
    this.#length += chunk.byteLength;
  }

  async clear(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#length = 0;
  }

  /** SHA-256 of all of it, hexadecimal. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Gives the file its name. */
  async finish(path: string): Promise<void> {
    await this.#file.sync();
    await this[Symbol.asyncDispose]();
    await rename(this.#path, path);
  }

  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await rm(this.#path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

function checkUrl(url: string): void {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: '', hostname: '' };
  const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && isHere)) return;
  throw new AppError('BAD_MODEL_SOURCE', `${url} is not an address models are fetched from.`, {
    fix: 'Use an https address, or a folder: musecam models install musetalk-v15 --from FOLDER',
  });
}

function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.min(LONGEST_RETRY_AFTER_MS, seconds * 1000) : 0;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** fetch hides what happened one level down. */
function reasonOf(thrown: unknown): string {
  const cause = (thrown as { cause?: unknown } | null)?.cause;
  return messageOf(cause ?? thrown);
}

/** A file that is not the one we want is of no use to the next try either. */
async function wrongFile({ url }: DownloadOptions, part: PartFile, why: string): Promise<AppError> {
  await part.remove();
  return new AppError('DOWNLOAD_WRONG', `${url} is not the file it should be: ${why}.`, {
    fix: 'Try again; if it stays so, get the files from another place: musecam models install NAME --from URL',
  });
}

function refused(url: string, status: number): AppError {
  const words =
    status === 404
      ? 'There is no such file'
      : status === 401 || status === 403
        ? 'It may not be read'
        : 'It was refused';
  return new AppError('DOWNLOAD_REFUSED', `${words} (${status}): ${url}`, {
    fix: 'Get the files from another place: musecam models install NAME --from URL-OR-FOLDER',
  });
}

function downloadFailed(url: string, cause: Error): AppError {
  return new AppError('DOWNLOAD_FAILED', `${url} cannot be fetched: ${cause.message}.`, {
    fix: 'Check the connection and run the same command again: it goes on where it stopped',
    cause,
  });
}

function diskFull(path: string, cause: unknown): AppError {
  return new AppError('DISK_FULL', `There is no space left for ${basename(path)} in ${dirname(path)}.`, {
    fix: 'Free some space, then run the same command again: it goes on where it stopped',
    cause,
  });
}
