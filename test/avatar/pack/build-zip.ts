import { crc32, deflateRawSync } from 'node:zlib';

/** A file of a ZIP, and the lies about it. */
export interface ZipItem {
  readonly name: string | Buffer;
  readonly data: Uint8Array;
  /** Default: stored. */
  readonly deflate?: boolean;
  /** What the directory says. */
  readonly says?: Partial<{
    flags: number;
    method: number;
    crc: number;
    packed: number;
    unpacked: number;
    at: number;
    /** External attributes: a Unix mode in the upper half. */
    attributes: number;
    extra: Buffer;
  }>;
  /** Name in the file's own header. */
  readonly localName?: string;
}

/** What the end of the file says. */
export interface ZipEnd {
  readonly count?: number;
  readonly comment?: string;
  readonly disk?: number;
  readonly directoryAt?: number;
  /** Put before the end record: a ZIP64 locator. */
  readonly before?: Buffer;
}

/** Writes a ZIP file in which anything may be a lie. Layout: APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16. */
export function buildZip(items: readonly ZipItem[], end: ZipEnd = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const item of items) {
    const packed = item.deflate ? deflateRawSync(item.data) : Buffer.from(item.data);
    const name = Buffer.from(item.name as string);
    const local = Buffer.from(item.localName ?? name);
    const header = buildHeader(item, packed.length, local.length);
    parts.push(header, local, packed);
    directory.push(buildEntry(item, header, name.length, at), name, item.says?.extra ?? Buffer.alloc(0));
    at += header.length + local.length + packed.length;
  }
  const table = Buffer.concat(directory);
  return Buffer.concat([...parts, table, end.before ?? Buffer.alloc(0), buildEnd(items.length, table.length, at, end)]);
}

function buildHeader({ data, deflate, says = {} }: ZipItem, packed: number, nameLength: number): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE((says.flags ?? 0) & 0xffff, 6);
  header.writeUInt16LE((says.method ?? (deflate ? 8 : 0)) & 0xffff, 8);
  header.writeUInt32LE(says.crc ?? crc32(data), 14);
  header.writeUInt32LE((says.packed ?? packed) >>> 0, 18);
  header.writeUInt32LE((says.unpacked ?? data.length) >>> 0, 22);
  header.writeUInt16LE(nameLength, 26);
  return header;
}

function buildEntry({ says = {} }: ZipItem, header: Buffer, nameLength: number, at: number): Buffer {
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(0x0314, 4);
  header.copy(central, 6, 4, 26);
  central.writeUInt16LE(nameLength, 28);
  central.writeUInt16LE(says.extra?.length ?? 0, 30);
  central.writeUInt32LE((says.attributes ?? 0o100644 * 65_536) >>> 0, 38);
  central.writeUInt32LE(says.at ?? at, 42);
  return central;
}

function buildEnd(count: number, tableBytes: number, tableAt: number, end: ZipEnd): Buffer {
  const comment = Buffer.from(end.comment ?? '');
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(end.disk ?? 0, 4);
  record.writeUInt16LE(end.count ?? count, 8);
  record.writeUInt16LE(end.count ?? count, 10);
  record.writeUInt32LE(tableBytes, 12);
  record.writeUInt32LE(end.directoryAt ?? tableAt, 16);
  record.writeUInt16LE(comment.length, 20);
  return Buffer.concat([record, comment]);
}
