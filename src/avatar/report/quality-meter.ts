import type { QualityReport, Rating } from '../../api/avatar.ts';
import type { Rect } from '../../api/media.ts';
import type { FrameFault } from '../clip/clip.ts';
import type { Picture } from '../picture.ts';
import { judgeClip } from './judge-clip.ts';
import type { Finding } from './judge-face.ts';
import { judgeFace } from './judge-face.ts';
import { type FaceMeasures, measureFace } from './measure-face.ts';
import { SampleKeeper, type SheetSample } from './sheet-samples.ts';

/** One frame of a photo or clip, with what was found in it. */
export interface MeteredFrame {
  /** Which frame of the clip, from 0; a photo is frame 0. */
  readonly index: number;
  /** The frame; only looked at during the call. */
  readonly picture: Picture;
  /** Float32 `[478, 3]` in pixels of `picture`; of a frame without a face, anything. */
  readonly points: Float32Array;
  /** How sure the mesh is that it looks at a face, 0 … 1. */
  readonly score: number;
  /** Why the face cannot be driven; left out where it can. */
  readonly fault?: FrameFault | undefined;
}

/** What the meter cannot see for itself. */
export interface MeterContext {
  /** Where the face boxes are, one for each frame, in pixels of the pictures; empty: not known. */
  readonly boxes: readonly Rect[];
  /** How much landmarks at rest tremble after smoothing, RMS in pixels. */
  readonly jitterPx?: number | undefined;
  /** How often the picture changes at once. */
  readonly cutCount?: number | undefined;
  readonly sourceFramesPerSecond?: number | undefined;
  /** Whether the source was brighter than a screen and had to be mapped. */
  readonly isHdr?: boolean | undefined;
  /** Pixels of the source per pixel of the pictures: the face's height is told in the source's. Default 1. */
  readonly sourceScale?: number | undefined;
}

/** What was kept of a frame. */
export interface FrameRow {
  readonly index: number;
  readonly score: number;
  readonly fault: FrameFault | undefined;
  /** Undefined where there is no face to measure. */
  readonly face: FaceMeasures | undefined;
}

const WORSE: readonly Rating[] = ['good', 'fair', 'poor'];

/**
 * Measures how good a photo or clip is for an avatar: one {@link add} per frame, in order, then {@link finish}. Looks at
 * the face's own pixels only. Keeps a few numbers per frame, and some reduced frames for the contact sheet.
 */
export class QualityMeter {
  readonly #rows: FrameRow[] = [];
  readonly #samples = new SampleKeeper();

  /** Measures one frame: about 1.5 ms for a face of 300 px. Nothing of `frame` is kept but copies. */
  add({ index, picture, points, score, fault }: MeteredFrame): void {
    const face = fault === 'no-face' ? undefined : measureFace(picture, points);
    const row = { index, score, fault, face };
    this.#rows.push(row);
    this.#samples.offer(row, picture, points);
  }

  /** Frames for the contact sheet: spread over the clip, and the worst moments. Rising. */
  get samples(): readonly SheetSample[] {
    return this.#samples.choose();
  }

  /** Judges what was measured. Without any frame everything is missing. */
  finish(context: MeterContext): QualityReport {
    const isClip = this.#rows.length > 1;
    const findings: Finding[] = [
      ...(isClip ? judgeClip(this.#rows, context, 'usable') : []),
      ...judgeFace(this.#rows, context, isClip),
      ...(isClip ? judgeClip(this.#rows, context, 'motion') : []),
    ];
    return {
      verdict: verdictOf(findings),
      frames: {
        total: this.#rows.length,
        usable: this.#rows.filter((row) => row.face && row.fault === undefined).length,
      },
      measures: findings.map(({ weight: _, ...measure }) => measure),
    };
  }
}

/** The worst of those that decide; some can spoil a good verdict, but not make it poor. */
function verdictOf(findings: readonly Finding[]): Rating {
  const worst = findings.map(({ rating, weight }) =>
    weight === 'tells' ? 0 : Math.min(WORSE.indexOf(rating), weight === 'spoils' ? 1 : 2),
  );
  return WORSE[Math.max(0, ...worst)]!;
}
