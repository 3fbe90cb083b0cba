import { FRAME_MS, type FrameIndex } from '../api/media.ts';

/** How many finished frames the pacer looks back on: five seconds. */
const WINDOW_FRAMES = 125;
/** Which share of frames shall be finished when they are due. The rest are repeats, rather than delay for all. */
const READY_SHARE = 0.98;
/** Room between "finished" and "due", in ms, for the timer's own lateness. */
const MARGIN_MS = 3;
/** How far the beat may be from its frame before whole frames are skipped or held, in frames. */
const TOLERANCE_FRAMES = 1.5;

/**
 * Decides which media frame is due at a beat. Media time is audio sample time, and a sound card's clock is never quite
 * ours; so instead of skipping or doubling frames, the pacer says by how much the beat should move to stay just after the
 * moment frames get finished. Only jumps (a stalled or returning microphone) skip or hold whole frames.
 */
export class Pacer {
  readonly #offsetsMs = new Float64Array(WINDOW_FRAMES);
  #count = 0;
  #offsetMs = Number.NaN;
  #due: FrameIndex = -1;

  /** Notes that a frame got finished at `nowMs`. */
  record(frame: FrameIndex, nowMs: number): void {
    this.#offsetsMs[this.#count % WINDOW_FRAMES] = nowMs - frame * FRAME_MS;
    this.#count++;
    const sorted = this.#offsetsMs.slice(0, Math.min(this.#count, WINDOW_FRAMES)).sort();
    this.#offsetMs = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * READY_SHARE))] ?? Number.NaN;
  }

  /** The frame due at a beat, and by how many ms the beats should move (negative: earlier, less latency). */
  beat(dueMs: number): { readonly frame: FrameIndex; readonly slewMs: number } {
    if (Number.isNaN(this.#offsetMs)) return { frame: this.#due, slewMs: 0 };
    const ideal = (dueMs - this.#offsetMs - MARGIN_MS) / FRAME_MS;
    const next = this.#due + 1;
    const ahead = ideal - next;
    if (this.#due < 0 || ahead > TOLERANCE_FRAMES) this.#due = Math.max(next, Math.floor(ideal));
    else if (ahead >= -TOLERANCE_FRAMES) this.#due = next;
    return { frame: this.#due, slewMs: -(ideal - this.#due) * FRAME_MS };
  }

  /** Forgets what was learnt: after the input changed or came back. */
  reset(): void {
    this.#count = 0;
  }
}
