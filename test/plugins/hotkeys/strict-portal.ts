import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Message, type MessageBus, sessionBus, Variant } from '@jellybrick/dbus-next';

const DESKTOP = 'org.freedesktop.portal.Desktop';

/**
 * A stand-in for xdg-desktop-portal 1.21 and later, which Debian 12 does not have: it gives sessions only to callers that
 * have registered as a program with a desktop entry, before anything else. Dispose to end it.
 */
export class StrictPortal implements Disposable {
  /** Members that were called, in order. */
  readonly calls: string[] = [];
  readonly #bus: MessageBus;
  readonly #applications: string;
  readonly #known = new Set<string>();

  private constructor(environment: NodeJS.ProcessEnv) {
    this.#bus = sessionBus({ busAddress: environment.DBUS_SESSION_BUS_ADDRESS! });
    // At the end the bus is gone before everything has been sent.
    (this.#bus as EventEmitter).on('error', () => {});
    this.#applications = join(environment.XDG_DATA_HOME!, 'applications');
    this.#bus.addMethodHandler((call) => this.#answer(call));
  }

  /** @param environment of a desktop whose own portal does not run. */
  static async open(environment: NodeJS.ProcessEnv): Promise<StrictPortal> {
    const portal = new StrictPortal(environment);
    await portal.#bus.requestName(DESKTOP);
    return portal;
  }

  [Symbol.dispose](): void {
    this.#bus.disconnect();
  }

  #answer(call: Message): boolean {
    const reply = (signature: string, body: unknown[]) =>
      this.#bus.send(Message.newMethodReturn(call, signature, body));
    const refuse = (name: string, words: string) =>
      this.#bus.send(Message.newError(call, `org.freedesktop.portal.Error.${name}`, words));
    this.calls.push(call.member);
    switch (call.member) {
      case 'Register': {
        const isInstalled = existsSync(join(this.#applications, `${call.body[0]}.desktop`));
        if (isInstalled) this.#known.add(call.sender);
        if (isInstalled) reply('', []);
        else refuse('Failed', `Could not register app ID: App info not found for '${call.body[0]}'`);
        return true;
      }
      case 'Get': {
        reply('v', [new Variant('u', 2)]);
        return true;
      }
      case 'CreateSession': {
        if (!this.#known.has(call.sender)) refuse('NotAllowed', 'An app id is required');
        else
          this.#respond(call, 0, { session_handle: new Variant('s', '/org/freedesktop/portal/desktop/session/x/y') });
        return true;
      }
      case 'BindShortcuts': {
        this.#respond(call, 3, { shortcuts: new Variant('a(sa{sv})', call.body[1]) });
        return true;
      }
      default:
        return false;
    }
  }

  /** Answers at once, and later with a signal to the caller's object. */
  #respond(call: Message, optionsAt: number, results: Record<string, Variant>): void {
    const { handle_token } = call.body[optionsAt] as Record<string, Variant<string>>;
    const sender = call.sender.slice(1).replaceAll('.', '_');
    const path = `/org/freedesktop/portal/desktop/request/${sender}/${handle_token!.value}`;
    this.#bus.send(Message.newMethodReturn(call, 'o', [path]));
    this.#bus.send(Message.newSignal(path, 'org.freedesktop.portal.Request', 'Response', 'ua{sv}', [0, results]));
  }
}
