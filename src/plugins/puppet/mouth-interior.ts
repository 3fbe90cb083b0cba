import { smoothstep } from './curves.ts';
import type { FaceLooks } from './fields-file.ts';
import { paintTeeth, type TeethRow } from './teeth.ts';

/** The patch the interior is painted into: planes of an I420 picture inside `bytes`. */
export interface Canvas {
  readonly bytes: Uint8Array;
  readonly y: number;
  readonly u: number;
  readonly v: number;
  readonly width: number;
  readonly height: number;
}

/** Where the mouth is in this frame, in canvas pixels. Refilled for every frame. */
export interface MouthPlace {
  /** Origin and axes of the skull's mouth coordinates: half mouth widths across and down. */
  x: number;
  y: number;
  acrossX: number;
  acrossY: number;
  downX: number;
  downY: number;
  /** v of the lip line at rest, where the teeth meet. */
  lineV: number;
  /** How far the jaw is down, in half mouth widths. */
  jaw: number;
  /** 0 lies in the floor … 1 touches the upper teeth. */
  tongue: number;
  /** 1 brings the teeth together as for "s", whatever the jaw does. */
  teethShut: number;
  /** Lips pushed forward as for "oo", 0 … 1: they hide and shade the teeth. */
  round: number;
  /** How much of the interior shows, 0 … 1: 0 while an open source shows its own. */
  cover: number;
}

const TABLE_SIZE = 128;
/** Lips closer than this many pixels show nothing between them; from the second on everything. */
const SEEN_FROM_PX = 0.35;
const SEEN_FULLY_PX = 1.5;

/** A colour in BT.601 limited range. */
export interface Colour {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Paints what is between the lips: cavity, tongue, lower and upper teeth, in the light that falls on the face. */
export class MouthInterior {
  readonly #upper: TeethRow;
  readonly #lower: TeethRow;
  readonly #tooth: Colour;
  readonly #gum: Colour;
  readonly #tongue: Colour;
  readonly #cavity: Colour;
  readonly #top = new Float32Array(TABLE_SIZE);
  readonly #bottom = new Float32Array(TABLE_SIZE);
  /** Cosines of the edges' slopes: distance to an edge is less than the distance straight up or down. */
  readonly #topCosine = new Float32Array(TABLE_SIZE);
  readonly #bottomCosine = new Float32Array(TABLE_SIZE);
  #firstU = 0;
  #lastU = 0;
  // The colour of the pixel just painted, kept here so that nothing is allocated.
  #y = 0;
  #u = 0;
  #v = 0;

  /** @param halfWidthPx half the mouth's width in pixels. @param seed of the avatar, for its own teeth. */
  constructor(looks: FaceLooks, halfWidthPx: number, seed: number) {
    const scale = Math.min(160, Math.max(24, halfWidthPx * 1.5));
    this.#upper = paintTeeth('upper', scale, seed);
    this.#lower = paintTeeth('lower', scale, seed + 1);
    const [r, g, b] = looks.skin;
    const skinLuma = 0.299 * r + 0.587 * g + 0.114 * b;
    // What is white here: the eyes say so, but no brighter than light on skin can be.
    const white = Math.min(232, Math.max(looks.eyeWhite * 0.97, skinLuma * 1.02, 96));
    const light = Math.min(1.1, Math.max(0.45, white / 215));
    // Half of the skin's tint stands for the colour of the light.
    const warm = (value: number, channel: number) =>
      value * (1 + (looks.skin[channel]! / Math.max(1, skinLuma) - 1) * 0.18);
    const lit = (red: number, green: number, blue: number) =>
      colourOf(warm(red, 0) * light, warm(green, 1) * light, warm(blue, 2) * light);
    const [lipR, lipG, lipB] = looks.lip;
    this.#tooth = lit(240, 234, 220);
    this.#gum = colourOf((lipR + 190 * light) / 2, (lipG + 104 * light) / 2, (lipB + 106 * light) / 2);
    this.#tongue = lit(188, 100, 98);
    this.#cavity = lit(58, 20, 22);
  }

