import type { Size } from '../../api/media.ts';
import type { BoxFilter } from './box-filter.ts';

/** Share of the grid below which a hole in a person is a mistake: larger ones are seen between arm and body. */
const MAX_HOLE_SHARE = 0.004;
/** Share of the grid from which on a piece apart from the face may be an arm that leaves the picture and comes back. */
const MIN_PIECE_SHARE = 0.003;
/** How far soft edges reach beyond a piece that is kept, in cells. */
const SOFT_REACH = 6;

/** Cells that hang together. */
interface Region {
  count: number;
  hasFace: boolean;
  touchesEdge: boolean;
  /** The lower edge, or a side below the chin. */
  touchesLowerEdge: boolean;
}

/**
 * Cleans up what the network saw: holes in the person are filled, and pieces that do not hang together with the face are
 * removed, unless they are large and touch the picture's lower edge, or its sides below the chin, as hands do.
 */
export class RegionTidier {
  readonly #width: number;
  readonly #height: number;
  readonly #boxes: BoxFilter;
  readonly #labels: Int32Array;
  readonly #queue: Int32Array;
  readonly #kept: Float32Array;
  #chinRow = 0;

  constructor({ width, height }: Size, boxes: BoxFilter) {
    this.#width = width;
    this.#height = height;
    this.#boxes = boxes;
    this.#labels = new Int32Array(width * height);
    this.#queue = new Int32Array(width * height);
    this.#kept = new Float32Array(width * height);
  }

  /**
   * @param person Float32 `[height, width]`, 0 … 1; changed in place.
   * @param face cells that are face for certain, 1, others 0; all 0 where no face is known: then only specks are removed.
   */
  tidy(person: Float32Array, face: Uint8Array): void {
    const isFaceKnown = face.includes(1);
    this.#chinRow = Math.floor(face.lastIndexOf(1) / this.#width);
    this.#labels.fill(0);
    this.#kept.fill(0);
    let hasRemoved = false;
    for (let start = 0, label = 1; start < person.length; start++) {
      if (this.#labels[start] !== 0) continue;
      const isPerson = person[start]! > 0.5;
      const region = this.#flood(person, face, start, label++);
      if (!isPerson) this.#fillHole(person, region);
      else if (this.#isWanted(region, isFaceKnown)) this.#setRegion(this.#kept, region.count, 1);
      else {
        this.#setRegion(person, region.count, 0);
        hasRemoved = true;
      }
    }
    if (hasRemoved) this.#removeRims(person);
  }

  #fillHole(person: Float32Array, { touchesEdge, count }: Region): void {
    if (!touchesEdge && count < person.length * MAX_HOLE_SHARE) this.#setRegion(person, count, 1);
  }

  #isWanted(region: Region, isFaceKnown: boolean): boolean {
    const isLarge = region.count >= this.#labels.length * MIN_PIECE_SHARE;
    return region.hasFace || (isLarge && (!isFaceKnown || region.touchesLowerEdge));
  }

  /** What was removed leaves a soft rim; it goes too, where nothing that is kept is near. */
  #removeRims(person: Float32Array): void {
    const kept = this.#kept;
    this.#boxes.apply(kept, SOFT_REACH, kept);
    for (let at = 0; at < person.length; at++) if (person[at]! <= 0.5 && kept[at]! < 1e-6) person[at] = 0;
  }

  /** Labels all cells that hang together with `start` on its side of one half; their indices are left in the queue. */
  #flood(person: Float32Array, face: Uint8Array, start: number, label: number): Region {
    const width = this.#width;
    const height = this.#height;
    const queue = this.#queue;
    const isPerson = person[start]! > 0.5;
    const region = { count: 0, hasFace: false, touchesEdge: false, touchesLowerEdge: false };
    const take = (at: number) => {
      if (this.#labels[at] !== 0 || person[at]! > 0.5 !== isPerson) return;
      this.#labels[at] = label;
      queue[region.count++] = at;
    };
    take(start);
    for (let next = 0; next < region.count; next++) {
      const at = queue[next]!;
      const x = at % width;
      const y = (at - x) / width;
      region.hasFace ||= face[at] === 1;
      this.#noteEdges(region, x, y);
      if (x > 0) take(at - 1);
      if (x < width - 1) take(at + 1);
      if (y > 0) take(at - width);
      if (y < height - 1) take(at + width);
    }
    return region;
  }

  #noteEdges(region: Region, x: number, y: number): void {
    const isAtSide = x === 0 || x === this.#width - 1;
    const isAtFoot = y === this.#height - 1;
    if (isAtFoot || (isAtSide && y > this.#chinRow)) region.touchesLowerEdge = true;
    if (isAtFoot || isAtSide || y === 0) region.touchesEdge = true;
  }

  /** Writes a value into the cells of the region flooded last. */
  #setRegion(plane: Float32Array, count: number, value: number): void {
    for (let i = 0; i < count; i++) plane[this.#queue[i]!] = value;
  }
}
