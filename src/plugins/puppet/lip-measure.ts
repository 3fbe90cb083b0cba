import type { Size } from '../../api/media.ts';
import { smoothstep } from './curves.ts';
import { addLineShifts, findLipLine, lipColumns } from './edge-snap.ts';
import { LOWER_LIP_ROWS, UPPER_LIP_ROWS } from './face-points.ts';
import { MouthFrame } from './mouth-frame.ts';
import { PixelSampler } from './pixel-sampler.ts';

/** Columns across the mouth in which the lips' inner edges are looked for: those of the lip rows. */
const COLUMNS = UPPER_LIP_ROWS[0].length;
const SAMPLES = 64;
/** A place belongs to a lip when it is at least this red and this bright, as shares of the lip's own. */
const LIP_REDNESS = 0.8;
const LIP_LUMA = 0.7;
/** Lips that meet show a dark line up to this thick, in half mouth widths. */
const LINE_THICKNESS = 0.075;
/** An opening of this many half mouth widths is none; from the second on the mouth is open. */
const SHUT_BELOW = 0.012;
const OPEN_FROM = 0.04;
/** How far beyond its landmark a lip's edge is looked for, as a share of the way to the lip's third row. */
const FARTHEST_SHARE = 0.75;
/** An edge is a pixel or two wide: so much more of the way belongs to it. */
const EDGE_MARGIN = 0.06;
/** How far the lip's second row keeps from the first, as a share of the way to the third. */
const SECOND_ROW = 0.4;

/** What is measured of the lips in one frame. Mutable: it is smoothed over time afterwards. */
export interface LipMeasure {
  /** Share of the way from the inner row to the third one at which the lip begins, per column. */
  readonly upper: number[];
  readonly lower: number[];
  /** Where the dark line of closed lips lies, as `LipLine.offsets`. */
  readonly line: number[];
  /** How far the mouth is open, in half mouth widths; 0 for lips that meet. */
  opening: number;
}

/** How red and how bright a lip or a place is. */
interface LipLook {
  readonly redness: number;
  readonly luma: number;
}

interface Lips {
  readonly upper: LipLook;
  readonly lower: LipLook;
}

/** 0 for lips that meet, 1 for an open mouth. */
export function opennessOf(opening: number): number {
  return smoothstep(SHUT_BELOW, OPEN_FROM, opening);
}

/** Finds the lips' edges in the pictures of a clip. The detector knows them to some pixels only, the picture better. */
export class LipRuler {
  readonly #size: Size;
  readonly #colour = new Float64Array(3);
  /** Per sample of a column: how unlike a lip, 1 = not one any more; and whether it is dark. */
  readonly #foreign = new Float64Array(SAMPLES);
  readonly #isDark = new Uint8Array(SAMPLES);

  constructor(size: Size) {
    this.#size = size;
  }

  /** @param landmarks Float32 `[478, 3]` of the frame. @param pixels its RGB24 picture. */
  measure(landmarks: Float32Array, pixels: Uint8Array): LipMeasure {
    const picture = new PixelSampler(pixels, this.#size);
    const frame = new MouthFrame(landmarks);
    const upper: number[] = [];
    const lower: number[] = [];
    const openings: number[] = [];
    const lips = {
      upper: this.#lipLook(landmarks, picture, UPPER_LIP_ROWS),
      lower: this.#lipLook(landmarks, picture, LOWER_LIP_ROWS),
    };
    for (let column = 0; column < COLUMNS; column++) {
      const found = this.#measureColumn(landmarks, picture, column, lips, frame.halfWidth);
      upper.push(found.upper);
      lower.push(found.lower);
      openings.push(found.openPx / frame.halfWidth);
    }
    // Three columns beside each other: a single one may have met a highlight.
    const means = openings.slice(1, -1).map((value, at) => (openings[at]! + value + openings[at + 2]!) / 3);
    const { offsets } = findLipLine(landmarks, frame, picture);
    return { upper: outermost(upper), lower: outermost(lower), line: [...offsets], opening: Math.max(...means) };
  }

  /** Follows one column from inside the upper lip to inside the lower one. */
  #measureColumn(
    landmarks: Float32Array,
    picture: PixelSampler,
    column: number,
    lips: Lips,
    halfWidthPx: number,
  ): { upper: number; lower: number; openPx: number } {
    const at = (point: number) => ({ x: landmarks[point * 3]!, y: landmarks[point * 3 + 1]! });
    const [top, bottom] = [at(UPPER_LIP_ROWS[2][column]!), at(LOWER_LIP_ROWS[2][column]!)];
    const [upperInner, lowerInner] = [at(UPPER_LIP_ROWS[0][column]!), at(LOWER_LIP_ROWS[0][column]!)];
    const lengthPx = Math.max(1e-3, Math.hypot(bottom.x - top.x, bottom.y - top.y));
    const placeOf = (point: { x: number; y: number }) =>
      ((point.x - top.x) * (bottom.x - top.x) + (point.y - top.y) * (bottom.y - top.y)) / (lengthPx * lengthPx);
    const upperAt = clamp(placeOf(upperInner), 0.05, 0.95);
    const lowerAt = clamp(placeOf(lowerInner), upperAt, 0.98);
    this.#look(picture, top, bottom, (upperAt + lowerAt) / 2, lips);
    const start = this.#mostForeign(upperAt, lowerAt);
    const upperEdge = this.#edgeFrom(Math.min(start, upperAt), -1, upperAt * (1 - FARTHEST_SHARE));
    const lowerEdge = this.#edgeFrom(Math.max(start, lowerAt), 1, lowerAt + (1 - lowerAt) * FARTHEST_SHARE);
    let dark = 0;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const place = (sample + 0.5) / SAMPLES;
      if (place > upperEdge && place < lowerEdge && this.#isDark[sample]) dark += 1 / SAMPLES;
    }
    const thick = lowerEdge - upperEdge;
    const lineShare = (LINE_THICKNESS * halfWidthPx) / lengthPx;
    const open = Math.max(0, thick - dark) + Math.max(0, dark - lineShare);
    return {
      upper: clamp((upperAt - upperEdge) / Math.max(1e-3, upperAt), 0, FARTHEST_SHARE),
      lower: clamp((lowerEdge - lowerAt) / Math.max(1e-3, 1 - lowerAt), 0, FARTHEST_SHARE),
      openPx: this.#foreignBetween(upperEdge, lowerEdge) ? open * lengthPx : 0,
    };
  }

