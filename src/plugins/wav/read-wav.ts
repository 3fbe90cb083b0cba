import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { decodeToMono } from './decode-samples.ts';
import { SNIFF_BYTES, sniffSound } from './sniff-sound.ts';
import { convertCommand, damaged, parseWavFormat, type WavFormat } from './wav-format.ts';

/** Most bytes held of a file at once. */
const BLOCK_BYTES = 65_536;
/** Chunks before the sound that are looked through before the file counts as damaged. */
const MAX_CHUNKS = 1000;

/** Where the samples of a WAV file lie. */
interface WavLayout {
  readonly format: WavFormat;
  readonly dataStart: number;
  readonly frameCount: number;
}

/** An open WAV file, decoded to mono piece by piece; a file of any length takes 64 KiB. Owns the file handle. */
export class WavFile implements AsyncDisposable {
  readonly sampleRateHz: number;
  /** Samples per channel in the whole file; at least 1. */
  readonly frameCount: number;
  readonly #file: FileHandle;
  readonly #layout: WavLayout;
  readonly #block: Buffer;
  /** Next frame to be read. */
  #position = 0;
  /** First frame in `#block`, and how many are there. */
  #blockStart = 0;
  #blockFrames = 0;

  private constructor(file: FileHandle, layout: WavLayout) {
    this.#file = file;
    this.#layout = layout;
    this.sampleRateHz = layout.format.sampleRateHz;
    this.frameCount = layout.frameCount;
    const { frameBytes } = layout.format;
    this.#block = Buffer.allocUnsafe(Math.max(1, Math.floor(BLOCK_BYTES / frameBytes)) * frameBytes);
  }

