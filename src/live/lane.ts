import type { HealthReport, OpenVideoOutput } from '../api/contributions.ts';
import type { AudioChunk } from '../api/media.ts';
import type { OutputStatus } from '../api/status.ts';
import { messageOf } from '../base/errors.ts';
import type { PooledFrame } from './frame-pool.ts';

/** How long an output may take to close (a long recording is rewritten for fast start) before it is left behind, in ms. */
const CLOSE_DEADLINE_MS = 60_000;

/**
 * One output with a mailbox of one: while it is busy with a picture, newer ones replace each other in the mailbox, so a
 * stuck output slows nobody and is never more than one picture behind.
 */
export class Lane implements AsyncDisposable {
  readonly id: string;
  readonly #output: OpenVideoOutput;
  #waiting: PooledFrame | undefined;
  #sending: Promise<void> | undefined;
  #health: HealthReport = { state: 'ready' };
  #sent = 0;
  #dropped = 0;
  #isClosed = false;

  constructor(id: string, output: OpenVideoOutput) {
    this.id = id;
    this.#output = output;
  }

  get status(): OutputStatus {
    return { id: this.id, label: this.#output.label, ...this.#health, sent: this.#sent, dropped: this.#dropped };
  }

  /** How FFmpeg reads the picture back; undefined where it cannot. */
  get readBack(): readonly string[] | undefined {
    return this.#output.readBack;
  }

  /** What the output says of itself; keeps the newest. */
  reportHealth(report: HealthReport): void {
    this.#health = report;
  }

  /** Leaves a picture in the mailbox and returns at once. The lane holds the frame until it is sent or replaced. */
  offer(frame: PooledFrame): void {
    if (this.#isClosed || this.#health.state === 'failed') return;
    frame.retain();
    if (this.#waiting) {
      this.#waiting[Symbol.dispose]();
      this.#dropped++;
    }
    this.#waiting = frame;
    this.#sending ??= this.#sendAll();
  }

  /** The same between two beats, to outputs that take pictures at any moment. */
  offerBetween(frame: PooledFrame): void {
    if (this.#output.takesBetween) this.offer(frame);
  }

  /** Hands the show's sound on to outputs that want it. */
  hear(samples: Float32Array, start: number): void {
    if (this.#output.wantsSound && !this.#isClosed && this.#health.state !== 'failed')
      this.#output.hear?.(samples, start);
  }

  /** Hands the input's own sound on to outputs that carry the voice. */
  hearVoice(chunk: AudioChunk): void {
    if (!this.#isClosed && this.#health.state !== 'failed') this.#output.hearVoice?.(chunk);
  }

  /** Silence at once, also in place of what is under way; or sound again. */
  setSilent(isSilent: boolean): void {
    this.#output.setSilent?.(isSilent);
  }

  /** Resolves when nothing is waiting or being sent. */
  async idle(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const close = this.#output[Symbol.asyncDispose]();
    await Promise.race([close, new Promise((resolve) => setTimeout(resolve, CLOSE_DEADLINE_MS).unref())]);
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = undefined;
  }

  async #sendAll(): Promise<void> {
    for (let frame = this.#takeWaiting(); frame; frame = this.#takeWaiting()) {
      try {
        await this.#output.send(frame);
        this.#sent++;
      } catch (thrown) {
        if (!this.#isClosed) this.#health = failedHealth(thrown);
      } finally {
        frame[Symbol.dispose]();
      }
    }
    this.#sending = undefined;
  }

  #takeWaiting(): PooledFrame | undefined {
    const frame = this.#waiting;
    this.#waiting = undefined;
    return frame;
  }
}

function failedHealth(thrown: unknown): HealthReport {
  const fix = (thrown as { fix?: unknown }).fix;
  return { state: 'failed', detail: messageOf(thrown), ...(typeof fix === 'string' ? { fix } : {}) };
}
