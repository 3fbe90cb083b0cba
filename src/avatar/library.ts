import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type AvatarManifest, avatarIdSchema } from '../api/avatar.ts';
import type { AvatarSummary } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { exists, removeAvatarFolder } from './avatar-folder.ts';
import { type LoadedAvatar, loadAvatar } from './load-avatar.ts';
import { readManifest } from './read-manifest.ts';

/** A folder that holds avatars, one folder each. */
export interface AvatarShelf {
  readonly folder: string;
  /** Comes with the program: nothing in it is ever changed. */
  readonly isShipped: boolean;
}

/** An avatar in a list; one that cannot be used says why. */
export interface AvatarEntry extends AvatarSummary {
  /** The avatar's own folder. */
  readonly folder: string;
  /** Why it cannot be used; undefined = its manifest is sound (files are checked when it is loaded). */
  readonly problem?: string;
  /** Absolute path of its preview picture; undefined for a broken one. */
  readonly previewPath?: string;
}

/** How much memory avatars that nobody shows at the moment may keep, in bytes: 700 pictures of 720p. */
const DEFAULT_MAX_RESIDENT_BYTES = 1_000_000_000;

/**
 * The avatars of this machine, over several folders. Loaded ones stay in memory until others need the room, the one
 * used longest ago goes first; what somebody still holds stays valid.
 */
export class AvatarLibrary {
  readonly #shelves: readonly AvatarShelf[];
  readonly #maxResidentBytes: number;
  /** In order of use, oldest first. */
  readonly #resident = new Map<string, LoadedAvatar>();
  readonly #loading = new Map<string, Promise<LoadedAvatar>>();
  #entries = new Map<string, AvatarEntry>();

  /** @param shelves where to look; of two avatars with one id the one on the earlier shelf counts. */
  constructor(shelves: readonly AvatarShelf[], options: { readonly maxResidentBytes?: number } = {}) {
    this.#shelves = shelves;
    this.#maxResidentBytes = options.maxResidentBytes ?? DEFAULT_MAX_RESIDENT_BYTES;
  }

  /** Every avatar, shelf by shelf, by id. Broken ones are listed with their problem; a missing shelf is an empty one. */
  async list(): Promise<readonly AvatarEntry[]> {
    const entries = new Map<string, AvatarEntry>();
    for (const shelf of this.#shelves)
      for (const id of await listIds(shelf.folder))
        if (!entries.has(id)) entries.set(id, await this.#describe(shelf, id));
    this.#entries = entries;
    return [...entries.values()];
  }

  /** An avatar by its id, looked up on disk. @throws AppError NO_SUCH_AVATAR. */
  async find(id: string): Promise<AvatarEntry> {
    if (avatarIdSchema.safeParse(id).success)
      for (const shelf of this.#shelves)
        if (await exists(join(shelf.folder, id))) {
          const entry = await this.#describe(shelf, id);
          this.#entries.set(id, entry);
          return entry;
        }
    const known = (await this.list()).map((entry) => entry.id);
    throw new AppError('NO_SUCH_AVATAR', `There is no avatar "${id}".`, {
      fix: known.length > 0 ? `Choose one of: ${known.join(', ')}` : 'Make one: musecam prepare PHOTO --id ID',
    });
  }

  /** An avatar in memory: the one that is there, or read now. @throws AppError NO_SUCH_AVATAR, AVATAR_BROKEN. */
  load(id: string): Promise<LoadedAvatar> {
    const resident = this.#resident.get(id);
    if (resident) {
      this.#keep(id, resident);
      return Promise.resolve(resident);
    }
    const loading = this.#loading.get(id) ?? this.#read(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  /** Forgets what is in memory of an avatar, for example after it was replaced on disk. */
  unload(id: string): void {
    this.#resident.delete(id);
  }

  /** Absolute path of an avatar's preview, as of the last listing; undefined when there is none. */
  previewPath(id: string): string | undefined {
    return this.#entries.get(id)?.previewPath;
  }

  /** Takes an avatar off the disk. @throws AppError NO_SUCH_AVATAR, AVATAR_SHIPPED. */
  async remove(id: string): Promise<void> {
    const { folder, isShipped } = await this.find(id);
    if (isShipped)
      throw new AppError('AVATAR_SHIPPED', `"${id}" comes with MuseCam and stays.`, {
        fix: 'Only avatars you prepared can be removed: musecam avatars list',
      });
    await removeAvatarFolder(folder);
    this.unload(id);
    this.#entries.delete(id);
  }

  async #read(id: string): Promise<LoadedAvatar> {
    const avatar = await loadAvatar((await this.find(id)).folder);
    this.#keep(id, avatar);
    return avatar;
  }

  /** Puts an avatar last in the order of use and lets the oldest go while there are too many bytes. */
  #keep(id: string, avatar: LoadedAvatar): void {
    this.#resident.delete(id);
    this.#resident.set(id, avatar);
    let bytes = [...this.#resident.values()].reduce((sum, one) => sum + one.residentBytes, 0);
    for (const [oldest, { residentBytes }] of this.#resident) {
      if (bytes <= this.#maxResidentBytes || oldest === id) break;
      this.#resident.delete(oldest);
      bytes -= residentBytes;
    }
  }

  async #describe(shelf: AvatarShelf, id: string): Promise<AvatarEntry> {
    const folder = join(shelf.folder, id);
    const common = { id, folder, isShipped: shelf.isShipped, isResident: this.#resident.has(id) };
    try {
      const manifest = await readManifest(folder);
      return { ...common, ...summaryOf(manifest, id), previewPath: await findInside(folder, manifest.preview.path) };
    } catch (thrown) {
      return { ...common, name: id, width: 0, height: 0, depicts: '', problem: messageOf(thrown) };
    }
  }
}

function summaryOf(manifest: AvatarManifest, id: string): Pick<AvatarSummary, 'name' | 'width' | 'height' | 'depicts'> {
  if (manifest.id !== id) throw new Error(`avatar.json says "${manifest.id}", its folder "${id}".`);
  const { name, width, height, consent } = manifest;
  return { name, width, height, depicts: consent.depicts };
}

/** A file of an avatar by its path; what lies behind a link could be anything of this machine's and is refused. */
async function findInside(folder: string, path: string): Promise<string> {
  const expected = join(await realpath(folder), path);
  if ((await realpath(expected)) !== expected) throw new Error(`${path} is a link; links are not followed.`);
  return expected;
}

/** Names of folders that can be avatars; hidden ones are work in progress. */
async function listIds(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter(
        (entry) => (entry.isDirectory() || entry.isSymbolicLink()) && avatarIdSchema.safeParse(entry.name).success,
      )
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}
