import type { Size } from '../../api/media.ts';
import type { Picture } from '../picture.ts';
import { BoxFilter } from './box-filter.ts';
import { ColourVote } from './colour-vote.ts';
import { markFace } from './face-cells.ts';
import { type ColourLine, type ColourPlanes, GuidedFilter } from './guided-filter.ts';
import { guessRegion } from './landmark-region.ts';
import { MotionGate } from './motion-gate.ts';
import { PictureShrinker } from './shrink-picture.ts';
import { RegionTidier } from './tidy-regions.ts';

/** Shorter side of the grid on which edges are fitted, in cells, about; cells are whole pixels wide. */
const GRID_CELLS = 180;
/** Radius of the guided filter as a share of the picture's shorter side: 22 px at 720p. */
const RADIUS_SHARE = 0.03;
/** Epsilon of the guided filter, in squared colour (0 … 1): an edge of two steps of 256 is still followed, noise is not. */
const SMOOTHNESS = 3e-5;
/** How much steeper the fitted edge is made round its middle: the fit of a blurred edge is flatter than the true one. */
const STEEPNESS = 1.5;
/** Share of a neighbourhood that must be person, or background, for a cell to be sure. */
const SURE = 0.985;
/** Share of a face in which the network must see a person, or it has not understood the picture. */
const SEEN_SHARE = 0.5;

/** How much of what it saw is taken over at once where the network does not know at all, even where the picture moves. */
const DOUBTFUL_SHARE = 0.3;

/** Turns a rough person mask into a matte at full size, frame by frame. All space is taken once, for one picture size. */
export class MatteRefiner {
  readonly picture: Size;
  readonly grid: Size;
  /** Float32 `[grid height, grid width]`, 0 … 1: the rough mask goes in here before each {@link refine}. */
  readonly person: Float32Array;
  readonly #cell: number;
  readonly #radius: number;
  readonly #shrinker: PictureShrinker;
  readonly #samples: Float32Array;
  readonly #colours: ColourPlanes;
  readonly #texture: Float32Array;
  readonly #boxes: BoxFilter;
  readonly #filter: GuidedFilter;
  readonly #vote: ColourVote;
  readonly #tidier: RegionTidier;
  readonly #gate: MotionGate;
  readonly #face: Uint8Array;
  readonly #around: Float32Array;
  readonly #steady: Float32Array;
  /** The matte before, in 256ths of a step, so that slow changes are not rounded away. */
  readonly #last: Uint16Array;

  constructor(picture: Size) {
    const cell = Math.max(1, Math.round(Math.min(picture.width, picture.height) / GRID_CELLS));
    const grid = { width: Math.ceil(picture.width / cell), height: Math.ceil(picture.height / cell) };
    const cells = grid.width * grid.height;
    const plane = () => new Float32Array(cells);
    this.picture = { width: picture.width, height: picture.height };
    this.grid = grid;
    this.person = plane();
    this.#cell = cell;
    this.#radius = Math.max(1, Math.round((RADIUS_SHARE * Math.min(picture.width, picture.height)) / cell));
    this.#shrinker = new PictureShrinker(picture, grid);
    this.#samples = new Float32Array(cells * 3);
    this.#colours = { red: plane(), green: plane(), blue: plane() };
    this.#texture = plane();
    this.#boxes = new BoxFilter(grid.width, grid.height);
    this.#filter = new GuidedFilter(grid.width, grid.height);
    this.#vote = new ColourVote(cells);
    this.#tidier = new RegionTidier(grid, this.#boxes);
    this.#gate = new MotionGate(cells, this.#boxes);
    this.#face = new Uint8Array(cells);
    this.#around = plane();
    this.#steady = plane();
    this.#last = new Uint16Array(picture.width * picture.height);
  }

