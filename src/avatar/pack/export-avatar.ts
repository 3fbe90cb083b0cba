import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { AvatarManifest } from '../../api/avatar.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { checkAvatar } from '../check-avatar.ts';
import { listFiles } from '../manifest-rules.ts';
import { NO_CONSENT } from '../read-manifest.ts';

/** How a pack is written. */
export interface ExportOptions {
  /** Write over a file that is there. */
  readonly replace?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A pack that was written. */
export interface ExportedPack {
  readonly manifest: AvatarManifest;
  readonly path: string;
  readonly bytes: number;
}

/** What is compressed in itself is stored as it is. */
const COMPRESSED = new Set(['.webp', '.png', '.jpg', '.jpeg', '.mp4', '.gz']);
/** The same for every pack, so that the same avatar always gives the same bytes: the first day ZIP can name. */
const PACK_DATE = new Date(1980, 0, 1);
/** A plain file anybody may read. */
const FILE_MODE = 0o100644;

/**
 * Packs a prepared avatar into one `.musecam` file: a ZIP file of its folder, avatar.json first. The avatar is checked
 * before; only the files it names are packed. The file appears whole or not at all.
 * @throws AppError AVATAR_BROKEN, CONSENT_MISSING, PACK_EXISTS, PACK_NOT_WRITABLE, DISK_FULL.
 */
export async function exportAvatar(
  folder: string,
  outFile: string,
  options: ExportOptions = {},
): Promise<ExportedPack> {
  const { ok, problems, manifest } = await checkAvatar(folder, { signal: options.signal });
  if (!ok || !manifest) {
    const { code, message, fix } = problems[0]!;
    throw new AppError(code === NO_CONSENT ? 'CONSENT_MISSING' : 'AVATAR_BROKEN', message, { fix });
  }
  if (!options.replace) await refuseExisting(outFile);
  const part = join(dirname(outFile), `.${basename(outFile)}.${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await writePack(folder, manifest, part, options.signal);
    if (!options.replace) await refuseExisting(outFile);
    await rename(part, outFile);
    return { manifest, path: outFile, bytes: (await stat(outFile)).size };
  } catch (thrown) {
    await rm(part, { force: true });
    options.signal?.throwIfAborted();
    throw thrown instanceof AppError ? thrown : cannotWrite(outFile, thrown);
  }
}

async function writePack(
  folder: string,
  manifest: AvatarManifest,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error) => output.destroy(error as Error));
  const details = { mtime: PACK_DATE, mode: FILE_MODE, forceDosTimestamp: true };
  zip.addBuffer(await readFile(join(folder, 'avatar.json')), 'avatar.json', details);
  for (const file of new Set(listFiles(manifest).map((one) => one.path)))
    zip.addFile(join(folder, file), file, { ...details, compress: !COMPRESSED.has(extname(file)) });
  zip.end();
  const target = await open(path, 'wx');
  try {
    for await (const piece of output) {
      signal?.throwIfAborted();
      await target.writeFile(piece as Uint8Array);
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new AppError('PACK_EXISTS', `${path} is there already.`, { fix: 'Choose another name, or add --replace' });
}

function cannotWrite(path: string, thrown: unknown): AppError {
  const code = systemCodeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', `There is no space left for ${path}.`, {
      fix: 'Free some space, or write to another disk',
      cause: thrown,
    });
  return new AppError('PACK_NOT_WRITABLE', `${path} cannot be written: ${messageOf(thrown)}`, {
    fix: 'Name a file in a folder you may write to',
    cause: thrown,
  });
}
