import { mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { type Precision, plainPathOf } from '../../onnx/onnx-graph.ts';
import type { ModelEntry, WeightsFile } from './catalogue.ts';
import { convertFaceParser, convertMusetalk, type MusetalkWeights } from './convert.ts';
import { findInFolder, gatherWeights, isAddress, type Weights } from './gather-weights.ts';
import { LatentEncoder } from './latent-encoder.ts';
import { findModel, hashFile, MODEL_VERSION, type ModelRecord, placeModel, writeModelRecord } from './model-folder.ts';
import { CHECK_FILE, computeCheck, ENCODER_CHECK_FILE } from './numeric-check.ts';

/** What shall be installed, from where, and how. */
export interface InstallOptions {
  readonly id: string;
  /** The folder that holds models. */
  readonly root: string;
  /** A folder or address laid out as MuseTalk's own `models`; default: Hugging Face. */
  readonly from?: string | undefined;
  readonly isLicenceAccepted: boolean;
  readonly precisions: readonly Precision[];
  /** Keep the downloaded checkpoints beside the converted networks. */
  readonly keepSources?: boolean | undefined;
  readonly onProgress: (progress: InstallProgress) => void;
  readonly signal: AbortSignal;
  /** The catalogue; tests have small models. */
  readonly models?: readonly ModelEntry[];
  /** Free bytes on a folder's disk; tests make it small. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** How far an installation is. */
interface InstallProgress {
  readonly step: 'fetch' | 'check' | 'convert';
  /** What is worked on. */
  readonly title: string;
  /** Bytes for fetching and checking, shares of one for converting. */
  readonly done: number;
  readonly total: number;
}

/** What conversion needs beside the sources: bytes per byte of UNet and VAE. */
const CONVERTED_SHARE: Readonly<Record<Precision, number>> = { float32: 1.05, float16: 0.53 };

/**
 * Installs a model: fetches the weights (or takes them from a folder), checks them, converts them to ONNX, and only then
 * gives the folder its name. Interrupted, it goes on where it stopped.
 * @throws AppError NO_SUCH_MODEL, LICENCE_NOT_ACCEPTED, DISK_FULL, MODEL_FILE_MISSING, and what {@link download} and
 * {@link convertMusetalk} throw.
 */
export async function installModel(options: InstallOptions): Promise<ModelRecord> {
  const model = findModel(options.id, options.models);
  if (!options.isLicenceAccepted) throw licenceNotAccepted(model);
  const building = join(options.root, `${model.id}.building`);
  try {
    return await install(model, building, options);
  } catch (thrown) {
    // Half a conversion is of no use; what was fetched stays.
    await rm(building, { recursive: true, force: true }).catch(() => {});
    throw diskTrouble(thrown, options.root) ?? thrown;
  }
}

async function install(model: ModelEntry, building: string, options: InstallOptions): Promise<ModelRecord> {
  const fetched = join(options.root, `${model.id}.sources`);
  await mkdir(fetched, { recursive: true });
  await checkSpace(options, model);
  const sources = await gatherWeights(model.files, {
    ...{ from: options.from, folder: fetched, signal: options.signal },
    onProgress: (progress) => options.onProgress({ step: 'fetch', ...progress }),
  });
  await rm(building, { recursive: true, force: true });
  const paths = await convertModel(model, sources, building, options);
  const record: ModelRecord = {
    version: MODEL_VERSION,
    id: model.id,
    licenceAcceptedAt: new Date().toISOString(),
    sources: sources.map((source) => source.record),
    files: await describeFiles(building, paths, options),
  };
  await writeModelRecord(building, record);
  await placeModel(building, join(options.root, model.id));
  if (!options.keepSources) await rm(fetched, { recursive: true, force: true });
  return record;
}

/** Converts the weights and stores what the networks make of made-up input. @returns the files' paths. */
async function convertModel(
  model: ModelEntry,
  sources: readonly Weights[],
  building: string,
  options: InstallOptions,
): Promise<readonly string[]> {
  const { precisions, signal } = options;
  const onProgress = (fraction: number, title: string) =>
    options.onProgress({ step: 'convert', title, done: fraction, total: 1 });
  if (model.kind === 'face-parser') {
    const [{ path }] = sources as [Weights];
    return withWeights(building, await convertFaceParser(path, building, { signal, onProgress }));
  }
  const isLastStateRaw = model.isLastStateRaw ?? false;
  const names = await convertMusetalk(weightsOf(sources), building, { precisions, isLastStateRaw, signal, onProgress });
  return [...(await withWeights(building, names)), ...(await storeChecks(building, precisions, options))];
}

/** Networks, each followed by its second form and its weights where it has them. */
async function withWeights(folder: string, names: readonly string[]): Promise<readonly string[]> {
  const files = new Set(await readdir(folder));
  return names.flatMap((name) => [name, plainPathOf(name), `${name}.bin`]).filter((path) => files.has(path));
}

/** The files that tell a provider with wrong numbers, see {@link chooseProvider}; computed on the processor. */
async function storeChecks(
  building: string,
  precisions: readonly Precision[],
  { signal, onProgress }: InstallOptions,
): Promise<readonly string[]> {
  const title = 'reference face';
  const threads = availableParallelism();
  onProgress({ step: 'check', title, done: 0, total: 2 });
  const latents = await LatentEncoder.computeCheck(building, threads);
  await writeFile(join(building, ENCODER_CHECK_FILE), new Uint8Array(latents.buffer));
  signal.throwIfAborted();
  onProgress({ step: 'check', title, done: 1, total: 2 });
  const precision = precisions.includes('float32') ? 'float32' : 'float16';
  await writeFile(join(building, CHECK_FILE), await computeCheck(building, precision, threads));
  signal.throwIfAborted();
  return [CHECK_FILE, ENCODER_CHECK_FILE];
}

function weightsOf(sources: readonly Weights[]): MusetalkWeights {
  const path = (role: WeightsFile['role']) => sources.find(({ file }) => file.role === role)?.path;
  return { unet: path('unet')!, vae: path('vae')!, whisper: path('whisper')!, tinyVae: path('tiny-vae') };
}

/** Converted files and their weights beside them. */
async function describeFiles(
  folder: string,
  paths: readonly string[],
  { signal, onProgress }: InstallOptions,
): Promise<ModelRecord['files']> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const files: ModelRecord['files'] = [];
  let done = 0;
  for (const [index, path] of paths.entries()) {
    const sha256 = await hashFile(join(folder, path), signal, (length) => {
      done += length;
      onProgress({ step: 'check', title: path, done, total });
    });
    files.push({ path, bytes: sizes[index]!, sha256 });
  }
  return files;
}

/** Asks for room for everything before the first byte. */
async function checkSpace(options: InstallOptions, model: ModelEntry): Promise<void> {
  const { from } = options;
  const isLocal = from !== undefined && !isAddress(from);
  let weights = 0;
  for (const file of model.files)
    weights += (isLocal && (await findInFolder(resolve(from), file))?.bytes) || file.bytes;
  const share = options.precisions.reduce((sum, precision) => sum + CONVERTED_SHARE[precision], 0);
  const needed = Math.round((isLocal ? 0 : weights) + weights * share);
  const free = await (options.freeBytes ?? freeBytesOf)(options.root);
  if (free >= needed) return;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  throw new AppError(
    'DISK_FULL',
    `${model.title} needs ${gigabytes(needed)} GB in ${options.root}, and ${gigabytes(free)} GB are free.`,
    { fix: 'Free some space, or install one precision only: --precision fp16' },
  );
}

/** What the disk says, in words. */
function diskTrouble(thrown: unknown, root: string): AppError | undefined {
  const code = systemCodeOf(thrown);
  if (code === 'ENOSPC')
    return new AppError('DISK_FULL', `${root} ran out of room.`, {
      fix: 'Free some space and give the same command again; what was fetched is kept',
      cause: thrown,
    });
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS' && code !== 'ENOTDIR') return undefined;
  return new AppError('FOLDER_NOT_WRITABLE', `A model cannot be installed in ${root}: ${messageOf(thrown)}.`, {
    fix: 'Give yourself the right to write there, or choose another folder: MUSECAM_HOME=FOLDER musecam models install …',
    cause: thrown,
  });
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function licenceNotAccepted(model: ModelEntry): AppError {
  return new AppError(
    'LICENCE_NOT_ACCEPTED',
    `${model.title} is other people's work under these terms:\n  ${model.licences.join('\n  ')}`,
    { fix: `Accept them: musecam models install ${model.id} --accept-licence` },
  );
}
