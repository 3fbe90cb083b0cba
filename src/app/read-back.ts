import { type ChildProcess, spawn } from 'node:child_process';
import { AppError } from '../base/errors.ts';
import { ageOf, readTimeCode, TIME_CODE_CELLS, TIME_CODE_MIDDLE } from '../media/time-code.ts';

/** Grey values of a time code that are kept of each picture. */
const ROW_BYTES = TIME_CODE_CELLS * 4;
/** Rate at which sound is read back, in Hz. */
const SOUND_RATE_HZ = 48_000;
/** What counts as the first sample of a pulse; pulses have an amplitude of 0.5. */
const THRESHOLD = 0.1;
/** It must have been quiet for this long before, in ms. */
const QUIET_MS = 200;
/** Around a sound's arrival, within which the earliest chunk says how late sound is, in ms. */
const NEAR_MS = 500;

/** A picture that was seen. */
export interface SeenPicture {
  /** When it arrived, `performance.now()` in ms. */
  readonly seenAtMs: number;
  /** How old the middle of its sound was then, in ms. */
  readonly ageMs: number;
}

/** Reads an output's pictures back as any program does, through FFmpeg, and notes how old each is. Owns the process. */
export class PictureReader implements AsyncDisposable {
  readonly pictures: SeenPicture[] = [];
  readonly #reader: ReaderProcess;
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #lastCodeMs: number | undefined;
  #unreadable = 0;

  /** @param input FFmpeg's arguments for it. @throws AppError FFMPEG_MISSING by {@link PictureReader.failure}. */
  constructor(input: readonly string[]) {
    const filter = `format=gray,crop=iw:1:0:floor(ih*${TIME_CODE_MIDDLE.toFixed(5)}),scale=${ROW_BYTES}:1:flags=area`;
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1'];
    // FFmpeg's own threads would hold each picture back until the next one: with one it takes 3 ms.
    const atOnce = ['-fps_mode', 'passthrough', '-flush_packets', '1', '-threads', '1'];
    const output = ['-an', '-vf', filter, ...atOnce, '-f', 'rawvideo', '-'];
    this.#reader = new ReaderProcess('ffmpeg', [...quiet, ...input, ...output], (bytes) => this.#take(bytes));
  }

  /** Pictures without a code that could be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Why it ended by itself; undefined while it runs. */
  get failure(): string | undefined {
    return this.#reader.failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }

  #take(bytes: Buffer): void {
    const seenAtMs = performance.now();
    const all = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (; at + ROW_BYTES <= all.length; at += ROW_BYTES) {
      const codeMs = readTimeCode(all.subarray(at, at + ROW_BYTES));
      if (codeMs === undefined) this.#unreadable++;
      // A picture that is shown again says nothing new.
      else if (codeMs !== this.#lastCodeMs) this.pictures.push({ seenAtMs, ageMs: ageOf(codeMs, seenAtMs) });
      this.#lastCodeMs = codeMs;
    }
    this.#rest = all.subarray(at);
  }
}

interface Arrival {
  /** How much sound had come with it in all, in ms. */
  readonly reachMs: number;
  readonly arrivedMs: number;
}

/** Records the voice as any program does and finds the pulses in it. Owns the process. */
export class SoundReader implements AsyncDisposable {
  readonly #reader: ReaderProcess;
  readonly #arrivals: Arrival[] = [];
  /** Where pulses begin, in ms of recorded sound. */
  readonly #onsetsMs: number[] = [];
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #samples = 0;
  #quietSamples = 0;

  /** @param command records raw float32le, mono, 48 kHz. */
  constructor([program = '', ...args]: readonly string[]) {
    this.#reader = new ReaderProcess(program, args, (bytes) => this.#take(bytes));
  }

  /** Why it ended by itself; undefined while it runs. */
  get failure(): string | undefined {
    return this.#reader.failure;
  }

  /** When each pulse was heard, `performance.now()` in ms, as if this process had never been busy. */
  get heardAtMs(): readonly number[] {
    return this.#onsetsMs.map((onsetMs) => {
      const near = this.#arrivals.filter(({ reachMs }) => Math.abs(reachMs - onsetMs) < NEAR_MS);
      return onsetMs + Math.min(...near.map(({ arrivedMs, reachMs }) => arrivedMs - reachMs));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }

  #take(bytes: Buffer): void {
    const arrivedMs = performance.now();
    const all = Buffer.concat([this.#rest, bytes]);
    const count = all.length >> 2;
    for (let n = 0; n < count; n++) {
      const isLoud = Math.abs(all.readFloatLE(4 * n)) >= THRESHOLD;
      if (isLoud && this.#quietSamples >= (QUIET_MS * SOUND_RATE_HZ) / 1000) {
        this.#onsetsMs.push(((this.#samples + n) * 1000) / SOUND_RATE_HZ);
      }
      this.#quietSamples = isLoud ? 0 : this.#quietSamples + 1;
    }
    this.#samples += count;
    this.#rest = all.subarray(4 * count);
    this.#arrivals.push({ reachMs: (this.#samples * 1000) / SOUND_RATE_HZ, arrivedMs });
  }
}

/** A program whose output is read until it is closed. */
class ReaderProcess implements AsyncDisposable {
  failure: string | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #isClosing = false;

  constructor(program: string, args: readonly string[], take: (bytes: Buffer) => void) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let words = '';
    this.#child.stdout?.on('data', take);
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      words = (words + bytes.toString('utf8')).slice(-500);
    });
    const killNow = () => void this.#child.kill('SIGKILL');
    process.once('exit', killNow);
    this.#ended = new Promise((resolve) => {
      const done = (failure: string) => {
        process.off('exit', killNow);
        if (!this.#isClosing) this.failure ??= failure;
        resolve();
      };
      this.#child.once('error', (thrown) => done(`${program} cannot be started: ${thrown.message}`));
      this.#child.once('close', () => done(`${program} ended${words ? `: ${words.trim()}` : ''}`));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** What a reader that failed means. */
export function readBackFailed(failure: string): AppError {
  return new AppError('CALIBRATION_READ', `what was sent out cannot be read back: ${failure}`, {
    fix: 'It needs ffmpeg for the picture and parec for the sound: sudo apt install ffmpeg pulseaudio-utils',
  });
}
