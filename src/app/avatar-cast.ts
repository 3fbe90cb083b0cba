import type { Size } from '../api/media.ts';
import type { AvatarSummary } from '../api/status.ts';
import type { AvatarLibrary } from '../avatar/library.ts';
import type { LoadedAvatar } from '../avatar/load-avatar.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FaceHost } from '../live/face-host.ts';
import type { ShowAvatar } from '../live/painter.ts';

/** How many avatars are made resident in the background, so that swapping among them is immediate. */
const RESIDENT_AHEAD = 9;

/**
 * The avatars of a running show: which ones there are, which one is on, and the swap. An avatar is first made resident
 * here and in the engine, then put on with one assignment, so that a swap never disturbs the running show.
 */
export class AvatarCast {
  readonly #library: AvatarLibrary;
  readonly #face: FaceHost;
  readonly #size: Size;
  readonly #log: Log;
  readonly #loaded = new Map<string, { readonly avatar: ShowAvatar; readonly ref: LoadedAvatar['ref'] }>();
  #summaries: readonly AvatarSummary[] = [];
  #putOn: (avatar: ShowAvatar) => void = () => {};
  #wanted = '';

  private constructor(library: AvatarLibrary, face: FaceHost, size: Size, log: Log) {
    this.#library = library;
    this.#face = face;
    this.#size = size;
    this.#log = log;
  }

  /** Loads the first avatar; the show's size is its size. @throws AppError when it is missing or broken. */
  static async open(
    library: AvatarLibrary,
    face: FaceHost,
    firstId: string,
    log: Log,
  ): Promise<{ readonly cast: AvatarCast; readonly first: ShowAvatar }> {
    const loaded = await library.load(firstId);
    const { width, height } = loaded.manifest;
    const cast = new AvatarCast(library, face, { width, height }, log);
    const first = cast.#admit(loaded);
    cast.#wanted = firstId;
    await cast.refresh();
    // The engine may still be starting; it makes the avatar resident when it opens.
    void face.load(loaded.ref).catch((thrown) => log.warn(`${firstId}: ${messageOf(thrown)}`));
    return { cast, first };
  }

  /** All avatars, for lists; as of the last {@link refresh}. */
  get summaries(): readonly AvatarSummary[] {
    return this.#summaries.map((summary) => ({ ...summary, isResident: this.#loaded.has(summary.id) }));
  }

  /** The avatar that is on, or is about to be. */
  get currentId(): string {
    return this.#wanted;
  }

  /** Says how an avatar is put on: one assignment to the stage. */
  onPutOn(putOn: (avatar: ShowAvatar) => void): void {
    this.#putOn = putOn;
  }

  /** Looks again which avatars there are. */
  async refresh(): Promise<void> {
    const sound = (await this.#library.list()).filter(({ problem }) => problem === undefined);
    this.#summaries = sound.map(({ id, name, width, height, isShipped, isResident, depicts }) => ({
      ...{ id, name, width, height, isShipped, isResident, depicts },
    }));
  }

  /** Path of an avatar's preview picture. */
  previewOf(id: string): string | undefined {
    return this.#library.previewPath(id);
  }

  /** Puts an avatar on; shows on the next frame once it is resident. The last wish wins. */
  async use(id: string): Promise<string> {
    const before = this.#wanted;
    this.#wanted = id;
    try {
      const avatar = await this.#bring(id);
      if (this.#wanted === id) this.#putOn(avatar);
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

  /** Makes the first avatars of the list resident, one after another, quietly. */
  async bringAhead(signal: AbortSignal): Promise<void> {
    for (const { id } of this.#summaries.slice(0, RESIDENT_AHEAD)) {
      if (signal.aborted) return;
      await this.#bring(id).catch((thrown) => this.#log.warn(`${id} is left out: ${messageOf(thrown)}`));
    }
  }

  async #bring(id: string): Promise<ShowAvatar> {
    if (!this.#loaded.has(id)) this.#admit(await this.#library.load(id));
    const { avatar, ref } = this.#loaded.get(id)!;
    // Known or not: the engine may have refused it meanwhile, which is told to whoever asks for it.
    await this.#face.load(ref);
    return avatar;
  }

  #admit(loaded: LoadedAvatar): ShowAvatar {
    const { id, width, height } = loaded.manifest;
    if (width !== this.#size.width || height !== this.#size.height) {
      const { width: w, height: h } = this.#size;
      throw new AppError('AVATAR_SIZE_DIFFERS', `${id} is ${width}x${height}; this show runs at ${w}x${h}.`, {
        fix: `Start with it: musecam start --avatar ${id}`,
      });
    }
    const avatar: ShowAvatar = { id, width, height, pose: (frame) => loaded.pose(frame) };
    this.#loaded.set(id, { avatar, ref: loaded.ref });
    return avatar;
  }
}