  /**
   * Paints between the lips' inner edges.
   * @param upper and lower edge as x, y pairs in canvas pixels, right corner to left corner, equally many points.
   */
  paint(canvas: Canvas, place: MouthPlace, upper: Float32Array, lower: Float32Array): void {
    if (place.cover <= 0 || !this.#fillTables(place, upper, lower)) return;
    let [left, top, right, bottom] = [canvas.width, canvas.height, 0, 0];
    for (let at = 0; at < upper.length; at += 2) {
      left = Math.min(left, upper[at]!, lower[at]!);
      right = Math.max(right, upper[at]!, lower[at]!);
      top = Math.min(top, upper[at + 1]!, lower[at + 1]!);
      bottom = Math.max(bottom, upper[at + 1]!, lower[at + 1]!);
    }
    const x0 = Math.max(0, Math.floor(left - 2)) & ~1;
    const y0 = Math.max(0, Math.floor(top - 2)) & ~1;
    const x1 = Math.min(canvas.width, Math.ceil(right + 3));
    const y1 = Math.min(canvas.height, Math.ceil(bottom + 3));
    for (let y = y0; y < y1; y += 2) for (let x = x0; x < x1; x += 2) this.#paintBlock(canvas, place, x, y);
  }

  /** Upper and lower edge as v by u. False when the lips are closed. */
  #fillTables(place: MouthPlace, upper: Float32Array, lower: Float32Array): boolean {
    const last = upper.length - 2;
    this.#firstU = uOf(place, upper[0]!, upper[1]!);
    this.#lastU = uOf(place, upper[last]!, upper[last + 1]!);
    this.#fillTable(place, upper, this.#top);
    this.#fillTable(place, lower, this.#bottom);
    const step = (this.#lastU - this.#firstU) / (TABLE_SIZE - 1);
    for (let index = 0; index < TABLE_SIZE; index++) {
      const before = Math.max(0, index - 2);
      const after = Math.min(TABLE_SIZE - 1, index + 2);
      const run = (after - before) * step;
      this.#topCosine[index] = run / Math.hypot(run, this.#top[after]! - this.#top[before]!);
      this.#bottomCosine[index] = run / Math.hypot(run, this.#bottom[after]! - this.#bottom[before]!);
    }
    let widest = 0;
    for (let index = 0; index < TABLE_SIZE; index++)
      widest = Math.max(widest, this.#bottom[index]! - this.#top[index]!);
    return widest * Math.hypot(place.acrossX, place.acrossY) > SEEN_FROM_PX;
  }

  /** One edge as v by u, linear between its points. */
  #fillTable(place: MouthPlace, edge: Float32Array, table: Float32Array): void {
    let at = 0;
    for (let index = 0; index < TABLE_SIZE; index++) {
      const u = this.#firstU + ((this.#lastU - this.#firstU) * index) / (TABLE_SIZE - 1);
      while (at < edge.length - 4 && uOf(place, edge[at + 2]!, edge[at + 3]!) < u) at += 2;
      const fromU = uOf(place, edge[at]!, edge[at + 1]!);
      const toU = uOf(place, edge[at + 2]!, edge[at + 3]!);
      const share = Math.min(1, Math.max(0, (u - fromU) / Math.max(1e-6, toU - fromU)));
      const fromV = vOf(place, edge[at]!, edge[at + 1]!);
      table[index] = fromV + (vOf(place, edge[at + 2]!, edge[at + 3]!) - fromV) * share;
    }
  }

  /** Paints 2x2 pixels and their chroma sample. */
  #paintBlock(canvas: Canvas, place: MouthPlace, x: number, y: number): void {
    const { bytes, width } = canvas;
    let [coverSum, uSum, vSum] = [0, 0, 0];
    for (let corner = 0; corner < 4; corner++) {
      const px = x + (corner & 1);
      const py = y + (corner >> 1);
      const cover = this.#paintPixel(place, px, py);
      if (cover <= 0) continue;
      const at = canvas.y + py * width + px;
      bytes[at] = bytes[at]! + (this.#y - bytes[at]!) * cover + 0.5;
      coverSum += cover;
      uSum += this.#u * cover;
      vSum += this.#v * cover;
    }
    if (coverSum <= 0) return;
    const at = (y >> 1) * (width >> 1) + (x >> 1);
    const cover = coverSum / 4;
    bytes[canvas.u + at] = bytes[canvas.u + at]! + (uSum / coverSum - bytes[canvas.u + at]!) * cover + 0.5;
    bytes[canvas.v + at] = bytes[canvas.v + at]! + (vSum / coverSum - bytes[canvas.v + at]!) * cover + 0.5;
  }

  /** Works out one pixel's colour into #y, #u, #v; returns how much of it shows, 0 … 1. */
  #paintPixel(place: MouthPlace, x: number, y: number): number {
    const u = uOf(place, x, y);
    const v = vOf(place, x, y);
    const column = ((u - this.#firstU) / (this.#lastU - this.#firstU)) * (TABLE_SIZE - 1);
    if (!(column > 0 && column < TABLE_SIZE - 1)) return 0;
    const index = Math.floor(column);
    const share = column - index;
    const top = this.#top[index]! + (this.#top[index + 1]! - this.#top[index]!) * share;
    const bottom = this.#bottom[index]! + (this.#bottom[index + 1]! - this.#bottom[index]!) * share;
    const unitPx = Math.hypot(place.acrossX, place.acrossY);
    const gap = bottom - top;
    const softPx = Math.max(1.1, unitPx * 0.022);
    const edgePx = Math.min((v - top) * this.#topCosine[index]!, (bottom - v) * this.#bottomCosine[index]!) * unitPx;
    const cover =
      Math.min(1, Math.max(0, edgePx / softPx + 0.5)) *
      smoothstep(SEEN_FROM_PX, SEEN_FULLY_PX, gap * unitPx) *
      place.cover;
    if (cover <= 0) return 0;
    this.#layers(place, u, v - place.lineV, bottom - place.lineV);
    this.#shade(v - top, bottom - v, gap, u, place.round);
    return cover;
  }

  #layers(place: MouthPlace, u: number, v: number, floor: number): void {
    const { jaw, teethShut, tongue } = place;
    const deep = smoothstep(-0.05, 0.3, v) * 0.35 + 0.65;
    this.#set(this.#cavity, 1.15 - 0.4 * deep);
    const upperTips = 0.13 - 0.07 * place.round;
    // Lower teeth ride on the jaw, half a tooth tip behind the upper ones when shut.
    const lowerTips = upperTips - 0.015 + jaw * 0.9 * (1 - 0.85 * teethShut) + 0.02 * teethShut;
    this.#paintTongue(u, v, floor, lowerTips, upperTips, tongue, false);
    this.#paintRow(this.#lower, u, v - lowerTips, 1);
    if (tongue > 0.55) this.#paintTongue(u, v, floor, lowerTips, upperTips, tongue, true);
    this.#paintRow(this.#upper, u, v - upperTips, 1);
  }

  /** The tongue: a dome behind the lower teeth, its tip raised for "th", "d", "n"; `isTip` paints only what lies over the teeth. */
  #paintTongue(
    u: number,
    v: number,
    floor: number,
    lowerTips: number,
    upperTips: number,
    raised: number,
    isTip: boolean,
  ): void {
    const wide = 0.78 - 0.22 * raised;
    const low = Math.max(upperTips + 0.06, lowerTips * 0.36 + 0.07);
    const wideness = (u / wide) * (u / wide);
    const crest = low + (upperTips - 0.03 - low) * raised + wideness * (0.1 + 0.26 * wideness);
    const body = smoothstep(crest - 0.05, crest + 0.06, v) * smoothstep(wide + 0.1, wide - 0.12, Math.abs(u));
    const cover = isTip ? body * smoothstep(0.5, 0.9, raised) * smoothstep(0.5, 0.3, Math.abs(u)) : body;
    if (cover <= 0) return;
    const front = smoothstep(crest - 0.02, Math.max(crest + 0.12, floor), v);
    const groove = 1 - 0.13 * hump(u / 0.09) * (1 - 0.5 * raised);
    const shine = 0.12 * hump((v - crest - 0.13) / 0.11) * hump((u - 0.16) / 0.3);
    this.#mix(this.#tongue, (0.56 + 0.4 * front + 0.12 * raised) * groove + shine, cover);
  }

  #paintRow(row: TeethRow, u: number, fromTips: number, light: number): void {
    const x = (u - row.left) * row.scale;
    const y = (fromTips - row.top) * row.scale;
    if (!(x >= 0 && x < row.width - 1)) return;
    // Above the painted gums there is only gum.
    const clampedY = Math.min(row.height - 1.001, Math.max(0, y));
    const left = Math.floor(x);
    const top = Math.floor(clampedY);
    const fx = x - left;
    const fy = clampedY - top;
    const at = top * row.width + left;
    const cover = bilinear(row.cover, at, row.width, fx, fy);
    if (cover <= 0.004) return;
    const shade = bilinear(row.shade, at, row.width, fx, fy) * light;
    this.#mix(this.#tooth, shade, cover);
    const gum = bilinear(row.gum, at, row.width, fx, fy);
    if (gum > 0.01) this.#mix(this.#gum, 0.55 + 0.45 * shade, cover * gum);
  }

