import { setTimeout as sleep } from 'node:timers/promises';
import type { AvatarRef } from '../api/avatar.ts';
import type { FacePatch, Heard, PoseRef, Sound, SoundContext } from '../api/media.ts';
import type { EngineReport, EngineStatus, LinkStatus } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { CallPatience } from './call-patience.ts';
import { type EngineEnd, EngineProcess, type EngineProcessOptions, type EngineRequest } from './engine-process.ts';
import type { DrawnFace, Face, HeardFace } from './face.ts';

/**
 * What to run and how patient to be. Live, a call that takes far longer than this engine's calls usually do is given up, and
 * its frame shows the avatar at rest. Off line every frame counts and is waited for.
 */
export interface FaceHostOptions extends EngineProcessOptions {
  readonly engineTitle: string;
  /** How much sound after a frame the engine will ask for, in seconds, as its manifest says; it is known when it opens. */
  readonly lookAheadSeconds?: number | undefined;
}

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;
/** An engine that itself says that it cannot open (no model, no device) will hardly say otherwise soon; trying costs work. */
const REFUSED_BACKOFF_MS = { first: 5000, longest: 600_000 } as const;
/** A host that was ready for this long starts its back-off anew. */
const HEALTHY_AFTER_MS = 10_000;
/** So many calls of one kind failed in a row mean a fault of the driver or the device: a new process may do better. */
const FAULTY_AFTER_CALLS = 5;
/** Until the engine says what it needs. Seconds. */
const USUAL_LOOK_AHEAD_SECONDS = 0.05;

/**
 * The show's end of the engine host: starts the child process that holds the face engine, starts it again with back-off
 * when it dies, hangs or fails every call, and makes its avatars resident again. While it is away `hear` and `draw` answer
 * `undefined` at once; nothing here makes the show wait longer than one call's deadline.
 */
export class FaceHost implements Face, AsyncDisposable {
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
  #context: SoundContext;
  #state: LinkStatus['state'] = 'starting';
  #detail = 'starting';
  #fix: string | undefined;
  #report: EngineReport | undefined;
  #hasOpened = false;
  #restarts = 0;
  readonly #patience = new CallPatience();
  /** Calls that were given up and that the engine has still to answer: until then it is asked nothing more. */
  #lateCalls = 0;
  /** Failures in a row, by kind of call: an engine that hears well may still fail to draw. */
  readonly #failures = new Map<EngineRequest['type'], { readonly count: number; readonly message: string }>();
  #readyMs = Number.POSITIVE_INFINITY;
  #backoffMs = FIRST_BACKOFF_MS;
  #firstOpen: Promise<void>;
  #settleFirstOpen: { resolve: () => void; reject: (thrown: unknown) => void } | undefined;

