import type { StatusFeed } from '../../api/plugin.ts';
import type { ShowStatus } from '../../api/status.ts';
import { buildStatusMessage, fieldsOf, type StatusFields } from './status-delta.ts';

/** What the hub needs of a WebSocket (the `ws` package brings no types). */
export interface EventSocket {
  readonly bufferedAmount: number;
  send(text: string): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'close' | 'pong' | 'error', listener: () => void): unknown;
}

/** Shortest time between two messages: at most about 14 a second, enough for a smooth level meter. In ms. */
const MIN_GAP_MS = 70;
/** A quiet show still sends this often, so that a page notices when nobody is there any more. In ms. */
const ALIVE_MS = 1_000;
/** Every how many alive ticks a ping goes out; a listener that has not answered the last one is closed. */
const PING_EVERY_TICKS = 10;
/** More than this waiting in a socket and it gets no new message until it has caught up, in bytes. */
const SLOW_BYTES = 64 * 1024;
/** How long a socket may stay slow, in alive ticks. */
const SLOW_TICKS = 10;
/** How long listeners have to take the closing message, in ms. */
const CLOSE_GRACE_MS = 200;

/** How a socket is told. */
export interface ListenOptions {
  /** Makes the message that brings it from what it knows to what is now. By default the page's. */
  readonly build?: (known: StatusFields | undefined, now: StatusFields) => string;
  /** Whether it is told from the beginning. By default true. */
  readonly isTold?: boolean;
}

/** A socket's place among the listeners. */
export interface ListenerPlace {
  /** Tells it of the status from now on, everything first; or no longer. */
  tell(isOn: boolean): void;
}

interface Listener {
  readonly socket: EventSocket;
  readonly build: NonNullable<ListenOptions['build']>;
  isTold: boolean;
  known: StatusFields | undefined;
  sentAtMs: number;
  slowTicks: number;
  isAnswered: boolean;
}

/**
 * Keeps the sockets of pages and programs. Sends the show's status to everybody who listens, at most 14 times a second and
 * only what changed. A slow listener is passed over, gets the newest state when it has caught up, and is closed when it
 * stays slow: nothing grows for it. Who is no longer there is found out by pings, whether it listens or not.
 * While nobody listens the show does not work out its status for it.
 */
export class EventHub implements AsyncDisposable {
  readonly #feed: StatusFeed;
  readonly #listeners = new Set<Listener>();
  #newest: ShowStatus | undefined;
  #subscription: Disposable | undefined;
  #aliveTimer: NodeJS.Timeout | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #tickCount = 0;
  #isClosed = false;

  constructor(feed: StatusFeed) {
    this.#feed = feed;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Adds a socket and tells it everything, unless it is to be told later; it leaves by itself when it closes. */
  add(socket: EventSocket, { build = buildStatusMessage, isTold = true }: ListenOptions = {}): ListenerPlace {
    const listener: Listener = {
      ...{ socket, build, isTold: false },
      ...{ known: undefined, sentAtMs: 0, slowTicks: 0, isAnswered: true },
    };
    const place = { tell: (isOn: boolean) => this.#turn(listener, isOn) };
    if (this.#isClosed) {
      socket.terminate();
      return place;
    }
    socket.on('close', () => this.#remove(listener));
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => {
      listener.isAnswered = true;
    });
    this.#listeners.add(listener);
    this.#aliveTimer ??= setInterval(() => this.#tick(), ALIVE_MS).unref();
    if (isTold) this.#turn(listener, true);
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const leaving = [...this.#listeners];
    for (const { socket } of leaving) socket.close(1001, 'MuseCam stops');
    for (let waitedMs = 0; waitedMs < CLOSE_GRACE_MS && this.#listeners.size > 0; waitedMs += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const { socket } of leaving) socket.terminate();
    this.#listeners.clear();
    this.#rest();
  }

  #turn(listener: Listener, isTold: boolean): void {
    // It may have gone while its call was running.
    if (!this.#listeners.has(listener)) return;
    listener.isTold = isTold;
    this.#followIfHeard();
    if (!isTold) return;
    this.#newest = this.#feed.current;
    listener.known = undefined;
    this.#tell(listener, fieldsOf(this.#newest), performance.now());
  }

  /** Follows the show while somebody listens. */
  #followIfHeard(): void {
    if ([...this.#listeners].some((listener) => listener.isTold)) {
      this.#subscription ??= this.#feed.onDidChange((status) => this.#schedule(status));
      return;
    }
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    clearTimeout(this.#gapTimer);
    this.#gapTimer = undefined;
  }

  #rest(): void {
    this.#followIfHeard();
    clearInterval(this.#aliveTimer);
    this.#aliveTimer = undefined;
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    this.#followIfHeard();
    if (this.#listeners.size === 0) this.#rest();
  }

  #schedule(status: ShowStatus): void {
    this.#newest = status;
    if (this.#gapTimer !== undefined) return;
    const waitMs = this.#publishedAtMs + MIN_GAP_MS - performance.now();
    if (waitMs <= 0) return this.#publish();
    this.#gapTimer = setTimeout(() => this.#publish(), waitMs).unref();
  }

  #publish(): void {
    clearTimeout(this.#gapTimer);
    this.#gapTimer = undefined;
    if (!this.#newest) return;
    this.#publishedAtMs = performance.now();
    const fields = fieldsOf(this.#newest);
    for (const listener of this.#listeners) this.#tell(listener, fields, this.#publishedAtMs);
  }

  #tell(listener: Listener, fields: StatusFields, nowMs: number): void {
    if (!listener.isTold || listener.socket.bufferedAmount > SLOW_BYTES) return;
    listener.socket.send(listener.build(listener.known, fields));
    listener.known = fields;
    listener.sentAtMs = nowMs;
  }

  #tick(): void {
    const isPingTick = ++this.#tickCount % PING_EVERY_TICKS === 0;
    const fields = this.#subscription && this.#newest ? fieldsOf(this.#newest) : undefined;
    const nowMs = performance.now();
    for (const listener of this.#listeners) {
      if (fields && nowMs - listener.sentAtMs > ALIVE_MS * 0.9) this.#tell(listener, fields, nowMs);
      listener.slowTicks = listener.socket.bufferedAmount > SLOW_BYTES ? listener.slowTicks + 1 : 0;
      if (listener.slowTicks > SLOW_TICKS) listener.socket.terminate();
      else if (isPingTick) pingOrClose(listener);
    }
  }
}

function pingOrClose(listener: Listener): void {
  if (!listener.isAnswered) {
    listener.socket.terminate();
    return;
  }
  listener.isAnswered = false;
  listener.socket.ping();
}
