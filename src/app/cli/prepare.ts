import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AvatarManifest, qualityReportSchema } from '../../api/avatar.ts';
import type { FaceEngine } from '../../api/contributions.ts';
import type { Size } from '../../api/media.ts';
import type { PrepareClipOptions } from '../../avatar/clip/plan-film.ts';
import { prepareAvatar } from '../../avatar/prepare.ts';
import { checkOptions, type PrepareProgress, type PrepareStep } from '../../avatar/prepare-options.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { findPaths, type Paths } from '../../base/paths.ts';
import { openPluginsWithoutShow } from '../builtin-plugins.ts';
import { declareInstalled } from '../installed-plugins.ts';
import { openLibrary, userAvatarsFolder } from '../open-library.ts';
import { readVersion } from '../read-version.ts';
import { askConsent } from './ask-consent.ts';
import { printReport } from './print-report.ts';
import { readSettings } from './read-settings.ts';
import { openProgress, paint, printJson } from './terminal.ts';

/** Flags of `musecam prepare`. */
export interface PrepareFlags {
  readonly id: string;
  readonly name?: string;
  readonly depicts?: string;
  readonly consent?: string;
  readonly licence?: string;
  readonly size?: string;
  readonly framing?: string;
  readonly start?: number;
  readonly seconds?: number;
  readonly motion?: string;
  readonly use?: string;
  readonly face?: number;
  readonly engine?: readonly string[];
  readonly replace?: boolean;
  readonly fresh?: boolean;
  readonly json?: boolean;
  /** Hidden: one JSON object a line on standard output, for the control page's helper process. */
  readonly progressJson?: boolean;
  /** Hidden: the folder that gets the avatar, instead of the user's avatars. */
  readonly into?: string;
}

/** What is being done, in words. */
const STEP_WORDS: Readonly<Record<PrepareStep, string>> = {
  read: 'Reading it',
  'find-face': 'Looking for the face',
  follow: 'Following the face',
  frame: 'Framing it like a webcam',
  film: 'Working through the frames',
  mask: 'Drawing masks',
  report: 'Judging the quality',
  engine: 'Working out its movements',
  write: 'Writing the avatar',
};
/** How often progress is told to another program, at most, in ms. */
const TELL_EVERY_MS = 200;

/** Turns a photo or a clip into a prepared avatar in the user's data folder. */
export async function prepareFromCommandLine(source: string, flags: PrepareFlags, signal: AbortSignal): Promise<void> {
  if (!flags.progressJson) return prepareForPerson(source, flags, signal);
  try {
    let toldMs = Number.NEGATIVE_INFINITY;
    let step = '';
    const prepared = await runPrepare(source, flags, signal, (progress) => {
      const words = STEP_WORDS[progress.step];
      if (words === step && progress.fraction < 1 && performance.now() - toldMs < TELL_EVERY_MS) return;
      toldMs = performance.now();
      step = words;
      printLine({ ...progress, step: words });
    });
    printLine({ done: { ...prepared.manifest, ...prepared.paths } });
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code === 'INTERRUPTED') throw thrown;
    printLine({ error: { code: thrown.code, message: thrown.message, fix: thrown.fix } });
    process.exitCode = 1;
  }
}

/** What somebody else has worked out already for an avatar. */
export interface GivenParts {
  readonly options: Partial<PrepareClipOptions>;
  /** What engines would prepare, by scheme. */
  readonly prepare: ReadonlyMap<string, NonNullable<FaceEngine['prepare']>>;
}

/**
 * Prepares an avatar with a bar in the terminal, and prints the result.
 * @param readGiven called when it is certain that the avatar can be made as far as its details go.
 */
export async function prepareForPerson(
  source: string,
  flags: PrepareFlags,
  signal: AbortSignal,
  readGiven?: () => Promise<GivenParts>,
): Promise<void> {
  using progress = openProgress(readGiven ? 'Importing' : 'Preparing', { hasOwnTime: true });
  const onProgress = ({ step, fraction, secondsLeft }: PrepareProgress) => {
    const left = secondsLeft === undefined ? '' : `, about ${timeOf(secondsLeft)} left`;
    progress.update(Math.round(fraction * 1000), 1000, `${STEP_WORDS[step]}${fraction < 1 ? left : ''}`);
  };
  const prepared = await runPrepare(source, flags, signal, onProgress, readGiven).catch((thrown: unknown) => {
    progress[Symbol.dispose]();
    if (thrown instanceof AppError && thrown.code === 'INTERRUPTED' && !flags.json)
      console.error('\nInterrupted. Of a clip what is done is kept: the same command goes on from there.');
    throw thrown;
  });
  progress[Symbol.dispose]();
  const { manifest, paths } = prepared;
  if (flags.json) return printJson({ ...manifest, ...paths });
  await printResult(prepared, flags);
}

interface Prepared {
  readonly manifest: AvatarManifest;
  readonly folder: string;
  readonly paths: { readonly previewPath: string; readonly sheetPath?: string };
}

