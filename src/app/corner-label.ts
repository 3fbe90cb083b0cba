import type { Painter } from '../live/painter.ts';
import { renderLabel } from '../media/label.ts';

/** What is said where nobody has chosen words. */
const USUAL_WORDS = 'AI avatar';

/** The words in the corner of the picture. */
export class CornerLabel {
  readonly #painter: Pick<Painter, 'label' | 'size'>;
  #text = '';
  /** What comes back when it is switched on again. */
  #lastText = USUAL_WORDS;

  constructor(painter: Pick<Painter, 'label' | 'size'>) {
    this.#painter = painter;
  }

  /** Empty where none are shown. */
  get text(): string {
    return this.#text;
  }

  /** Shows these words; empty: none. @throws AppError LABEL_TOO_LONG. */
  set(text: string): void {
    const words = text.trim();
    this.#painter.label = words === '' ? undefined : renderLabel(words, this.#painter.size);
    this.#text = words;
    if (words !== '') this.#lastText = words;
  }

  /** Shows the words that were there last, or none. */
  turn(on: boolean): void {
    this.set(on ? this.#lastText : '');
  }
}
