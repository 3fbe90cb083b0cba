import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';

const addressSchema = z.object({ pid: z.number(), url: z.url(), token: z.string().min(16) });

/** Where the running daemon can be reached. */
export type DaemonAddress = z.infer<typeof addressSchema>;

const notRunning = () =>
  new AppError('NOT_RUNNING', 'MuseCam is not running.', { fix: 'Start it: npm start (or: musecam start)' });

/** Leaves the daemon's address for the other commands, readable by this user only. Dispose to take it away. */
export async function publishAddress(paths: Paths, address: DaemonAddress): Promise<AsyncDisposable> {
  const file = fileOf(paths);
  await mkdir(paths.state, { recursive: true });
  await rm(file, { force: true });
  await writeFile(file, JSON.stringify(address), { mode: 0o600 });
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
}

/** Finds the running daemon. @throws AppError NOT_RUNNING. */
export async function findDaemon(paths: Paths): Promise<DaemonAddress> {
  const text = await readFile(fileOf(paths), 'utf8').catch(() => {
    throw notRunning();
  });
  const address = addressSchema.safeParse(parseJson(text));
  if (!address.success || !isAlive(address.data.pid)) throw notRunning();
  return address.data;
}

/** How long the daemon may take to answer where nobody says otherwise, in ms. */
const ANSWER_LIMIT_MS = 10_000;

/** Asks the running daemon. `body` makes it a POST. @throws AppError with the daemon's own code, message and fix. */
export async function askDaemon(
  paths: Paths,
  path: string,
  body?: unknown,
  limitMs = ANSWER_LIMIT_MS,
): Promise<unknown> {
  const { url, token } = await findDaemon(paths);
  const response = await fetch(new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(Math.ceil(limitMs)),
  }).catch((cause) => {
    throw new AppError('NOT_RUNNING', `MuseCam does not answer at ${url}.`, {
      cause,
      fix: 'Start it again: npm start',
    });
  });
  const answer = parseJson(await response.text());
  if (response.ok) return answer;
  const { code, message, fix } = (answer ?? {}) as { code?: string; message?: string; fix?: string };
  throw new AppError(code ?? 'DAEMON_REFUSED', message ?? `MuseCam answered ${response.status}.`, fix ? { fix } : {});
}

function fileOf(paths: Paths): string {
  return join(paths.state, 'daemon.json');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