  /** @returns the matte; undefined where nobody can be told from the background. See PersonMatte.cut. */
  refine(picture: Picture, points: Float32Array | undefined, isNewShot: boolean): Uint8Array | undefined {
    const { person } = this;
    this.#readColours(picture);
    this.#face.fill(0);
    if (points && !this.#seesFace(points)) {
      if (!guessRegion(points, this.picture, this.grid, this.#colours, this.#vote, person)) return undefined;
    } else this.#vote.apply(this.#colours, person);
    this.#gate.look(this.#colours, isNewShot);
    const { follow } = this.#gate;
    const steady = this.#steady;
    for (let at = 0; at < person.length; at++) {
      const sureness = isNewShot ? 1 : DOUBTFUL_SHARE + (1 - DOUBTFUL_SHARE) * (2 * person[at]! - 1) ** 2;
      steady[at] = steady[at]! + sureness * follow[at]! * (person[at]! - steady[at]!);
      person[at] = this.#face[at] === 1 ? 1 : steady[at]!;
    }
    this.#tidier.tidy(person, this.#face);
    const line = this.#filter.fit(this.#colours, this.#texture, person, this.#radius, SMOOTHNESS);
    this.#boxes.apply(person, this.#radius, this.#around);
    return this.#draw(picture, line);
  }

  /** Marks the face, and says whether the network saw a person there. */
  #seesFace(points: Float32Array): boolean {
    const cells = markFace(points, this.picture, this.grid, this.#face);
    let seen = 0;
    for (let at = 0; at < this.person.length; at++) if (this.#face[at] === 1) seen += this.person[at]!;
    return cells === 0 || seen >= cells * SEEN_SHARE;
  }

  #readColours(picture: Picture): void {
    const samples = this.#samples;
    const { red, green, blue } = this.#colours;
    this.#shrinker.shrink(picture, 0, 0, samples);
    for (let at = 0, from = 0; at < red.length; at++, from += 3) {
      red[at] = samples[from]!;
      green[at] = samples[from + 1]!;
      blue[at] = samples[from + 2]!;
    }
    this.#readTexture(picture);
  }

  /** Standard deviation of green, which is most of brightness, inside each cell. */
  #readTexture({ pixels }: Picture): void {
    const { width, height } = this.picture;
    const cell = this.#cell;
    const texture = this.#texture.fill(0);
    const { green } = this.#colours;
    for (let y = 0, from = 1; y < height; y++) {
      const line = Math.floor(y / cell) * this.grid.width;
      for (let column = 0, x = 0; x < width; column++) {
        const mean = green[line + column]! * 255;
        let sum = 0;
        for (const end = Math.min(width, x + cell); x < end; x++, from += 3) sum += (pixels[from]! - mean) ** 2;
        texture[line + column]! += sum;
      }
    }
    const share = 1 / (cell * cell * 255 * 255);
    for (let at = 0; at < texture.length; at++) texture[at] = Math.sqrt(texture[at]! * share);
  }

  /** Draws the matte cell by cell: sure ones are filled, the others follow the picture's colours. */
  #draw(picture: Picture, line: ColourLine): Uint8Array {
    const alpha = new Uint8Array(this.picture.width * this.picture.height);
    for (let row = 0, at = 0; row < this.grid.height; row++)
      for (let column = 0; column < this.grid.width; column++, at++) {
        const around = this.#around[at]!;
        const sure = this.#face[at] === 1 || around > SURE ? 255 : around < 1 - SURE ? 0 : undefined;
        this.#drawCell(picture, line, column, row, sure, alpha);
      }
    this.#settle(alpha);
    return alpha;
  }

  #drawCell(
    picture: Picture,
    line: ColourLine,
    column: number,
    row: number,
    sure: number | undefined,
    alpha: Uint8Array,
  ): void {
    const { width, height } = this.picture;
    const left = column * this.#cell;
    const right = Math.min(width, left + this.#cell);
    const bottom = Math.min(height, (row + 1) * this.#cell);
    for (let y = row * this.#cell; y < bottom; y++) {
      if (sure === undefined) this.#drawRow(picture, line, y, left, right, alpha);
      else alpha.fill(sure, y * width + left, y * width + right);
    }
  }

  /** The pixels of one cell in one row: the lines of the four cells around, mixed, applied to each pixel's colour. */
  #drawRow({ pixels }: Picture, line: ColourLine, y: number, left: number, right: number, alpha: Uint8Array): void {
    const { width, height } = this.grid;
    const cell = this.#cell;
    const v = Math.min(height - 1, Math.max(0, (y + 0.5) / cell - 0.5));
    const upper = Math.min(height - 2, Math.floor(v));
    const down = v - upper;
    for (let x = left; x < right; x++) {
      const u = Math.min(width - 1, Math.max(0, (x + 0.5) / cell - 0.5));
      const first = Math.min(width - 2, Math.floor(u));
      const across = u - first;
      const a = upper * width + first;
      const b = a + width;
      const wa = (1 - across) * (1 - down);
      const wb = across * (1 - down);
      const wc = (1 - across) * down;
      const wd = across * down;
      const at = y * this.picture.width + x;
      const { red, green, blue, base } = line;
      const r = red[a]! * wa + red[a + 1]! * wb + red[b]! * wc + red[b + 1]! * wd;
      const g = green[a]! * wa + green[a + 1]! * wb + green[b]! * wc + green[b + 1]! * wd;
      const bl = blue[a]! * wa + blue[a + 1]! * wb + blue[b]! * wc + blue[b + 1]! * wd;
      const s = base[a]! * wa + base[a + 1]! * wb + base[b]! * wc + base[b + 1]! * wd;
      const value = (r * pixels[at * 3]! + g * pixels[at * 3 + 1]! + bl * pixels[at * 3 + 2]!) / 255 + s;
      const steep = (value - 0.5) * STEEPNESS + 0.5;
      alpha[at] = steep <= 0 ? 0 : steep >= 1 ? 255 : Math.round(steep * 255);
    }
  }

  /** Lets the matte follow the new frame as far as the picture moves. */
  #settle(alpha: Uint8Array): void {
    const { follow } = this.#gate;
    const { width, height } = this.picture;
    const last = this.#last;
    const cell = this.#cell;
    for (let y = 0, at = 0; y < height; y++) {
      const line = Math.floor(y / cell) * this.grid.width;
      for (let x = 0; x < width; x++, at++) {
        const now = alpha[at]! << 8;
        const before = last[at]!;
        if (now === before) continue;
        const share = follow[line + Math.floor(x / cell)]!;
        const value = share >= 1 ? now : before + share * (now - before);
        last[at] = value;
        alpha[at] = (value + 128) >> 8;
      }
    }
  }
}
