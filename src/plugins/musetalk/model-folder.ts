import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { AppError, messageOf } from '../../base/errors.ts';
import type { Precision } from '../../onnx/onnx-graph.ts';
import { MODELS, type ModelEntry } from './catalogue.ts';
import { networkFile } from './convert.ts';

/** Version of model.json and of the graphs; a newer converter makes new files. */
export const MODEL_VERSION = 2;
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

/** An installed model, ready to be opened. */
export interface InstalledModel {
  readonly id: string;
  readonly folder: string;
  readonly kind: ModelEntry['kind'];
  /** In which precisions its networks are there. */
  readonly precisions: readonly Precision[];
  readonly hasTinyDecoder: boolean;
  /** SHA-256 of the VAE's weights: latents made by another one are worth nothing. */
  readonly vae: string;
}

/**
 * The first of these models that is installed and whole. @param ids in the order of preference.
 * @throws AppError MODEL_MISSING when none is, MODEL_BROKEN when one is but cannot be used.
 */
export async function findInstalled(root: string, ids: readonly string[]): Promise<InstalledModel> {
  for (const id of ids) {
    const model = findModel(id);
    const { state, folder, problem } = await describeModel(root, model);
    if (state === 'missing') continue;
    if (state !== 'installed') {
      const why = state === 'outdated' ? 'it was converted by another version of MuseCam' : problem;
      throw new AppError('MODEL_BROKEN', `The model in ${folder} cannot be used: ${why}.`, {
        fix: `Install it again: musecam models install ${id}`,
      });
    }
    const record = await readModelRecord(folder);
    const has = (name: string) => record.files.some(({ path }) => path === name);
    return {
      ...{
        id,
        folder,
        kind: model.kind,
        hasTinyDecoder: record.files.some(({ path }) => path.startsWith('decoder-tiny')),
      },
      precisions: (['float16', 'float32'] as const).filter((precision) => has(networkFile('unet', precision))),
      vae: record.sources.find(({ role }) => role === 'vae')?.sha256 ?? '',
    };
  }
  throw new AppError('MODEL_MISSING', `None of the models ${ids.join(', ')} is installed.`, {
    fix: `musecam models install ${ids[0]}`,
  });
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

/** Bytes on the disk of a model, those of an unfinished installation too. @throws AppError NO_SUCH_MODEL. */
export async function measureModel(root: string, id: string): Promise<number> {
  let bytes = 0;
  for (const folder of await foldersOf(root, id)) {
    const names = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
    // Others may take a file away while it is looked at.
    for (const name of names)
      bytes += await stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      );
  }
  return bytes;
}

/** Takes a model off the disk with what an unfinished installation has left. @throws AppError NO_SUCH_MODEL. */
export async function removeModel(root: string, id: string): Promise<boolean> {
  const own = await foldersOf(root, id);
  for (const folder of own) await rm(folder, { recursive: true, force: true });
  return own.length > 0;
}

async function foldersOf(root: string, id: string): Promise<readonly string[]> {
  const { id: known } = findModel(id);
  const names = await readdir(root).catch(() => [] as string[]);
  return names.filter((name) => name === known || name.startsWith(`${known}.`)).map((name) => join(root, name));
}
