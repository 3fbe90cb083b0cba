import type { AvatarRef } from '../api/avatar.ts';
import type { FacePatch, Heard, PoseRef, Sound, SoundContext } from '../api/media.ts';
import type { LinkStatus } from '../api/status.ts';
import { messageOf } from '../base/errors.ts';
import { EngineProcess, type EngineProcessOptions, type EngineRequest } from './engine-process.ts';
import { Stopwatch } from './meter.ts';

/** What to run and how patient to be. */
export interface FaceHostOptions extends EngineProcessOptions {
  readonly engineTitle: string;
  /**
   * Live: a call that takes far longer than this engine's calls usually do is given up, and its frame shows the avatar at
   * rest. Off line every frame counts and is waited for.
   */
  readonly isLive: boolean;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;
/** A call is given up after this many times the usual (95th percentile), within these limits in ms. */
const DEADLINE = { factor: 4, shortestMs: 80, longestMs: 500, learnFromCalls: 20 } as const;
/** A host that lived this long starts its back-off anew. */
const HEALTHY_AFTER_MS = 10_000;
/** Until the engine says what it needs. Seconds. */
const UNKNOWN_CONTEXT: SoundContext = { before: 0, after: 0.05 };

/**
 * The show's end of the engine host: starts the child process that holds the face engine, starts it again with back-off
 * when it dies or hangs, and makes its avatars resident again. While it is away `hear` and `draw` answer `undefined` at
 * once and the show puts out the avatar at rest; nothing here makes the show wait longer than one call's deadline.
 */
export class FaceHost implements AsyncDisposable {
  readonly #options: FaceHostOptions;
  readonly #avatars = new Map<string, AvatarRef>();
  readonly #resident = new Set<string>();
  /** By avatar: a load that this process has not answered yet. */
  readonly #loading = new Map<string, Promise<void>>();
  /** The avatar drawn last: after a restart the first to come back. */
  #drawnId = '';
  /** Avatars that the engine cannot use, with why: one of them must not take the face from the others. */
  readonly #refused = new Map<string, unknown>();
  readonly #closed = new AbortController();
  readonly #life: Promise<void>;
  #process: EngineProcess | undefined;
  #context = UNKNOWN_CONTEXT;
  #state: LinkStatus['state'] = 'starting';
  #detail = 'starting';
  #restarts = 0;
  #callTimes = new Stopwatch();
  #calls = 0;
  #deadlineMs: number = DEADLINE.longestMs;
  #backoffMs = FIRST_BACKOFF_MS;
  #firstOpen: Promise<void>;
  #settleFirstOpen: { resolve: () => void; reject: (thrown: unknown) => void } | undefined;

