import { type ChildProcess, spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Message, type MessageBus, sessionBus, Variant } from '@jellybrick/dbus-next';
import { hasProgram } from '../../fakes/need.ts';

const PORTAL = '/usr/libexec/xdg-desktop-portal';
const IMPLEMENTATION = 'org.freedesktop.impl.portal';
const BACK_END = `${IMPLEMENTATION}.desktop.musecamtest`;
const PATH = '/org/freedesktop/portal/desktop';
/** Whether the real portal can run here: Debian's dbus and xdg-desktop-portal. */
export const hasPortal = hasProgram('dbus-daemon') && existsSync(PORTAL);

type Shortcut = [id: string, what: Record<string, Variant>];

/**
 * A desktop with global shortcuts: the real xdg-desktop-portal on a bus of its own, and behind it, in the place of GNOME's
 * or KDE's part, a back end of the tests' own whose keys can be pressed. Dispose to end it.
 */
export class PortalDesktop implements AsyncDisposable {
  /** What programs of this desktop have in their environment. */
  readonly env: NodeJS.ProcessEnv;
  /** The sessions that are open, each with its shortcuts: id, description and preferred trigger. */
  readonly sessions = new Map<string, { id: string; description: string; trigger: string }[]>();
  /** What the user says when asked: yes, or no; `later`: the dialog is left open. */
  answer: 'yes' | 'no' | 'later' = 'yes';
  /** Triggers that belong to somebody else: their shortcuts get no key. */
  readonly taken = new Set<string>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'musecam-portal-'));
  readonly #busDaemon: ChildProcess;
  #portal: ChildProcess | undefined;
  #bus!: MessageBus;
  #backEnd!: BackEnd;

  private constructor() {
    const address = `unix:path=${join(this.#folder, 'bus')}`;
    this.env = {
      ...process.env,
      HOME: this.#folder,
      XDG_RUNTIME_DIR: this.#folder,
      XDG_DATA_HOME: join(this.#folder, 'data'),
      XDG_CURRENT_DESKTOP: 'musecamtest',
      XDG_DESKTOP_PORTAL_DIR: join(this.#folder, 'portals'),
      XDG_SESSION_TYPE: 'wayland',
      DBUS_SESSION_BUS_ADDRESS: address,
    };
    this.#writeFiles(address);
    this.#busDaemon = spawn('dbus-daemon', [`--config-file=${join(this.#folder, 'bus.conf')}`, '--nofork'], {
      env: this.env,
      stdio: 'ignore',
    });
  }

  /** Starts the bus, the back end and the portal. @param hasShortcuts whether the back end has global shortcuts. */
  static async open({ hasShortcuts = true } = {}): Promise<PortalDesktop> {
    const desktop = new PortalDesktop();
    try {
      await until(() => takesConnections(join(desktop.#folder, 'bus')), 'the bus');
      const bus = sessionBus({ busAddress: desktop.env.DBUS_SESSION_BUS_ADDRESS! });
      // At the end the bus is gone before everything has been sent.
      (bus as EventEmitter).on('error', () => {});
      desktop.#bus = bus;
      await bus.requestName(BACK_END);
      desktop.#backEnd = new BackEnd(desktop, bus);
      desktop.#describeBackEnd(hasShortcuts);
      await desktop.startPortal();
      return desktop;
    } catch (thrown) {
      await desktop[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Starts the portal, anew after {@link killPortal}. */
  async startPortal(): Promise<void> {
    this.#portal = spawn(PORTAL, ['-r'], { env: this.env, stdio: 'ignore' });
    const ask = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
    };
    await until(async () => {
      const body = ['org.freedesktop.portal.Desktop'];
      const answer = await this.#bus.call(new Message({ ...ask, member: 'NameHasOwner', signature: 's', body }));
      return answer?.body[0] === true;
    }, 'the portal');
  }

  /** Ends the portal as a crash would. */
  async killPortal(): Promise<void> {
    await end(this.#portal);
    this.sessions.clear();
  }

  /** The user presses the key of a shortcut; `isDown` twice in a row: it is held. */
  press(id: string, isDown = true): void {
    const [session] = this.sessions.keys();
    if (session) this.#backEnd.tell(isDown, session, id);
  }

  /** Ends a session, as a desktop does whose user takes the keys away. */
  endSession(): void {
    const [session] = this.sessions.keys();
    if (session) this.#backEnd.close(session);
    this.sessions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#portal);
    this.#bus?.disconnect();
    await end(this.#busDaemon);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A bus that starts nothing by itself: neither this machine's portal nor anything else. */
  #writeFiles(address: string): void {
    const policy =
      '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>';
    writeFileSync(
      join(this.#folder, 'bus.conf'),
      `<busconfig><type>session</type><listen>${address}</listen><auth>EXTERNAL</auth>${policy}</busconfig>`,
    );
    mkdirSync(join(this.#folder, 'portals'));
  }

  #describeBackEnd(hasShortcuts: boolean): void {
    const interfaces = `${IMPLEMENTATION}.${hasShortcuts ? 'GlobalShortcuts' : 'Lockdown'}`;
    const lines = ['[portal]', `DBusName=${BACK_END}`, `Interfaces=${interfaces}`, 'UseIn=musecamtest', ''];
    writeFileSync(join(this.#folder, 'portals', 'musecamtest.portal'), lines.join('\n'));
  }
}

/** What GNOME, KDE or Hyprland have behind the portal: answers its calls, tells presses. */
class BackEnd {
  readonly #desktop: PortalDesktop;
  readonly #bus: MessageBus;

  constructor(desktop: PortalDesktop, bus: MessageBus) {
    this.#desktop = desktop;
    this.#bus = bus;
    bus.addMethodHandler((call) => this.#answer(call));
  }

  tell(isDown: boolean, session: string, id: string): void {
    const body = [session, id, BigInt(Date.now()), {}];
    const name = isDown ? 'Activated' : 'Deactivated';
    this.#bus.send(Message.newSignal(PATH, `${IMPLEMENTATION}.GlobalShortcuts`, name, 'osta{sv}', body));
  }

  close(session: string): void {
    this.#bus.send(Message.newSignal(session, `${IMPLEMENTATION}.Session`, 'Closed'));
  }

  #answer(call: Message): boolean {
    const reply = (signature: string, body: unknown[]) =>
      this.#bus.send(Message.newMethodReturn(call, signature, body));
    const { sessions } = this.#desktop;
    switch (call.member) {
      case 'CreateSession': {
        sessions.set(String(call.body[1]), []);
        reply('ua{sv}', [0, {}]);
        return true;
      }
      case 'BindShortcuts': {
        const [, session, shortcuts] = call.body as [string, string, Shortcut[]];
        void this.#bind(session, shortcuts).then((body) => reply('ua{sv}', body));
        return true;
      }
      case 'Close': {
        sessions.delete(call.path);
        reply('', []);
        return true;
      }
      case 'GetAll': {
        reply('a{sv}', [{ version: new Variant('u', 1) }]);
        return true;
      }
      default:
        return false;
    }
  }

  async #bind(session: string, shortcuts: Shortcut[]): Promise<unknown[]> {
    const { sessions, taken } = this.#desktop;
    while (this.#desktop.answer === 'later') await sleep(20);
    if (this.#desktop.answer === 'no') return [1, {}];
    const wanted = shortcuts.map(([id, what]) => ({
      id,
      description: String(what.description?.value),
      trigger: String(what.preferred_trigger?.value),
    }));
    sessions.set(session, wanted);
    const given = wanted.filter(({ trigger }) => !taken.has(trigger));
    const answer = given.map(({ id, description, trigger }) => [
      id,
      { description: new Variant('s', description), trigger_description: new Variant('s', trigger) },
    ]);
    return [0, { shortcuts: new Variant('a(sa{sv})', answer) }];
  }
}

/** The socket's file is there a moment before anybody listens. */
function takesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const untilMs = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error(`${what} did not come up`);
    await sleep(20);
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
