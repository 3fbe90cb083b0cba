import { ageOf, readTimeCode, TIME_CODE_CELLS } from '../media/time-code.ts';

/** Grey values of a time code that are kept of each picture. */
export const CODE_ROW_BYTES = TIME_CODE_CELLS * 4;
/** A picture is not older than that, in ms: a damaged code passes its check one time in sixteen. */
const OLDEST_MS = 5_000;

/** A picture that was seen. */
export interface SeenPicture {
  /** When it arrived, `performance.now()` in ms. */
  readonly seenAtMs: number;
  /** How old the middle of its sound was then, in ms. */
  readonly ageMs: number;
}

/** Reads the time codes of pictures, of each of which one row of grey values is kept, and how old each is. */
export class CodeFinder {
  readonly pictures: SeenPicture[] = [];
  #rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #lastCodeMs: number | undefined;
  #unreadable = 0;

  /** Pictures without a code that could be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** @param bytes the next rows of {@link CODE_ROW_BYTES}; need not end between two. @param seenAtMs when they came. */
  take(bytes: Buffer, seenAtMs: number): void {
    const all = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (; at + CODE_ROW_BYTES <= all.length; at += CODE_ROW_BYTES) {
      this.#look(readTimeCode(all.subarray(at, at + CODE_ROW_BYTES)), seenAtMs);
    }
    this.#rest = all.subarray(at);
  }

  #look(codeMs: number | undefined, seenAtMs: number): void {
    const ageMs = codeMs === undefined ? Number.POSITIVE_INFINITY : ageOf(codeMs, seenAtMs);
    if (ageMs > OLDEST_MS) this.#unreadable++;
    // A picture that is shown again says nothing new.
    else if (codeMs !== this.#lastCodeMs) this.pictures.push({ seenAtMs, ageMs });
    this.#lastCodeMs = codeMs;
  }
}