async function runPrepare(
  source: string,
  flags: PrepareFlags,
  signal: AbortSignal,
  onProgress: (progress: PrepareProgress) => void,
  readGiven?: () => Promise<GivenParts>,
): Promise<Prepared> {
  const paths = findPaths();
  const asked = await optionsOf(source, flags, paths, signal);
  if (readGiven) await checkOptions(asked);
  onProgress({ step: 'read', fraction: 0 });
  const given = await readGiven?.();
  const options = { ...asked, ...given?.options };
  const values = await readSettings(paths, []);
  await using plugins = openPluginsWithoutShow(silentLog, values, declareInstalled(paths, 'here'));
  for (const scheme of flags.engine ?? []) plugins.findScheme('faceEngines', scheme);
  const onWarning = (message: string) => console.error(`${paint('yellow', '!')} ${message}`);
  const engines = new Map<string, FaceEngine>();
  for (const { id, scheme } of plugins.contributions('faceEngines')) {
    const engine = await plugins.record('faceEngines', id).catch((thrown) => onWarning(messageOf(thrown)));
    if (!engine) continue;
    const prepare = given?.prepare.get(scheme);
    engines.set(scheme, prepare ? { open: engine.open.bind(engine), prepare } : engine);
  }
  const manifest = await prepareAvatar({ ...options, engines, signal, onProgress, onWarning });
  const folder = join(options.folder, flags.id);
  const sheet = manifest.sheet && { sheetPath: join(folder, manifest.sheet.path) };
  return { manifest, folder, paths: { previewPath: join(folder, manifest.preview.path), ...sheet } };
}

async function optionsOf(
  source: string,
  flags: PrepareFlags,
  paths: Paths,
  signal: AbortSignal,
): Promise<PrepareClipOptions> {
  const shipped = (await openLibrary(paths).list()).filter((avatar) => avatar.isShipped);
  const name = flags.name ?? flags.id;
  const said = {
    ...(flags.depicts === undefined ? {} : { depicts: flags.depicts }),
    ...(flags.consent === undefined ? {} : { statement: flags.consent }),
  };
  return {
    source,
    id: flags.id,
    name,
    licence: flags.licence ?? 'private',
    consent: { ...(await askConsent(said, name, signal)), date: new Date().toISOString().slice(0, 10) },
    folder: flags.into ?? userAvatarsFolder(paths),
    // Beside an avatar that is only being tried: it is taken away with it.
    workFolder: join(flags.into ?? paths.data, 'preparing'),
    reservedIds: new Set(shipped.map((avatar) => avatar.id)),
    preparedBy: `musecam ${readVersion()}`,
    engines: new Map(),
    size: flags.size === undefined ? undefined : parseSize(flags.size),
    framing: choiceOf('--framing', flags.framing, ['webcam', 'whole']),
    startSeconds: flags.start,
    seconds: flags.seconds,
    motion: choiceOf('--motion', flags.motion, ['auto', 'loop', 'ping-pong']),
    use: choiceOf('--use', flags.use, ['whole', 'idle']),
    face: flags.face,
    wantedEngines: flags.engine,
    fresh: flags.fresh,
    replace: flags.replace,
  };
}

/** A calm stretch nearly as long as the clip is nothing to offer. */
const IDLE_SHARE = 0.8;

async function printResult({ manifest, folder, paths }: Prepared, flags: PrepareFlags): Promise<void> {
  const { frameCount, motion } = manifest;
  const length = frameCount > 1 ? `, ${(frameCount / 25).toFixed(1)} s, ${motion}` : '';
  console.log(`\n${paint('green', '✔')} ${flags.id} is ready (${manifest.width}x${manifest.height}${length}).\n`);
  const report = manifest.report && (await readFile(join(folder, manifest.report.path), 'utf8'));
  if (report) printReport(qualityReportSchema.parse(JSON.parse(report)));
  console.log(`\n  preview: ${paths.previewPath}`);
  if (paths.sheetPath) console.log(`  contact sheet: ${paths.sheetPath}`);
  if (manifest.idle && manifest.idle.count < frameCount * IDLE_SHARE) {
    const [start, end] = [manifest.idle.start, manifest.idle.start + manifest.idle.count].map((frame) => frame / 25);
    console.log(
      `  calmest stretch: ${start!.toFixed(1)} to ${end!.toFixed(1)} s; to keep only that: --use idle --replace`,
    );
  }
  console.log(`  show it: musecam start --avatar ${flags.id}, or while running: musecam avatars use ${flags.id}`);
}

/** `1280x720`. @throws AppError BAD_AVATAR_DETAILS. */
function parseSize(text: string): Size {
  const [, width, height] = /^(\d{1,5})[x×](\d{1,5})$/.exec(text) ?? [];
  if (width !== undefined) return { width: Number(width), height: Number(height) };
  throw badFlag(`"${text}" is no size.`, 'Write width x height in even pixels: --size 1280x720');
}

/** @throws AppError BAD_AVATAR_DETAILS. */
function choiceOf<T extends string>(flag: string, value: string | undefined, choices: readonly T[]): T | undefined {
  const choice = choices.find((one) => one === value);
  if (value === undefined || choice !== undefined) return choice;
  throw badFlag(`${flag} cannot be "${value}".`, `Choose ${choices.map((one) => `${flag} ${one}`).join(', ')}`);
}

function badFlag(message: string, fix: string): AppError {
  return new AppError('BAD_AVATAR_DETAILS', message, { fix });
}

function printLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function timeOf(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
