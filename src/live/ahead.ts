import type { FrameIndex } from '../api/media.ts';

/** How {@link Ahead} works. */
export interface AheadOptions<T> {
  /** Makes one picture. Frames are started in rising order. */
  readonly make: (frame: FrameIndex, signal: AbortSignal) => Promise<T>;
  /** The newest frame that could be made right now: its sound has been heard. */
  readonly newest: () => FrameIndex;
  /** How many pictures may be in work at once. */
  readonly inFlight: number;
  /** First frame to make. */
  readonly first: FrameIndex;
  /** What a failed make means; the show goes on. */
  readonly onFailure: (thrown: unknown) => void;
}

/**
 * Works ahead of the clock. Two laws, each a test of its own:
 * late work is never queued: when the engine is busy, the frames that meanwhile became old are left out;
 * the newest finished picture is shown: {@link Ahead.take} hands out the newest one that is due.
 */
export class Ahead<T extends Disposable> implements AsyncDisposable {
  readonly #options: AheadOptions<T>;
  readonly #finished = new Map<FrameIndex, T>();
  readonly #abort = new AbortController();
  readonly #workers: Promise<void>[];
  #next: FrameIndex;
  #shown: FrameIndex = -1;
  #dropped = 0;

  constructor(options: AheadOptions<T>) {
    this.#options = options;
    this.#next = options.first;
    this.#workers = Array.from({ length: options.inFlight }, () => this.#work());
  }

  /** Frames left out because newer ones were already possible, and pictures finished too late to be shown. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The newest finished picture not newer than `due`, which the caller then owns; older ones are disposed. */
  take(due: FrameIndex): { readonly frame: FrameIndex; readonly picture: T } | undefined {
    let best: FrameIndex = -1;
    for (const frame of this.#finished.keys()) if (frame <= due && frame > best) best = frame;
    const picture = this.#finished.get(best);
    if (!picture) return undefined;
    this.#finished.delete(best);
    this.#shown = best;
    this.#forgetOlderThan(best);
    return { frame: best, picture };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error('the show ended'));
    await Promise.all(this.#workers);
    for (const picture of this.#finished.values()) picture[Symbol.dispose]();
    this.#finished.clear();
  }

  async #work(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const frame = this.#claim();
      try {
        this.#keep(frame, await this.#options.make(frame, signal));
      } catch (thrown) {
        if (signal.aborted) return;
        this.#options.onFailure(thrown);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  /** The next frame worth making: never one that is older than what could be made now. */
  #claim(): FrameIndex {
    const frame = Math.max(this.#next, this.#options.newest());
    this.#dropped += frame - this.#next;
    this.#next = frame + 1;
    return frame;
  }

  #keep(frame: FrameIndex, picture: T): void {
    if (frame <= this.#shown || this.#abort.signal.aborted) {
      this.#dropped++;
      picture[Symbol.dispose]();
      return;
    }
    this.#finished.set(frame, picture);
  }

  #forgetOlderThan(shown: FrameIndex): void {
    for (const [frame, picture] of this.#finished) {
      if (frame > shown) continue;
      this.#finished.delete(frame);
      this.#dropped++;
      picture[Symbol.dispose]();
    }
  }
}
