import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenVideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import type { VideoFrame } from '../../api/media.ts';
import { CAMERA_TITLE, Publisher } from './publisher.ts';
import { ServerWatch } from './server-watch.ts';
import { type Surroundings, socketPath } from './surroundings.ts';

/** A publisher that has lived for so long works, in ms: one that cannot reach PipeWire ends at once. */
const PROVEN_AFTER_MS = 400;

/** The open PipeWire camera: keeps a publisher there for as long as it is open, whatever becomes of PipeWire. */
export class PipewireCamera implements OpenVideoOutput {
  readonly label = `${CAMERA_TITLE} (PipeWire)`;
  readonly wantsSound = false;
  readonly #options: VideoOutputOptions;
  readonly #around: Surroundings;
  readonly #closed = new AbortController();
  readonly #following: Promise<void>;
  #publisher: Publisher | undefined;

  constructor(options: VideoOutputOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
    this.#following = this.#follow();
  }

  /** Resolves when PipeWire's publisher has taken the picture; at once while there is none. */
  async send({ data }: VideoFrame): Promise<void> {
    await this.#publisher?.write(data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#publisher?.[Symbol.asyncDispose]();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closed;
    const delays = this.#around.retryDelaysMs;
    for (let failures = 0; !signal.aborted; failures++) {
      const bornMs = performance.now();
      const reason = await this.#publish();
      if (signal.aborted) return;
      this.#options.log.warn('the PipeWire camera is lost', { reason });
      // What has worked for a while deserves a quick try.
      if (performance.now() - bornMs > PROVEN_AFTER_MS) failures = 0;
      this.#options.onHealth({
        state: 'degraded',
        detail: `The PipeWire camera is away: ${reason}`,
        fix: 'It comes back by itself with PipeWire; look: systemctl --user status pipewire',
      });
      await sleep(delays[Math.min(failures, delays.length - 1)], undefined, { signal }).catch(() => {});
    }
  }

  /** One publisher's life; why it is over. */
  async #publish(): Promise<string> {
    await using publisher = new Publisher(this.#around.environment, this.#options, this.#options.framesPerSecond);
    this.#publisher = publisher;
    const proven = setTimeout(() => this.#options.onHealth({ state: 'ready' }), PROVEN_AFTER_MS);
    using server = new ServerWatch(socketPath(this.#around) ?? '');
    const reason = await Promise.race([publisher.ended, server.gone]);
    clearTimeout(proven);
    this.#publisher = undefined;
    return reason;
  }
}
