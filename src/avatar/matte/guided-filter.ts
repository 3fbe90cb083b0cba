import { BoxFilter } from './box-filter.ts';

/** A picture on a grid: one Float32 plane `[height, width]` a colour, 0 … 1. */
export interface ColourPlanes {
  readonly red: Float32Array;
  readonly green: Float32Array;
  readonly blue: Float32Array;
}

/** How a value follows from a colour: `red * r + green * g + blue * b + base`, one plane each. */
export interface ColourLine extends ColourPlanes {
  readonly base: Float32Array;
}

/**
 * The guided filter with a colour picture as its guide (He, Sun, Tang: Guided Image Filtering, ECCV 2010, equations 14 and
 * 15), in its fast form (He, Sun: Fast Guided Filter, 2015): the lines are fitted on a small grid and are then used at
 * full size, so that what comes out has the picture's own edges. Owns the space it works in.
 */
export class GuidedFilter {
  readonly #boxes: BoxFilter;
  readonly #planes: readonly Float32Array[];
  readonly #floor: Float32Array;
  readonly #line: ColourLine;

  /** @param width of the grid in cells. @param height of the grid in cells. */
  constructor(width: number, height: number) {
    this.#boxes = new BoxFilter(width, height);
    const plane = () => new Float32Array(width * height);
    this.#planes = Array.from({ length: 10 }, plane);
    this.#floor = plane();
    this.#line = { red: plane(), green: plane(), blue: plane(), base: plane() };
  }

  /**
   * Fits in each square the line that comes nearest to `target`, and averages the lines that cover a cell.
   * @param texture standard deviation of the colours inside each cell: what the grid has averaged away, and yet is there
   *   at full size, must not be taken for an edge. Its mean counts, squared, so that a few cells on an edge count little. @param radius half the side of a square, in cells.
   * @param smoothness epsilon of the paper, in squared colour units.
   * @returns planes that are overwritten by the next call.
   */
  fit(
    guide: ColourPlanes,
    texture: Float32Array,
    target: Float32Array,
    radius: number,
    smoothness: number,
  ): ColourLine {
    const { red, green, blue, base } = this.#line;
    this.#average(guide, target, radius);
    this.#boxes.apply(texture, radius, this.#floor);
    for (let at = 0; at < texture.length; at++) this.#floor[at] = smoothness + this.#floor[at]! ** 2;
    this.#solve();
    for (const plane of [red, green, blue, base]) this.#boxes.apply(plane, radius, plane);
    return this.#line;
  }

  /** Means and products of guide and target in each square. */
  #average(guide: ColourPlanes, target: Float32Array, radius: number): void {
    const [rr, rg, rb, gg, gb, bb, rt, gt, bt, mt] = this.#planes as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (let at = 0; at < target.length; at++) {
      const r = guide.red[at]!;
      const g = guide.green[at]!;
      const b = guide.blue[at]!;
      const t = target[at]!;
      rr[at] = r * r;
      rg[at] = r * g;
      rb[at] = r * b;
      gg[at] = g * g;
      gb[at] = g * b;
      bb[at] = b * b;
      rt[at] = r * t;
      gt[at] = g * t;
      bt[at] = b * t;
    }
    for (const plane of [rr, rg, rb, gg, gb, bb, rt, gt, bt]) this.#boxes.apply(plane, radius, plane);
    this.#boxes.apply(target, radius, mt);
    // The means wait where the lines will be.
    this.#boxes.apply(guide.red, radius, this.#line.red);
    this.#boxes.apply(guide.green, radius, this.#line.green);
    this.#boxes.apply(guide.blue, radius, this.#line.blue);
  }

  /** Solves (covariance + floor) line = covariance with the target, in each cell, by the symmetric 3x3 inverse. */
  #solve(): void {
    const { red, green, blue, base } = this.#line;
    const [rr, rg, rb, gg, gb, bb, rt, gt, bt, mt] = this.#planes;
    for (let at = 0; at < base.length; at++) {
      const r = red[at]!;
      const g = green[at]!;
      const b = blue[at]!;
      const t = mt![at]!;
      const smoothness = this.#floor[at]!;
      const crr = rr![at]! - r * r + smoothness;
      const crg = rg![at]! - r * g;
      const crb = rb![at]! - r * b;
      const cgg = gg![at]! - g * g + smoothness;
      const cgb = gb![at]! - g * b;
      const cbb = bb![at]! - b * b + smoothness;
      const crt = rt![at]! - r * t;
      const cgt = gt![at]! - g * t;
      const cbt = bt![at]! - b * t;
      const irr = cgg * cbb - cgb * cgb;
      const irg = crb * cgb - crg * cbb;
      const irb = crg * cgb - crb * cgg;
      const igg = crr * cbb - crb * crb;
      const igb = crg * crb - crr * cgb;
      const ibb = crr * cgg - crg * crg;
      const share = 1 / (crr * irr + crg * irg + crb * irb);
      const lr = (irr * crt + irg * cgt + irb * cbt) * share;
      const lg = (irg * crt + igg * cgt + igb * cbt) * share;
      const lb = (irb * crt + igb * cgt + ibb * cbt) * share;
      red[at] = lr;
      green[at] = lg;
      blue[at] = lb;
      base[at] = t - lr * r - lg * g - lb * b;
    }
  }
}
