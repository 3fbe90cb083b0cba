import { type ChildProcess, spawn } from 'node:child_process';
import { AppError } from '../base/errors.ts';
import { TIME_CODE_MIDDLE } from '../media/time-code.ts';
import { CODE_ROW_BYTES, CodeFinder, type SeenPicture } from './code-finder.ts';
import { OnsetFinder } from './onset-finder.ts';

/** Reads an output's pictures back as any program does, through FFmpeg, and notes how old each is. Owns the process. */
export class PictureReader implements AsyncDisposable {
  readonly #codes = new CodeFinder();
  readonly #reader: ReaderProcess;

  /** @param input FFmpeg's arguments for it. @throws AppError FFMPEG_MISSING by {@link PictureReader.failure}. */
  constructor(input: readonly string[]) {
    const filter = `format=gray,crop=iw:1:0:floor(ih*${TIME_CODE_MIDDLE.toFixed(5)}),scale=${CODE_ROW_BYTES}:1:flags=area`;
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1'];
    // FFmpeg's own threads would hold each picture back until the next one: with one it takes 3 ms.
    const atOnce = ['-fps_mode', 'passthrough', '-flush_packets', '1', '-threads', '1'];
    const output = ['-an', '-vf', filter, ...atOnce, '-f', 'rawvideo', '-'];
    this.#reader = new ReaderProcess('ffmpeg', [...quiet, ...input, ...output], (bytes) =>
      this.#codes.take(bytes, performance.now()),
    );
  }

  /** What was seen so far. */
  get pictures(): readonly SeenPicture[] {
    return this.#codes.pictures;
  }

  /** Pictures without a code that could be read. */
  get unreadable(): number {
    return this.#codes.unreadable;
  }

  /** Why it ended by itself; undefined while it runs. */
  get failure(): string | undefined {
    return this.#reader.failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }
}

/** Records the voice as any program does and finds the pulses in it. Owns the process. */
export class SoundReader implements AsyncDisposable {
  readonly #reader: ReaderProcess;
  readonly #onsets = new OnsetFinder();

  /** @param command records raw float32le, mono, 48 kHz. */
  constructor([program = '', ...args]: readonly string[]) {
    this.#reader = new ReaderProcess(program, args, (bytes) => this.#onsets.take(bytes, performance.now()));
  }

  /** Why it ended by itself; undefined while it runs. */
  get failure(): string | undefined {
    return this.#reader.failure;
  }

  /** When each pulse was heard, `performance.now()` in ms. */
  get heardAtMs(): readonly number[] {
    return this.#onsets.heardAtMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
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
