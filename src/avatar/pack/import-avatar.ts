import { createHash } from 'node:crypto';
import { mkdir, open, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AvatarFile, type AvatarManifest, avatarIdSchema } from '../../api/avatar.ts';
import { AppError } from '../../base/errors.ts';
import { AvatarFolder, exists, folderNotWritable } from '../avatar-folder.ts';
import { checkAvatar } from '../check-avatar.ts';
import { listFiles, MANIFEST_RULES } from '../manifest-rules.ts';
import {
  type AvatarProblem,
  checkManifest,
  checkManifestSize,
  ManifestError,
  NEWER_VERSION,
  NO_CONSENT,
  parseManifest,
} from '../read-manifest.ts';
import { Pack } from './open-pack.ts';
import { packBroken, packUnsafe } from './pack-error.ts';

/** Where an avatar from a pack goes. */
export interface ImportOptions {
  /** The folder that holds avatars; the avatar gets a folder of its id in it. */
  readonly folder: string;
  /** Ids that belong to avatars elsewhere, and cannot be replaced. */
  readonly reservedIds?: Iterable<string>;
  /** Swap an avatar that has this id already. */
  readonly replace?: boolean | undefined;
  /** Another id than the pack's. */
  readonly id?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each file, in bytes. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An avatar that came out of a pack. */
export interface ImportedAvatar {
  readonly manifest: AvatarManifest;
  /** Its folder. */
  readonly folder: string;
  /** Bytes of all its files. */
  readonly bytes: number;
}

/** Packs hold pictures, videos and masks; what unpacks to more than this many times its size is a bomb. */
const MAX_RATIO = 200;
/** Below this many bytes nobody minds. */
const HARMLESS_BYTES = 50_000_000;
/** What is left free on the disk for everything else, in bytes. */
const RESERVE_BYTES = 64_000_000;

/**
 * Takes an avatar out of a `.musecam` file from anywhere. All of it or nothing: it is unpacked into a hidden folder, held
 * to every rule of {@link checkAvatar}, and only then gets its name; nothing else is ever written. What the pack says of
 * consent is kept as it is.
 * @throws AppError PACK_MISSING, PACK_BROKEN, PACK_UNSAFE, AVATAR_TOO_NEW, CONSENT_MISSING, AVATAR_EXISTS, BAD_AVATAR_ID,
 *   FFMPEG_MISSING, DISK_FULL, FOLDER_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function importAvatar(packFile: string, options: ImportOptions): Promise<ImportedAvatar> {
  await using pack = await Pack.open(packFile);
  const { json, manifest } = await readPackedManifest(pack, options.signal);
  const files = filesOf(pack, manifest);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  if (total > HARMLESS_BYTES && total > MAX_RATIO * pack.bytes)
    throw packUnsafe(pack.path, `${pack.bytes} bytes would unpack to ${total}`);
  const id = await chooseId(manifest, options);
  await using folder = await AvatarFolder.open(options.folder, id);
  await checkSpace(options.folder, total);
  let done = 0;
  for (const file of files) {
    await unpackFile(pack, file, folder.path, options);
    done += file.bytes;
    options.onProgress?.(done, total);
  }
  await folder.write('avatar.json', Buffer.from(`${JSON.stringify({ ...json, id }, null, 2)}\n`));
  const { problems } = await checkAvatar(folder.path, { name: id, deep: true, signal: options.signal });
  if (problems.length > 0) throw refuse(pack, problems);
  options.signal?.throwIfAborted();
  await folder.finish(options.replace ?? false);
  return { manifest: { ...manifest, id }, folder: join(options.folder, id), bytes: total };
}

/** avatar.json, the first thing that is read: everything else is held to it. */
async function readPackedManifest(
  pack: Pack,
  signal: AbortSignal | undefined,
): Promise<{ json: object; manifest: AvatarManifest }> {
  const [first] = pack.files;
  if (first?.path !== 'avatar.json') throw packBroken(pack.path, 'it does not begin with avatar.json');
  try {
    checkManifestSize(first.bytes, 'avatar.json');
    const json = parseManifest((await pack.readAll('avatar.json', signal)).toString('utf8'), 'avatar.json');
    const manifest = checkManifest(json, 'avatar.json');
    const problems = MANIFEST_RULES.flatMap((rule) => rule(manifest));
    if (problems.length > 0) throw refuse(pack, problems);
    return { json: json as object, manifest };
  } catch (thrown) {
    throw thrown instanceof ManifestError ? refuse(pack, thrown.problems) : thrown;
  }
}

/** The avatar's files, each once: the pack holds exactly these, each as long as avatar.json says. */
function filesOf(pack: Pack, manifest: AvatarManifest): AvatarFile[] {
  const named = new Map(listFiles(manifest).map((file) => [file.path, file]));
  const packed = new Map(pack.files.slice(1).map((file) => [file.path, file.bytes]));
  for (const path of packed.keys())
    if (!named.has(path)) throw packUnsafe(pack.path, `it holds ${path}, which avatar.json does not name`);
  for (const { path, bytes } of listFiles(manifest))
    if (packed.get(path) !== bytes) {
      const found = packed.has(path) ? `has ${packed.get(path)} bytes` : 'is missing';
      throw packBroken(pack.path, `${path} ${found}, where avatar.json says ${bytes} bytes`);
    }
  return [...named.values()];
}

async function chooseId(manifest: AvatarManifest, options: ImportOptions): Promise<string> {
  const id = options.id ?? manifest.id;
  if (!avatarIdSchema.safeParse(id).success)
    throw new AppError('BAD_AVATAR_ID', `"${id.slice(0, 80)}" cannot be the id of an avatar.`, {
      fix: 'Use lower-case letters, digits and hyphens, at most 64: anna-office',
    });
  const isReserved = new Set(options.reservedIds).has(id);
  if (!isReserved && (options.replace || !(await exists(join(options.folder, id))))) return id;
  const where = isReserved ? 'comes with MuseCam' : `is in ${options.folder} already`;
  throw new AppError('AVATAR_EXISTS', `An avatar "${id}" ${where}.`, {
    fix: `Import it under another id: --id ${`${id}-2`.slice(-64)}${isReserved ? '' : ', or replace it: --replace'}`,
  });
}

async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes + RESERVE_BYTES) return;
  const [needed, free] = [bytes, bavail * bsize].map((one) => Math.ceil(one / 1e6));
  throw new AppError('DISK_FULL', `The avatar needs ${needed} MB in ${folder}, and ${free} MB are free.`, {
    fix: 'Free some space, then import it again',
  });
}

