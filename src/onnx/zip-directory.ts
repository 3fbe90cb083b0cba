import type { ByteSource } from './byte-source.ts';
import { checkpointBroken } from './checkpoint.ts';

/** A file that lies uncompressed in a zip, as torch stores its tensors. */
export interface ZipEntry {
  readonly name: string;
  /** Absolute place of its first byte. */
  readonly offset: number;
  readonly byteLength: number;
}

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const END64_LOCATOR_BYTES = 20;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
/** A comment may follow the end record. */
const MAX_COMMENT_BYTES = 65_535;
const MAX_DIRECTORY_BYTES = 64_000_000;
const MAX_ENTRIES = 200_000;
const ZIP64_EXTRA = 0x0001;
const ALL_ONES = 0xffffffff;

/**
 * The directory of a zip whose entries are stored, not compressed; zip64 included. Entries that are compressed or
 * encrypted are refused: torch writes none. Format: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
 * @throws AppError CHECKPOINT_BROKEN.
 */
export async function readZipDirectory(bytes: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const { at, byteLength, count } = await findDirectory(bytes);
  if (byteLength > MAX_DIRECTORY_BYTES || count > MAX_ENTRIES)
    throw checkpointBroken(bytes.path, `its directory is said to have ${count} entries in ${byteLength} bytes`);
  const directory = await bytes.read(at, byteLength);
  const entries = new Map<string, ZipEntry>();
  let place = 0;
  for (let index = 0; index < count; index++) {
    const header = parseEntry(directory, place, bytes.path);
    place = header.next;
    if (entries.has(header.name)) throw checkpointBroken(bytes.path, `it holds ${header.name} twice`);
    entries.set(header.name, await locate(bytes, header));
  }
  return entries;
}

async function findDirectory(bytes: ByteSource): Promise<{ at: number; byteLength: number; count: number }> {
  const tailBytes = Math.min(bytes.byteLength, END_BYTES + MAX_COMMENT_BYTES);
  const tailAt = bytes.byteLength - tailBytes;
  const tail = await bytes.read(tailAt, tailBytes);
  for (let end = tailBytes - END_BYTES; end >= 0; end--) {
    if (tail.readUInt32LE(end) !== END_SIGNATURE) continue;
    if (end + END_BYTES + tail.readUInt16LE(end + 20) > tailBytes) continue;
    const found = {
      count: tail.readUInt16LE(end + 10),
      byteLength: tail.readUInt32LE(end + 12),
      at: tail.readUInt32LE(end + 16),
    };
    const isZip64 = found.count === 0xffff || found.byteLength === ALL_ONES || found.at === ALL_ONES;
    return isZip64 ? findDirectory64(bytes, tailAt + end) : found;
  }
  throw checkpointBroken(bytes.path, 'it is not a zip, or its end is missing: it is truncated');
}

async function findDirectory64(bytes: ByteSource, endAt: number) {
  const locator = await bytes.read(Math.max(0, endAt - END64_LOCATOR_BYTES), END64_LOCATOR_BYTES);
  if (locator.readUInt32LE(0) !== END64_LOCATOR_SIGNATURE)
    throw checkpointBroken(bytes.path, 'its zip64 directory is missing');
  const end = await bytes.read(toNumber(locator.readBigUInt64LE(8)), END64_BYTES);
  if (end.readUInt32LE(0) !== END64_SIGNATURE) throw checkpointBroken(bytes.path, 'its zip64 directory is missing');
  return {
    count: toNumber(end.readBigUInt64LE(32)),
    byteLength: toNumber(end.readBigUInt64LE(40)),
    at: toNumber(end.readBigUInt64LE(48)),
  };
}

interface EntryHeader {
  readonly name: string;
  readonly byteLength: number;
  /** Place of the local header. */
  readonly localAt: number;
  readonly next: number;
}

function parseEntry(directory: Buffer, at: number, path: string): EntryHeader {
  if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE)
    throw checkpointBroken(path, 'its directory ends too soon');
  const flags = directory.readUInt16LE(at + 8);
  const method = directory.readUInt16LE(at + 10);
  const packedBytes = directory.readUInt32LE(at + 20);
  const nameAt = at + ENTRY_BYTES;
  const extraAt = nameAt + directory.readUInt16LE(at + 28);
  const next = extraAt + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  if (next > directory.length) throw checkpointBroken(path, 'its directory ends too soon');
  const name = directory.toString('utf8', nameAt, extraAt);
  if ((flags & 1) !== 0 || method !== 0) throw checkpointBroken(path, `${name} is compressed or encrypted`);
  const wide = [directory.readUInt32LE(at + 24), packedBytes, directory.readUInt32LE(at + 42)];
  widen(wide, directory.subarray(extraAt, extraAt + directory.readUInt16LE(at + 30)), path);
  const [byteLength, packed, localAt] = wide as [number, number, number];
  if (byteLength !== packed) throw checkpointBroken(path, `${name} has two lengths: ${byteLength} and ${packed}`);
  return { name, byteLength, localAt, next };
}

/** Replaces numbers that did not fit into 32 bits by those of the zip64 field, in its fixed order. */
function widen(numbers: number[], extra: Buffer, path: string): void {
  if (!numbers.includes(ALL_ONES)) return;
  let field = findExtra(extra, ZIP64_EXTRA);
  for (const [index, value] of numbers.entries()) {
    if (value !== ALL_ONES) continue;
    if (!field || field.length < 8) throw checkpointBroken(path, 'a zip64 field is missing');
    numbers[index] = toNumber(field.readBigUInt64LE());
    field = field.subarray(8);
  }
}

/** The content of an extra field by its id. */
function findExtra(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === id && end <= extra.length) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}

/** The bytes of an entry begin behind its local header, whose extra field may differ from the directory's. */
async function locate(bytes: ByteSource, { name, byteLength, localAt }: EntryHeader): Promise<ZipEntry> {
  const local = await bytes.read(localAt, LOCAL_BYTES);
  if (local.readUInt32LE(0) !== LOCAL_SIGNATURE)
    throw checkpointBroken(bytes.path, `${name} is not where it should be`);
  const offset = localAt + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (offset + byteLength > bytes.byteLength)
    throw checkpointBroken(bytes.path, `${name} needs ${byteLength} bytes at ${offset}: the file is truncated`);
  return { name, offset, byteLength };
}

function toNumber(value: bigint): number {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.NaN;
}
