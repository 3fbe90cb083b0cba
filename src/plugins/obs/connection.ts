import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../../base/errors.ts';
import { Emitter, type Event } from '../../base/event.ts';
import type { Log } from '../../base/log.ts';
import * as failures from './failures.ts';
import { type ObsAnswers, type ObsEvent, type ObsRequests, ObsSession } from './session.ts';
import type { ObsTarget } from './target.ts';

/** Asks OBS. */
export interface ObsCaller {
  /**
   * Waits until OBS is ready, then asks.
   * @throws OBSWebSocketError with OBS's own code; AppError OBS_AWAY, OBS_NO_ANSWER, or why there is no connection.
   */
  call<Type extends keyof ObsRequests>(type: Type, data?: ObsRequests[Type]): Promise<ObsAnswers[Type]>;
}

/** How the connection is doing. */
export type ObsState =
  /** Nobody has been asked yet, or OBS has not finished starting. */
  | { readonly phase: 'starting' }
  | { readonly phase: 'ready'; readonly version: string; readonly rpcRequests: ReadonlySet<string> }
  | { readonly phase: 'down'; readonly error: AppError };

/** What a connection is made with. */
export interface ObsConnectionOptions {
  /** Asked before each try. @throws AppError OBS_NOT_LOOPBACK. */
  readonly findTarget: () => Promise<ObsTarget>;
  readonly log: Log;
}

/** The first wait after a failed try and the longest, in ms: OBS that comes back is met within two seconds. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 1_500;
const WAIT_GROWTH = 1.6;
/** How often OBS's own settings are looked at after it refused the password, in ms. */
const LOOK_EVERY_MS = 1_000;
/** How long a request waits for OBS to become ready, and then for its answer, in ms. */
const READY_DEADLINE_MS = 3_000;
const ANSWER_DEADLINE_MS = 5_000;
/** How long OBS may take to change its scene collection before requests are let through anyway, in ms. */
const CHANGE_DEADLINE_MS = 20_000;
/** How soon is asked again when OBS says that it is not ready, in ms. */
const NOT_READY_WAIT_MS = 60;

/** Failures that trying again cannot mend: each try would only fill OBS's log, or be one more wrong password. */
const lasting: ReadonlySet<string> = new Set(['OBS_PASSWORD', 'OBS_NOT_LOOPBACK', 'OBS_KICKED']);

/**
 * The connection to OBS for as long as it is held: tries, comes back, and lets requests wait while OBS is starting or
 * changing its scene collection.
 */
