/**
 * Means over squares, by running sums: the cost does not depend on the radius. At the borders only what lies inside is
 * averaged. Owns the space it works in, so that nothing is allocated per picture.
 */
export class BoxFilter {
  readonly #width: number;
  readonly #height: number;
  readonly #rows: Float32Array;
  readonly #sums: Float64Array;

  /** @param width of the planes in cells. @param height of the planes in cells. */
  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#rows = new Float32Array(width * height);
    this.#sums = new Float64Array(width);
  }

  /**
   * Writes the mean of the `2 * radius + 1` cells square round each cell.
   * @param plane Float32 `[height, width]`. @param out the same shape; may be `plane` itself.
   */
  apply(plane: Float32Array, radius: number, out: Float32Array): void {
    this.#alongRows(plane, radius);
    this.#alongColumns(radius, out);
  }

  #alongRows(plane: Float32Array, radius: number): void {
    const width = this.#width;
    const rows = this.#rows;
    const reach = Math.min(radius, width - 1);
    for (let line = 0; line < plane.length; line += width) {
      let sum = 0;
      for (let x = 0; x < reach; x++) sum += plane[line + x]!;
      for (let x = 0; x < width; x++) {
        const enters = x + reach;
        const leaves = x - reach - 1;
        if (enters < width) sum += plane[line + enters]!;
        if (leaves >= 0) sum -= plane[line + leaves]!;
        rows[line + x] = sum / (Math.min(width - 1, enters) - Math.max(0, leaves + 1) + 1);
      }
    }
  }

  #alongColumns(radius: number, out: Float32Array): void {
    const width = this.#width;
    const height = this.#height;
    const rows = this.#rows;
    const sums = this.#sums;
    const reach = Math.min(radius, height - 1);
    sums.fill(0);
    for (let at = 0; at < reach * width; at++) sums[at % width]! += rows[at]!;
    for (let y = 0; y < height; y++) {
      const enters = y + reach;
      const leaves = y - reach - 1;
      const share = 1 / (Math.min(height - 1, enters) - Math.max(0, leaves + 1) + 1);
      const entering = enters < height ? enters * width : -1;
      const leaving = leaves >= 0 ? leaves * width : -1;
      const line = y * width;
      for (let x = 0; x < width; x++) {
        let sum = sums[x]!;
        if (entering >= 0) sum += rows[entering + x]!;
        if (leaving >= 0) sum -= rows[leaving + x]!;
        sums[x] = sum;
        out[line + x] = sum * share;
      }
    }
  }
}
