import { mkdir, open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, systemCodeOf } from '../base/errors.ts';
import { SNIFF_BYTES, sniffMedia } from './sniff-media.ts';

/** What of the file system an upload uses; a test makes it fail. */
export interface UploadDisk {
  /** Bytes that this user may still write on the disk of a folder. */
  freeBytes(folder: string): Promise<number>;
  /** Creates a file that is not there yet. */
  create(path: string): Promise<UploadFile>;
}

/** A file that is being written. */
interface UploadFile {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** One file on its way in. */
export interface Upload {
  /** Where it goes: a path of our own making. */
  readonly path: string;
  /** What was announced, in bytes. */
  readonly bytes: number;
  readonly body: AsyncIterable<Uint8Array>;
  readonly disk: UploadDisk;
  readonly signal: AbortSignal;
  /** Told how many bytes have come so far. */
  readonly onBytes: (received: number) => void;
}

/**
 * Writes what comes to a file, as it comes. What it is, is looked at as soon as its first bytes are there. Whoever calls
 * removes the file when this fails.
 * @throws AppError UPLOAD_TYPE, UPLOAD_INCOMPLETE, DISK_FULL; the signal's reason when aborted.
 */
export async function receiveUpload({ path, bytes, body, disk, signal, onBytes }: Upload): Promise<void> {
  const file = await disk.create(path).catch((thrown) => {
    throw writeFailed(thrown, path);
  });
  try {
    let received = 0;
    let head = new Uint8Array(0);
    for await (const part of orAborted(body, signal)) {
      received += part.length;
      if (received > bytes) throw incomplete(`More than the ${bytes} bytes came that were announced.`);
      if (head.length < SNIFF_BYTES) {
        head = new Uint8Array(Buffer.concat([head, part.subarray(0, SNIFF_BYTES - head.length)]));
        if (head.length >= SNIFF_BYTES) checkKind(head);
      }
      await file.write(part).catch((thrown) => {
        throw writeFailed(thrown, path);
      });
      onBytes(received);
    }
    if (received < bytes) throw incomplete(`Only ${received} of ${bytes} bytes came.`);
    if (head.length < SNIFF_BYTES) checkKind(head);
  } finally {
    await file.close();
  }
}

/** @throws AppError UPLOAD_TYPE unless avatars can be made of it. */
function checkKind(head: Uint8Array): void {
  const kind = sniffMedia(head);
  if (kind === 'heic') {
    throw new AppError('UPLOAD_TYPE', 'This is a HEIC photo, as iPhones make them; those cannot be read.', {
      fix: 'Save or export it as JPEG first.',
    });
  }
  if (kind === undefined) {
    throw new AppError('UPLOAD_TYPE', 'This file is neither a photo nor a clip that can be read.', {
      fix: 'Use a JPEG, PNG, WebP, AVIF or TIFF photo, or a clip as mp4, mov, webm, mkv, avi or gif.',
    });
  }
}

function incomplete(message: string): AppError {
  return new AppError('UPLOAD_INCOMPLETE', message, { fix: 'Choose the file once more.' });
}

function writeFailed(thrown: unknown, path: string): unknown {
  const code = systemCodeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(dirname(path), thrown);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new AppError('FOLDER_NOT_WRITABLE', `Nothing can be written to ${dirname(path)} (${code}).`, {
      fix: 'Give yourself the right to write there, or choose another folder with MUSECAM_HOME',
      cause: thrown,
    });
  return thrown;
}

/** What is said where there is no room for an upload. */
export function diskFull(folder: string, cause?: unknown): AppError {
  return new AppError('DISK_FULL', `There is not enough space left in ${folder} for this file.`, {
    fix: 'Free some space, then choose the file once more.',
    cause,
  });
}

/** The parts of a body until the signal aborts, even while the next one is waited for. */
async function* orAborted(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const parts = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await untilAborted(parts.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not waited for: a body that hangs would hang here as well.
    void Promise.resolve(parts.return?.()).catch(() => {});
  }
}

/** Not `Promise.race` with one promise for the signal: that would hold every part until the last one has come. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}

/** The disk of this machine. Only this user may read what was handed in. */
export const realDisk: UploadDisk = {
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  async create(path) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'wx', 0o600);
    return {
      async write(bytes) {
        for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
      },
      close: () => file.close(),
    };
  },
};
