import type { Size } from '../../api/media.ts';
import { smoothstep } from './curves.ts';
import { type EyePoints, lidRingOf } from './face-points.ts';
import type { Canvas } from './mouth-interior.ts';

/** Steps in which the lid's edge is described from corner to corner. */
const TABLE_SIZE = 128;
/** Places along the edge at which its colour is known, per pair of points. */
const TINTS_PER_PAIR = 8;
/** All widths as shares of the eye's width; none is less than what antialiasing needs, in pixels. */
const WIDTH = {
  /** Over which the margin fades out, away from the lid and into it. */
  fade: 0.026,
  leastFadePx: 1.3,
  /** What of the lid the margin covers before it fades into it. */
  inside: 0.008,
  /** How far a shut lid's margin reaches beyond the edge: the source's own eye shows a little beside the landmarks. */
  shut: 0.014,
  /** The margin grows to its shut width as the opening shrinks from this. */
  nearlyShut: 0.06,
  /** How far above its edge a lid's lashes are looked for. */
  lashes: 0.05,
  /** A lid that has come down this far has its margin in full. */
  moved: 0.02,
} as const;

/** A lid less far from its eyeball's edge than this is at rest, in pixels. */
const STILL_PX = 1 / 16;
/** Samples between the lid's edge and the end of its lashes, and how often neighbouring tints are mixed. */
const LASH_STEPS = 9;
const SMOOTHING_ROUNDS = 6;

interface Source {
  readonly body: Uint8Array;
  readonly size: Size;
  readonly from: Float32Array;
}

/**
 * Paints the soft margin of an upper lid that comes down: a line of lash colour, faded to both sides, over the edge where
 * the lid's triangles end in stairs, and over what of the eyeball would peep out of a shut eye. A lid at rest keeps its
 * own pixels, and so does one that moves with the eyeball.
 */
export class LidMargin {
  /** Vertices of the edge from corner to corner, and at the same places the eyeball's edge, the lower lid and the fold. */
  readonly #edge: readonly number[];
  readonly #eyeball: readonly number[];
  readonly #lower: readonly number[];
  readonly #fold: readonly number[];
  /** Per place along the edge, {@link TINTS_PER_PAIR} a pair: Y, U, V, 0 … 255. */
  readonly #tints: readonly [Float32Array, Float32Array, Float32Array];
  // The edge in this frame by its share of the way from corner to corner.
  readonly #heightPx = new Float32Array(TABLE_SIZE + 1);
  readonly #cosine = new Float32Array(TABLE_SIZE + 1);
  readonly #strength = new Float32Array(TABLE_SIZE + 1);
  readonly #beyondPx = new Float32Array(TABLE_SIZE + 1);
  readonly #tint = new Uint8Array(TABLE_SIZE + 1);
  // The edge's points: across and down from its first corner in pixels, how much margin, how far beyond.
  readonly #points: readonly [Float32Array, Float32Array, Float32Array, Float32Array];
  /** The body picture as long as its lashes have not been measured. */
  #source: Source | undefined;
  /** 1 or -1: which side of the line from corner to corner is down. */
  #side = 1;
  #widthPx = 0;
  // The line from corner to corner in this frame.
  #x = 0;
  #y = 0;
  #acrossX = 1;
  #acrossY = 0;
  #lengthPx = 1;

  /** @param eyeballAt the eyeball's first vertex; the first 16 are its edge, in the order of `lidRingOf`. */
  constructor(eye: EyePoints, eyeballAt: number) {
    const ring = lidRingOf(eye);
    this.#edge = [eye.outer, ...eye.upper, eye.inner];
    this.#eyeball = this.#edge.map((point) => eyeballAt + ring.indexOf(point));
    this.#lower = [eye.outer, ...eye.lower, eye.inner];
    this.#fold = [eye.outer, ...eye.fold, eye.inner];
    const count = this.#edge.length;
    const tints = (count - 1) * TINTS_PER_PAIR + 1;
    this.#tints = [new Float32Array(tints), new Float32Array(tints), new Float32Array(tints)];
    this.#points = [new Float32Array(count), new Float32Array(count), new Float32Array(count), new Float32Array(count)];
  }

