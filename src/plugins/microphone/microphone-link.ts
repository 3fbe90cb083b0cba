import { setTimeout as sleep } from 'node:timers/promises';
import type { AudioInputOptions } from '../../api/contributions.ts';
import { messageOf } from '../../base/errors.ts';
import { CaptureClock } from './capture-clock.ts';
import type { CaptureCommand } from './capture-command.ts';
import { CaptureFailure } from './capture-failure.ts';
import { CaptureStream } from './capture-stream.ts';
import { type CaptureChoice, chooseCapture } from './choose-capture.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { explainNoMicrophone } from './explain-no-microphone.ts';
import type { CaptureSurroundings } from './microphone-devices.ts';
import { orAborted } from './or-aborted.ts';
import { SilenceWatch } from './silence-watch.ts';

/**
 * How long even the fastest sample is on its way from the sound server, in ms: measured 0.7 (parec), 1.1 (naudiodon) and
 * 1.5 (arecord). What the hardware itself buffers cannot be seen from here.
 */
const BUFFERING_MS = 1;

/**
 * Keeps a microphone connected: one capture child at a time, replaced with back-off whenever it is lost, for as long as
 * the link is open. Owns the child.
 */
export class MicrophoneLink implements AsyncDisposable {
  /** What was captured, for one reader. */
  readonly queue = new ChunkQueue();
  readonly #options: AudioInputOptions;
  readonly #backend: unknown;
  readonly #surroundings: CaptureSurroundings;
  readonly #closed = new AbortController();
  #label = 'Microphone';
  #stream: CaptureStream | undefined;
  #following: Promise<void> = Promise.resolve();
  #silence: SilenceWatch;
  #reportedDrops = 0;

  private constructor(options: AudioInputOptions, backend: unknown, surroundings: CaptureSurroundings) {
    this.#options = options;
    this.#backend = backend;
    this.#surroundings = surroundings;
    this.#silence = new SilenceWatch(surroundings.timing.silenceLimitSeconds);
  }

  /** Connects for the first time. @throws AppError when that is impossible. */
  static async open(
    options: AudioInputOptions,
    backend: unknown,
    surroundings: CaptureSurroundings,
    signal: AbortSignal,
  ): Promise<MicrophoneLink> {
    const link = new MicrophoneLink(options, backend, surroundings);
    link.#following = link.#follow(await link.#connect(signal));
    return link;
  }

  /** What a person would call the microphone. */
  get label(): string {
    return this.#label;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.queue.close();
    await this.#following;
  }

  /** Stays with a stream until it is lost, then gets the next one. */
  async #follow(first: CaptureStream): Promise<void> {
    const { signal } = this.#closed;
    let stream: CaptureStream | undefined = first;
    while (stream) {
      this.#stream = stream;
      this.#reportListening();
      const reason = await orAborted(stream.lost, signal);
      this.#stream = undefined;
      if (reason) {
        this.#options.log.warn('the microphone is lost', { reason: reason.message });
        this.#reportLost(reason.message);
      }
      await stream[Symbol.asyncDispose]();
      stream = await this.#reconnect(stream.command, signal);
    }
  }

  /** Tries until it works; undefined when the link is closed. */
  async #reconnect(last: CaptureCommand, signal: AbortSignal): Promise<CaptureStream | undefined> {
    const delays = this.#surroundings.timing.retryDelaysMs;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await sleep(delays[Math.min(attempt, delays.length - 1)], undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      try {
        return await this.#connect(signal, last);
      } catch (thrown) {
        if (!signal.aborted) this.#reportLost(messageOf(thrown));
      }
    }
    return undefined;
  }

  /** One try of every way there is, the one that worked last time first. Devices are looked up anew: they may have changed. */
  async #connect(signal: AbortSignal, last?: CaptureCommand): Promise<CaptureStream> {
    const choice = await chooseCapture(this.#options.target, this.#backend, this.#surroundings, signal);
    this.#label = choice.label;
    const isLast = (command: CaptureCommand) => command.program === last?.program;
    const commands = [...choice.commands.filter(isLast), ...choice.commands.filter((command) => !isLast(command))];
    return this.#connectByFirst({ ...choice, commands }, signal);
  }

  async #connectByFirst(choice: CaptureChoice, signal: AbortSignal): Promise<CaptureStream> {
    const failures: CaptureFailure[] = [];
    for (const command of choice.commands) {
      try {
        return await this.#start(command, signal);
      } catch (thrown) {
        if (!(thrown instanceof CaptureFailure)) throw thrown;
        failures.push(thrown);
        this.#options.log.debug('a way to the microphone did not work', { reason: thrown.message });
      }
    }
    const backends = [...new Set(choice.commands.map((command) => command.backend))];
    throw explainNoMicrophone(failures, choice.isListed, backends);
  }

  #start(command: CaptureCommand, signal: AbortSignal): Promise<CaptureStream> {
    const { environment, timing } = this.#surroundings;
    let clock: CaptureClock | undefined;
    this.#silence = new SilenceWatch(timing.silenceLimitSeconds);
    const onSound = (samples: Float32Array, sampleRateHz: number, arrivedAtMs: number) => {
      clock ??= new CaptureClock(sampleRateHz, BUFFERING_MS);
      this.queue.push({ samples, sampleRateHz, capturedAtMs: clock.stamp(samples.length, arrivedAtMs) });
      if (this.#silence.observe(samples, sampleRateHz)) this.#reportListening();
      this.#reportDrops();
    };
    return CaptureStream.start({ command, environment, timing, onSound }, signal);
  }

  #reportListening(): void {
    const stream = this.#stream;
    if (!stream) return;
    if (this.#silence.isSilent) {
      this.#options.onHealth({
        state: 'degraded',
        detail: `${this.#label} delivers only silence: is it muted?`,
        fix: 'Unmute it: at its switch or key, in the sound settings, or with pactl set-source-mute @DEFAULT_SOURCE@ 0',
      });
    } else {
      this.#options.onHealth({ state: 'ready', detail: `${this.#label}, by ${stream.command.backend}` });
    }
  }

  #reportLost(reason: string): void {
    this.#options.onHealth({
      state: 'degraded',
      detail: `The microphone is lost: ${reason}`,
      fix: 'Plug it in again; it is taken up again by itself.',
    });
  }

  #reportDrops(): void {
    const { dropped } = this.queue;
    // A line for the first and then for every hundredth: this can happen for every chunk.
    if (dropped < this.#reportedDrops) return;
    if (dropped > 0) this.#options.log.warn('sound was dropped: the show does not keep up', { chunks: dropped });
    this.#reportedDrops = dropped === 0 ? 1 : dropped + 100;
  }
}