  /** Shadow of the upper lip, darkness at the edges and in narrow corners. */
  #shade(fromTop: number, fromBottom: number, gap: number, u: number, round: number): void {
    const lip = 0.7 + 0.3 * smoothstep(0, 0.17, fromTop);
    const edge = 0.82 + 0.18 * smoothstep(0, 0.07, fromBottom);
    const narrow = 0.55 + 0.45 * smoothstep(0, 0.16, gap);
    const cornerU = Math.min(u - this.#firstU, this.#lastU - u);
    const corner = 0.5 + 0.5 * smoothstep(0, 0.26, cornerU);
    const light = lip * edge * narrow * corner * (1 - 0.3 * round);
    this.#y = 16 + (this.#y - 16) * light;
    this.#u = 128 + (this.#u - 128) * light;
    this.#v = 128 + (this.#v - 128) * light;
  }

  #set(colour: Colour, shade: number): void {
    this.#y = 16 + (colour.y - 16) * shade;
    this.#u = 128 + (colour.u - 128) * shade;
    this.#v = 128 + (colour.v - 128) * shade;
  }

  #mix(colour: Colour, shade: number, cover: number): void {
    this.#y += (16 + (colour.y - 16) * shade - this.#y) * cover;
    this.#u += (128 + (colour.u - 128) * shade - this.#u) * cover;
    this.#v += (128 + (colour.v - 128) * shade - this.#v) * cover;
  }
}