  /**
   * Opens and checks a WAV file: RIFF or RF64; PCM of 8, 16, 24 or 32 bits, float of 32 or 64; any number of channels.
   * A length that a streaming writer could not fill in (0 or 0xFFFFFFFF), or that goes beyond the end, means "to the end".
   * @throws AppError WAV_NOT_FOUND, WAV_IS_FOLDER, WAV_UNREADABLE, WAV_EMPTY, WAV_WRONG_TYPE, WAV_DAMAGED,
   * WAV_UNSUPPORTED_CODEC.
   */
  static async open(path: string): Promise<WavFile> {
    const file = await openFile(path);
    try {
      return new WavFile(file, await findSound(file, path));
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Decodes the next samples into `output` and returns how many; fewer than its length only at the end of the file. */
  async read(output: Float32Array): Promise<number> {
    let done = 0;
    while (done < output.length && this.#position < this.frameCount) {
      const offset = this.#position - this.#blockStart;
      if (offset >= this.#blockFrames) {
        if (!(await this.#fill())) break;
        continue;
      }
      const count = Math.min(output.length - done, this.#blockFrames - offset);
      const bytes = this.#block.subarray(offset * this.#layout.format.frameBytes);
      decodeToMono(bytes, this.#layout.format, count, output.subarray(done, done + count));
      this.#position += count;
      done += count;
    }
    return done;
  }

  /** The next {@link read} starts at the first sample again. */
  rewind(): void {
    this.#position = 0;
    this.#blockStart = 0;
    this.#blockFrames = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** Reads the block that begins at the current position; false when the file has become shorter. */
  async #fill(): Promise<boolean> {
    const { frameBytes } = this.#layout.format;
    const wanted = Math.min(this.#block.length, (this.frameCount - this.#position) * frameBytes);
    const start = this.#layout.dataStart + this.#position * frameBytes;
    const got = await readFully(this.#file, this.#block, wanted, start);
    this.#blockStart = this.#position;
    this.#blockFrames = Math.floor(got / frameBytes);
    return this.#blockFrames > 0;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    // Not blocking, so that a pipe without a writer is refused instead of waited for.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (thrown) {
    throw explainOpenFailure(path, thrown);
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  if (stat.isDirectory()) {
    throw new AppError('WAV_IS_FOLDER', `${path} is a folder, not a sound file.`, {
      fix: `Name a file in it: --input wav:${path.replace(/\/*$/, '')}/voice.wav`,
    });
  }
  throw new AppError('WAV_UNREADABLE', `${path} is a device or pipe, not a file.`, {
    fix: 'For sound from a pipe use --input pcm:- (s16le, 16 kHz, mono).',
  });
}

function explainOpenFailure(path: string, thrown: unknown): AppError {
  if (systemCodeOf(thrown) === 'ENOENT' || systemCodeOf(thrown) === 'ENOTDIR') {
    return new AppError('WAV_NOT_FOUND', `There is no file ${path}.`, {
      fix: 'Check the path; a relative path counts from the folder the command was started in.',
      cause: thrown,
    });
  }
  return new AppError('WAV_UNREADABLE', `${path} cannot be read: ${messageOf(thrown)}.`, {
    fix: `Check who may read it: ls -l ${path}`,
    cause: thrown,
  });
}

/** Walks over the chunks up to the sound itself. */
async function findSound(file: FileHandle, path: string): Promise<WavLayout> {
  const { size } = await file.stat();
  await checkStart(file, path, size);
  let format: WavFormat | undefined;
  let longDataBytes: number | undefined;
  for await (const { id, start, byteCount } of walkChunks(file)) {
    if (id === 'fmt ') format = parseWavFormat(await readChunk(file, start, Math.min(byteCount, 64)), path);
    // RF64: lengths beyond 4 GB stand in a chunk of their own.
    if (id === 'ds64') longDataBytes = readLongDataBytes(await readChunk(file, start, 16));
    if (id !== 'data') continue;
    if (!format) throw damaged(path, 'its sound comes before its format chunk');
    const dataBytes = byteCount === 0xffff_ffff ? (longDataBytes ?? byteCount) : byteCount;
    return measureSound(path, format, start, dataBytes, size);
  }
  throw damaged(path, format ? 'it has no sound in it (no data chunk)' : 'it ends within its header');
}

/** The chunks of a RIFF file: name, where the body starts, and the length it claims, all in bytes. */
async function* walkChunks(file: FileHandle) {
  const head = Buffer.alloc(8);
  for (let at = 12, count = 0; count < MAX_CHUNKS; count++) {
    if ((await readFully(file, head, 8, at)) < 8) return;
    const byteCount = head.readUInt32LE(4);
    yield { id: head.toString('latin1', 0, 4), start: at + 8, byteCount };
    // Chunks are padded to an even length.
    at += 8 + byteCount + (byteCount & 1);
  }
}

/** Checks the first 12 bytes. @throws AppError WAV_EMPTY, WAV_DAMAGED, WAV_WRONG_TYPE. */
async function checkStart(file: FileHandle, path: string, size: number): Promise<void> {
  if (size === 0) throw new AppError('WAV_EMPTY', `${path} is an empty file (0 bytes).`, { fix: 'Record it again.' });
  const start = await readChunk(file, 0, SNIFF_BYTES);
  const container = start.toString('latin1', 0, 4);
  const isRiff = container === 'RIFF' || container === 'RF64' || container === 'BW64';
  if (isRiff && start.length < 12) throw damaged(path, `it ends after ${size} bytes, within its header`);
  if (isRiff && start.toString('latin1', 8, 12) === 'WAVE') return;
  const what = sniffSound(start) ?? 'something else (it does not start with RIFF … WAVE)';
  throw new AppError('WAV_WRONG_TYPE', `${path} is not a WAV file but ${what}.`, { fix: convertCommand(path) });
}

function measureSound(
  path: string,
  format: WavFormat,
  dataStart: number,
  claimedBytes: number,
  fileBytes: number,
): WavLayout {
  const present = fileBytes - dataStart;
  // A streaming writer leaves 0 or 0xFFFFFFFF; anything beyond the end means the writer was interrupted.
  const dataBytes = claimedBytes === 0 || claimedBytes > present ? present : claimedBytes;
  const frameCount = Math.floor(dataBytes / format.frameBytes);
  if (frameCount > 0) return { format, dataStart, frameCount };
  throw new AppError('WAV_EMPTY', `${path} holds no sound: its header is fine, but 0 samples follow.`, {
    fix: 'Record or convert it again.',
  });
}

function readLongDataBytes(chunk: Buffer): number | undefined {
  return chunk.length >= 16 ? Number(chunk.readBigUInt64LE(8)) : undefined;
}

async function readChunk(file: FileHandle, position: number, byteCount: number): Promise<Buffer> {
  const bytes = Buffer.alloc(byteCount);
  return bytes.subarray(0, await readFully(file, bytes, byteCount, position));
}

/** Reads up to `byteCount` bytes, fewer only at the end of the file. */
async function readFully(file: FileHandle, bytes: Buffer, byteCount: number, position: number): Promise<number> {
  let done = 0;
  while (done < byteCount) {
    const { bytesRead } = await file.read(bytes, done, byteCount - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
