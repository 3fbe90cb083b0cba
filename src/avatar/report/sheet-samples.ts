import { FRAMES_PER_SECOND } from '../../api/media.ts';
import type { FrameFault } from '../clip/clip.ts';
import type { Picture } from '../picture.ts';
import { SHARPNESS, sharpnessOf } from './judge-face.ts';
import { SHUT_GAP } from './measure-face.ts';
import type { FrameRow } from './quality-meter.ts';

/** A frame that was kept for the contact sheet. */
export interface SheetSample {
  readonly index: number;
  /** The frame, reduced. */
  readonly picture: Picture;
  /** Pixels of the frame per pixel of `picture`. */
  readonly scale: number;
  /** Float32 `[478, 3]` in pixels of the frame. */
  readonly points: Float32Array;
  readonly fault: FrameFault | undefined;
  /** What makes it worth showing, in words: `furthest turn`, `widest mouth`, … */
  readonly why: string | undefined;
}

/** Most frames on a sheet. */
const MOST_SAMPLES = 12;
/** Frames that are kept while the clip's length is not known yet; when there are more, every other one goes. */
const MOST_SPREAD = 24;
/** Longest side of a kept frame, in pixels; the first one is kept larger, as it may be the only one. */
const KEPT_SIDE = 448;
const FIRST_SIDE = 960;
/** A frame so near a worst moment shows the same, in frames. */
const SAME_MOMENT = Math.round(FRAMES_PER_SECOND / 3);

/** A head turned less than this looks straight. */
const TOLD_TURN_DEGREES = 8;

/** A reason to show a frame: the one with the highest rank is kept. Undefined: not this frame. */
interface Worst {
  readonly why: string;
  rankOf(row: FrameRow): number | undefined;
}

const WORST: readonly Worst[] = [
  {
    why: 'furthest turn',
    rankOf: ({ face, fault }) => {
      if (!face || fault) return undefined;
      const turn = Math.max(Math.abs(face.yawDegrees), Math.abs(face.pitchDegrees));
      return turn >= TOLD_TURN_DEGREES ? turn : undefined;
    },
  },
  {
    why: 'widest mouth',
    rankOf: ({ face, fault }) => (face && !fault && face.mouthGap > SHUT_GAP ? face.mouthGap : undefined),
  },
  {
    why: 'softest',
    rankOf: ({ face, fault }) =>
      face && !fault && sharpnessOf(face) < SHARPNESS.good ? 100 - sharpnessOf(face) : undefined,
  },
  ...(['no-face', 'hidden', 'turned', 'cut-off', 'too-small'] as const).map((reason) => ({
    why: reason,
    rankOf: ({ fault, face, score }: FrameRow) =>
      fault === reason ? (face ? Math.abs(face.yawDegrees) + (1 - score) : 0) : undefined,
  })),
];

interface Kept extends Omit<SheetSample, 'why'> {
  readonly rank: number;
}

/** Chooses the frames for the contact sheet while they come by, and keeps reduced copies of few. */
export class SampleKeeper {
  #spread: Kept[] = [];
  #stride = 1;
  readonly #worst = new Map<string, Kept>();

  /** Looks at a frame and keeps a copy of it where it is worth it. */
  offer(row: FrameRow, picture: Picture, points: Float32Array): void {
    let copy: Kept | undefined;
    const keep = (rank: number) => {
      copy ??= reduce(row, picture, points, this.#spread.length === 0 ? FIRST_SIDE : KEPT_SIDE);
      return { ...copy, rank };
    };
    for (const { why, rankOf } of WORST) {
      const rank = rankOf(row);
      // Clearly worse only: a head that turns slowly must not cost a copy for every frame.
      if (rank !== undefined && rank > (this.#worst.get(why)?.rank ?? -1) * 1.02) this.#worst.set(why, keep(rank));
    }
    if (row.index % this.#stride !== 0) return;
    this.#spread.push(keep(0));
    if (this.#spread.length <= MOST_SPREAD) return;
    this.#stride *= 2;
    this.#spread = this.#spread.filter((kept) => kept.index % this.#stride === 0);
  }

  /** At most {@link MOST_SAMPLES} frames, rising: first the worst moments, the rest evenly spread over the clip. */
  choose(): SheetSample[] {
    const chosen: SheetSample[] = [];
    const isNew = (index: number, apart: number) => chosen.every((other) => Math.abs(other.index - index) >= apart);
    if (this.#spread.length < 2) return this.#spread.map((kept) => sampleOf(kept, undefined));
    for (const { why } of WORST) {
      const kept = this.#worst.get(why);
      if (kept && isNew(kept.index, kept.fault ? 1 : SAME_MOMENT)) chosen.push(sampleOf(kept, why));
    }
    const last = this.#spread.at(-1)!.index;
    const wanted = Math.max(2, MOST_SAMPLES - chosen.length);
    const apart = Math.max(1, Math.ceil(last / (2 * MOST_SPREAD)));
    for (let i = 0; i < wanted; i++) {
      const free = this.#spread.filter((kept) => isNew(kept.index, apart));
      const nearest = nearestTo(free, (last * i) / (wanted - 1));
      if (nearest) chosen.push(sampleOf(nearest, undefined));
    }
    return chosen.slice(0, MOST_SAMPLES).sort((a, b) => a.index - b.index);
  }
}

/** The kept frame nearest to a place in the clip. */
function nearestTo(kept: readonly Kept[], place: number): Kept | undefined {
  return kept.toSorted((a, b) => Math.abs(a.index - place) - Math.abs(b.index - place))[0];
}

function sampleOf({ rank: _, ...kept }: Kept, why: string | undefined): SheetSample {
  return { ...kept, why };
}

function reduce(row: FrameRow, picture: Picture, points: Float32Array, side: number): Kept {
  const scale = Math.max(1, Math.max(picture.width, picture.height) / side);
  return {
    index: row.index,
    fault: row.fault,
    points: points.slice(),
    scale,
    picture: scale === 1 ? { ...picture, pixels: Uint8Array.from(picture.pixels) } : shrink(picture, scale),
    rank: 0,
  };
}

/** Reduces a picture: each pixel is the mean of four samples spread over its place. */
function shrink({ width, height, pixels }: Picture, scale: number): Picture {
  const to = { width: Math.max(1, Math.round(width / scale)), height: Math.max(1, Math.round(height / scale)) };
  const out = new Uint8Array(to.width * to.height * 3);
  const columns = [0.25, 0.75].map((share) =>
    Int32Array.from({ length: to.width }, (_, x) => Math.min(width - 1, Math.floor((x + share) * scale)) * 3),
  );
  for (let y = 0, at = 0; y < to.height; y++) {
    const upper = Math.min(height - 1, Math.floor((y + 0.25) * scale)) * width * 3;
    const lower = Math.min(height - 1, Math.floor((y + 0.75) * scale)) * width * 3;
    for (let x = 0; x < to.width; x++, at += 3) {
      const [a, b] = [columns[0]![x]!, columns[1]![x]!];
      for (let c = 0; c < 3; c++)
        out[at + c] =
          (pixels[upper + a + c]! + pixels[upper + b + c]! + pixels[lower + a + c]! + pixels[lower + b + c]! + 2) >> 2;
    }
  }
  return { ...to, pixels: out };
}
