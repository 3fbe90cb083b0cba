import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../base/errors.ts';
import { MODELS, type ModelEntry } from './catalogue.ts';

/** Version of model.json and of the graphs; a newer converter makes new files. */
export const MODEL_VERSION = 1;
const RECORD = 'model.json';

const recordSchema = z.object({
  version: z.number().int(),
  id: z.string(),
  licenceAcceptedAt: z.string(),
  /** The weights it was made of. */
  sources: z.array(z.object({ role: z.string(), from: z.string(), bytes: z.number(), sha256: z.string() })),
  files: z.array(
    z.object({
      path: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
      bytes: z.number().int().min(1),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

/** What is kept about an installed model. */
export type ModelRecord = z.infer<typeof recordSchema>;

/** A model as lists show it. */
export interface ModelState {
  readonly id: string;
  readonly title: string;
  readonly folder: string;
  readonly state: 'installed' | 'missing' | 'broken' | 'outdated';
  /** Bytes on disk when installed, bytes to fetch when not. */
  readonly bytes: number;
  readonly problem?: string;
}

/** The catalogue's entry of a model. @throws AppError NO_SUCH_MODEL. */
export function findModel(id: string, models: readonly ModelEntry[] = MODELS): ModelEntry {
  const model = models.find((one) => one.id === id);
  if (model) return model;
  throw new AppError('NO_SUCH_MODEL', `There is no model "${id}".`, {
    fix: `Choose one of: ${models.map((one) => one.id).join(', ')}`,
  });
}

/** Every model of the catalogue and whether it is installed under `root`. Looks at sizes, not at contents. */
export async function listModels(root: string): Promise<readonly ModelState[]> {
  return Promise.all(MODELS.map((model) => describeModel(root, model)));
}

async function describeModel(root: string, model: ModelEntry): Promise<ModelState> {
  const folder = join(root, model.id);
  const common = { id: model.id, title: model.title, folder };
  const toFetch = model.files.reduce((sum, file) => sum + (file.isOptional ? 0 : file.bytes), 0);
  if (!(await stat(folder).catch(() => undefined))) return { ...common, state: 'missing', bytes: toFetch };
  try {
    const record = await readModelRecord(folder);
    if (record.version !== MODEL_VERSION) return { ...common, state: 'outdated', bytes: toFetch };
    for (const { path, bytes } of record.files) {
      const { size } = await stat(join(folder, path));
      if (size !== bytes) throw new Error(`${path} has ${size} bytes instead of ${bytes}`);
    }
    return { ...common, state: 'installed', bytes: record.files.reduce((sum, file) => sum + file.bytes, 0) };
  } catch (thrown) {
    return { ...common, state: 'broken', bytes: toFetch, problem: messageOf(thrown) };
  }
}

/** Reads model.json. @throws AppError MODEL_BROKEN. */
async function readModelRecord(folder: string): Promise<ModelRecord> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8')));
  } catch (thrown) {
    throw new AppError('MODEL_BROKEN', `The model in ${folder} cannot be used: ${messageOf(thrown)}`, {
      fix: 'Install it again: musecam models install NAME',
      cause: thrown,
    });
  }
}

/** Hashes every file of an installed model. @returns what is wrong, in words; nothing when all is well. */
export async function verifyModel(
  root: string,
  id: string,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const folder = join(root, findModel(id).id);
  const record = await readModelRecord(folder);
  const total = record.files.reduce((sum, file) => sum + file.bytes, 0);
  const problems: string[] = [];
  let done = 0;
  for (const { path, bytes, sha256 } of record.files) {
    const actual = await hashFile(join(folder, path), signal, (length) => {
      done += length;
      onProgress(done, total);
    }).catch((thrown) => messageOf(thrown));
    signal.throwIfAborted();
    if (actual !== sha256) problems.push(`${path} (${bytes} bytes) was changed or cannot be read: ${actual}`);
  }
  return problems;
}

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(
  path: string,
  signal: AbortSignal,
  onBytes: (length: number) => void = () => {},
): Promise<string> {
  const hash = createHash('sha256');
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  file.on('data', (chunk) => onBytes(chunk.length));
  await pipeline(file, hash, { signal });
  return hash.digest('hex');
}

/** Writes model.json, the last file of an installation. */
export async function writeModelRecord(folder: string, record: ModelRecord): Promise<void> {
  await writeFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

/** Gives a finished folder its name; a model that is there already gives way. */
export async function placeModel(finished: string, folder: string): Promise<void> {
  const old = `${folder}.old`;
  await rm(old, { recursive: true, force: true });
  await rename(folder, old).catch(() => {});
  await rename(finished, folder);
  await rm(old, { recursive: true, force: true });
}

/** Takes a model off the disk with what an unfinished installation has left. @throws AppError NO_SUCH_MODEL. */
export async function removeModel(root: string, id: string): Promise<boolean> {
  const { id: known } = findModel(id);
  const names = await readdir(root).catch(() => [] as string[]);
  const own = names.filter((name) => name === known || name.startsWith(`${known}.`));
  for (const name of own) await rm(join(root, name), { recursive: true, force: true });
  return own.length > 0;
}