  constructor(options: FaceHostOptions) {
    this.#options = options;
    this.#context = { before: 0, after: options.lookAheadSeconds ?? USUAL_LOOK_AHEAD_SECONDS };
    this.#firstOpen = new Promise((resolve, reject) => {
      this.#settleFirstOpen = { resolve, reject };
    });
    this.#firstOpen.catch(() => {});
    this.#life = this.#live();
  }

  /** Contribution id of the engine. */
  get engineId(): string {
    return this.#options.engineId;
  }

  /** How much sound the engine needs around a frame; a guess until it has opened once. */
  get context(): SoundContext {
    return this.#context;
  }

  /** Whether it was tried and could not be opened even once. */
  get hasFailedToOpen(): boolean {
    return !this.#hasOpened && this.#state !== 'starting';
  }

  /** Whether calls make sense: open, warm and answering. */
  get isAnswering(): boolean {
    return this.#state === 'ready' && this.#process?.isAnswering === true;
  }

  /** State for the page, with how often the host was started again and what the engine says of itself. */
  get status(): EngineStatus {
    const { engineId, engineTitle } = this.#options;
    const report = this.#report;
    const isStuck = this.#state === 'ready' && this.#process?.isSilent === true;
    const isLimited = isStuck || (this.#state === 'ready' && report?.keepsUp === false);
    const [failure] = this.#failures.values();
    const detail = isStuck ? 'it does not answer' : (failure?.message ?? report?.detail ?? this.#detail);
    const fix = report?.fix ?? this.#fix;
    return {
      id: engineId,
      label: engineTitle,
      state: isLimited ? 'degraded' : this.#state,
      ...(detail ? { detail } : {}),
      ...(fix === undefined ? {} : { fix }),
      restarts: this.#restarts,
      ...(report ? { report } : {}),
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

  /** Whether the avatar is resident: it can be drawn. */
  holds(avatarId: string): boolean {
    return this.#resident.has(avatarId);
  }

  /** Why the engine cannot use an avatar; undefined when nothing is known against it. */
  refusalOf(avatarId: string): unknown {
    return this.#refused.get(avatarId);
  }

  /** Gives an avatar's memory back. */
  async unload(avatarId: string): Promise<void> {
    this.#avatars.delete(avatarId);
    this.#resident.delete(avatarId);
    if (this.#process?.isAnswering) await this.#process.request({ type: 'unload', avatarId }).catch(() => {});
  }

  async hear(sound: Sound): Promise<HeardFace | undefined> {
    const answer = await this.#ask({ type: 'hear', sound });
    return answer && { ...(answer.result as Heard), engineId: this.engineId };
  }

  async draw(heard: HeardFace, pose: PoseRef): Promise<DrawnFace | undefined> {
    this.#drawnId = pose.avatarId;
    if (!this.#resident.has(pose.avatarId)) return undefined;
    const answer = await this.#ask({ type: 'draw', heard, pose });
    return answer && { patch: answer.result as FacePatch | undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#process?.[Symbol.asyncDispose]();
    await this.#life;
  }

  /** Undefined means: no answer. What an engine answers may itself be undefined. */
  async #ask(request: EngineRequest): Promise<{ readonly result: unknown } | undefined> {
    const process = this.#process;
    if (!process || !this.isAnswering || this.#lateCalls > 0) return undefined;
    const askedMs = performance.now();
    const answer = process.request(request).then(
      (result) => {
        this.#patience.learn(performance.now() - askedMs);
        this.#failures.delete(request.type);
        return { result };
      },
      (thrown) => this.#noteFailure(process, request, thrown),
    );
    if (!this.#options.isLive) return answer;
    return this.#patience.wait(answer, () => {
      this.#lateCalls++;
      void answer.then(() => this.#lateCalls--);
    });
  }

  #noteFailure(process: EngineProcess, request: EngineRequest, thrown: unknown): undefined {
    const message = messageOf(thrown);
    this.#options.log.debug(`the engine failed to ${request.type}: ${message}`);
    // A process that died, and an avatar that left meanwhile, say nothing about the engine.
    const isGone = request.type === 'draw' && !this.#resident.has(request.pose.avatarId);
    const isNotLoaded = thrown instanceof AppError && thrown.code === 'AVATAR_NOT_LOADED';
    if (!process.isAnswering || isGone || isNotLoaded) return;
    const count = (this.#failures.get(request.type)?.count ?? 0) + 1;
    this.#failures.set(request.type, { count, message });
    if (count >= FAULTY_AFTER_CALLS) process.giveUp(`${count} calls in a row failed (${withoutStop(message)})`);
  }

  /** Starts hosts one after another until closed. */
  async #live(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      const process = new EngineProcess(this.#options, (report) => {
        if (this.#process === process) this.#report = report;
      });
      this.#process = process;
      const opening = this.#open(process);
      const end = await process.ended;
      const failure = await opening;
      if (this.#closed.signal.aborted) break;
      this.#noteEnd(end, failure);
      await sleep(this.#backoffMs, undefined, { signal: this.#closed.signal }).catch(() => {});
      const longestMs = this.#hasOpened ? LONGEST_BACKOFF_MS : REFUSED_BACKOFF_MS.longest;
      this.#backoffMs = Math.min(longestMs, this.#backoffMs * 2);
      this.#restarts++;
    }
    this.#state = 'off';
  }

  #noteEnd(end: EngineEnd, failure: unknown): void {
    if (performance.now() - this.#readyMs > HEALTHY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    const reason = failure === undefined ? end.reason : messageOf(failure);
    const isRefusal = failure instanceof AppError && failure.code !== 'ENGINE_GONE' && !this.#hasOpened;
    if (isRefusal) this.#backoffMs = Math.max(REFUSED_BACKOFF_MS.first, this.#backoffMs);
    this.#state = end.wasGivenUp || this.#hasOpened ? 'degraded' : 'failed';
    this.#detail = `${withoutStop(reason)}; starting again`;
    this.#fix = failure instanceof AppError ? failure.fix : undefined;
    this.#report = undefined;
    this.#readyMs = Number.POSITIVE_INFINITY;
    this.#resident.clear();
    this.#loading.clear();
    this.#failures.clear();
    this.#options.log.warn(`engine host ended: ${reason}; starting again in ${this.#backoffMs} ms`);
  }

  /** Resolves with why it could not be opened; undefined when it could. */
  async #open(process: EngineProcess): Promise<unknown> {
    try {
      this.#context = await process.opened;
      this.#hasOpened = true;
      // The first one warms the engine up; no frame waits for that, the avatar is at rest until the engine is ready.
      const [first] = this.#avatars.values();
      await this.#loadQuietly(process, this.#avatars.get(this.#drawnId) ?? first);
      this.#state = 'ready';
      this.#readyMs = performance.now();
      this.#detail = this.#restarts === 0 ? '' : `running again after ${this.#restarts} restart(s)`;
      this.#fix = undefined;
      this.#settleFirstOpen?.resolve();
      // Those that come meanwhile come last in this very loop.
      for (const avatar of this.#avatars.values()) await this.#loadQuietly(process, avatar);
      return undefined;
    } catch (thrown) {
      if (this.#state === 'ready') return undefined; // it ended while the others were loaded; whoever watches it knows
      this.#settleFirstOpen?.reject(thrown);
      await process[Symbol.asyncDispose]();
      return thrown;
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
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
