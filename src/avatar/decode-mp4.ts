import { setPriority } from 'node:os';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { frameByteLength, type Size } from '../api/media.ts';
import { messageOf } from '../base/errors.ts';
import { MediaProgram } from './clip/run-ffmpeg.ts';

/** How long ffmpeg may take for one picture before it counts as stuck, in ms. */
const STUCK_AFTER_MS = 30_000;
/** Niceness of the decoder: a show that is running comes first. */
const NICENESS = 10;
/** The longest line of a YUV4MPEG2 stream, in bytes. */
const MAX_LINE_BYTES = 200;

/**
 * The pictures of an avatar's mp4 as I420, as they are: nothing is scaled, converted, turned, doubled or left out. The file
 * is not trusted: it is read as mp4 and nothing else, no other file or address is opened for it, and not more than
 * `frameCount` pictures are taken. A picture is valid until the next one is asked for. ffmpeg is ended with the iteration.
 * @throws AppError FFMPEG_MISSING; Error in words when it does not hold exactly `frameCount` pictures of this size; the
 *   signal's reason when aborted.
 */
export async function* decodeMp4(
  path: string,
  size: Size,
  frameCount: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  await using program = await MediaProgram.start('ffmpeg', decodeArguments(path, frameCount), signal);
  yieldTheProcessor(program.pid);
  const reader = new ByteReader(program);
  try {
    yield* readPictures(reader, size, frameCount);
  } catch (thrown) {
    signal.throwIfAborted();
    await reader.close();
    await program[Symbol.asyncDispose]();
    const { lastWords } = await program.ended;
    throw lastWords ? new Error(`${messageOf(thrown)} (ffmpeg: ${lastWords})`, { cause: thrown }) : thrown;
  } finally {
    await reader.close();
  }
  signal.throwIfAborted();
}

function decodeArguments(path: string, frameCount: number): string[] {
  return [
    ...['-threads', '1', '-protocol_whitelist', 'file,pipe', '-f', 'mov', '-noautorotate'],
    // The rate before the input takes the pictures one after another, whatever times the file gives them.
    ...['-r', '25', '-i', `file:${resolve(path)}`, '-map', '0:v:0', '-frames:v', String(frameCount + 1)],
    ...['-pix_fmt', 'yuv420p', '-f', 'yuv4mpegpipe', 'pipe:1'],
  ];
}

async function* readPictures(reader: ByteReader, size: Size, frameCount: number): AsyncGenerator<Uint8Array, void> {
  checkHeader(await reader.line(), size);
  const picture = new Uint8Array(frameByteLength('i420', size));
  let count = 0;
  for (; (await reader.line()) !== ''; count++) {
    if (count === frameCount) throw new Error(`it holds more than ${frameCount} pictures`);
    if (!(await reader.fill(picture))) break;
    yield picture;
  }
  if (count !== frameCount) throw new Error(`it holds ${count} of ${frameCount} pictures`);
}

/** The first line of a YUV4MPEG2 stream, for example `YUV4MPEG2 W1280 H720 F25:1 Ip A1:1 C420jpeg`. */
function checkHeader(line: string, { width, height }: Size): void {
  if (line === '') throw new Error('it holds no picture that can be read');
  const [, foundWidth, foundHeight] = /^YUV4MPEG2 W(\d+) H(\d+) /.exec(line) ?? [];
  if (Number(foundWidth) !== width || Number(foundHeight) !== height)
    throw new Error(`its pictures are ${foundWidth}x${foundHeight}, not ${width}x${height}`);
}

function yieldTheProcessor(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, NICENESS);
  } catch {
    // A system that does not let us: it only runs less kindly.
  }
}

/** Lines and pieces of known length from a program's output. */
class ByteReader {
  readonly #program: MediaProgram;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(program: MediaProgram) {
    this.#program = program;
    const output: Readable = program.output;
    this.#chunks = output[Symbol.asyncIterator]();
  }

  /** Up to the next line feed, without it; empty at the end. */
  async line(): Promise<string> {
    let text = '';
    while (text.length < MAX_LINE_BYTES) {
      if (this.#at === this.#chunk.length && !(await this.#next())) return '';
      const byte = this.#chunk[this.#at++]!;
      if (byte === 10) return text;
      text += String.fromCharCode(byte);
    }
    throw new Error('ffmpeg gave something that is no picture');
  }

  /** Fills `target`; false when the output ends before. */
  async fill(target: Uint8Array): Promise<boolean> {
    for (let to = 0; to < target.length; ) {
      if (this.#at === this.#chunk.length && !(await this.#next())) return false;
      const count = Math.min(target.length - to, this.#chunk.length - this.#at);
      target.set(this.#chunk.subarray(this.#at, this.#at + count), to);
      this.#at += count;
      to += count;
    }
    return true;
  }

  /** Lets go of what was not read, so that the program can end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<boolean> {
    const timer = setTimeout(() => void this.#program[Symbol.asyncDispose](), STUCK_AFTER_MS);
    try {
      const { done, value } = await this.#chunks.next();
      this.#chunk = done ? Buffer.alloc(0) : value;
      this.#at = 0;
      return !done;
    } finally {
      clearTimeout(timer);
    }
  }
}