/** Canvas pixels to mouth coordinates. */
function uOf({ x, y, acrossX, acrossY, downX, downY }: MouthPlace, px: number, py: number): number {
  return ((px - x) * downY - (py - y) * downX) / (acrossX * downY - acrossY * downX);
}

function vOf({ x, y, acrossX, acrossY, downX, downY }: MouthPlace, px: number, py: number): number {
  return (acrossX * (py - y) - acrossY * (px - x)) / (acrossX * downY - acrossY * downX);
}

/** A bump: 1 at 0, 0 from 1 on; much cheaper than a bell, and this runs per pixel. */
function hump(x: number): number {
  const rest = Math.max(0, 1 - x * x);
  return rest * rest;
}

function bilinear(plane: Float32Array, at: number, stride: number, fx: number, fy: number): number {
  const top = plane[at]! * (1 - fx) + plane[at + 1]! * fx;
  const bottom = plane[at + stride]! * (1 - fx) + plane[at + stride + 1]! * fx;
  return top * (1 - fy) + bottom * fy;
}

/** RGB 0 … 255 to BT.601 limited range. */
export function colourOf(red: number, green: number, blue: number): Colour {
  return {
    y: 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255,
    u: 128 + (-37.797 * red - 74.203 * green + 112 * blue) / 255,
    v: 128 + (112 * red - 93.786 * green - 18.214 * blue) / 255,
  };
}
