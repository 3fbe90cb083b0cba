import { type FileHandle, open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { AppError, messageOf } from '../../base/errors.ts';
import { AVATAR_BYTE_LIMITS } from '../manifest-rules.ts';
import { crc32 } from './crc32.ts';
import { packBroken, packUnsafe } from './pack-error.ts';

/** A file in a pack, not unpacked yet. */
export interface PackedFile {
  /** Plain characters and forward slashes; never leads out of the folder. */
  readonly path: string;
  /** Length once unpacked as the pack says, in bytes. */
  readonly bytes: number;
}

/** avatar.json and a body picture for each of the most frames there may be, and room for the rest. */
const MAX_ENTRIES = 16_001;
/** Names have 200 characters at most; nobody needs as much for all of them. */
const MAX_DIRECTORY_BYTES = 6_000_000;
/** How much of the file is read at a time. */
const PIECE_BYTES = 65_536;
const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
/** Compression hints (bits 1 and 2), sizes behind the data (3), names in UTF-8 (11). Others mean encryption or patches. */
const KNOWN_FLAGS = 0b1000_0000_1110;
/** Extra fields that would say something else than the entry itself: ZIP64 sizes, another name. */
const FORBIDDEN_FIELDS = new Map([
  [0x0001, 'sizes in ZIP64'],
  [0x7075, 'a second name'],
]);
const METHODS = { stored: 0, deflated: 8 } as const;
const PLAIN_PATH = /^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._/-]{1,200}$/;

/**
 * A `.musecam` file, open for reading. Everything its directory says is checked before any of its files is unpacked: plain
 * files only, each name once, nothing encrypted, nothing overlapping. Not a general reader of ZIP files: what no export
 * makes (ZIP64, comments, several disks) is refused.
 */
export class Pack implements AsyncDisposable {
  readonly path: string;
  /** Length of the pack, in bytes. */
  readonly bytes: number;
  readonly #handle: FileHandle;
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(path: string, bytes: number, handle: FileHandle, zip: ZipFile, entries: Map<string, Entry>) {
    this.path = path;
    this.bytes = bytes;
    this.#handle = handle;
    this.#zip = zip;
    this.#entries = entries;
  }

  /** @throws AppError PACK_MISSING, PACK_BROKEN, PACK_UNSAFE. */
  static async open(path: string): Promise<Pack> {
    const handle = await openFile(path);
    try {
      const { size } = await handle.stat();
      const directoryAt = await readEnd(handle, path, size);
      const options = { autoClose: false, decodeStrings: false };
      const zip = await fromRandomAccessReaderPromise(new HandleReader(handle), size, options);
      zip.on('error', () => {}); // told by nextEntry
      const entries = await readEntries(zip, path);
      await refuseOverlaps(zip, entries, path, directoryAt);
      return new Pack(path, size, handle, zip, entries);
    } catch (thrown) {
      await handle.close();
      throw thrown instanceof AppError ? thrown : packBroken(path, messageOf(thrown), thrown);
    }
  }

