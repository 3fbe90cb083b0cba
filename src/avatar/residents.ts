import type { LoadedAvatar } from './load-avatar.ts';

/** One avatar in memory and how many hold it, the residents themselves among them. */
interface Resident {
  readonly id: string;
  readonly avatar: LoadedAvatar;
  holders: number;
}

/** Each holds some files open, and systems give a process about a thousand. */
const MAX_KEPT = 60;

/** An avatar that is being read. */
interface Loading {
  readonly signal: AbortSignal | undefined;
  /** Whether it shall be kept; a copy that was replaced meanwhile shall not. */
  readonly wish: { isWanted: boolean };
  readonly resident: Promise<Resident>;
}

/**
 * Avatars in memory, within a limit: the one used longest ago leaves first. One that left is disposed as soon as nobody
 * holds it any more.
 */
export class Residents implements AsyncDisposable {
  readonly #maxBytes: number;
  /** By id and background, in order of use, oldest first. */
  readonly #kept = new Map<string, Resident>();
  readonly #loading = new Map<string, Loading>();
  readonly #leaving = new Set<Promise<void>>();
  #isDisposed = false;

  /** @param maxBytes how much memory those may take that are kept, in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether an avatar is kept, with any background. */
  has(id: string): boolean {
    return [...this.#kept.values()].some((resident) => resident.id === id);
  }

  /**
   * Holds the avatar that is kept, or the one that `read` reads now; asked for twice at a time, it is read once.
   * Disposing the result ends the hold.
   */
  async hold(
    id: string,
    background: string,
    read: () => Promise<LoadedAvatar>,
    signal?: AbortSignal,
  ): Promise<LoadedAvatar> {
    const key = `${id}\n${background}`;
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return this.#share(kept);
    }
    // Somebody else's read may be aborted by them alone, so it is not ours to wait for.
    const running = this.#loading.get(key);
    if (running && (running.signal === undefined || running.signal === signal))
      return this.#share(await running.resident);
    const wish = { isWanted: true };
    const loading: Loading = { signal, wish, resident: this.#read(key, id, read, wish) };
    this.#loading.set(key, loading);
    try {
      return this.#share(await loading.resident);
    } finally {
      if (this.#loading.get(key) === loading) this.#loading.delete(key);
    }
  }

  /** Keeps an avatar no longer, whatever its background; also one that is just being read. */
  release(id: string): void {
    for (const [key, { wish }] of this.#loading)
      if (key.startsWith(`${id}\n`)) {
        wish.isWanted = false;
        this.#loading.delete(key);
      }
    for (const [key, resident] of this.#kept) if (resident.id === id) this.#drop(key, resident);
  }

  /** Keeps none any longer and waits until those that nobody else holds are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const [key, resident] of this.#kept) this.#drop(key, resident);
    await Promise.all(this.#leaving);
  }

  async #read(key: string, id: string, read: () => Promise<LoadedAvatar>, wish: Loading['wish']): Promise<Resident> {
    const resident: Resident = { id, avatar: await read(), holders: 0 };
    if (!this.#isDisposed && wish.isWanted) this.#keep(key, resident);
    return resident;
  }

  /** Puts an avatar last in the order of use and lets the oldest go while there are too many bytes. */
  #keep(key: string, resident: Resident): void {
    const before = this.#kept.get(key);
    if (before) this.#drop(key, before);
    resident.holders++;
    this.#kept.set(key, resident);
    let bytes = [...this.#kept.values()].reduce((sum, { avatar }) => sum + avatar.residentBytes, 0);
    for (const [oldest, one] of this.#kept) {
      if ((bytes <= this.#maxBytes && this.#kept.size <= MAX_KEPT) || oldest === key) break;
      bytes -= one.avatar.residentBytes;
      this.#drop(oldest, one);
    }
  }

  #drop(key: string, resident: Resident): void {
    this.#kept.delete(key);
    void this.#letGo(resident);
  }

  #share(resident: Resident): LoadedAvatar {
    resident.holders++;
    let ended: Promise<void> | undefined;
    return {
      ...resident.avatar,
      [Symbol.asyncDispose]: () => {
        ended ??= this.#letGo(resident);
        return ended;
      },
    };
  }

  async #letGo(resident: Resident): Promise<void> {
    resident.holders--;
    if (resident.holders > 0) return;
    const leaving = this.#close(resident);
    this.#leaving.add(leaving);
    await leaving;
    this.#leaving.delete(leaving);
  }

  async #close(resident: Resident): Promise<void> {
    // Those who waited for the same read get their hold before the next turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    if (resident.holders === 0) await Promise.resolve(resident.avatar[Symbol.asyncDispose]()).catch(() => {});
  }
}
