import { type ByteSource, openByteSource } from './byte-source.ts';
import {
  type Checkpoint,
  checkpointBroken,
  countNumbers,
  decodeNumbers,
  NUMBER_BYTES,
  type NumberType,
  type TensorInfo,
} from './checkpoint.ts';

/** The format's own limit for the table of contents, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_TENSORS = 100_000;

interface Entry extends TensorInfo {
  /** Absolute place in the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * Opens a .safetensors file: u64 length, a JSON table of contents, then the numbers.
 * Format: github.com/huggingface/safetensors, README "Format".
 * @throws AppError CHECKPOINT_BROKEN for anything the format does not allow.
 */
export async function openSafetensors(source: string | ByteSource): Promise<Checkpoint> {
  const bytes = typeof source === 'string' ? await openByteSource(source) : source;
  try {
    const entries = await readEntries(bytes);
    return {
      path: bytes.path,
      tensors: entries,
      async read(name) {
        const entry = entries.get(name);
        if (!entry) throw checkpointBroken(bytes.path, `it has no tensor ${name}`);
        return decodeNumbers(await bytes.read(entry.offset, entry.byteLength), entry.type);
      },
      [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
    };
  } catch (thrown) {
    await bytes[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function readEntries(bytes: ByteSource): Promise<ReadonlyMap<string, Entry>> {
  const headerBytes = (await bytes.read(0, 8)).readBigUInt64LE();
  if (headerBytes < 2n || headerBytes > MAX_HEADER_BYTES)
    throw checkpointBroken(bytes.path, `its table of contents is said to have ${headerBytes} bytes`);
  const header = parseHeader(await bytes.read(8, Number(headerBytes)), bytes.path);
  const names = Object.keys(header);
  if (names.length > MAX_TENSORS) throw checkpointBroken(bytes.path, `it lists ${names.length} tensors`);
  const dataAt = 8 + Number(headerBytes);
  const entries = new Map<string, Entry>();
  for (const name of names)
    if (name !== '__metadata__')
      entries.set(name, parseEntry(bytes.path, name, header[name], dataAt, bytes.byteLength));
  refuseOverlaps(bytes.path, [...entries.values()], dataAt, bytes.byteLength);
  return entries;
}

function parseHeader(bytes: Buffer, path: string): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Record<string, unknown>;
  } catch (thrown) {
    throw checkpointBroken(path, 'its table of contents is not JSON', thrown);
  }
  throw checkpointBroken(path, 'its table of contents is no table');
}

function parseEntry(path: string, name: string, value: unknown, dataAt: number, fileBytes: number): Entry {
  const { dtype, shape, data_offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(NUMBER_BYTES, dtype))
    throw checkpointBroken(path, `${name} has numbers of the unknown type ${String(dtype).slice(0, 20)}`);
  if (!isNumbers(shape) || !isNumbers(data_offsets) || data_offsets.length !== 2)
    throw checkpointBroken(path, `the entry of ${name} is incomplete`);
  const type = dtype as NumberType;
  const [start, end] = data_offsets as [number, number];
  const byteLength = countNumbers(shape, path, name) * NUMBER_BYTES[type];
  if (!Number.isSafeInteger(start) || start < 0 || end - start !== byteLength)
    throw checkpointBroken(path, `${name} needs ${byteLength} bytes, its entry says ${start} to ${end}`);
  if (dataAt + end > fileBytes)
    throw checkpointBroken(
      path,
      `${name} ends at byte ${dataAt + end}, but the file has ${fileBytes}: it is truncated`,
    );
  return { name, type, shape, offset: dataAt + start, byteLength };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 16 && value.every((item) => typeof item === 'number');
}

/** The format demands that tensors cover the file without holes or overlaps; what is hidden in one is not ours to read. */
function refuseOverlaps(path: string, entries: Entry[], dataAt: number, fileBytes: number): void {
  let at = dataAt;
  for (const { name, offset, byteLength } of entries.sort(
    (a, b) => a.offset - b.offset || a.byteLength - b.byteLength,
  )) {
    if (offset !== at) throw checkpointBroken(path, `${name} begins at byte ${offset} instead of ${at}`);
    at = offset + byteLength;
  }
  if (at !== fileBytes) throw checkpointBroken(path, `${fileBytes - at} bytes at its end belong to no tensor`);
}