  /** Redness and brightness of a lip: the middle one of its columns, because at the corners there is hardly any lip. */
  #lipLook(
    landmarks: Float32Array,
    picture: PixelSampler,
    rows: typeof UPPER_LIP_ROWS | typeof LOWER_LIP_ROWS,
  ): LipLook {
    const samples = rows[1].slice(1, -1).flatMap((point, place) => {
      const outer = rows[2][place + 1]!;
      return [0.5, 1].map((share) =>
        this.#sample(
          picture,
          landmarks[point * 3]! * (1 - share) + landmarks[outer * 3]! * share,
          landmarks[point * 3 + 1]! * (1 - share) + landmarks[outer * 3 + 1]! * share,
        ),
      );
    });
    const middle = (pick: (look: LipLook) => number) => samples.map(pick).sort((a, b) => a - b)[samples.length >> 1]!;
    return {
      redness: Math.max(
        0.01,
        middle(({ redness }) => redness),
      ),
      luma: Math.max(
        8,
        middle(({ luma }) => luma),
      ),
    };
  }

  #sample(picture: PixelSampler, x: number, y: number): LipLook {
    picture.colourAt(x, y, this.#colour);
    const [red, green, blue] = this.#colour as unknown as [number, number, number];
    return {
      redness: (red - (green + blue) / 2) / (red + green + blue + 60),
      luma: 0.299 * red + 0.587 * green + 0.114 * blue,
    };
  }

  /** Fills in how unlike the lips the column is. */
  #look(
    picture: PixelSampler,
    top: { x: number; y: number },
    bottom: { x: number; y: number },
    middle: number,
    lips: Lips,
  ): void {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const place = (sample + 0.5) / SAMPLES;
      const lip = place < middle ? lips.upper : lips.lower;
      const x = top.x + (bottom.x - top.x) * place;
      const { redness, luma } = this.#sample(picture, x, top.y + (bottom.y - top.y) * place);
      const pale = (1 - redness / lip.redness) / (1 - LIP_REDNESS);
      const dark = (1 - luma / lip.luma) / (1 - LIP_LUMA);
      this.#foreign[sample] = Math.max(pale, dark);
      this.#isDark[sample] = dark >= 1 ? 1 : 0;
    }
  }

  /** The place least like a lip, between the landmarks or not far beside them. */
  #mostForeign(upperAt: number, lowerAt: number): number {
    let best = (upperAt + lowerAt) / 2;
    let most = 1;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const place = (sample + 0.5) / SAMPLES;
      const beside = Math.max(0, upperAt - place, place - lowerAt);
      const value = this.#foreign[sample]! - 12 * beside;
      if (value > most) {
        most = value;
        best = place;
      }
    }
    return best;
  }

  /** From a place between the lips outwards to where a lip begins, between samples; the place itself where it is lip. */
  #edgeFrom(from: number, direction: 1 | -1, limit: number): number {
    let sample = clamp(Math.floor(from * SAMPLES), 0, SAMPLES - 1);
    if (this.#foreign[sample]! < 1) return from;
    for (;;) {
      const next = sample + direction;
      const place = (next + 0.5) / SAMPLES;
      if (next < 0 || next >= SAMPLES || (direction < 0 ? place < limit : place > limit)) return limit;
      const [here, there] = [this.#foreign[sample]!, this.#foreign[next]!];
      if (there < 1) return (sample + 0.5 + (direction * (here - 1)) / Math.max(1e-6, here - there)) / SAMPLES;
      sample = next;
    }
  }

  #foreignBetween(from: number, to: number): boolean {
    for (let sample = 0; sample < SAMPLES; sample++) {
      const place = (sample + 0.5) / SAMPLES;
      if (place >= from && place <= to && this.#foreign[sample]! >= 1) return true;
    }
    return false;
  }
}