  constructor(options: FaceHostOptions) {
    this.#options = options;
    this.#firstOpen = new Promise((resolve, reject) => {
      this.#settleFirstOpen = { resolve, reject };
    });
    this.#firstOpen.catch(() => {});
    this.#life = this.#live();
  }

  /** How much sound the engine needs around a frame; a guess until it has opened once. */
  get context(): SoundContext {
    return this.#context;
  }

  /** State for the page, with how often the host was started again. */
  get status(): LinkStatus & { readonly restarts: number } {
    const { engineId, engineTitle } = this.#options;
    const isStuck = this.#state === 'ready' && this.#process?.isSilent === true;
    const detail = isStuck ? 'it does not answer; the avatar is shown at rest' : this.#detail;
    return {
      id: engineId,
      label: engineTitle,
      state: isStuck ? 'degraded' : this.#state,
      ...(detail ? { detail } : {}),
      restarts: this.#restarts,
    };
  }

  /** Process id of the engine host at this moment. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves when the engine has opened for the first time; rejects with its error when the first start failed. */
  get ready(): Promise<void> {
    return this.#firstOpen;
  }

  /** Makes an avatar resident, now and after every restart. @throws AppError when the engine cannot use it. */
  async load(avatar: AvatarRef): Promise<void> {
    if (this.#refused.has(avatar.id)) throw this.#refused.get(avatar.id);
    if (this.#resident.has(avatar.id)) return;
    this.#avatars.set(avatar.id, avatar);
    if (!this.#process?.isAnswering || this.#state !== 'ready') return;
    await this.#loadOnce(this.#process, avatar);
  }

  /** Gives an avatar's memory back. */
  async unload(avatarId: string): Promise<void> {
    this.#avatars.delete(avatarId);
    this.#resident.delete(avatarId);
    if (this.#process?.isAnswering) await this.#process.request({ type: 'unload', avatarId }).catch(() => {});
  }

  /** What the mouth should be doing; undefined while the engine is away. */
  async hear(sound: Sound): Promise<Heard | undefined> {
    return (await this.#ask({ type: 'hear', sound })) as Heard | undefined;
  }

  /** The face for a pose; undefined while the engine is away or does not hold the avatar yet. */
  async draw(heard: Heard, pose: PoseRef): Promise<FacePatch | undefined> {
    this.#drawnId = pose.avatarId;
    if (!this.#resident.has(pose.avatarId)) return undefined;
    return (await this.#ask({ type: 'draw', heard, pose })) as FacePatch | undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#process?.[Symbol.asyncDispose]();
    await this.#life;
  }

  async #ask(request: EngineRequest): Promise<unknown> {
    const process = this.#process;
    if (!process?.isAnswering || this.#state !== 'ready') return undefined;
    const { isLive, log } = this.#options;
    const askedMs = performance.now();
    const answer = process.request(request).then(
      (result) => {
        this.#learn(performance.now() - askedMs);
        return result;
      },
      (thrown) => {
        log.debug(`the engine failed to ${request.type}: ${messageOf(thrown)}`);
        this.#detail = messageOf(thrown);
        return undefined;
      },
    );
    return isLive ? withinDeadline(answer, this.#deadlineMs) : answer;
  }

  /** Adapts the deadline to what this engine usually needs: a slow one must not flicker between face and rest. */
  #learn(callMs: number): void {
    this.#callTimes.record(callMs);
    this.#calls++;
    if (this.#calls % DEADLINE.learnFromCalls !== 0) return;
    const usualMs = DEADLINE.factor * this.#callTimes.percentiles().p95Ms;
    this.#deadlineMs = Math.min(DEADLINE.longestMs, Math.max(DEADLINE.shortestMs, usualMs));
  }

  /** Starts hosts one after another until closed. */
  async #live(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const startedMs = performance.now();
      const process = new EngineProcess(this.#options);
      this.#process = process;
      this.#resident.clear();
      this.#loading.clear();
      const opening = this.#open(process);
      const end = await process.ended;
      await opening;
      if (this.#closed.signal.aborted) break;
      if (performance.now() - startedMs > HEALTHY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
      this.#state = end.wasHung || this.#context !== UNKNOWN_CONTEXT ? 'degraded' : 'failed';
      this.#detail = `${end.reason}; starting again, the avatar is shown at rest`;
      this.#options.log.warn(`engine host ended: ${end.reason}; starting again in ${this.#backoffMs} ms`);
      await this.#pause(this.#backoffMs);
      this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, this.#backoffMs * 2);
      this.#restarts++;
    }
    this.#state = 'off';
  }

  async #open(process: EngineProcess): Promise<void> {
    try {
      this.#context = await process.opened;
      // The first one warms the engine up; no frame waits for that, the avatar is at rest until the engine is ready.
      const [first] = this.#avatars.values();
      await this.#loadQuietly(process, this.#avatars.get(this.#drawnId) ?? first);
      this.#state = 'ready';
      this.#detail = this.#restarts === 0 ? '' : `running again after ${this.#restarts} restart(s)`;
      this.#settleFirstOpen?.resolve();
      // Those that come meanwhile come last in this very loop.
      for (const avatar of this.#avatars.values()) await this.#loadQuietly(process, avatar);
    } catch (thrown) {
      if (this.#state === 'ready') return; // it ended while the others were loaded; whoever watches it knows
      this.#state = 'failed';
      this.#detail = messageOf(thrown);
      this.#settleFirstOpen?.reject(thrown);
      await process[Symbol.asyncDispose]();
    }
  }

  /** Loads an avatar for a process that starts; one that the engine cannot use is left out. */
  async #loadQuietly(process: EngineProcess, avatar: AvatarRef | undefined): Promise<void> {
    if (!avatar || this.#resident.has(avatar.id)) return;
    await this.#loadOnce(process, avatar).catch((thrown) => {
      if (!this.#refused.has(avatar.id)) throw thrown;
      this.#options.log.warn(`${avatar.id} cannot be shown: ${messageOf(thrown)}`);
    });
  }

  #loadOnce(process: EngineProcess, avatar: AvatarRef): Promise<void> {
    const known = this.#loading.get(avatar.id);
    if (known) return known;
    const loading = this.#loadInto(process, avatar).finally(() => {
      if (this.#loading.get(avatar.id) === loading) this.#loading.delete(avatar.id);
    });
    this.#loading.set(avatar.id, loading);
    return loading;
  }

  async #loadInto(process: EngineProcess, avatar: AvatarRef): Promise<void> {
    try {
      await process.request({ type: 'load', avatar });
      if (this.#avatars.has(avatar.id)) this.#resident.add(avatar.id);
      // Given back while it was loading: it was not there yet to be unloaded.
      else await process.request({ type: 'unload', avatarId: avatar.id });
    } catch (thrown) {
      // A process that died says nothing about the avatar.
      if (process.isAnswering) {
        this.#refused.set(avatar.id, thrown);
        this.#avatars.delete(avatar.id);
      }
      throw thrown;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#closed;
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

function withinDeadline<T>(answer: Promise<T>, deadlineMs: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), deadlineMs);
    void answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