export class ObsConnection implements ObsCaller, AsyncDisposable {
  readonly #options: ObsConnectionOptions;
  readonly #closing = new AbortController();
  readonly #changed = new Emitter<ObsState>();
  readonly #happened = new Emitter<ObsEvent>();
  #state: ObsState = { phase: 'starting' };
  #session: ObsSession | undefined;
  #changingSince = Number.NEGATIVE_INFINITY;
  /** OBS said that it was ending; true until it is met again. */
  #wasClosed = false;
  #tryNow: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  private constructor(options: ObsConnectionOptions) {
    this.#options = options;
  }

  /** Begins to try, in the background. */
  static open(options: ObsConnectionOptions): ObsConnection {
    const connection = new ObsConnection(options);
    // After the caller had the chance to listen.
    connection.#running = Promise.resolve().then(() => connection.#keepConnected());
    return connection;
  }

  get state(): ObsState {
    return this.#state;
  }

  readonly onDidChange: Event<ObsState> = this.#changed.event;
  readonly onEvent: Event<ObsEvent> = this.#happened.event;

  /** Tries at once, also after a failure that is not tried again by itself. */
  retry(): void {
    if (this.#state.phase === 'down') this.#set({ phase: 'starting' });
    this.#tryNow();
  }

  async call<Type extends keyof ObsRequests>(type: Type, data?: ObsRequests[Type]): Promise<ObsAnswers[Type]> {
    const untilMs = performance.now() + READY_DEADLINE_MS;
    for (;;) {
      const session = await this.#whenOpen(untilMs);
      try {
        return await session.ask(type, data, ANSWER_DEADLINE_MS);
      } catch (thrown) {
        if (failures.obsCodeOf(thrown) !== failures.OBS_CODES.notReady || performance.now() > untilMs) throw thrown;
        await sleep(NOT_READY_WAIT_MS);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#session?.[Symbol.dispose]();
    await this.#running;
    this.#changed[Symbol.dispose]();
    this.#happened[Symbol.dispose]();
  }

  async #keepConnected(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!this.#closing.signal.aborted) {
      let target: ObsTarget | undefined;
      try {
        target = await this.#options.findTarget();
        await this.#stayConnected(target, () => {
          waitMs = FIRST_WAIT_MS;
        });
      } catch (thrown) {
        if (this.#closing.signal.aborted) return;
        const error = this.#explain(thrown);
        if (this.#state.phase !== 'down' || this.#state.error.code !== error.code) {
          this.#options.log.info(error.message);
        }
        this.#set({ phase: 'down', error });
        if (lasting.has(error.code)) await this.#untilMended(target);
      }
      await this.#pause(waitMs);
      waitMs = Math.min(LONGEST_WAIT_MS, waitMs * WAIT_GROWTH);
    }
  }

  /** One connection, to its end. Always throws why. */
  async #stayConnected(target: ObsTarget, onReady: () => void): Promise<never> {
    using session = await ObsSession.open(target, (event) => this.#hear(event), this.#closing.signal);
    if (this.#state.phase !== 'starting') this.#set({ phase: 'starting' });
    const { obsVersion, availableRequests } = await askVersion(session);
    if (Number.parseInt(obsVersion, 10) < 28) throw failures.tooOld(`OBS ${obsVersion}`);
    this.#session = session;
    this.#changingSince = Number.NEGATIVE_INFINITY;
    this.#wasClosed = false;
    onReady();
    this.#options.log.info(`connected to OBS ${obsVersion}`);
    this.#set({ phase: 'ready', version: obsVersion, rpcRequests: new Set(availableRequests) });
    try {
      const why = await session.ended;
      const code = failures.obsCodeOf(why);
      if (code === failures.OBS_CODES.kicked) throw failures.kicked();
      throw failures.away(target.url, target.isServerOff);
    } finally {
      this.#session = undefined;
    }
  }

  /** Nobody answers after OBS was closed: that is no fault, and is said in fewer words. */
  #explain(thrown: unknown): AppError {
    const error = failures.refused('the connection', thrown);
    return error.code === 'OBS_AWAY' && this.#wasClosed ? failures.closed() : error;
  }

  #hear(event: ObsEvent): void {
    if (event.type === 'ExitStarted') this.#wasClosed = true;
    // OBS asks not to be talked to while it takes its scenes down and builds up others.
    if (event.type === 'CurrentSceneCollectionChanging') this.#changingSince = performance.now();
    if (event.type === 'CurrentSceneCollectionChanged') this.#changingSince = Number.NEGATIVE_INFINITY;
    this.#happened.fire(event);
  }

  async #whenOpen(untilMs: number): Promise<ObsSession> {
    for (;;) {
      const isChanging = performance.now() - this.#changingSince < CHANGE_DEADLINE_MS;
      if (this.#session && !isChanging) return this.#session;
      if (this.#closing.signal.aborted) throw failures.wentAway();
      // A change of scenes has a deadline of its own.
      if (!this.#session) this.#checkHope(untilMs);
      await sleep(NOT_READY_WAIT_MS / 3);
    }
  }

  /** @throws AppError when waiting for a connection makes no sense any more. */
  #checkHope(untilMs: number): void {
    const error = this.#state.phase === 'down' ? this.#state.error : undefined;
    if (error && lasting.has(error.code)) throw error;
    if (performance.now() > untilMs) throw error ?? failures.noAnswer('the connection', READY_DEADLINE_MS);
  }

  /** After a refusal: until the password, the port, or what OBS's own settings say has changed, or somebody asks. */
  async #untilMended(refused: ObsTarget | undefined): Promise<void> {
    const before = JSON.stringify(refused);
    let isAsked = false;
    while (!isAsked && !this.#closing.signal.aborted) {
      isAsked = await this.#pause(LOOK_EVERY_MS);
      const now = await this.#options.findTarget().catch(() => undefined);
      if (JSON.stringify(now) !== before) return;
    }
  }

  /** @returns whether somebody asked for a try before the time was over. */
  #pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { signal } = this.#closing;
      const end = (isAsked: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', over);
        this.#tryNow = () => {};
        resolve(isAsked);
      };
      const over = () => end(false);
      const timer = setTimeout(over, ms);
      this.#tryNow = () => end(true);
      signal.addEventListener('abort', over, { once: true });
      if (signal.aborted) over();
    });
  }

  #set(state: ObsState): void {
    this.#state = state;
    this.#changed.fire(state);
  }
}

/** OBS 30 and newer answer the door before they are ready: then it is asked again. */
async function askVersion(session: ObsSession): Promise<ObsAnswers['GetVersion']> {
  for (;;) {
    try {
      return await session.ask('GetVersion', undefined, ANSWER_DEADLINE_MS);
    } catch (thrown) {
      if (failures.obsCodeOf(thrown) !== failures.OBS_CODES.notReady) throw thrown;
      await sleep(NOT_READY_WAIT_MS);
    }
  }
}
