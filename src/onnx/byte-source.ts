import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import { checkpointBroken } from './checkpoint.ts';

/** Bytes that can be read from any place: a file, or memory in tests. */
export interface ByteSource extends AsyncDisposable {
  /** What it is called in messages. */
  readonly path: string;
  readonly byteLength: number;
  /** Exactly `length` bytes from `offset`. @throws AppError CHECKPOINT_BROKEN when they are not all there. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** One read of more than 1 GiB is split, because the system would. */
const MAX_READ_BYTES = 2 ** 30;

/** Opens a file. @throws AppError CHECKPOINT_BROKEN when it cannot be opened. */
export async function openByteSource(path: string): Promise<ByteSource> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (thrown) {
    throw checkpointBroken(path, messageOf(thrown), thrown);
  }
  const { size } = await file.stat();
  return {
    path,
    byteLength: size,
    async read(offset, length) {
      checkRange(path, size, offset, length);
      const bytes = Buffer.allocUnsafe(length);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await file.read(bytes, at, Math.min(MAX_READ_BYTES, length - at), offset + at);
        if (bytesRead === 0) throw checkpointBroken(path, 'it has become shorter while it was read');
        at += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Bytes in memory as a source. */
export function memorySource(bytes: Uint8Array, path = 'memory'): ByteSource {
  return {
    path,
    byteLength: bytes.byteLength,
    async read(offset, length) {
      checkRange(path, bytes.byteLength, offset, length);
      return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function checkRange(path: string, size: number, offset: number, length: number): void {
  const isInside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size;
  if (!isInside)
    throw checkpointBroken(path, `it has ${size} bytes, but ${length} bytes at ${offset} are needed: it is truncated`);
}
