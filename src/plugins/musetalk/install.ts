import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { download } from '../../onnx/download.ts';
import type { Precision } from '../../onnx/onnx-graph.ts';
import type { ModelEntry, WeightsFile } from './catalogue.ts';
import { convertMusetalk, type MusetalkWeights } from './convert.ts';
import { findModel, hashFile, MODEL_VERSION, type ModelRecord, placeModel, writeModelRecord } from './model-folder.ts';

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

/** Files fetched at the same time. */
const PARALLEL = 3;
/** What conversion needs beside the sources: bytes per byte of UNet and VAE. */
const CONVERTED_SHARE: Readonly<Record<Precision, number>> = { float32: 1.05, float16: 0.53 };

/** A file of weights that is on this disk. */
interface Source {
  readonly file: WeightsFile;
  readonly path: string;
  readonly record: ModelRecord['sources'][number];
  /** Whether it was fetched by us and may go afterwards. */
  readonly isOurs: boolean;
}

/**
 * Installs a model: fetches the weights (or takes them from a folder), checks them, converts them to ONNX, and only then
 * gives the folder its name. Interrupted, it goes on where it stopped.
 * @throws AppError NO_SUCH_MODEL, LICENCE_NOT_ACCEPTED, DISK_FULL, MODEL_FILE_MISSING, and what {@link download} and
 * {@link convertMusetalk} throw.
 */
export async function installModel(options: InstallOptions): Promise<ModelRecord> {
  const model = findModel(options.id, options.models);
  if (!options.isLicenceAccepted) throw licenceNotAccepted(model);
  const fetched = join(options.root, `${model.id}.sources`);
  await mkdir(fetched, { recursive: true });
  await checkSpace(options, model);
  const sources = await gatherSources(options, model, fetched);
  const building = join(options.root, `${model.id}.building`);
  await rm(building, { recursive: true, force: true });
  const names = await convertMusetalk(weightsOf(sources), building, {
    precisions: options.precisions,
    isLastStateRaw: model.isLastStateRaw,
    signal: options.signal,
    onProgress: (fraction, title) => options.onProgress({ step: 'convert', title, done: fraction, total: 1 }),
  });
  const record: ModelRecord = {
    version: MODEL_VERSION,
    id: model.id,
    licenceAcceptedAt: new Date().toISOString(),
    sources: sources.map((source) => source.record),
    files: await describeFiles(building, names, options),
  };
  await writeModelRecord(building, record);
  await placeModel(building, join(options.root, model.id));
  if (!options.keepSources) await rm(fetched, { recursive: true, force: true });
  return record;
}

async function gatherSources(options: InstallOptions, model: ModelEntry, fetched: string): Promise<readonly Source[]> {
  const done = new Map<WeightsFile, number>();
  const total = model.files.reduce((sum, file) => sum + file.bytes, 0);
  const report = (file: WeightsFile, bytes: number) => {
    done.set(file, bytes);
    const sum = [...done.values()].reduce((all, one) => all + one, 0);
    options.onProgress({ step: 'fetch', title: file.title, done: Math.min(sum, total), total });
  };
  const waiting = [...model.files];
  const sources: Source[] = [];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const source = await gatherSource(options, file, fetched, report);
      if (source) sources.push(source);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return sources;
}

/** One file; undefined for an optional one that is not to be had. */
async function gatherSource(
  options: InstallOptions,
  file: WeightsFile,
  fetched: string,
  report: (file: WeightsFile, bytes: number) => void,
): Promise<Source | undefined> {
  const { from, signal } = options;
  if (from !== undefined && !/^[a-z]+:\/\//.test(from)) return takeFromFolder(resolve(from), file, options, report);
  const path = join(fetched, file.localPath.replaceAll('/', '-'));
  const url = from === undefined ? huggingFaceUrl(file) : `${from.replace(/\/+$/, '')}/${file.localPath}`;
  try {
    const isExact = file.sha256 !== undefined;
    const known = await takeFetched(path, file, signal);
    const { bytes, sha256 } =
      known ??
      (await download({
        ...{ url, path, signal, onProgress: (bytes) => report(file, bytes) },
        ...(isExact ? { bytes: file.bytes, sha256: file.sha256 } : {}),
      }));
    report(file, bytes);
    return { file, path, isOurs: true, record: { role: file.role, from: url, bytes, sha256 } };
  } catch (thrown) {
    if (file.isOptional && thrown instanceof AppError && thrown.code === 'DOWNLOAD_REFUSED') return undefined;
    throw thrown;
  }
}

/** What an earlier run has fetched whole; gone when it is not what it should be. */
async function takeFetched(
  path: string,
  file: WeightsFile,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  const sha256 = await hashFile(path, signal);
  if (file.sha256 === undefined || file.sha256 === sha256) return { bytes: found.size, sha256 };
  await rm(path);
  return undefined;
}

/** Weights somebody has on this disk already: used where they lie. Their hash is noted, whatever it is: they are theirs. */
async function takeFromFolder(
  folder: string,
  file: WeightsFile,
  { signal }: InstallOptions,
  report: (file: WeightsFile, bytes: number) => void,
): Promise<Source | undefined> {
  for (const place of [file.localPath, ...file.alternatives]) {
    const path = join(folder, place);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    const sha256 = await hashFile(path, signal);
    report(file, found.size);
    return { file, path, isOurs: false, record: { role: file.role, from: path, bytes: found.size, sha256 } };
  }
  if (file.isOptional) return undefined;
  throw new AppError('MODEL_FILE_MISSING', `${file.title} is not in ${folder}.`, {
    fix: `Put it at ${[file.localPath, ...file.alternatives].map((place) => join(folder, place)).join(' or ')}`,
  });
}

function huggingFaceUrl({ repository, revision, remotePath }: WeightsFile): string {
  return `https://huggingface.co/${repository}/resolve/${revision}/${remotePath}`;
}

function weightsOf(sources: readonly Source[]): MusetalkWeights {
  const path = (role: WeightsFile['role']) => sources.find(({ file }) => file.role === role)?.path;
  return { unet: path('unet')!, vae: path('vae')!, whisper: path('whisper')!, tinyVae: path('tiny-vae') };
}

/** Converted files and their weights beside them. */
async function describeFiles(
  folder: string,
  names: readonly string[],
  { signal, onProgress }: InstallOptions,
): Promise<ModelRecord['files']> {
  const paths = names.flatMap((name) => [name, `${name}.bin`]);
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
  const weights = model.files.reduce((sum, file) => sum + file.bytes, 0);
  const isLocal = options.from !== undefined && !/^[a-z]+:\/\//.test(options.from);
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
