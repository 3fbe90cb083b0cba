/** How many chunks are looked back on. */
const WINDOW_CHUNKS = 256;
/** Share of chunks that must be in time. The others came after this process had been held up, all in one burst. */
const IN_TIME_SHARE = 0.9;
/** Held-up chunks count for no more than this, in ms. */
const MOST_MS = 150;
/** How often the answer is worked out anew, in chunks. */
const EVERY = 16;

/** How long after its capture sound arrives here, as a rule: it cannot be heard sooner. */
export class ArrivalWatch {
  readonly #ring = new Float64Array(WINDOW_CHUNKS);
  #count = 0;
  #usualMs = 0;

  /** How late the first sample of a chunk is, but for the slowest tenth, in ms; 0 before the first chunk. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** Notes how long after its capture the first sample of a chunk arrived, in ms. */
  note(lateMs: number): void {
    this.#ring[this.#count++ % WINDOW_CHUNKS] = Math.min(MOST_MS, lateMs);
    if (this.#count % EVERY !== 1) return;
    const seen = this.#ring.slice(0, Math.min(this.#count, WINDOW_CHUNKS)).sort();
    this.#usualMs = seen[Math.floor((seen.length - 1) * IN_TIME_SHARE)] ?? 0;
  }
}
