import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { type Downloaded, download } from '../../onnx/download.ts';
import type { WeightsFile } from './catalogue.ts';
import { hashFile, type ModelRecord } from './model-folder.ts';

/** A file of weights that is on this disk. */
export interface Weights {
  readonly file: WeightsFile;
  readonly path: string;
  readonly record: ModelRecord['sources'][number];
}

/** Where weights come from and go to. */
export interface GatherOptions {
  /** A folder or address laid out as MuseTalk's own `models`; default: Hugging Face. */
  readonly from?: string | undefined;
  /** Gets what is fetched. */
  readonly folder: string;
  /** Bytes of all files together. */
  readonly onProgress: (progress: { readonly title: string; readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

/** Files fetched at the same time. */
const PARALLEL = 3;

/** Tells how much of a file is there, and how large it is where that is known better than the catalogue does. */
type Report = (file: WeightsFile, bytes: number, size?: number) => void;

/**
 * Fetches weights, or takes them from a folder. What an earlier run has fetched is not fetched again.
 * @throws AppError MODEL_FILE_MISSING, and what {@link download} throws.
 */
export async function gatherWeights(
  files: readonly WeightsFile[],
  options: GatherOptions,
): Promise<readonly Weights[]> {
  const done = new Map<WeightsFile, number>();
  const sizes = new Map(files.map((file) => [file, file.bytes]));
  const sumOf = (bytes: Iterable<number>) => [...bytes].reduce((all, one) => all + one, 0);
  const report: Report = (file, bytes, size = sizes.get(file)!) => {
    sizes.set(file, size);
    done.set(file, bytes);
    const total = sumOf(sizes.values());
    options.onProgress({ title: file.title, done: Math.min(sumOf(done.values()), total), total });
  };
  const { from } = options;
  const take = (file: WeightsFile) =>
    from !== undefined && !isAddress(from)
      ? takeFromFolder(resolve(from), file, options.signal, report)
      : fetchWeights(options, file, report);
  const waiting = [...files];
  const found = new Map<WeightsFile, Weights>();
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const weights = await take(file);
      if (weights) found.set(file, weights);
      else report(file, 0, 0);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return files.flatMap((file) => found.get(file) ?? []);
}

/** Whether weights come from a server. */
export function isAddress(from: string): boolean {
  return /^[a-z]+:\/\//i.test(from);
}

/** A file of weights in a folder laid out as MuseTalk's own `models`, under any of its names. */
export async function findInFolder(
  folder: string,
  file: WeightsFile,
): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
  for (const place of placesOf(file)) {
    const path = join(folder, place);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return { path, bytes: found.size };
  }
  return undefined;
}

/** One file; undefined for an optional one that is not to be had. A mirror may have it under any of its names. */
async function fetchWeights(options: GatherOptions, file: WeightsFile, report: Report): Promise<Weights | undefined> {
  let refusal: AppError | undefined;
  for (const place of options.from === undefined ? [file.localPath] : placesOf(file)) {
    try {
      return await fetchFrom(place, options, file, report);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || thrown.code !== 'DOWNLOAD_REFUSED') throw thrown;
      refusal ??= thrown;
    }
  }
  if (file.isOptional) return undefined;
  throw refusal!;
}

async function fetchFrom(
  place: string,
  { from, folder, signal }: GatherOptions,
  file: WeightsFile,
  report: Report,
): Promise<Weights> {
  const path = join(folder, place.replaceAll('/', '-'));
  const url = from === undefined ? huggingFaceUrl(file) : `${from.replace(/\/+$/, '')}/${place}`;
  // Only the file that the catalogue names has the hash that the catalogue gives.
  const expected = place === file.localPath && file.sha256 ? { bytes: file.bytes, sha256: file.sha256 } : {};
  const onProgress = (read: number, size: number | undefined) => report(file, read, size);
  const { bytes, sha256 } =
    (await takeFetched(path, expected.sha256, signal, onProgress)) ??
    (await download({ url, path, signal, ...expected, onProgress }));
  report(file, bytes, bytes);
  return { file, path, record: { role: file.role, from: url, bytes, sha256 } };
}

/** What an earlier run has fetched whole; gone when it is not what it should be. */
async function takeFetched(
  path: string,
  expected: string | undefined,
  signal: AbortSignal,
  onProgress: (read: number, size: number) => void,
): Promise<Downloaded | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return undefined;
  const sha256 = await hashWhile(path, found.size, signal, onProgress);
  if (expected === undefined || expected === sha256) return { bytes: found.size, sha256 };
  await rm(path);
  return undefined;
}

/** Weights somebody has on this disk already: used where they lie. Their hash is noted, whatever it is: they are theirs. */
async function takeFromFolder(
  folder: string,
  file: WeightsFile,
  signal: AbortSignal,
  report: Report,
): Promise<Weights | undefined> {
  const found = await findInFolder(folder, file);
  if (!found && file.isOptional) return undefined;
  if (!found)
    throw new AppError('MODEL_FILE_MISSING', `${file.title} is not in ${folder}.`, {
      fix: `Put it at ${placesOf(file)
        .map((place) => join(folder, place))
        .join(' or ')}`,
    });
  const { path, bytes } = found;
  const sha256 = await hashWhile(path, bytes, signal, (read, size) => report(file, read, size));
  return { file, path, record: { role: file.role, from: path, bytes, sha256 } };
}

async function hashWhile(
  path: string,
  size: number,
  signal: AbortSignal,
  onProgress: (read: number, size: number) => void,
): Promise<string> {
  let read = 0;
  return hashFile(path, signal, (length) => {
    read += length;
    onProgress(read, size);
  });
}

function placesOf({ localPath, alternatives }: WeightsFile): readonly string[] {
  return [localPath, ...alternatives];
}

function huggingFaceUrl({ repository, revision, remotePath }: WeightsFile): string {
  return `https://huggingface.co/${repository}/resolve/${revision}/${remotePath}`;
}
