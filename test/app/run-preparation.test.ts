import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createPreparationRunner, type PreparationProgress } from '../../src/app/run-preparation.ts';
import { AppError } from '../../src/base/errors.ts';
import { findNodeEntry } from '../../src/base/node-entry.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = createPreparationRunner(findNodeEntry(import.meta.url, '../fakes/fake-preparation'));
const never = new AbortController().signal;

const requestOf = (name: string, into = join(folder, 'into')) => {
  return { source: join(folder, 'source'), avatarId: 'me', name, depicts: 'Anna', consent: 'my own face', into };
};

/** Whether a process is there and no zombie. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a preparation in a process of its own', () => {
  it('gets what a person said as one argument each, whatever it is, and runs at low priority', async () => {
    const seen: PreparationProgress[] = [];
    const name = '--replace "$(touch /tmp/x)"; $HOME\n--id=other';
    await run(requestOf(name), (progress) => seen.push(progress), never);
    expect(seen.slice(0, 2)).toEqual([
      { step: 'Reading it', fraction: 0 },
      { step: 'Smoothing the path', fraction: 1, secondsLeft: 12 },
    ]);
    const { given, priority } = JSON.parse(seen.at(-1)!.step) as { given: string[]; priority: number };
    expect(given).toEqual([
      'prepare',
      join(folder, 'source'),
      '--id=me',
      `--name=${name}`,
      '--depicts=Anna',
      '--consent=my own face',
      `--into=${join(folder, 'into')}`,
      '--progress-json',
    ]);
    expect(priority).toBeGreaterThanOrEqual(10);
  });

  it('fails with the command’s own error', async () => {
    const error = { code: 'NO_FACE', message: 'No face was found.', fix: 'Use another photo.' };
    await expect(run(requestOf('error'), () => {}, never)).rejects.toMatchObject(error);
  });

  it('fails in words when it crashes or says nothing', async () => {
    await expect(run(requestOf('crash'), () => {}, never)).rejects.toMatchObject({
      code: 'PREPARATION_FAILED',
      message: 'The preparation ended before it was done (exit code 1): Error: the insides of a bug',
    });
    await expect(run(requestOf('silent'), () => {}, never)).rejects.toThrow('exit code 0');
  });

  it.each(['hang', 'deaf'])('is ended when it is called off, though it may %s', async (name) => {
    const into = join(folder, name);
    const abort = new AbortController();
    const running = run(requestOf(name, into), () => {}, abort.signal);
    const outcome = expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await vi.waitFor(() => expect(existsSync(into)).toBe(true), 20_000);
    const pid = Number(readFileSync(into, 'utf8'));
    expect(isRunning(pid)).toBe(true);
    abort.abort(new AppError('INTERRUPTED', 'Called off.'));
    await outcome;
    expect(isRunning(pid)).toBe(false);
  });

  it('does not begin when it was called off before', async () => {
    const reason = new AppError('INTERRUPTED', 'Called off.');
    await expect(run(requestOf('hang'), () => {}, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
