import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarSummary } from '../api/status.ts';
import type { AvatarLibrary } from '../avatar/library.ts';
import { loadAvatar } from '../avatar/load-avatar.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { nearest } from '../host/settings.ts';
import type { FaceLadder } from '../live/face-ladder.ts';
import { ResidentAvatar } from './resident-avatar.ts';
import { type UnpackJob, unpackElsewhere } from './unpack-elsewhere.ts';

/** How many avatars are made resident in the background, so that swapping among them is immediate. */
const RESIDENT_AHEAD = 9;

/** What a cast is made of. */
export interface CastOptions {
  readonly library: Pick<AvatarLibrary, 'list' | 'find' | 'previewPath'>;
  readonly face: Pick<FaceLadder, 'load' | 'unload'>;
  readonly log: Log;
  /** Where avatars are unpacked. */
  readonly cacheFolder: string;
  /** How much memory avatars may take together, here and in the engine. */
  readonly memoryBytes: number;
  /** What is behind the avatars to begin with. */
  readonly background: string;
  /** Told before an avatar is unpacked, which takes seconds for a clip, once. */
  readonly onUnpack?: (id: string) => void;
}

/**
 * The avatars of a running show: which ones there are, which one is on, and the swap. An avatar is first made resident
 * here and in the engine, then put on with one assignment, so that a swap never disturbs the running show. When memory
 * gets short the one used longest ago leaves; the one on air, those that frames are being made of, and the one wanted stay.
 */
export class AvatarCast implements AsyncDisposable {
  readonly #options: CastOptions;
  /** By id and background, the one used longest ago first. */
  readonly #residents = new Map<string, ResidentAvatar>();
  readonly #loading = new Map<string, Promise<ResidentAvatar>>();
  readonly #leaving = new Set<Promise<void>>();
  readonly #closed = new AbortController();
  readonly #copies = new Map<string, number>();
  #summaries: readonly AvatarSummary[] = [];
  #putOn: (avatar: ResidentAvatar) => void = () => {};
  #onAir: ResidentAvatar | undefined;
  #onAirHold: Disposable | undefined;
  #wanted = '';
  #background: string;

  private constructor(options: CastOptions) {
    this.#options = options;
    this.#background = options.background;
  }

