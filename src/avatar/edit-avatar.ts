import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type AvatarManifest, avatarIdSchema, avatarManifestSchema } from '../api/avatar.ts';
import { AppError } from '../base/errors.ts';
import { AvatarFolder, avatarExists, exists, folderNotWritable, removeAvatarFolder } from './avatar-folder.ts';
import { replaceFile } from './library-order.ts';
import { checkManifest, ManifestError, readManifestJson } from './read-manifest.ts';

/** What can be changed in an avatar.json without preparing the avatar again. */
export type ManifestChange = Partial<Pick<AvatarManifest, 'id' | 'name' | 'consent'>>;

/**
 * Changes an avatar's avatar.json in place, at once; keys this program does not know stay. What was wrong with it but is
 * put right by the change is no obstacle.
 * @throws AppError AVATAR_BROKEN, BAD_AVATAR_DETAILS, FOLDER_NOT_WRITABLE, DISK_FULL.
 */
export async function changeManifest(folder: string, change: ManifestChange): Promise<AvatarManifest> {
  const { text, manifest } = await readChanged(folder, change);
  try {
    await replaceFile(join(folder, 'avatar.json'), text);
  } catch (thrown) {
    throw folderNotWritable(thrown, folder);
  }
  return manifest;
}

/**
 * Gives an avatar another id, which is its folder's name, and perhaps another name. The new folder appears whole beside
 * the old one, its files being the same ones (hard links), then the old one leaves: at no moment is there none.
 * @throws AppError AVATAR_BROKEN, AVATAR_EXISTS, BAD_AVATAR_ID, BAD_AVATAR_DETAILS, FOLDER_NOT_WRITABLE, DISK_FULL.
 */
export async function renameAvatar(folder: string, change: ManifestChange & { id: string }): Promise<AvatarManifest> {
  if (!avatarIdSchema.safeParse(change.id).success)
    throw new AppError('BAD_AVATAR_ID', `"${change.id.slice(0, 80)}" cannot be the id of an avatar.`, {
      fix: 'Use lower-case letters, digits and hyphens, at most 64: anna-office',
    });
  const parent = dirname(folder);
  if (await exists(join(parent, change.id))) throw avatarExists(join(parent, change.id));
  const { text, manifest } = await readChanged(folder, change);
  await using next = await AvatarFolder.open(parent, change.id);
  try {
    await linkFiles(await realpath(folder), next.path);
  } catch (thrown) {
    throw folderNotWritable(thrown, parent);
  }
  await next.write('avatar.json', Buffer.from(text));
  await next.finish(false);
  await removeAvatarFolder(folder);
  return manifest;
}

async function readChanged(
  folder: string,
  change: ManifestChange,
): Promise<{ text: string; manifest: AvatarManifest }> {
  for (const [key, value] of Object.entries(change)) {
    const checked = avatarManifestSchema.shape[key as keyof ManifestChange].safeParse(value);
    if (checked.success) continue;
    const { path, message } = checked.error.issues[0]!;
    throw new AppError('BAD_AVATAR_DETAILS', `${[key, ...path].join('.')}: ${message}.`, {
      fix: 'Names have 1 to 100 characters; who is shown up to 200, the statement up to 1000',
    });
  }
  try {
    const parsed = await readManifestJson(folder);
    const changed = typeof parsed === 'object' && parsed !== null ? { ...parsed, ...change } : parsed;
    const manifest = checkManifest(changed, join(folder, 'avatar.json'));
    return { text: `${JSON.stringify(changed, null, 2)}\n`, manifest };
  } catch (thrown) {
    if (!(thrown instanceof ManifestError)) throw thrown;
    const { message, fix } = thrown.problems[0]!;
    throw new AppError('AVATAR_BROKEN', `The avatar in ${folder} cannot be changed: ${message}`, {
      fix,
      cause: thrown,
    });
  }
}

/** Everything in a folder but avatar.json and links, as hard links, or as copies where there are none. */
async function linkFiles(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, recursive: true })) {
    const source = join(entry.parentPath, entry.name);
    const path = relative(from, source);
    const target = join(to, path);
    if (entry.isDirectory()) await mkdir(target, { recursive: true });
    else if (entry.isFile() && path !== 'avatar.json') {
      await mkdir(dirname(target), { recursive: true });
      await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_EXCL));
    }
  }
}
