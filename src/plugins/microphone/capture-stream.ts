import { CaptureChild } from './capture-child.ts';
import type { CaptureCommand } from './capture-command.ts';
import { CaptureFailure } from './capture-failure.ts';
import type { CaptureTiming } from './capture-timing.ts';
import { orAborted } from './or-aborted.ts';
import { PcmDecoder } from './pcm-decoder.ts';
import { ReplyLine } from './reply-line.ts';

/** Told what a child delivers: samples (mono, -1 … 1), their rate in Hz, and `performance.now()` when they arrived. */
type OnSound = (samples: Float32Array, sampleRateHz: number, arrivedAtMs: number) => void;

/** What it takes to start a capture. */
export interface CaptureStart {
  readonly command: CaptureCommand;
  readonly environment: NodeJS.ProcessEnv;
  readonly timing: CaptureTiming;
  readonly onSound: OnSound;
}

/**
 * Sound from one child process. Whatever goes wrong (the process ends, hangs, is stopped, or its device falls silent
 * without a word, as PortAudio's do) shows as {@link lost}, after the stall limit at the latest.
 */
export class CaptureStream implements AsyncDisposable {
  readonly command: CaptureCommand;
  /** Resolves with the reason when no more sound will come. Never rejects; stays open when disposed first. */
  readonly lost: Promise<CaptureFailure>;
  readonly #child: CaptureChild;
  readonly #start: CaptureStart;
  readonly #decoder = new PcmDecoder();
  readonly #hasBegun: Promise<'begun'>;
  #begin = () => {};
  #lose: (failure: CaptureFailure) => void = () => {};
  #reply: ReplyLine | undefined;
  #sampleRateHz: number;
  #watchdog: NodeJS.Timeout | undefined;
  #isWaitingForFirst = true;
  #isClosed = false;
  /** Counts blocks, so that the watchdog can tell sound that waits in the pipe from none. */
  #blocks = 0;

  private constructor(start: CaptureStart) {
    const { command, environment, timing } = start;
    this.command = command;
    this.#start = start;
    this.#sampleRateHz = command.sampleRateHz;
    this.#reply = command.dialect === 'naudiodon' ? new ReplyLine() : undefined;
    this.#hasBegun = new Promise((resolve) => {
      this.#begin = () => resolve('begun');
    });
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#child = new CaptureChild(command, environment, timing.endLimitMs);
    this.#child.output?.on('data', (bytes: Buffer) => this.#take(bytes));
    void this.#child.ended.then((failure) => this.#lose(failure));
    this.#watchdog = setTimeout(() => this.#onQuiet(), timing.startLimitMs);
  }

  /**
   * Starts a child and waits for its first sound.
   * @throws CaptureFailure when none comes, or the signal's reason; the child is gone then.
   */
  static async start(start: CaptureStart, signal: AbortSignal): Promise<CaptureStream> {
    signal.throwIfAborted();
    const stream = new CaptureStream(start);
    const outcome = await orAborted(Promise.race([stream.#hasBegun, stream.lost]), signal);
    if (outcome === 'begun') return stream;
    await stream[Symbol.asyncDispose]();
    throw outcome ?? signal.reason;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#watchdog);
    return this.#child[Symbol.asyncDispose]();
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed) return;
    const arrivedAtMs = performance.now();
    this.#blocks++;
    const sound = this.#reply ? this.#takeReply(bytes, this.#reply) : bytes;
    if (sound.length === 0) return;
    if (this.#isWaitingForFirst) this.#watchForStalls();
    else this.#watchdog?.refresh();
    const samples = this.#decoder.decode(sound);
    if (samples.length > 0) this.#start.onSound(samples, this.#sampleRateHz, arrivedAtMs);
    this.#begin();
  }

  #takeReply(bytes: Buffer, line: ReplyLine): Buffer {
    try {
      const found = line.take(bytes);
      if (found?.reply.kind !== 'started') return Buffer.alloc(0);
      this.#sampleRateHz = found.reply.sampleRateHz;
      this.#reply = undefined;
      return found.rest;
    } catch (thrown) {
      this.#lose(thrown instanceof CaptureFailure ? thrown : new CaptureFailure('broken', String(thrown)));
      return Buffer.alloc(0);
    }
  }

  #watchForStalls(): void {
    this.#isWaitingForFirst = false;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#onQuiet(), this.#start.timing.stallLimitMs);
  }

  /** No sound for too long, unless this process was held up: then it lies in the pipe and is read first. */
  #onQuiet(): void {
    const blocks = this.#blocks;
    setImmediate(() => {
      if (this.#isClosed) return;
      if (this.#blocks !== blocks) return void this.#watchdog?.refresh();
      const { timing, command } = this.#start;
      const limitMs = this.#isWaitingForFirst ? timing.startLimitMs : timing.stallLimitMs;
      const what = `${command.backend} has delivered no sound for ${limitMs / 1000} s`;
      this.#lose(new CaptureFailure('broken', what + this.#child.lastWords));
    });
  }
}
