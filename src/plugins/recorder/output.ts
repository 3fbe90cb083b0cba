import { open, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { extname, resolve } from 'node:path';
import type { VideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import { AppError } from '../../base/errors.ts';
import type { Container } from './codecs.ts';
import { Encoder } from './encoder.ts';
import { notWritable } from './failures.ts';
import { Recording, type RecordingTarget } from './recording.ts';

/** The plugin's settings, already checked by their declarations. */
export interface RecorderSettings {
  /** Whether a file that is there may be replaced. */
  readonly mayOverwrite: boolean;
}

const CONTAINERS: Readonly<Record<string, Container>> = {
  '.mp4': 'mp4',
  '.mov': 'mov',
  '.mkv': 'matroska',
  '.webm': 'webm',
};

/** The output `file:PATH`. Settings are read at each opening. */
export function createRecorderOutput(readSettings: () => RecorderSettings): VideoOutput {
  return {
    list: async () => [],
    open: (options, signal) => openRecording(options, readSettings(), signal),
  };
}

/** @throws AppError RECORDING_TARGET, RECORDING_EXISTS, RECORDING_NOT_WRITABLE, DISK_FULL, FFMPEG_MISSING, RECORDING_CODEC. */
async function openRecording(
  options: VideoOutputOptions,
  { mayOverwrite }: RecorderSettings,
  signal: AbortSignal,
): Promise<Recording> {
  signal.throwIfAborted();
  const target = chooseTarget(options.target);
  await checkTarget(target, mayOverwrite);
  const size = { width: options.width, height: options.height };
  const start = (hasAlpha: boolean) =>
    Encoder.start({ path: target.partPath, container: target.container, size, hasAlpha });
  const encoder = await start(false).catch(async (thrown: unknown) => {
    await rm(target.partPath, { force: true });
    throw thrown;
  });
  const recording = new Recording({ encoder, startWithAlpha: () => start(true), target, size, output: options });
  if (signal.aborted) {
    await recording[Symbol.asyncDispose]();
    signal.throwIfAborted();
  }
  return recording;
}

function chooseTarget(target: string | undefined): RecordingTarget {
  const path = resolve(target?.replace(/^~(?=\/)/, homedir()) ?? '');
  const container = CONTAINERS[extname(path).toLowerCase()];
  if (!target || !container) {
    const what = target ? `"${target}" does not end in .mp4, .mov, .mkv or .webm` : 'no file was named';
    throw new AppError('RECORDING_TARGET', `cannot record: ${what}`, { fix: 'For example: --output file:show.mp4' });
  }
  return { path, partPath: `${path}.part`, container };
}

/** Finds out now, not at the end, whether the file can be made there. */
async function checkTarget({ path, partPath }: RecordingTarget, mayOverwrite: boolean): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (existing && !(mayOverwrite && existing.isFile())) {
    throw new AppError('RECORDING_EXISTS', `${path} is there already`, {
      fix: existing.isFile() ? 'Name another file, or set recorder.overwrite to true.' : 'Name another file.',
    });
  }
  try {
    await (await open(partPath, 'w')).close();
  } catch (thrown) {
    throw notWritable(path, thrown);
  }
}
