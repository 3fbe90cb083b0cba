import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import { findNodeEntry, type NodeEntry } from '../base/node-entry.ts';

/** What is prepared, and into which folder. */
export interface PreparationRequest {
  /** Absolute path of the photo or clip. */
  readonly source: string;
  readonly avatarId: string;
  readonly name: string;
  readonly depicts: string;
  readonly consent: string;
  /** The avatar becomes a folder of its id in this one. */
  readonly into: string;
}

/** How far a preparation is. */
export interface PreparationProgress {
  /** What is being done, in words. */
  readonly step: string;
  /** 0 … 1 */
  readonly fraction: number;
  readonly secondsLeft?: number;
}

/** Prepares; resolves when the avatar is in its folder. @throws AppError as `musecam prepare` does; the signal's reason. */
export type PreparationRunner = (
  request: PreparationRequest,
  onProgress: (progress: PreparationProgress) => void,
  signal: AbortSignal,
) => Promise<void>;

/** How long a preparation that is called off may take to clear away what it has begun, in ms. */
const END_GRACE_MS = 5_000;
/** How much of what it complains about is kept, in characters. */
const LAST_WORDS = 2_000;

const lineSchema = z.union([
  z.object({ step: z.string(), fraction: z.number(), secondsLeft: z.number().nullish() }),
  z.object({ error: z.object({ code: z.string(), message: z.string(), fix: z.string().nullish() }) }),
  z.object({ done: z.unknown() }).refine((line) => line.done !== undefined),
]);

const ownEntry = findNodeEntry(import.meta.url, './preparation-process');

/**
 * Runs `musecam prepare` in a process of its own, at low priority, so that the running show keeps its frames.
 * @param entry what is run; tests bring their own.
 */
export function createPreparationRunner(entry: NodeEntry = ownEntry): PreparationRunner {
  return (request, onProgress, signal) => runPreparation(entry, request, onProgress, signal);
}

async function runPreparation(
  entry: NodeEntry,
  request: PreparationRequest,
  onProgress: (progress: PreparationProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [...entry.execArgv, entry.path, ...argumentsOf(request)], {
    // The pipe to its standard input is what tells it that we are there.
    stdio: ['pipe', 'pipe', 'pipe'],
    // In our session: a session of its own would get a share of the processor of its own (autogroups of Linux), whatever
    // its priority is.
    windowsHide: true,
  });
  const stop = () => endInOrder(child);
  signal.addEventListener('abort', stop, { once: true });
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  try {
    // At once, before it has threads: they inherit it.
    if (child.pid !== undefined) lowerPriority(child.pid);
    await follow(child, onProgress, signal);
  } finally {
    signal.removeEventListener('abort', stop);
    process.off('exit', killNow);
  }
}

/** What comes from a person is joined to its flag, so that nothing of it can be read as another one. */
function argumentsOf({ source, avatarId, name, depicts, consent, into }: PreparationRequest): string[] {
  const said = { id: avatarId, name, depicts, consent, into };
  const flags = Object.entries(said).map(([flag, value]) => `--${flag}=${value}`);
  return ['prepare', source, ...flags, '--progress-json'];
}

async function follow(
  child: ChildProcess,
  onProgress: (progress: PreparationProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  let failure: AppError | undefined;
  let isDone = false;
  let complaints = '';
  child.stdin?.on('error', () => {});
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-LAST_WORDS);
  });
  createInterface({ input: child.stdout! }).on('line', (text) => {
    const line = lineSchema.safeParse(parseJson(text)).data;
    if (!line) return;
    if ('error' in line) failure = errorOf(line.error);
    else if ('done' in line) isDone = true;
    else onProgress(progressOf(line));
  });
  const ending = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => resolve(by ?? `exit code ${code}`));
  });
  signal.throwIfAborted();
  if (failure) throw failure;
  if (isDone && ending === 'exit code 0') return;
  const lines = complaints.trim().split('\n');
  const lastWords = (lines.find((line) => /^(?:[a-z]*error:|✖)/i.test(line)) ?? lines.at(-1))?.trim().slice(0, 300);
  throw new AppError(
    'PREPARATION_FAILED',
    `The preparation ended before it was done (${ending}): ${lastWords || 'it said nothing'}`,
    {
      fix: 'Try once more; if it fails again, prepare the file in a terminal to see more: musecam prepare FILE --id ID',
    },
  );
}

function progressOf(line: {
  step: string;
  fraction: number;
  secondsLeft?: number | null | undefined;
}): PreparationProgress {
  return {
    step: line.step,
    fraction: Math.min(1, Math.max(0, line.fraction)),
    ...(typeof line.secondsLeft === 'number' ? { secondsLeft: Math.max(0, line.secondsLeft) } : {}),
  };
}

function errorOf({ code, message, fix }: { code: string; message: string; fix?: string | null | undefined }): AppError {
  return new AppError(code, message, fix ? { fix } : {});
}

/** Asks it to end, and ends it when it does not. */
function endInOrder(child: ChildProcess): void {
  const timer = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
  child.once('close', () => clearTimeout(timer));
  child.kill('SIGTERM');
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Ended already, or the system does not let us: it then competes with the show as equals.
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
