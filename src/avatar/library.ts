import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { avatarIdSchema } from '../api/avatar.ts';
import { AppError } from '../base/errors.ts';
import { exists, removeAvatarFolder } from './avatar-folder.ts';
import { type AvatarEntry, describeAvatar } from './describe-avatar.ts';
import { changeManifest, renameAvatar } from './edit-avatar.ts';
import { readOrder, writeOrder } from './library-order.ts';
import { type LoadedAvatar, loadAvatar } from './load-avatar.ts';
import type { UnpackOptions } from './unpack-body.ts';

export type { AvatarEntry } from './describe-avatar.ts';

/** A folder that holds avatars, one folder each. */
export interface AvatarShelf {
  readonly folder: string;
  /** Comes with the program: nothing in it is ever changed. */
  readonly isShipped: boolean;
}

/** Where a library keeps what it needs. */
export interface LibraryOptions {
  /** Folder for what can be made again: unpacked pictures. */
  readonly cacheFolder: string;
  /** File that keeps the order of the list; without one the order is shelf by shelf, by id, and cannot be changed. */
  readonly orderFile?: string;
}

/** The avatars of this machine, over several folders, and what may be done with them on disk. */
export class AvatarLibrary {
  readonly #shelves: readonly AvatarShelf[];
  readonly #cacheFolder: string;
  readonly #orderFile: string | undefined;
  #entries = new Map<string, AvatarEntry>();

  /** @param shelves where to look; of two avatars with one id the one on the earlier shelf counts. */
  constructor(shelves: readonly AvatarShelf[], options: LibraryOptions) {
    this.#shelves = shelves;
    this.#cacheFolder = options.cacheFolder;
    this.#orderFile = options.orderFile;
  }

  /**
   * Every avatar: those with a place first, in order, then the others, shelf by shelf, by id. Broken ones are listed with
   * their problem; a missing shelf is an empty one.
   */
  async list(): Promise<readonly AvatarEntry[]> {
    const found = new Map<string, AvatarEntry>();
    for (const shelf of this.#shelves)
      for (const id of await listIds(shelf.folder)) if (!found.has(id)) found.set(id, await this.#describe(shelf, id));
    const entries = new Map<string, AvatarEntry>();
    for (const id of [...(await readOrder(this.#orderFile)), ...found.keys()]) {
      const entry = found.get(id);
      if (entry) entries.set(id, entry);
    }
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

  /**
   * Reads an avatar into memory and opens its files; whoever asked disposes it.
   * @throws AppError NO_SUCH_AVATAR, AVATAR_BROKEN, CONSENT_MISSING, and what unpacking throws.
   */
  async load(id: string, options: Omit<UnpackOptions, 'cacheFolder'> = {}): Promise<LoadedAvatar> {
    const { folder } = await this.find(id);
    return loadAvatar(folder, { ...options, cacheFolder: this.#cacheFolder });
  }

  /** Absolute path of an avatar's preview, as of the last listing; undefined when there is none. */
  previewPath(id: string): string | undefined {
    return this.#entries.get(id)?.previewPath;
  }

  /** Takes an avatar off the disk. @throws AppError NO_SUCH_AVATAR, AVATAR_SHIPPED. */
  async remove(id: string): Promise<void> {
    await removeAvatarFolder((await this.#findOwn(id, 'removed')).folder);
    await this.#changeOrder((order) => order.filter((one) => one !== id));
    this.#entries.delete(id);
  }

  /**
   * Gives an avatar of the user's another id, another name, or both.
   * @throws AppError NO_SUCH_AVATAR, AVATAR_SHIPPED, AVATAR_EXISTS, AVATAR_BROKEN, BAD_AVATAR_ID, BAD_AVATAR_DETAILS.
   */
  async rename(id: string, change: { readonly newId?: string | undefined; readonly name?: string | undefined }) {
    const { folder } = await this.#findOwn(id, 'renamed');
    const newId = change.newId ?? id;
    const name = change.name === undefined ? {} : { name: change.name };
    if (newId === id) await changeManifest(folder, name);
    else {
      await this.#refuseTaken(newId);
      await renameAvatar(folder, { id: newId, ...name });
      await this.#changeOrder((order) => order.map((one) => (one === id ? newId : one)));
    }
    this.#entries.delete(id);
    return this.find(newId);
  }

  /**
   * Says who is shown by an avatar of the user's and who agreed; dated today.
   * @throws AppError NO_SUCH_AVATAR, AVATAR_SHIPPED, AVATAR_BROKEN, BAD_AVATAR_DETAILS, CONSENT_MISSING for empty lines.
   */
  async setConsent(
    id: string,
    consent: { readonly depicts: string; readonly statement: string },
  ): Promise<AvatarEntry> {
    const entry = await this.#findOwn(id, 'changed');
    const [depicts, statement] = [consent.depicts.trim(), consent.statement.trim()];
    if (depicts === '' || statement === '') throw consentMissing(entry);
    await changeManifest(entry.folder, {
      consent: { depicts, statement, date: new Date().toISOString().slice(0, 10) },
    });
    this.#entries.delete(id);
    return this.find(id);
  }

  /** Puts these avatars first in the list, in this order. @throws AppError NO_SUCH_AVATAR. */
  async reorder(ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.find(id);
    const all = (await this.list()).map((entry) => entry.id);
    await this.#changeOrder(() => [...new Set([...ids, ...all])]);
  }

  /** Puts an avatar at a place of the list, the first one being 1. @throws AppError NO_SUCH_AVATAR, BAD_ARGUMENTS. */
  async move(id: string, place: number): Promise<void> {
    await this.find(id);
    if (!Number.isInteger(place) || place < 1)
      throw new AppError('BAD_ARGUMENTS', `${place} is no place in the list.`, { fix: 'The first place is 1' });
    const others = (await this.list()).map((entry) => entry.id).filter((one) => one !== id);
    others.splice(place - 1, 0, id);
    await this.#changeOrder(() => others);
  }

  async #changeOrder(change: (order: readonly string[]) => readonly string[]): Promise<void> {
    if (this.#orderFile === undefined) return;
    const before = await readOrder(this.#orderFile);
    const order = change(before);
    if (order.join() !== before.join()) await writeOrder(this.#orderFile, order);
  }

  async #findOwn(id: string, done: string): Promise<AvatarEntry> {
    const entry = await this.find(id);
    if (!entry.isShipped) return entry;
    throw new AppError('AVATAR_SHIPPED', `"${id}" comes with MuseCam and stays as it is.`, {
      fix: `Only avatars you prepared or imported can be ${done}: musecam avatars list`,
    });
  }

  /** Ids are taken on every shelf: of two avatars with one id only one would be shown. */
  async #refuseTaken(id: string): Promise<void> {
    const taken = (await this.list()).find((entry) => entry.id === id);
    if (taken)
      throw new AppError('AVATAR_EXISTS', `There is an avatar "${id}" already, in ${taken.folder}.`, {
        fix: 'Choose another id',
      });
  }

  #describe(shelf: AvatarShelf, id: string): Promise<AvatarEntry> {
    const folder = join(shelf.folder, id);
    return describeAvatar({ id, folder, isShipped: shelf.isShipped, isResident: false });
  }
}

function consentMissing({ id }: AvatarEntry): AppError {
  return new AppError('CONSENT_MISSING', `Nobody has said who is shown by "${id}" and who agreed to it.`, {
    fix: `musecam avatars consent ${id} --depicts "…" --consent "…"`,
  });
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
