import { type ChildProcess, fork } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { AppError } from '../base/errors.ts';
import { findNodeEntry } from '../base/node-entry.ts';
import type { WireError } from '../live/engine-protocol.ts';

/** What is unpacked, and into which cache. */
export interface UnpackJob {
  /** Folder of an avatar that has been checked. */
  readonly folder: string;
  readonly cacheFolder: string;
  readonly background: string;
}

const entry = findNodeEntry(import.meta.url, './unpack-process');

/**
 * Unpacks an avatar in a process of its own, which comes after the show. A background takes some 30 ms a picture: in the show's own
 * process every one of them would come late.
 * @throws AppError as {@link unpackBody} does; the signal's reason when aborted.
 */
export async function unpackElsewhere(job: UnpackJob, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = fork(entry.path, [], { execArgv: [...entry.execArgv], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  process.once('exit', stop);
  try {
    // At once, before it has threads: they inherit it.
    lowerPriority(child);
    const failure = await answerOf(child, job);
    signal.throwIfAborted();
    if (failure) throw new AppError(failure.code, failure.message, failure.fix ? { fix: failure.fix } : {});
  } finally {
    signal.removeEventListener('abort', stop);
    process.off('exit', stop);
  }
}

/** Resolves when it has ended: with why it failed, or with nothing. */
function answerOf(child: ChildProcess, job: UnpackJob): Promise<WireError | undefined> {
  let answer: { readonly failure?: WireError } | undefined;
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => {
      answer = message as { failure?: WireError };
    });
    child.once('exit', (code, by) =>
      resolve(
        answer
          ? answer.failure
          : {
              code: 'UNPACK_FAILED',
              message: `Unpacking ${job.folder} ended before it was done: ${by ?? `exit code ${code}`}.`,
            },
      ),
    );
    child.send(job, () => {});
  });
}

function lowerPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Ended already, or the system does not let us: it then competes with the show as equals.
  }
}
