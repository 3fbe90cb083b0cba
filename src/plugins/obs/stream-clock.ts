import { FRAME_MS, type VideoFrame } from '../../api/media.ts';

/** How late pictures are taken to be before the first one says, in ms. */
const FIRST_LAG_MS = 80;

/**
 * The time of a file that carries sound, too: a picture stands at the moment at which the sound it belongs to was captured.
 * So the voice needs no delay of its own to be in step, however late the picture is. In whole ms, always rising.
 */
export class StreamClock {
  readonly #nowMs: () => number;
  readonly #originMs: number;
  #capturedAtMs = Number.NaN;
  #lagMs = FIRST_LAG_MS;
  #lastMs = -1;

  /** @param nowMs the clock that `capturedAtMs` of pictures and sound was read from. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    // Before anything that will be asked about.
    this.#originMs = Math.floor(nowMs()) - 10_000;
  }

  /** When a picture begins, in ms of this clock. A picture that is shown again stands at its own new time. */
  at({ capturedAtMs }: Pick<VideoFrame, 'capturedAtMs'>): number {
    const now = this.#nowMs();
    if (!Number.isNaN(capturedAtMs) && capturedAtMs !== this.#capturedAtMs) this.#lagMs = now - capturedAtMs;
    this.#capturedAtMs = capturedAtMs;
    // It was made for the sound around its middle.
    const beginsMs = Math.round(now - this.#lagMs - FRAME_MS / 2 - this.#originMs);
    this.#lastMs = Math.max(beginsMs, this.#lastMs + 1);
    return this.#lastMs;
  }

  /** The moment of capturing that stands at this time, in ms of `performance.now()`. */
  capturedAt(ms: number): number {
    return this.#originMs + ms;
  }
}
