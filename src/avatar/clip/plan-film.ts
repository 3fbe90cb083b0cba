import type { QualityReport } from '../../api/avatar.ts';
import { FRAMES_PER_SECOND } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import type { FaceFinder } from '../find-face.ts';
import { frameSizeFor, wholePart } from '../framing.ts';
import type { PrepareOptions } from '../prepare-options.ts';
import { refuseHopeless } from '../report/refuse-hopeless.ts';
import { type ClipMotion, chooseIdle, chooseMotion, type MotionWish } from './choose-motion.ts';
import type { FaceTrack, FrameFault } from './clip.ts';
import { type FrameRange, longestShot, trackOf } from './face-track.ts';
import type { FilmPlan } from './film-clip.ts';
import { chooseClipFrame } from './frame-clip.ts';
import type { ProbedClip } from './probe-clip.ts';
import { smoothTrack } from './smooth-track.ts';
import { type Survey, surveyClip } from './survey-clip.ts';
import { hashOf, type WorkFolder } from './work-folder.ts';

/** What a clip shall become. */
export interface PrepareClipOptions extends PrepareOptions {
  /** The part of the clip that is used. Default: all of it. */
  readonly startSeconds?: number | undefined;
  readonly seconds?: number | undefined;
  /** How the frames repeat. Default `auto`. */
  readonly motion?: MotionWish | undefined;
  /** Use everything, or only the calmest stretch with shut lips. Default `whole`. */
  readonly use?: 'whole' | 'idle' | undefined;
  /**
   * Every frame stays, in its place: no shot is chosen, nothing cut off, faded or left out. They repeat as `motion` says,
   * to and fro where that is `auto`. For what was worked out frame by frame elsewhere.
   */
  readonly keepsFrames?: boolean | undefined;
  /** Names what else the result depends on: work of an interrupted run with another mark is not gone on with. */
  readonly mark?: string | undefined;
  /** Folder for what an interrupted run goes on with. */
  readonly workFolder: string;
  /** Forget what an interrupted run has worked out. */
  readonly fresh?: boolean | undefined;
}

/** A plan, and how often the clip's picture changes at once. */
export interface PlannedFilm {
  readonly plan: FilmPlan;
  readonly cutCount: number;
}

/** Fewer frames than the head promised are normal at a clip's end; more than this are worth a word. */
const MAX_MISSING_FRAMES = 3;

/**
 * Looks through a clip and decides what is filmed: which stretch of it, how it repeats, and the part of the picture that
 * frames the face.
 * @param onFrame told what share of the clip was looked through, 0 … 1.
 * @throws AppError CLIP_HOPELESS, CLIP_HAS_NO_IDLE, and what surveyClip throws.
 */
export async function planFilm(
  clip: ProbedClip,
  options: PrepareClipOptions,
  finder: FaceFinder,
  work: WorkFolder,
  onFrame: (share: number) => void,
  signal: AbortSignal,
): Promise<PlannedFilm> {
  const size = frameSizeFor(clip, options);
  const onSurveyed = (done: number) => onFrame(done / clip.frameCount);
  const survey = await surveyClip(clip, finder, options.face, work, onSurveyed, signal);
  const scale = clip.width / survey.size.width;
  const choice = { source: clip.source, face: options.face, scale };
  const track = smoothTrack(trackOf(survey.frames, survey.size, choice));
  const shot = options.keepsFrames ? { start: 0, end: track.frameCount } : longestShot(track);
  refuseUnusable(track, shot, clip.source);
  warn(clip, survey, track, shot, options);
  const range = options.use === 'idle' ? idleOf(track, shot, clip.source) : shot;
  const thumbnails = survey.frames.map((frame) => frame.thumbnail);
  const motion: ClipMotion = options.keepsFrames
    ? { motion: options.motion === 'loop' ? 'loop' : 'ping-pong', range, fadeFrames: 0 }
    : chooseMotion(track, thumbnails, range, options.motion ?? 'auto');
  const part = options.framing === 'whole' ? wholePart(clip, size) : chooseClipFrame(clip, track, motion.range, size);
  const key = hashOf([size, motion, part, options.name]).slice(0, 12);
  return { plan: { clip, track, motion, part, size, key }, cutCount: track.cuts.length };
}

function idleOf(track: FaceTrack, shot: FrameRange, source: string): FrameRange {
  const idle = chooseIdle(track, shot);
  if (idle) return idle;
  throw new AppError('CLIP_HAS_NO_IDLE', `${source} shows no 1.5 s of calm with shut lips.`, {
    fix: 'Use all of it (--use whole), or film yourself listening for a few seconds',
  });
}

/** Refuses before the costly part what cannot become better there. @throws AppError CLIP_HOPELESS. */
function refuseUnusable(track: FaceTrack, shot: FrameRange, source: string): void {
  const usable = track.faults.slice(shot.start, shot.end).filter((fault) => fault === undefined).length;
  if (usable >= FRAMES_PER_SECOND) return;
  const percent = (...faults: FrameFault[]) =>
    (track.faults.filter((fault) => fault && faults.includes(fault)).length / track.frameCount) * 100;
  const measure = (id: string, value: number): QualityReport['measures'][number] => ({
    ...{ id, label: id, value, unit: '%', rating: 'poor' },
  });
  const measures = [
    measure('missing-face', percent('no-face')),
    measure('occlusion', percent('hidden')),
    measure('turned-away', percent('turned')),
    measure('cut-off', percent('cut-off', 'too-small')),
  ];
  refuseHopeless({ verdict: 'poor', frames: { total: track.frameCount, usable }, measures }, source);
}

function warn(
  clip: ProbedClip,
  survey: Survey,
  track: FaceTrack,
  shot: FrameRange,
  { onWarning = () => {}, keepsFrames }: PrepareClipOptions,
): void {
  const missing = clip.frameCount - survey.frames.length;
  const seconds = (frames: number) => (frames / FRAMES_PER_SECOND).toFixed(1);
  if (missing > MAX_MISSING_FRAMES)
    onWarning(`The last ${seconds(missing)} s of the clip are damaged and are left out.`);
  if (track.cuts.length > 0 && !keepsFrames)
    onWarning(
      `The clip is cut together of ${track.cuts.length + 1} shots; the best one is used: ${seconds(shot.end - shot.start)} s from ${seconds(shot.start)} s on.`,
    );
}
