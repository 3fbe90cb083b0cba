import {
  EventSubscription,
  type OBSEventTypes,
  type OBSRequestTypes,
  type OBSResponseTypes,
  OBSWebSocket,
} from 'obs-websocket-js/json';
import { AppError, messageOf } from '../../base/errors.ts';
import * as failures from './failures.ts';
import type { ObsTarget } from './target.ts';

/** What OBS can be asked, as obs-websocket-js types it, and what its protocol leaves undocumented. */
export interface ObsRequests extends OBSRequestTypes {
  GetSourcePrivateSettings: { sourceName: string };
  SetSourcePrivateSettings: { sourceName: string; sourceSettings: Record<string, boolean> };
}

/** OBS's answers, by request. */
export interface ObsAnswers extends OBSResponseTypes {
  GetSourcePrivateSettings: { sourceSettings: Readonly<Record<string, unknown>> };
  SetSourcePrivateSettings: undefined;
}

/** The events that are looked at. */
const watchedEvents = [
  'ExitStarted',
  'CurrentSceneCollectionChanging',
  'CurrentSceneCollectionChanged',
  'CurrentProfileChanging',
  'CurrentProfileChanged',
  'CurrentProgramSceneChanged',
  'SceneTransitionStarted',
  'SceneNameChanged',
  'SceneRemoved',
  'InputNameChanged',
  'InputRemoved',
  'StudioModeStateChanged',
  'VirtualcamStateChanged',
  'VendorEvent',
  'SceneItemEnableStateChanged',
] as const satisfies readonly (keyof OBSEventTypes)[];

/** Something that happened in OBS. */
export type ObsEvent = {
  [Name in (typeof watchedEvents)[number]]: { readonly type: Name; readonly data: OBSEventTypes[Name] };
}[(typeof watchedEvents)[number]];

const SUBSCRIPTIONS =
  EventSubscription.General |
  EventSubscription.Config |
  EventSubscription.Scenes |
  EventSubscription.Inputs |
  EventSubscription.Transitions |
  EventSubscription.Outputs |
  EventSubscription.SceneItems |
  EventSubscription.Vendors |
  EventSubscription.Ui;

/** How long OBS may take from the opening of the connection to having identified us, in ms. */
const CONNECT_DEADLINE_MS = 5_000;

/** The library's client with a way to hang up at once: its own waits half a minute for a server that is silent. */
class Wire extends OBSWebSocket {
  hangUp(): void {
    const socket = this.socket as { terminate?: () => void } | undefined;
    this.removeAllListeners();
    socket?.terminate?.();
  }
}

/**
 * One identified connection to OBS, from Identify to its end. Every request ends: with an answer, a deadline, or the
 * connection (the library's own would wait for ever for an OBS that was killed).
 */
export class ObsSession implements Disposable {
  readonly #wire = new Wire();
  readonly #ended: Promise<unknown>;
  #end!: (why: unknown) => void;
  #hasEnded = false;

  private constructor() {
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#wire.on('ConnectionClosed', (why) => this.#finish(why));
    // Comes before the close and says more: what answered instead of OBS.
    this.#wire.on('ConnectionError', (why) => this.#finish(why));
  }

  /** @throws AppError OBS_AWAY, OBS_PASSWORD, OBS_TOO_OLD, OBS_NOT_OBS, OBS_SILENT. */
  static async open(target: ObsTarget, onEvent: (event: ObsEvent) => void, signal: AbortSignal): Promise<ObsSession> {
    const session = new ObsSession();
    for (const type of watchedEvents) {
      session.#wire.on(type, (...[data]: readonly unknown[]) => onEvent({ type, data } as ObsEvent));
    }
    const hangUp = () => session[Symbol.dispose]();
    signal.addEventListener('abort', hangUp, { once: true });
    try {
      const connecting = session.#wire.connect(target.url, target.password || undefined, {
        eventSubscriptions: SUBSCRIPTIONS,
      });
      const isThere = await Promise.race([connecting.then(() => true), session.#ended, after(CONNECT_DEADLINE_MS)]);
      connecting.catch(() => {}); // told already, or hung up by us
      if (isThere === true) return session;
      throw isThere ?? failures.silent(target.url);
    } catch (thrown) {
      hangUp();
      throw explainConnect(thrown, target);
    } finally {
      signal.removeEventListener('abort', hangUp);
    }
  }

  /** Resolves with why, when the connection has ended. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** @throws OBSWebSocketError as OBS answers; AppError OBS_AWAY, OBS_NO_ANSWER. */
  async ask<Type extends keyof ObsRequests>(
    type: Type,
    data: ObsRequests[Type] | undefined,
    deadlineMs: number,
  ): Promise<ObsAnswers[Type]> {
    if (this.#hasEnded) throw failures.wentAway();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(failures.noAnswer(type, deadlineMs)), deadlineMs);
    });
    const lost = this.#ended.then(() => Promise.reject(failures.wentAway()));
    const answer = this.#wire.call(type as keyof OBSRequestTypes, data as never) as Promise<unknown>;
    try {
      return (await Promise.race([answer, lost, tooLate])) as ObsAnswers[Type];
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#wire.hangUp();
    this.#finish(undefined);
  }

  #finish(why: unknown): void {
    this.#hasEnded = true;
    this.#end(why);
  }
}

function explainConnect(thrown: unknown, { url, password, isServerOff }: ObsTarget): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = failures.obsCodeOf(thrown);
  if (code === failures.OBS_CODES.authenticationFailed) return failures.wrongPassword(password !== '');
  if (code === failures.OBS_CODES.unsupportedRpcVersion) return failures.tooOld('The WebSocket server of this OBS');
  if (code === failures.OBS_CODES.kicked) return failures.kicked();
  // Refused at once, and servers that go while they are being connected to.
  const isAway = code === 1006 || /^$|ECONNREFUSED|ECONNRESET|EPIPE|socket hang up/.test(messageOf(thrown ?? ''));
  if (isAway) return failures.away(url, isServerOff);
  return failures.notObs(url, thrown);
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
