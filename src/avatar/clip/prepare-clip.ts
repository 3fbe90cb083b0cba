import type { AvatarManifest, PreparedFace } from '../../api/avatar.ts';
import { frameByteLength, type Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { folderNotWritable } from '../avatar-folder.ts';
import { FaceFinder } from '../find-face.ts';
import { frameSizeFor } from '../framing.ts';
import { AVATAR_BYTE_LIMITS } from '../manifest-rules.ts';
import { prepareEngines } from '../prepare-engines.ts';
import { checkOptions } from '../prepare-options.ts';
import { QualityMeter } from '../report/quality-meter.ts';
import { refuseHopeless } from '../report/refuse-hopeless.ts';
import { type AvatarContent, type EngineFiles, writeAvatar } from '../write-avatar.ts';
import { engineStore } from './engine-store.ts';
import { type Film, type FilmPlan, filmClip, findFilm } from './film-clip.ts';
import { type FilmedFace, findJudgement, type Judgement, judgeFilm, measureFilm } from './judge-film.ts';
import { type PlannedFilm, type PrepareClipOptions, planFilm } from './plan-film.ts';
import { ProgressMeter } from './prepare-progress.ts';
import { type ProbedClip, probeClip } from './probe-clip.ts';
import { BodyReader } from './read-body.ts';
import { WorkFolder, workKey } from './work-folder.ts';

/** Grows when what a stage works out changes: work of an older program is not gone on with. */
const WORK_VERSION = 1;
const NO_SIGNAL = new AbortController().signal;

/**
 * Makes a prepared avatar of a clip: follows the face through it, frames it like a webcam, films it at its final size with
 * landmarks, matte and measures, chooses how it repeats, lets every engine prepare, and writes the folder. Interrupted, the
 * same call goes on where it was and gives the same avatar. Either the whole avatar is there in the end, or nothing.
 * @throws AppError BAD_AVATAR_ID, CONSENT_MISSING, BAD_AVATAR_DETAILS, AVATAR_EXISTS, CLIP_HOPELESS, CLIP_HAS_NO_IDLE,
 * CLIP_TOO_LONG, DISK_FULL, FOLDER_NOT_WRITABLE, and what {@link probeClip}, decodeClip and FaceFollower throw.
 */
export async function prepareClip(options: PrepareClipOptions): Promise<AvatarManifest> {
  const signal = options.signal ?? NO_SIGNAL;
  const progress = new ProgressMeter(options.onProgress);
  await checkOptions(options);
  progress.update('read', 0);
  const clip = await probeClip(options.source, options, signal);
  checkLength(clip, frameSizeFor(clip, options));
  const { startSeconds = 0, seconds = 0, face = 0, preparedBy, mark } = options;
  const asked = [WORK_VERSION, preparedBy, startSeconds, seconds, face, ...(mark === undefined ? [] : [mark])];
  const key = await workKey(options.source, asked);
  try {
    await using work = await WorkFolder.open(options.workFolder, key, options.fresh ?? false);
    const manifest = await prepareIn({ clip, options, work, progress, signal });
    await work.remove();
    progress.update('write', 1);
    return manifest;
  } catch (thrown) {
    throw folderNotWritable(thrown, options.workFolder);
  }
}

async function prepareIn(run: Run): Promise<AvatarManifest> {
  const { options, progress, signal } = run;
  const { plan, film, face: filmed, judgement } = await shootFilm(run);
  await using reader = new BodyReader(film.bodyPath, plan.size, signal);
  const engines = await runEngines(run, plan, filmed, reader);
  progress.update('write', 0);
  const content = await describeClip(plan, film, filmed, judgement, reader);
  return writeAvatar(options, content, engines, signal);
}

/** One preparation under way. */
interface Run {
  readonly clip: ProbedClip;
  readonly options: PrepareClipOptions;
  readonly work: WorkFolder;
  readonly progress: ProgressMeter;
  readonly signal: AbortSignal;
}

interface Filmed {
  readonly plan: FilmPlan;
  readonly film: Film;
  readonly face: FilmedFace;
  readonly judgement: Judgement;
}

/** Everything that looks at the clip itself. @throws AppError CLIP_HOPELESS among others. */
async function shootFilm({ clip, options, work, progress, signal }: Run): Promise<Filmed> {
  await using finder = await FaceFinder.open({ threads: 1 });
  const onFollowed = (share: number) => progress.update('follow', share);
  const { plan, cutCount }: PlannedFilm = await planFilm(clip, options, finder, work, onFollowed, signal);
  progress.update('frame', 1);
  const { range } = plan.motion;
  const onFilmed = (done: number) => progress.update('film', done / (range.end - range.start));
  const known = await findJudgement(plan, work);
  const meter = new QualityMeter();
  const film = (known && (await findFilm(plan, work))) ?? (await filmClip(plan, finder, meter, work, onFilmed, signal));
  const face = await measureFilm(plan, film, (share) => progress.update('mask', share), signal);
  progress.update('report', 0);
  const judgement = known ?? (await judgeFilm(plan, face, meter, { title: options.name, cutCount, work }));
  refuseHopeless(judgement.report, options.source);
  return { plan, film, face, judgement };
}

async function runEngines(run: Run, plan: FilmPlan, face: FilmedFace, reader: BodyReader): Promise<EngineFiles> {
  const prepared: PreparedFace = {
    ...plan.size,
    pixels: (frame) => reader.rgb(frame),
    frameCount: face.track.frameCount,
    // Copies: what an engine does to them must not reach the avatar.
    landmarks: face.track.points.slice(),
    masks: face.masks.slice(),
    faceBoxes: face.boxes,
    passthrough: face.passthrough,
  };
  const onProgress = (share: number) => run.progress.update('engine', share);
  return prepareEngines(run.options.engines, prepared, run.signal, onProgress, {
    store: engineStore(run.work, plan.key),
    wanted: run.options.wantedEngines,
    onNote: run.options.onWarning,
  });
}

async function describeClip(
  plan: FilmPlan,
  film: Film,
  { track, boxes, masks, passthrough, idle }: FilmedFace,
  { report, sheet }: Judgement,
  reader: BodyReader,
): Promise<AvatarContent> {
  const { size } = plan;
  // What stands for the avatar in lists: listening, or at least with a face.
  const shown = idle?.start ?? Math.max(0, track.faults.indexOf(undefined));
  return {
    ...{ size, boxes, masks, passthrough, idle, report, sheet },
    frameCount: track.frameCount,
    motion: plan.motion.motion,
    body: { path: 'body.mp4', data: film.bodyPath },
    points: track.points,
    matte: film.mattePath === undefined ? undefined : { path: 'matte.mp4', data: film.mattePath },
    preview: { ...size, pixels: await reader.rgb(shown) },
    faceScore: Math.min(...track.scores.filter((_, i) => track.faults[i] === undefined)),
  };
}

/** @throws AppError CLIP_TOO_LONG where the frames would take more of the disk than an avatar may. */
function checkLength({ frameCount, source }: ProbedClip, size: Size): void {
  const bytes = frameCount * frameByteLength('i420', size);
  if (bytes <= AVATAR_BYTE_LIMITS.unpacked) return;
  throw new AppError(
    'CLIP_TOO_LONG',
    `${source} at ${size.width}x${size.height} would take ${(bytes / 1e9).toFixed(1)} GB unpacked; at most ${AVATAR_BYTE_LIMITS.unpacked / 1e9} GB are given.`,
    { fix: 'Prepare it shorter (--seconds 20) or smaller (--size 1280x720)' },
  );
}
