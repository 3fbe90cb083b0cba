import { LANDMARK_COUNT, type QualityReport, qualityReportSchema } from '../../api/avatar.ts';
import type { Rect } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { drawJawMask } from '../jaw-mask.ts';
import { AVATAR_BYTE_LIMITS } from '../manifest-rules.ts';
import { drawSheet } from '../report/draw-sheet.ts';
import type { QualityMeter } from '../report/quality-meter.ts';
import { planBoxes } from './box-path.ts';
import { chooseIdle } from './choose-motion.ts';
import type { FaceTrack } from './clip.ts';
import { fadeTrack } from './fade-loop.ts';
import type { Film, FilmPlan } from './film-clip.ts';
import { measureJitter } from './measure-jitter.ts';
import { smoothTrack } from './smooth-track.ts';
import type { WorkFolder } from './work-folder.ts';

/** The face of a finished avatar, frame by frame. */
export interface FilmedFace {
  /** Smoothed, in pixels of the frames, one for each of the avatar's. */
  readonly track: FaceTrack;
  readonly boxes: readonly Rect[];
  /** Uint8 `[frameCount, box height, box width]`; empty where no face is drawn. */
  readonly masks: Uint8Array;
  /** Frames that are shown as they are. Rising. */
  readonly passthrough: readonly number[];
  /** The calmest stretch with shut lips. */
  readonly idle: { readonly start: number; readonly count: number } | undefined;
  readonly jitterPx: number;
}

/** How good a film is. */
export interface Judgement {
  readonly report: QualityReport;
  /** The contact sheet, WebP. */
  readonly sheet: Uint8Array;
}

/**
 * Works out what follows from a film's landmarks: smooth paths, boxes, masks.
 * @param onProgress told what share is done, 0 … 1.
 * @throws AppError CLIP_TOO_LONG where the masks would be too large; the signal's reason when aborted.
 */
export async function measureFilm(
  { motion, size, clip }: FilmPlan,
  film: Film,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<FilmedFace> {
  const smooth = smoothTrack(film.track);
  const track = fadeTrack(smooth, motion.fadeFrames);
  const boxes = planBoxes(track, size);
  const bytes = boxes[0]!.width * boxes[0]!.height;
  checkMasks(bytes * track.frameCount, clip.source);
  const masks = new Uint8Array(bytes * track.frameCount);
  const passthrough: number[] = [];
  for (const [i, box] of boxes.entries()) {
    if (track.faults[i] === undefined) masks.set(drawJawMask(pointsOf(track, i), box), i * bytes);
    else passthrough.push(i);
    // Others shall get their turn: Ctrl-C, the progress bar.
    if (i % 10 === 0) await new Promise(setImmediate);
    signal.throwIfAborted();
    onProgress((i + 1) / boxes.length);
  }
  const idle = chooseIdle(track, { start: 0, end: track.frameCount });
  return {
    ...{ track, boxes, masks, passthrough },
    idle: idle && { start: idle.start, count: idle.end - idle.start },
    jitterPx: measureJitter(smooth).rmsPx,
  };
}

/** Judges a film whose frames the meter has seen, draws its sheet, and keeps both in the work folder. */
export async function judgeFilm(
  plan: FilmPlan,
  face: FilmedFace,
  meter: QualityMeter,
  { title, cutCount, work }: { readonly title: string; readonly cutCount: number; readonly work: WorkFolder },
): Promise<Judgement> {
  const { boxes, masks, passthrough, idle, jitterPx } = face;
  const report = meter.finish({
    boxes,
    jitterPx,
    cutCount,
    sourceFramesPerSecond: plan.clip.sourceFramesPerSecond,
    isHdr: plan.clip.isHdr,
    sourceScale: plan.part.width / plan.size.width,
  });
  const bytes = masks.length / boxes.length;
  const sheet = await drawSheet({
    ...{ title, report, samples: meter.samples, boxes, passthrough, idle },
    masks: (frame) => masks.subarray(frame * bytes, (frame + 1) * bytes),
    points: (frame) => pointsOf(face.track, frame),
  });
  const names = judgementFiles(plan.key);
  await work.write(names.sheet, sheet);
  // Last: where it is, everything before it is.
  await work.write(names.report, JSON.stringify(report));
  return { report, sheet };
}

/** What an earlier run judged; undefined where none came so far. */
export async function findJudgement(plan: FilmPlan, work: WorkFolder): Promise<Judgement | undefined> {
  const names = judgementFiles(plan.key);
  const report = await work.read(names.report);
  const sheet = await work.read(names.sheet);
  return report && sheet && { report: qualityReportSchema.parse(JSON.parse(report.toString())), sheet };
}

function judgementFiles(key: string) {
  return { report: `film-${key}-report.json`, sheet: `film-${key}-sheet.webp` };
}

function pointsOf({ points }: FaceTrack, frame: number): Float32Array {
  return points.subarray(frame * LANDMARK_COUNT * 3, (frame + 1) * LANDMARK_COUNT * 3);
}

function checkMasks(bytes: number, source: string): void {
  if (bytes <= AVATAR_BYTE_LIMITS.masks) return;
  throw new AppError(
    'CLIP_TOO_LONG',
    `The masks of ${source} would take ${Math.round(bytes / 1e6)} MB of memory; at most ${AVATAR_BYTE_LIMITS.masks / 1e6} MB are given.`,
    { fix: 'Prepare it shorter (--seconds 30) or smaller (--size 1280x720)' },
  );
}
