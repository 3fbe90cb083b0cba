import type { AudioChunk } from '../../api/media.ts';

/** Sound that waits to be asked for; beyond this much the oldest is dropped, in s. */
const MAX_WAITING_SECONDS = 2;

/** Hands chunks from a device, which never waits, to one reader. */
export class ChunkQueue {
  readonly #waiting: AudioChunk[] = [];
  #waitingSeconds = 0;
  #isRead = false;
  #isClosed = false;
  #wake = () => {};
  /** Chunks dropped because the reader was too slow. */
  dropped = 0;

  /** Adds a chunk. While nobody reads it is dropped: a show starts with what is said now. */
  push(chunk: AudioChunk): void {
    if (!this.#isRead || this.#isClosed) return;
    this.#waiting.push(chunk);
    this.#waitingSeconds += secondsOf(chunk);
    while (this.#waitingSeconds > MAX_WAITING_SECONDS && this.#waiting.length > 1) {
      this.#waitingSeconds -= secondsOf(this.#waiting.shift()!);
      this.dropped++;
    }
    this.#wake();
  }

  /** Ends the reader. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** The chunks in order, until {@link close} or the signal. */
  async *read(signal: AbortSignal): AsyncGenerator<AudioChunk> {
    this.#isRead = true;
    const onAbort = () => this.#wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted && !this.#isClosed) {
        const chunk = this.#waiting.shift();
        if (chunk) {
          this.#waitingSeconds -= secondsOf(chunk);
          yield chunk;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#isRead = false;
      this.#waiting.length = 0;
      this.#waitingSeconds = 0;
    }
  }
}

function secondsOf(chunk: AudioChunk): number {
  return chunk.samples.length / chunk.sampleRateHz;
}
