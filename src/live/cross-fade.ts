import { fadeFrom } from '../media/fade.ts';
import type { PooledFrame } from './frame-pool.ts';

/** The most frames a fade may take: one second. */
export const MAX_FADE_FRAMES = 25;

/** What a picture without a matte is where the other one has it: person all over. */
const OPAQUE = 255;

/**
 * Fades from the picture that was shown when an avatar was swapped into those of the new one, which begin at once. The old
 * picture stands still meanwhile: for a fifth of a second nobody sees that, and nothing has to be drawn twice.
 */
export class CrossFade implements Disposable {
  /** How many frames a fade takes, 0 … {@link MAX_FADE_FRAMES}; 0 = a cut. May be changed at any time. */
  frames: number;
  #before: PooledFrame | undefined;
  #done = 0;
  #total = 0;

  constructor(frames = 0) {
    this.frames = frames;
  }

  /** Whether a picture is being faded out. */
  get isFading(): boolean {
    return this.#before !== undefined;
  }

  /** The next picture shows another avatar. @param shown what is on air now, itself perhaps half faded. */
  begin(shown: PooledFrame): void {
    this[Symbol.dispose]();
    if (this.frames <= 0) return;
    this.#before = shown.retain();
    this.#done = 0;
    this.#total = Math.min(MAX_FADE_FRAMES, this.frames);
  }

  /** Mixes the old picture into one that is about to be shown and that nobody else holds yet. */
  mix(next: PooledFrame): void {
    const before = this.#before;
    if (!before) return;
    this.#done++;
    const share = this.#done / (this.#total + 1);
    fadeFrom(next.data, before.data, share);
    if (before.alpha || next.alpha) {
      if (!next.alpha) next.needAlpha().fill(OPAQUE);
      fadeFrom(next.alpha!, before.alpha ?? OPAQUE, share);
    }
    if (this.#done >= this.#total) this[Symbol.dispose]();
  }

  /** Gives the old picture back; what is shown next is the new avatar alone. */
  [Symbol.dispose](): void {
    this.#before?.[Symbol.dispose]();
    this.#before = undefined;
  }
}
