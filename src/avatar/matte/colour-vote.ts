import type { ColourPlanes } from './guided-filter.ts';

/** Steps of each colour in the histograms. */
const STEPS = 16;
/** What every colour counts for before any cell is counted, in cells: rare colours say nothing. */
const PRIOR_CELLS = 6;
/** The most a colour may say, as a natural logarithm of how much more frequent it is on one side. */
const MAX_EVIDENCE = 2;
/** How much a colour weighs, in logits, where the network does not know at all. */
const WEIGHT = 3;

/**
 * Lets colours decide where the network is unsure: a colour that is all over the person and nowhere in the background
 * makes an unsure cell person, and the other way round. Sure cells are left as they are.
 */
export class ColourVote {
  readonly #bins: Uint16Array;
  readonly #inside = new Float32Array(STEPS ** 3);
  readonly #outside = new Float32Array(STEPS ** 3);

  constructor(cells: number) {
    this.#bins = new Uint16Array(cells);
  }

  /** @param person Float32, 0 … 1; changed in place. */
  apply({ red, green, blue }: ColourPlanes, person: Float32Array): void {
    const bins = this.#bins;
    const inside = this.#inside.fill(0);
    const outside = this.#outside.fill(0);
    let insideCells = 0;
    for (let at = 0; at < person.length; at++) {
      const bin = (stepOf(red[at]!) * STEPS + stepOf(green[at]!)) * STEPS + stepOf(blue[at]!);
      const share = person[at]!;
      bins[at] = bin;
      inside[bin]! += share;
      outside[bin]! += 1 - share;
      insideCells += share;
    }
    // Per cell of its side, so that a small person against a large wall is judged fairly.
    const insideScale = 1 / Math.max(1, insideCells);
    const outsideScale = 1 / Math.max(1, person.length - insideCells);
    for (let bin = 0; bin < inside.length; bin++) {
      const prior = PRIOR_CELLS * Math.max(insideScale, outsideScale);
      const ratio = (inside[bin]! * insideScale + prior) / (outside[bin]! * outsideScale + prior);
      inside[bin] = WEIGHT * Math.min(MAX_EVIDENCE, Math.max(-MAX_EVIDENCE, Math.log(ratio)));
    }
    for (let at = 0; at < person.length; at++) {
      const share = person[at]!;
      if (share < 0.02 || share > 0.98) continue;
      const doubt = 4 * share * (1 - share);
      const odds = (share / (1 - share)) * Math.exp(doubt * inside[bins[at]!]!);
      person[at] = odds / (1 + odds);
    }
  }
}

function stepOf(value: number): number {
  return Math.min(STEPS - 1, Math.floor(value * STEPS));
}
