import { FRAMES_PER_SECOND, type Rect, SAMPLES_PER_FRAME } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Paths } from '../base/paths.ts';
import { Scope } from '../base/scope.ts';
import type { PluginHost } from '../host/plugin-host.ts';
import type { SettingValues } from '../host/settings.ts';
import { FaceHost } from '../live/face-host.ts';
import { Feed } from '../live/feed.ts';
import { FramePool } from '../live/frame-pool.ts';
import { Meter } from '../live/meter.ts';
import { Painter } from '../live/painter.ts';
import { FRAMES_IN_FLIGHT, type MadeFrame, makeFrame, type Stage } from '../live/show.ts';
import { Tape } from '../live/tape.ts';
import { renderLabel } from '../media/label.ts';
import { readCoreSettings } from './core-settings.ts';
import { engineHostEntry } from './daemon.ts';
import { openLibrary } from './open-library.ts';

/** What to render. */
export interface RenderOptions {
  readonly paths: Paths;
  readonly log: Log;
  readonly settings: SettingValues;
  readonly plugins: PluginHost;
  readonly audioPath: string;
  readonly avatarId: string;
  readonly outPath: string;
  readonly engine: string;
  readonly onProgress: (done: number, total: number) => void;
}

/** One frame of `--frames-json`. */
export interface FrameFacts {
  readonly index: number;
  readonly timeSeconds: number;
  /** Index of the avatar's body frame. */
  readonly pose: number;
  readonly speaking: boolean;
  readonly openness: number;
  readonly width: number;
  readonly closure: number;
  /** Where the face was pasted, in pixels of the avatar; null where its frame is shown as it is. */
  readonly patch: Rect | null;
}

interface RenderStage extends Stage {
  readonly face: FaceHost;
}

/** Sound is kept for this long, in seconds; longer files do not fit off line rendering's memory budget (230 MB). */
const LONGEST_SOUND_SECONDS = 3600;

/**
 * The journey of a frame, off line: the same steps as live, every frame exactly once, as fast as engine and encoder go,
 * and the same pictures each time.
 */
export async function render(options: RenderOptions, signal: AbortSignal): Promise<readonly FrameFacts[]> {
  await using scope = new Scope();
  const tape = await readSound(options, scope, signal);
  const stage = await openStage(options, tape, scope, signal);
  const output = await openFile(options, stage, scope, signal);
  const frames = Math.max(1, Math.ceil(tape.end / SAMPLES_PER_FRAME));
  const facts: FrameFacts[] = [];
  const making: Promise<MadeFrame>[] = [];
  for (let frame = 0; frame < frames; frame++) {
    for (let next = frame + making.length; making.length < FRAMES_IN_FLIGHT && next < frames; next++) {
      making.push(makeFrame(stage, next, signal));
    }
    using made = await firstOf(making, stage.face);
    output.hear?.(tape.read(frame * SAMPLES_PER_FRAME, SAMPLES_PER_FRAME), frame * SAMPLES_PER_FRAME);
    await output.send(made.picture);
    facts.push(describe(made));
    options.onProgress(frame + 1, frames);
    signal.throwIfAborted();
  }
  return facts;
}

async function readSound(options: RenderOptions, scope: Scope, signal: AbortSignal): Promise<Tape> {
  const record = await options.plugins.record('audioInputs', options.plugins.findScheme('audioInputs', 'wav').id);
  const input = scope.use(
    await record.open(
      { target: options.audioPath, loop: false, isRealTime: false, log: options.log, onHealth: () => {} },
      signal,
    ),
  );
  const sound = new Tape(LONGEST_SOUND_SECONDS);
  await new Feed(sound).follow(input, signal);
  if (sound.end === 0) throw new AppError('WAV_EMPTY', `${options.audioPath} holds no sound.`);
  if (sound.end > LONGEST_SOUND_SECONDS * FRAMES_PER_SECOND * SAMPLES_PER_FRAME) {
    throw new AppError('SOUND_TOO_LONG', `${options.audioPath} is longer than an hour.`, { fix: 'Cut it into parts.' });
  }
  sound.finish();
  return sound;
}

async function openStage(options: RenderOptions, tape: Tape, scope: Scope, signal: AbortSignal): Promise<RenderStage> {
  const { paths, log, settings, plugins, avatarId, engine } = options;
  const { size, background, labelText } = readCoreSettings(settings);
  const avatar = scope.use(await openLibrary(paths).load(avatarId, { background, signal }));
  const contribution = plugins.findScheme('faceEngines', engine);
  const face = scope.use(
    new FaceHost({
      entry: engineHostEntry,
      engineId: contribution.id,
      engineTitle: contribution.title,
      pluginFolder: plugins.folderOf(plugins.ownerOf(contribution.id) ?? ''),
      settings,
      log,
      isLive: false,
      // A network that runs on the processor blocks the engine's thread for seconds a frame.
      hungAfterMs: 180_000,
      openDeadlineMs: 600_000,
    }),
  );
  await face.ready;
  await face.load(avatar.ref);
  const { width, height } = avatar.manifest;
  const painter = new Painter(new FramePool(size ?? { width, height }));
  if (labelText.trim() !== '') painter.label = renderLabel(labelText, painter.size);
  return {
    avatar: { id: avatar.ref.id, width, height, isStill: avatar.poseCount === 1, pose: (frame) => avatar.pose(frame) },
    isResting: false,
    tape,
    face,
    painter,
    lanes: [],
    meter: new Meter(),
  };
}

async function openFile(options: RenderOptions, stage: Stage, scope: Scope, signal: AbortSignal) {
  const { plugins, log, outPath } = options;
  const record = await plugins.record('videoOutputs', plugins.findScheme('videoOutputs', 'file').id);
  const { width, height } = stage.painter.size;
  const shape = { width, height, framesPerSecond: FRAMES_PER_SECOND };
  return scope.use(await record.open({ target: outPath, ...shape, log, onHealth: () => {} }, signal));
}

/** @throws AppError ENGINE_GONE with what the engine says of itself. Silence, drawn as the body's own face, is no failure. */
async function firstOf(making: Promise<MadeFrame>[], face: FaceHost): Promise<MadeFrame> {
  const made = await making.shift();
  if (!made) throw new Error('nothing is being made');
  if (made.facts.engineId !== undefined) return made;
  made[Symbol.dispose]();
  const { detail, fix } = face.status;
  throw new AppError(
    'ENGINE_GONE',
    `The face engine failed while rendering${detail ? `: ${detail.replace(/\.$/, '')}` : ''}.`,
    {
      fix: fix ?? 'Run it again with --verbose.',
    },
  );
}

function describe({ facts }: MadeFrame): FrameFacts {
  const { frame, pose, heard, patch } = facts;
  if (!heard) throw new Error('a rendered frame that nothing was heard for');
  return {
    index: frame,
    timeSeconds: frame / FRAMES_PER_SECOND,
    pose,
    speaking: heard.speaking,
    openness: heard.openness,
    width: heard.width,
    closure: heard.closure,
    patch: patch ? { x: patch.x, y: patch.y, width: patch.width, height: patch.height } : null,
  };
}