/** Weights of a frame and of those beside it. Edges are known well in every picture: more of their neighbours would let teeth show. */
const EDGE_WINDOW = [4, 1] as const;
const OPENING_WINDOW = [2, 1] as const;

/** Takes the tremble out of the measures of consecutive frames. */
export function smoothMeasures(measures: readonly LipMeasure[]): LipMeasure[] {
  const mean = (index: number, window: readonly number[], pick: (measure: LipMeasure) => number) => {
    let [sum, total] = [0, 0];
    for (let step = 1 - window.length; step < window.length; step++) {
      const neighbour = measures[index + step];
      if (!neighbour) continue;
      const weight = window[Math.abs(step)]!;
      sum += pick(neighbour) * weight;
      total += weight;
    }
    return sum / total;
  };
  return measures.map((own, index) => ({
    upper: own.upper.map((_, column) => mean(index, EDGE_WINDOW, ({ upper }) => upper[column]!)),
    lower: own.lower.map((_, column) => mean(index, EDGE_WINDOW, ({ lower }) => lower[column]!)),
    line: own.line.map((_, column) => mean(index, EDGE_WINDOW, ({ line }) => line[column]!)),
    // A mouth that is shut stays shut beside open ones; one that seems open for a single frame is believed half.
    opening: Math.min(
      own.opening,
      mean(index, OPENING_WINDOW, ({ opening }) => opening),
    ),
  }));
}

/**
 * Landmarks with the lips' inner edges where the picture has them: on one line where the mouth is shut, where the lips
 * begin where it is open. @returns a new Float32 `[478, 3]`.
 */
export function moveLips(landmarks: Float32Array, measure: LipMeasure): Float32Array {
  const frame = new MouthFrame(landmarks);
  const openness = opennessOf(measure.opening);
  const moved = landmarks.slice();
  if (openness < 1) {
    const shifts = new Float32Array((landmarks.length / 3) * 2);
    const line = { ...lipColumns(landmarks, frame), offsets: measure.line };
    addLineShifts(landmarks, frame, line, 1 - openness, shifts);
    for (let point = 0; point < shifts.length / 2; point++) {
      moved[point * 3] = moved[point * 3]! + shifts[point * 2 + 1]! * frame.down.x;
      moved[point * 3 + 1] = moved[point * 3 + 1]! + shifts[point * 2 + 1]! * frame.down.y;
    }
  }
  if (openness <= 0) return moved;
  for (const [rows, shares] of [
    [UPPER_LIP_ROWS, measure.upper],
    [LOWER_LIP_ROWS, measure.lower],
  ] as const) {
    rows[0].forEach((inner, column) => {
      const share = shares[column]! * openness;
      moveTowards(moved, landmarks, inner, rows[2][column]!, share);
      // The second row makes room: squeezed against the first, it would spread the edge's own pixels over the lip.
      const second = rows[1][column]!;
      const own = shareOfWay(landmarks, inner, rows[2][column]!, second);
      const wanted = share + SECOND_ROW * (1 - share);
      if (own < wanted)
        moveTowards(moved, landmarks, second, rows[2][column]!, ((wanted - own) / (1 - own)) * openness);
    });
  }
  return moved;
}

/** Moves a point by a share of its way to another. */
function moveTowards(moved: Float32Array, landmarks: Float32Array, point: number, goal: number, share: number): void {
  for (const axis of [0, 1]) {
    const way = landmarks[goal * 3 + axis]! - landmarks[point * 3 + axis]!;
    moved[point * 3 + axis] = moved[point * 3 + axis]! + way * share;
  }
}

/** How far along the way from one point to another a third one lies. */
function shareOfWay(landmarks: Float32Array, from: number, to: number, point: number): number {
  const [x, y] = [landmarks[from * 3]!, landmarks[from * 3 + 1]!];
  const [dx, dy] = [landmarks[to * 3]! - x, landmarks[to * 3 + 1]! - y];
  const along = (landmarks[point * 3]! - x) * dx + (landmarks[point * 3 + 1]! - y) * dy;
  return clamp(along / Math.max(1e-3, dx * dx + dy * dy), 0, 0.99);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Each value mixed with its neighbours, 1 2 1, but never less than itself: what is left of the teeth is seen, skin is not. */
function outermost(values: readonly number[]): number[] {
  return values.map((value, index) => {
    const mixed = ((values[index - 1] ?? value) + 2 * value + (values[index + 1] ?? value)) / 4;
    return Math.min(FARTHEST_SHARE, Math.max(value, mixed) + EDGE_MARGIN);
  });
}