  /** Loads the first avatar. @throws AppError when it is missing or broken; the signal's reason when aborted. */
  static async open(
    options: CastOptions,
    firstId: string,
    signal?: AbortSignal,
  ): Promise<{ readonly cast: AvatarCast; readonly first: ResidentAvatar }> {
    const cast = new AvatarCast(options);
    const giveUp = () => cast.#closed.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      signal?.throwIfAborted();
      cast.#wanted = firstId;
      const first = await cast.#load(firstId, options.background);
      cast.#setOnAir(first);
      await cast.refresh();
      // The engine may still be starting; it makes the avatar resident when it opens.
      void options.face.load(first.ref).catch((thrown) => options.log.warn(`${firstId}: ${messageOf(thrown)}`));
      return { cast, first };
    } catch (thrown) {
      await cast[Symbol.asyncDispose]();
      throw thrown;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** All avatars, for lists; as of the last {@link refresh}. */
  get summaries(): readonly AvatarSummary[] {
    const resident = new Set([...this.#residents.values()].map(({ avatarId }) => avatarId));
    return this.#summaries.map((summary) => ({ ...summary, isResident: resident.has(summary.id) }));
  }

  /** The avatar that is on, or is about to be. */
  get currentId(): string {
    return this.#wanted;
  }

  /** What is behind the avatars: `keep`, `blur`, `transparent`, `#rrggbb` or the path of a picture. */
  get background(): string {
    return this.#background;
  }

  /** About how much memory the resident avatars take, here and in the engine, in bytes. */
  get residentBytes(): number {
    return [...this.#residents.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Says how an avatar is put on: one assignment to the stage. */
  onPutOn(putOn: (avatar: ResidentAvatar) => void): void {
    this.#putOn = putOn;
  }

  /**
   * Looks again which avatars there are, and lets go of those that were replaced or removed on disk. One that is on air
   * stays as it is until another one is put on.
   */
  async refresh(): Promise<void> {
    const entries = await this.#options.library.list();
    this.#summaries = entries
      .filter(({ problem }) => problem === undefined)
      .map(({ folder: _folder, problem: _problem, previewPath: _previewPath, ...summary }) => summary);
    const folders = new Map(entries.map(({ id, folder }) => [id, folder]));
    for (const [key, resident] of this.#residents) {
      const folder = folders.get(resident.avatarId);
      if (!folder || (await stampOf(folder)) !== resident.stamp) this.#dismiss(key);
    }
  }

  /** Path of an avatar's preview picture. */
  previewOf(id: string): string | undefined {
    return this.#options.library.previewPath(id);
  }

  /**
   * Puts an avatar on; shows on the next frame once it is resident. The last wish wins.
   * @throws AppError NO_SUCH_AVATAR, AVATAR_BROKEN, AVATAR_WITHOUT_MATTE, or what the engine says against it.
   */
  async use(id: string): Promise<string> {
    await this.#checkKnown(id);
    const before = this.#wanted;
    this.#wanted = id;
    try {
      await this.#bringOn(id);
      return id;
    } catch (thrown) {
      if (this.#wanted === id) this.#wanted = before;
      throw thrown;
    }
  }

  /** Puts on the avatar that many places further in the list. */
  step(by: number): Promise<string> {
    const ids = this.#summaries.map((summary) => summary.id);
    const at = ids.indexOf(this.#wanted);
    const id = ids[(at + by + ids.length) % ids.length];
    if (id === undefined) throw new AppError('NO_SUCH_AVATAR', 'There is no avatar at all.');
    return this.use(id);
  }

  /**
   * Changes what is behind the avatars: the present one is unpacked anew beside the show, then swapped like another one.
   * @throws AppError AVATAR_WITHOUT_MATTE and what unpacking throws; the background is then as before.
   */
  async setBackground(background: string): Promise<void> {
    const before = this.#background;
    this.#background = background;
    try {
      await this.#bringOn(this.#wanted);
    } catch (thrown) {
      if (this.#background === background) this.#background = before;
      // Whatever was wished for meanwhile was left out because of this.
      await this.#bringOn(this.#wanted).catch(() => {});
      throw thrown;
    }
    // Copies with another background would only be in the way.
    for (const [key, resident] of this.#residents) if (resident.background !== this.#background) this.#dismiss(key);
  }

  /** Makes the first avatars of the list resident, one after another, quietly, as far as memory goes. */
  async bringAhead(signal: AbortSignal): Promise<void> {
    for (const { id } of this.#summaries.slice(0, RESIDENT_AHEAD)) {
      if (signal.aborted || this.#closed.signal.aborted) return;
      if (this.#residents.has(keyOf(id, this.#background))) continue;
      try {
        await this.#bring(id, this.#background, true, () => {});
        if (!this.#residents.has(keyOf(id, this.#background))) return; // no room for it
      } catch (thrown) {
        if (signal.aborted || this.#closed.signal.aborted) return;
        this.#options.log.warn(`${id} is left out: ${messageOf(thrown)}`);
      }
    }
  }

  /** Lets go of every avatar. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error('the show ended'));
    await Promise.allSettled(this.#loading.values());
    this.#onAirHold?.[Symbol.dispose]();
    this.#onAirHold = undefined;
    for (const key of this.#residents.keys()) this.#dismiss(key);
    await Promise.all(this.#leaving);
  }

  async #checkKnown(id: string): Promise<void> {
    const isKnown = () => this.#summaries.some((summary) => summary.id === id);
    if (!isKnown()) await this.refresh(); // prepared a moment ago
    if (isKnown()) return;
    const { problem } = await this.#options.library.find(id).catch(() => ({ problem: undefined }));
    if (problem !== undefined) return; // whoever loads it says what is wrong
    const ids = this.#summaries.map((summary) => summary.id);
    throw new AppError('NO_SUCH_AVATAR', `There is no avatar ${id}.`, {
      fix: `Did you mean ${nearest(id, ids)}? List them: musecam avatars list`,
    });
  }

  /** Makes an avatar resident and puts it on, unless something else was wished for meanwhile. */
  #bringOn(id: string): Promise<void> {
    const background = this.#background;
    return this.#bring(id, background, false, (avatar) => {
      if (this.#wanted === id && this.#background === background) this.#setOnAir(avatar);
    });
  }

  #setOnAir(avatar: ResidentAvatar): void {
    if (avatar === this.#onAir) return;
    const before = this.#onAirHold;
    this.#onAirHold = avatar.hold();
    this.#onAir = avatar;
    this.#putOn(avatar);
    before?.[Symbol.dispose]();
    // The one before was kept for as long as it was on.
    this.#makeRoom(undefined);
  }

  /**
   * Makes an avatar resident, here and in the engine.
   * @param isAhead nobody asked for it yet: others do not leave for it.
   * @param onReady called with it while it cannot leave.
   */
  async #bring(id: string, background: string, isAhead: boolean, onReady: (avatar: ResidentAvatar) => void) {
    const key = keyOf(id, background);
    for (;;) {
      const avatar =
        (await this.#findUnchanged(key)) ?? (await (this.#loading.get(key) ?? this.#loadOnce(key, id, background)));
      if (avatar.isLeaving) continue; // replaced on disk at this very moment
      using _held = avatar.hold();
      this.#touch(key, avatar, isAhead);
      this.#makeRoom(isAhead ? undefined : key);
      if (isAhead && avatar.isLeaving) return; // no room for it
      // Known or not: the engine may have refused it meanwhile, which is told to whoever asks for it.
      await this.#options.face.load(avatar.ref);
      this.#closed.signal.throwIfAborted();
      onReady(avatar);
      return;
    }
  }

  /** A resident copy, if it is still what is on disk. */
  async #findUnchanged(key: string): Promise<ResidentAvatar | undefined> {
    const resident = this.#residents.get(key);
    if (!resident) return undefined;
    if ((await stampOf(resident.ref.folder)) === resident.stamp) return resident;
    this.#dismiss(key);
    return undefined;
  }

  #loadOnce(key: string, id: string, background: string): Promise<ResidentAvatar> {
    const loading = this.#load(id, background).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #load(id: string, background: string): Promise<ResidentAvatar> {
    const { library, cacheFolder } = this.#options;
    const { folder } = await library.find(id);
    const stamp = await stampOf(folder);
    const { signal } = this.#closed;
    const elsewhere = (job: UnpackJob) => {
      this.#options.onUnpack?.(id);
      return unpackElsewhere(job, signal);
    };
    const loaded = await loadAvatar(folder, { cacheFolder, background, signal, elsewhere });
    const key = keyOf(id, background);
    const copy = (this.#copies.get(key) ?? 0) + 1;
    this.#copies.set(key, copy);
    // An engine may hold an old copy for a while yet: each gets a name of its own.
    const engineId = copy === 1 ? key : `${key}#${copy}`;
    const resident = new ResidentAvatar(loaded, engineId, { background, stamp }, (free) => this.#bury(free));
    this.#residents.set(key, resident);
    return resident;
  }

  /** Notes that an avatar was used; one that was only brought ahead is the first to leave again. */
  #touch(key: string, avatar: ResidentAvatar, isAhead: boolean): void {
    if (this.#residents.get(key) !== avatar) return;
    const others = [...this.#residents].filter(([other]) => other !== key);
    this.#residents.clear();
    if (isAhead) this.#residents.set(key, avatar);
    for (const [other, resident] of others) this.#residents.set(other, resident);
    if (!isAhead) this.#residents.set(key, avatar);
  }

  /** Lets the ones used longest ago go while there are too many bytes. */
  #makeRoom(neededKey: string | undefined): void {
    let bytes = this.residentBytes;
    for (const [key, resident] of this.#residents) {
      if (bytes <= this.#options.memoryBytes) return;
      if (key === neededKey || resident === this.#onAir || resident.avatarId === this.#wanted) continue;
      bytes -= resident.bytes;
      this.#dismiss(key);
    }
  }

  #dismiss(key: string): void {
    const resident = this.#residents.get(key);
    this.#residents.delete(key);
    resident?.leave();
  }

  /** The last one to hold it has let go: closes its files, and tells the engine. */
  #bury(avatar: ResidentAvatar): void {
    const { face, log } = this.#options;
    const warn = (thrown: unknown) => log.warn(`${avatar.id} could not be put away: ${messageOf(thrown)}`);
    // The engine may be away or stuck: nobody waits for it.
    void face.unload(avatar.id).catch(warn);
    const burial = avatar
      .close()
      .catch(warn)
      .finally(() => this.#leaving.delete(burial));
    this.#leaving.add(burial);
  }
}

function keyOf(id: string, background: string): string {
  return background === 'keep' ? id : `${id}@${background}`;
}

/** Changes when an avatar is prepared again; empty when it is gone. */
async function stampOf(folder: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(join(folder, 'avatar.json'));
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return '';
  }
}