  /** All files, in the order of the directory. */
  get files(): readonly PackedFile[] {
    return [...this.#entries].map(([path, entry]) => ({ path, bytes: entry.uncompressedSize }));
  }

  /** A small file, all of it, its checksum verified. @throws AppError PACK_BROKEN. */
  async readAll(path: string, signal?: AbortSignal): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    await this.unpack(path, (piece) => void pieces.push(piece), signal);
    const bytes = Buffer.concat(pieces);
    if (crc32(bytes) !== this.#entries.get(path)!.crc32) throw packBroken(this.path, `${path} is damaged`);
    return bytes;
  }

  /**
   * Unpacks a file piece by piece, and never more of it than the pack says.
   * @param take is given each piece in turn; what it throws ends it.
   * @throws AppError PACK_BROKEN; what `take` throws; the signal's reason when aborted.
   */
  async unpack(path: string, take: (piece: Uint8Array) => void | Promise<void>, signal?: AbortSignal): Promise<void> {
    const entry = this.#entries.get(path)!;
    let length = 0;
    // Kept, because pipeline tells of the stream that was closed early, not of why.
    let failed: { readonly by: unknown } | undefined;
    const takeNext = async (piece: Uint8Array) => {
      length += piece.byteLength;
      if (length > entry.uncompressedSize)
        throw packBroken(this.path, `${path}: there is more of it than the pack says`);
      await take(piece);
    };
    const drain = async (pieces: AsyncIterable<Uint8Array>) => {
      for await (const piece of pieces)
        try {
          await takeNext(piece);
        } catch (thrown) {
          failed = { by: thrown };
          throw thrown;
        }
    };
    const options = signal ? { signal } : {};
    try {
      const raw: Readable = await this.#zip.openReadStreamPromise(entry, { decodeFileData: false });
      if (entry.compressionMethod === METHODS.stored) await pipeline(raw, drain, options);
      else await pipeline(raw, createInflateRaw(), drain, options);
      if (length !== entry.uncompressedSize) throw new Error(`${length} bytes, not ${entry.uncompressedSize}`);
    } catch (thrown) {
      signal?.throwIfAborted();
      throw failed ? failed.by : packBroken(this.path, `${path}: ${messageOf(thrown)}`, thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** Lets yauzl read from a file that stays ours: with a descriptor of its own it would close it, too. */
class HandleReader extends RandomAccessReader {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    super();
    this.#handle = handle;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(readRange(this.#handle, start, end), { objectMode: false });
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (e: Error | null) => void,
  ): void {
    readFully(this.#handle, buffer.subarray(offset, offset + length), position).then(() => done(null), done);
  }
}

async function* readRange(handle: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    await readFully(handle, piece, at);
    yield piece;
  }
}

async function readFully(handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  const { bytesRead } = await handle.read(target, 0, target.byteLength, position);
  if (bytesRead !== target.byteLength) throw new Error('it ends too early');
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Looked at first: opening a pipe would wait for somebody who writes into it.
    if (!(await stat(path)).isFile()) throw packBroken(path, 'it is not a file');
    return await open(path, 'r');
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    throw new AppError('PACK_MISSING', `${path} cannot be opened: ${messageOf(thrown)}`, {
      fix: 'Check the path of the .musecam file; quote it if it has spaces',
      cause: thrown,
    });
  }
}

/**
 * Reads the end of the file, where a ZIP file says what is in it, more strictly than ZIP readers do.
 * @returns where the directory begins.
 */
async function readEnd(handle: FileHandle, path: string, size: number): Promise<number> {
  if (size > AVATAR_BYTE_LIMITS.total + MAX_DIRECTORY_BYTES)
    throw packUnsafe(path, `${size} bytes are more than an avatar may have`);
  const tail = Buffer.alloc(ZIP64_LOCATOR_BYTES + END_BYTES);
  const from = Math.max(0, size - tail.length);
  await handle.read(tail, tail.length - (size - from), size - from, from);
  const end = tail.subarray(ZIP64_LOCATOR_BYTES);
  if (size < END_BYTES || end.readUInt32LE(0) !== END_SIGNATURE || end.readUInt16LE(20) !== 0)
    throw packBroken(path, 'it is no .musecam file, or it is not complete');
  if (tail.readUInt32LE(0) === ZIP64_LOCATOR_SIGNATURE) throw packUnsafe(path, 'it uses ZIP64');
  const count = end.readUInt16LE(10);
  if (end.readUInt32LE(4) !== 0 || end.readUInt16LE(8) !== count)
    throw packUnsafe(path, 'it says that it is one part of several');
  const [bytes, at] = [end.readUInt32LE(12), end.readUInt32LE(16)];
  if (count > MAX_ENTRIES || bytes > MAX_DIRECTORY_BYTES) throw packUnsafe(path, `it lists ${count} files`);
  if (at + bytes !== size - END_BYTES) throw packBroken(path, 'its directory is not where it says');
  return at;
}

/** The directory: every entry checked by itself, names by name. */
async function readEntries(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const spelled = new Set<string>();
  for (let entry = await nextEntry(zip); entry; entry = await nextEntry(zip)) {
    const name = checkName(entry, path);
    checkKind(entry, name, path);
    if (spelled.has(name.toLowerCase())) throw packUnsafe(path, `it holds ${name} twice`);
    spelled.add(name.toLowerCase());
    entries.set(name, entry);
  }
  return entries;
}

/** yauzl tells its entries by events. */
function nextEntry(zip: ZipFile): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      zip.removeListener('entry', onEntry).removeListener('end', onEnd).removeListener('error', onError);
      act();
    };
    const onEntry = (entry: Entry) => settle(() => resolve(entry));
    const onEnd = () => settle(() => resolve(undefined));
    const onError = (error: Error) => settle(() => reject(error));
    zip.once('entry', onEntry).once('end', onEnd).once('error', onError);
    zip.readEntry();
  });
}

/** Names are compared as bytes: there is no alphabet in which they could mean something else. */
function checkName(entry: Entry, path: string): string {
  const name = entry.fileNameRaw.toString('latin1');
  if (PLAIN_PATH.test(name)) return name;
  throw packUnsafe(path, `it holds a file with the name ${JSON.stringify(name.slice(0, 80))}`);
}

function checkKind(entry: Entry, name: string, path: string): void {
  const { generalPurposeBitFlag: flags, externalFileAttributes: attributes, compressionMethod: method } = entry;
  if (flags & ~KNOWN_FLAGS) throw packUnsafe(path, `${name} is encrypted or packed in an unknown way`);
  if (method !== METHODS.stored && method !== METHODS.deflated)
    throw packUnsafe(path, `${name} is packed in an unknown way (${method})`);
  // Upper half: the mode of a Unix file, 8 = plain. Lower half: DOS attributes, 8 = volume name, 16 = folder.
  const kind = attributes >>> 28;
  if ((kind !== 0 && kind !== 8) || attributes & 0x18 || name.endsWith('/'))
    throw packUnsafe(path, `${name} is not a plain file (a link or a folder)`);
  for (const { id } of entry.extraFields)
    if (FORBIDDEN_FIELDS.has(id)) throw packUnsafe(path, `${name} has ${FORBIDDEN_FIELDS.get(id)}`);
}

/** Each file has bytes of its own, behind a header that says the same as the directory, before the directory begins. */
async function refuseOverlaps(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  path: string,
  directoryAt: number,
): Promise<void> {
  const inOrder = [...entries].sort(([, a], [, b]) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let free = 0;
  for (const [name, entry] of inOrder) {
    const at = entry.relativeOffsetOfLocalHeader;
    if (at < free) throw packUnsafe(path, `${name} shares bytes with another file`);
    const header = await zip.readLocalFileHeaderPromise(entry);
    if (header.fileName.toString('latin1') !== name || header.compressionMethod !== entry.compressionMethod)
      throw packUnsafe(path, `${name} is called or packed differently in two places`);
    if (header.generalPurposeBitFlag & ~KNOWN_FLAGS) throw packUnsafe(path, `${name} is encrypted`);
    free = header.fileDataStart + entry.compressedSize;
    if (free > directoryAt) throw packUnsafe(path, `${name} reaches into the directory`);
  }
}