  /**
   * Takes another body picture; its lashes are measured when the lid first comes down. Both arguments are kept.
   * @param body I420 of `size`. @param from Float32 `[vertexCount, 2]`: where the vertices lie, in pixels of `body`.
   */
  setSource(body: Uint8Array, size: Size, from: Float32Array): void {
    this.#source = { body, size, from };
    this.#side = 1;
    this.#placeLine(from);
    const middle = this.#edge.length >> 1;
    if (this.#downOf(from, this.#lower[middle]!) < this.#downOf(from, this.#edge[middle]!)) this.#side = -1;
    this.#widthPx = this.#lengthPx;
  }

  /**
   * Paints the margin over a frame whose triangles are drawn. @param to Float32 `[vertexCount, 2]`, canvas pixels.
   * @param box left, top, right, bottom of all that changed; widened by what is painted.
   */
  paint(canvas: Canvas, to: Float32Array, box: Float32Array): void {
    this.#placeLine(to);
    if (!this.#placePoints(to)) return;
    if (this.#source) this.#measureTints(this.#source);
    this.#source = undefined;
    this.#fillTables();
    const fadePx = Math.max(WIDTH.leastFadePx, WIDTH.fade * this.#widthPx);
    const insidePx = WIDTH.inside * this.#widthPx;
    const reachPx = fadePx + Math.max(insidePx, WIDTH.shut * this.#widthPx);
    let [left, top, right, bottom] = [canvas.width, canvas.height, 0, 0];
    for (const vertex of this.#edge) {
      left = Math.min(left, to[vertex * 2]!);
      right = Math.max(right, to[vertex * 2]!);
      top = Math.min(top, to[vertex * 2 + 1]!);
      bottom = Math.max(bottom, to[vertex * 2 + 1]!);
    }
    const x0 = Math.max(0, Math.floor(left - reachPx)) & ~1;
    const y0 = Math.max(0, Math.floor(top - reachPx)) & ~1;
    const x1 = Math.min(canvas.width, Math.ceil(right + reachPx));
    const y1 = Math.min(canvas.height, Math.ceil(bottom + reachPx));
    for (let y = y0; y < y1; y += 2) {
      for (let x = x0; x < x1; x += 2) this.#paintBlock(canvas, x, y, fadePx, insidePx);
    }
    box[0] = Math.min(box[0]!, x0);
    box[1] = Math.min(box[1]!, y0);
    box[2] = Math.max(box[2]!, x1);
    box[3] = Math.max(box[3]!, y1);
  }

  /** Finds the darkest colour just above the edge, which is that of the lashes, all along the lid. */
  #measureTints({ body, size, from }: Source): void {
    const [lumas, us, vs] = this.#tints;
    const { width, height } = size;
    const pixels = width * height;
    for (let place = 0; place < lumas.length; place++) {
      const pair = Math.min(this.#edge.length - 2, Math.floor(place / TINTS_PER_PAIR));
      const share = place / TINTS_PER_PAIR - pair;
      const x = between(from, this.#edge, pair, share, 0);
      const y = between(from, this.#edge, pair, share, 1);
      const toX = between(from, this.#fold, pair, share, 0) - x;
      const toY = between(from, this.#fold, pair, share, 1) - y;
      const distance = Math.hypot(toX, toY);
      const reachPx = Math.min(Math.max(1, WIDTH.lashes * this.#widthPx), distance);
      lumas[place] = Number.POSITIVE_INFINITY;
      for (let step = 0; step < LASH_STEPS; step++) {
        // From a third of the way on: nearer, the eyeball's own dark would count.
        const way = distance > 0 ? (reachPx * (1 / 3 + ((2 / 3) * step) / (LASH_STEPS - 1))) / distance : 0;
        const [sx, sy] = [x + toX * way, y + toY * way];
        const luma = sample(body, 0, width, height, sx, sy);
        if (luma >= lumas[place]!) continue;
        lumas[place] = luma;
        us[place] = sample(body, pixels, width >> 1, height >> 1, sx / 2 - 0.25, sy / 2 - 0.25);
        vs[place] = sample(body, pixels * 1.25, width >> 1, height >> 1, sx / 2 - 0.25, sy / 2 - 0.25);
      }
    }
    for (const tint of this.#tints) for (let round = 0; round < SMOOTHING_ROUNDS; round++) smoothInPlace(tint);
  }

  #placeLine(vertices: Float32Array): void {
    const first = this.#edge[0]! * 2;
    const last = this.#edge.at(-1)! * 2;
    this.#x = vertices[first]!;
    this.#y = vertices[first + 1]!;
    const [dx, dy] = [vertices[last]! - this.#x, vertices[last + 1]! - this.#y];
    this.#lengthPx = Math.max(1, Math.hypot(dx, dy));
    this.#acrossX = dx / this.#lengthPx;
    this.#acrossY = dy / this.#lengthPx;
  }

  #acrossOf(vertices: Float32Array, vertex: number): number {
    return (vertices[vertex * 2]! - this.#x) * this.#acrossX + (vertices[vertex * 2 + 1]! - this.#y) * this.#acrossY;
  }

  #downOf(vertices: Float32Array, vertex: number): number {
    const [x, y] = [vertices[vertex * 2]! - this.#x, vertices[vertex * 2 + 1]! - this.#y];
    return (y * this.#acrossX - x * this.#acrossY) * this.#side;
  }

  /** Fills in the edge's points; false when the lid has nowhere come down over its eyeball. */
  #placePoints(to: Float32Array): boolean {
    const [across, down, strength, beyond] = this.#points;
    const last = across.length - 1;
    let strongest = 0;
    for (let place = 0; place <= last; place++) {
      const edge = this.#edge[place]!;
      across[place] = this.#acrossOf(to, edge);
      // A lid turned away from the camera may fold over; its edge is followed from corner to corner all the same.
      if (place > 0) across[place] = Math.max(across[place]!, across[place - 1]! + 1e-3);
      const downPx = this.#downOf(to, edge);
      down[place] = downPx;
      const movedPx = downPx - this.#downOf(to, this.#eyeball[place]!);
      strength[place] = smoothstep(STILL_PX, STILL_PX + WIDTH.moved * this.#widthPx, movedPx);
      strongest = Math.max(strongest, strength[place]!);
      const openPx = this.#downOf(to, this.#lower[place]!) - downPx;
      beyond[place] = WIDTH.shut * this.#widthPx * smoothstep(WIDTH.nearlyShut * this.#widthPx, 0, openPx);
    }
    // The corners themselves never move.
    strength[0] = strength[1]!;
    strength[last] = strength[last - 1]!;
    beyond[0] = beyond[1]!;
    beyond[last] = beyond[last - 1]!;
    return strongest > 0;
  }

  #fillTables(): void {
    const [across, down, strength, beyond] = this.#points;
    let place = 0;
    for (let index = 0; index <= TABLE_SIZE; index++) {
      const at = (index / TABLE_SIZE) * this.#lengthPx;
      while (place < across.length - 2 && across[place + 1]! < at) place++;
      const run = across[place + 1]! - across[place]!;
      const share = Math.min(1, Math.max(0, (at - across[place]!) / run));
      this.#heightPx[index] = down[place]! + (down[place + 1]! - down[place]!) * share;
      this.#strength[index] = strength[place]! + (strength[place + 1]! - strength[place]!) * share;
      this.#beyondPx[index] = beyond[place]! + (beyond[place + 1]! - beyond[place]!) * share;
      this.#tint[index] = Math.round((place + share) * TINTS_PER_PAIR);
    }
    const stepPx = this.#lengthPx / TABLE_SIZE;
    for (let index = 0; index <= TABLE_SIZE; index++) {
      const before = Math.max(0, index - 3);
      const after = Math.min(TABLE_SIZE, index + 3);
      const run = (after - before) * stepPx;
      this.#cosine[index] = run / Math.hypot(run, this.#heightPx[after]! - this.#heightPx[before]!);
    }
  }

  /** Paints 2x2 pixels and their chroma sample. */
  #paintBlock(canvas: Canvas, x: number, y: number, fadePx: number, insidePx: number): void {
    const { bytes, width } = canvas;
    const [lumas, us, vs] = this.#tints;
    let [sum, tint] = [0, 0];
    for (let corner = 0; corner < 4; corner++) {
      const column = x + (corner & 1);
      const row = y + (corner >> 1);
      const [fromX, fromY] = [column - this.#x, row - this.#y];
      const across = fromX * this.#acrossX + fromY * this.#acrossY;
      const place = Math.min(TABLE_SIZE, Math.max(0, (across / this.#lengthPx) * TABLE_SIZE));
      const index = Math.min(TABLE_SIZE - 1, Math.floor(place));
      const height = this.#heightPx[index]! + (this.#heightPx[index + 1]! - this.#heightPx[index]!) * (place - index);
      const down = (fromY * this.#acrossX - fromX * this.#acrossY) * this.#side - height;
      const besidePx = Math.max(0, -across, across - this.#lengthPx);
      const awayPx = Math.abs(down) * this.#cosine[index]!;
      const solidPx = down > 0 || besidePx > 0 ? this.#beyondPx[index]! : insidePx;
      const farPx = besidePx > 0 ? Math.hypot(besidePx, awayPx) : awayPx;
      const cover = this.#strength[index]! * Math.min(1, Math.max(0, 1 - (farPx - solidPx) / fadePx));
      if (cover <= 0) continue;
      sum += cover;
      tint = this.#tint[index]!;
      const at = canvas.y + row * width + column;
      bytes[at] = Math.round(bytes[at]! + (lumas[tint]! - bytes[at]!) * cover);
    }
    if (sum <= 0) return;
    const chroma = (y >> 1) * (width >> 1) + (x >> 1);
    const [u, v] = [canvas.u + chroma, canvas.v + chroma];
    bytes[u] = Math.round(bytes[u]! + ((us[tint]! - bytes[u]!) * sum) / 4);
    bytes[v] = Math.round(bytes[v]! + ((vs[tint]! - bytes[v]!) * sum) / 4);
  }
}

/** Coordinate `axis` of the point `share` of the way from one vertex of a row to the next. */
function between(vertices: Float32Array, row: readonly number[], pair: number, share: number, axis: 0 | 1): number {
  const from = vertices[row[pair]! * 2 + axis]!;
  return from + (vertices[row[pair + 1]! * 2 + axis]! - from) * share;
}

/** A plane's value between its samples, bilinear; outside, the border's. */
function sample(plane: Uint8Array, start: number, width: number, height: number, x: number, y: number): number {
  const left = Math.min(width - 2, Math.max(0, Math.floor(x)));
  const top = Math.min(height - 2, Math.max(0, Math.floor(y)));
  const fx = Math.min(1, Math.max(0, x - left));
  const fy = Math.min(1, Math.max(0, y - top));
  const at = start + top * width + left;
  const upper = plane[at]! * (1 - fx) + plane[at + 1]! * fx;
  return upper * (1 - fy) + (plane[at + width]! * (1 - fx) + plane[at + width + 1]! * fx) * fy;
}

/** Mixes each value with its neighbours, 1 2 1. */
function smoothInPlace(values: Float32Array): void {
  let before = values[0]!;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    values[index] = (before + 2 * value + (values[index + 1] ?? value)) / 4;
    before = value;
  }
}
