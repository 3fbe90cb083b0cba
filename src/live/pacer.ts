import { FRAME_MS, type FrameIndex } from '../api/media.ts';

/** How many finished frames the pacer looks back on: three seconds, so that a stall is soon forgotten. */
const WINDOW_FRAMES = 75;
/** The beat comes after this share of frames is finished, plus a margin as wide as the spread above the median. */
const READY_SHARE = 0.96;
/** Limits of that margin, in ms: the timer's own lateness, and what delay may cost to avoid one repeated picture. */
const MARGIN_MS = { least: 3, most: 12 } as const;
/** How far the beat may be from its frame before whole frames are skipped or held, in frames. */
const TOLERANCE_FRAMES = 1.2;

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
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
    const ready = at(READY_SHARE);
    this.#offsetMs = ready + Math.min(MARGIN_MS.most, Math.max(MARGIN_MS.least, ready - at(0.5)));
  }

  /** The frame due at a beat, and by how many ms the beats should move (negative: earlier, less latency). */
  beat(dueMs: number): { readonly frame: FrameIndex; readonly slewMs: number } {
    if (Number.isNaN(this.#offsetMs)) return { frame: this.#due, slewMs: 0 };
    const ideal = (dueMs - this.#offsetMs) / FRAME_MS;
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
