/**
 * Counts wrong tokens. After `limit` of them within `windowMs` the door stays shut for new tokens until the oldest is
 * older than the window, so that nobody can guess at speed. One counter for all: every client is on this machine.
 */
export class WrongTries {
  readonly #times: number[] = [];
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #nowMs: () => number;

  constructor(limit: number, windowMs: number, nowMs: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#nowMs = nowMs;
  }

  /** Whole seconds until the next try is allowed; 0 when it is allowed now. */
  get waitSeconds(): number {
    this.#forget();
    const oldest = this.#times[0];
    if (oldest === undefined || this.#times.length < this.#limit) return 0;
    return Math.max(1, Math.ceil((oldest + this.#windowMs - this.#nowMs()) / 1000));
  }

  /** Counts one wrong token. Keeps at most `limit` times, so that a flood costs no memory. */
  note(): void {
    this.#forget();
    if (this.#times.length < this.#limit) this.#times.push(this.#nowMs());
  }

  #forget(): void {
    const oldestKept = this.#nowMs() - this.#windowMs;
    while (this.#times.length > 0 && this.#times[0]! <= oldestKept) this.#times.shift();
  }
}
