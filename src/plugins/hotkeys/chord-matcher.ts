import type { Chord } from './key-codes.ts';

/** A key that went down or up, as the keyboard tells it. */
export interface KeyEvent {
  readonly keycode: number;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** A chord to watch for, under the name that is reported. */
export interface WatchedChord extends Chord {
  readonly name: string;
  readonly keycode: number;
}

/**
 * A held key repeats after at most 2 s and then faster. One that was told to be down longer ago than this, in ms, was let
 * go without a word (another screen was in front), and is pressed anew.
 */
const FORGET_MS = 3_000;

/** Picks the watched chords out of all keys, each press once, however long it is held. Keeps nothing of other keys. */
export class ChordMatcher {
  /** Watched keys that are down, with when they last said so. */
  readonly #held = new Map<number, number>();
  readonly #altGraph: number;
  readonly #now: () => number;
  #isAltGraph = false;
  #chords: readonly WatchedChord[] = [];

  /** @param altGraph code of the right Alt: it writes characters on many keyboards, and does not count as Alt. */
  constructor(altGraph: number, now: () => number = () => performance.now()) {
    this.#altGraph = altGraph;
    this.#now = now;
  }

  /** The chords that count from now on. */
  watch(chords: readonly WatchedChord[]): void {
    this.#chords = chords;
    const codes = new Set(chords.map(({ keycode }) => keycode));
    for (const keycode of this.#held.keys()) if (!codes.has(keycode)) this.#held.delete(keycode);
  }

  /** A key went down. @returns the chord that it completes, if any. */
  press(event: KeyEvent): string | undefined {
    if (event.keycode === this.#altGraph) this.#isAltGraph = true;
    const chords = this.#chords.filter(({ keycode }) => keycode === event.keycode);
    if (chords.length === 0) return undefined;
    const atMs = this.#now();
    const isHeld = atMs - (this.#held.get(event.keycode) ?? Number.NEGATIVE_INFINITY) < FORGET_MS;
    this.#held.set(event.keycode, atMs);
    if (isHeld) return undefined;
    // A right Alt whose end was not told is no longer held once no Alt is.
    if (!event.altKey) this.#isAltGraph = false;
    return chords.find((chord) => this.#isMet(chord, event))?.name;
  }

  /** A key went up. */
  release({ keycode }: KeyEvent): void {
    if (keycode === this.#altGraph) this.#isAltGraph = false;
    this.#held.delete(keycode);
  }

  #isMet(chord: WatchedChord, event: KeyEvent): boolean {
    const isAlt = event.altKey && !this.#isAltGraph;
    if (event.altKey && !isAlt) return false;
    return (
      chord.ctrl === event.ctrlKey &&
      chord.shift === event.shiftKey &&
      chord.alt === isAlt &&
      chord.meta === event.metaKey
    );
  }
}
