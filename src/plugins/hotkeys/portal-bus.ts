import type { EventEmitter } from 'node:events';
import { DBusError, Message, type MessageBus, MessageType, sessionBus, type Variant } from '@jellybrick/dbus-next';

const DESKTOP = 'org.freedesktop.portal.Desktop';
/** How often the bus is asked whether it is still there, and how long it has for an answer, in ms. */
const PULSE_MS = 10_000;
const PULSE_LIMIT_MS = 5_000;
const DESKTOP_PATH = '/org/freedesktop/portal/desktop';
/** An answer of a portal: what came of the request, and its results by name. */
export interface PortalResponse {
  /** 0: done, 1: somebody said no, 2: ended in some other way. */
  readonly code: number;
  readonly results: Readonly<Record<string, Variant>>;
}

/** A signal of the portal. */
export interface PortalSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

/** The session bus with the desktop portal on it: calls, requests that are answered by a signal, and signals. */
export class PortalBus {
  readonly #bus: MessageBus;
  readonly #waiting = new Map<string, (response: PortalResponse) => void>();
  #tokens = 0;

  private constructor(bus: MessageBus) {
    this.#bus = bus;
  }

  /**
   * @param onSignal told the signals of the portal. @param onGone told when the portal or the bus has gone.
   * @throws Error when there is no session bus.
   */
  static async connect(onSignal: (signal: PortalSignal) => void, onGone: (why: string) => void): Promise<PortalBus> {
    const bus = sessionBus();
    let isConnected = false;
    await new Promise<void>((resolve, reject) => {
      bus.once('connect', resolve);
      // The library's types leave this event out.
      (bus as EventEmitter).on('error', (thrown: Error) => {
        if (isConnected) onGone(`the session bus broke: ${thrown.message}`);
        else reject(thrown);
      });
    });
    isConnected = true;
    const portal = new PortalBus(bus);
    // The library is silent when a bus closes its connection.
    setInterval(() => {
      const limit = setTimeout(() => onGone('the session bus does not answer'), PULSE_LIMIT_MS);
      void portal.#askBus('GetId', '', []).then(() => clearTimeout(limit));
    }, PULSE_MS);
    bus.on('message', (message) => portal.#hear(message, onSignal, onGone));
    await portal.#match(`type='signal',sender='${DESKTOP}'`);
    await portal.#match(`type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='${DESKTOP}'`);
    return portal;
  }

  /** Calls a method of the portal. @throws DBusError with the name of the error as `type`. */
  async call(
    iface: string,
    member: string,
    signature: string,
    body: unknown[],
    path = DESKTOP_PATH,
  ): Promise<unknown[]> {
    const call = new Message({ destination: DESKTOP, path, interface: iface, member, signature, body });
    return (await this.#bus.call(call))?.body ?? [];
  }

  /**
   * Calls a method that is answered later, by a signal to an object that is named after the caller.
   * @param build makes the arguments with the token that names the object.
   */
  async request(
    iface: string,
    member: string,
    signature: string,
    build: (token: string) => unknown[],
  ): Promise<PortalResponse> {
    const token = this.newToken();
    const sender = (this.#bus.name ?? '').slice(1).replaceAll('.', '_');
    const path = `${DESKTOP_PATH}/request/${sender}/${token}`;
    const answer = new Promise<PortalResponse>((resolve) => this.#waiting.set(path, resolve));
    try {
      await this.call(iface, member, signature, build(token));
      return await answer;
    } finally {
      this.#waiting.delete(path);
    }
  }

  /** A name that no other object of ours has. */
  newToken(): string {
    return `musecam${process.pid}_${++this.#tokens}`;
  }

  async #match(rule: string): Promise<void> {
    await this.#askBus('AddMatch', 's', [rule]);
  }

  async #askBus(member: string, signature: string, body: unknown[]): Promise<void> {
    const bus = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
    };
    await this.#bus.call(new Message({ ...bus, member, signature, body }));
  }

  #hear(message: Message, onSignal: (signal: PortalSignal) => void, onGone: (why: string) => void): void {
    if (message.type !== MessageType.SIGNAL) return;
    const { path, member, body } = message;
    if (member === 'NameOwnerChanged') {
      if (body[0] === DESKTOP && body[2] === '') onGone('the desktop portal went away');
    } else if (message.interface === 'org.freedesktop.portal.Request' && member === 'Response') {
      const [code, results] = body as [number, PortalResponse['results']];
      this.#waiting.get(path)?.({ code, results });
    } else onSignal({ path, interface: message.interface, member, body });
  }
}

/** The D-Bus name of an error; undefined for other errors. */
export function busErrorOf(thrown: unknown): string | undefined {
  return thrown instanceof DBusError ? thrown.type : undefined;
}