/** Writes one file, counted and hashed on the way. Its folders are made here, its name is new: no link is followed. */
async function unpackFile(pack: Pack, file: AvatarFile, folder: string, options: ImportOptions): Promise<void> {
  const path = join(folder, file.path);
  const hash = createHash('sha256');
  try {
    await mkdir(dirname(path), { recursive: true });
    const target = await open(path, 'wx');
    try {
      const write = async (piece: Uint8Array) => {
        hash.update(piece);
        await target.writeFile(piece);
      };
      await pack.unpack(file.path, write, options.signal);
      await target.sync();
    } finally {
      await target.close();
    }
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : folderNotWritable(thrown, options.folder);
  }
  if (hash.digest('hex') !== file.sha256) throw packBroken(pack.path, `${file.path} is not what avatar.json says`);
}

/** What is wrong with the avatar in a pack, in the words of the first problem. */
function refuse({ path }: Pack, problems: readonly AvatarProblem[]): AppError {
  const { code, message, fix } = problems[0]!;
  if (code === NEWER_VERSION) return new AppError('AVATAR_TOO_NEW', `${path}: ${message}`, { fix });
  if (code === NO_CONSENT)
    return new AppError('CONSENT_MISSING', `${path}: nobody has said who is shown and who agreed to it.`, {
      fix: 'Whoever made it says so with: musecam avatars consent ID --depicts "…" --consent "…", and exports it again',
    });
  if (code === 'ffmpeg-missing') return new AppError('FFMPEG_MISSING', `${path}: ${message}`, { fix });
  return packBroken(path, message.replace(/\.$/, ''));
}
