import type { BoxFilter } from './box-filter.ts';
import type { ColourPlanes } from './guided-filter.ts';

/** Differences of colour from frame to frame, 0 … 1: up to the first it is noise, from the second on the picture moves. */
const DIFFERENCE = { rest: 0.007, moving: 0.025 };
/** Noise is told from movement over squares of this radius, in cells. */
const SMOOTH_RADIUS = 1;
/** What moves makes its neighbourhood follow too: an edge lies beside what differs. In cells. */
const SPREAD_RADIUS = 2;
/** How much of the new value is taken where nothing moves: noise falls to a third, and a true change is there in half a second. */
const REST_SHARE = 0.2;

/** Says, cell by cell, how far values of a clip shall follow the new frame: wholly where it moves, little where it rests. */
export class MotionGate {
  readonly #boxes: BoxFilter;
  readonly #before: ColourPlanes;
  readonly #difference: Float32Array;
  #hasBefore = false;
  /** Float32 `[height, width]`: share of the new value, up to 1. */
  readonly follow: Float32Array;

  constructor(cells: number, boxes: BoxFilter) {
    const plane = () => new Float32Array(cells);
    this.#boxes = boxes;
    this.#before = { red: plane(), green: plane(), blue: plane() };
    this.#difference = plane();
    this.follow = plane();
  }

  /** Takes in the next frame's colours and works out `follow`. @param isNewShot everything is new. */
  look(colours: ColourPlanes, isNewShot: boolean): void {
    const { red, green, blue } = this.#before;
    const difference = this.#difference;
    if (isNewShot || !this.#hasBefore) this.follow.fill(1);
    else {
      for (let at = 0; at < difference.length; at++)
        difference[at] = Math.max(
          Math.abs(colours.red[at]! - red[at]!),
          Math.abs(colours.green[at]! - green[at]!),
          Math.abs(colours.blue[at]! - blue[at]!),
        );
      this.#boxes.apply(difference, SMOOTH_RADIUS, difference);
      for (let at = 0; at < difference.length; at++) {
        const moved = (difference[at]! - DIFFERENCE.rest) / (DIFFERENCE.moving - DIFFERENCE.rest);
        difference[at] = Math.min(1, Math.max(0, moved));
      }
      this.#boxes.apply(difference, SPREAD_RADIUS, difference);
      const gain = 2 * SPREAD_RADIUS + 1;
      for (let at = 0; at < difference.length; at++)
        this.follow[at] = Math.min(1, REST_SHARE + (1 - REST_SHARE) * gain * difference[at]!);
    }
    red.set(colours.red);
    green.set(colours.green);
    blue.set(colours.blue);
    this.#hasBefore = true;
  }
}
