import { Variant } from '@jellybrick/dbus-next';
import { messageOf } from '../../base/errors.ts';
import { APP_ID } from './desktop-entry.ts';
import type { Hotkey, HotkeyFailure, HotkeyListener, Reporter } from './hotkey-protocol.ts';
import { busErrorOf, PortalBus, type PortalResponse, type PortalSignal } from './portal-bus.ts';
import { portalTrigger, shortcutIdOf } from './portal-trigger.ts';

const SHORTCUTS = 'org.freedesktop.portal.GlobalShortcuts';
const REGISTRY = 'org.freedesktop.host.portal.Registry';
/** A shortcut and what the desktop says of it. */
type Bound = readonly [id: string, says: Readonly<Record<string, Variant>>];

/**
 * Is told hotkeys by the desktop, through the GlobalShortcuts interface of xdg-desktop-portal. The desktop may ask its
 * user, who may choose other keys. A session takes its shortcuts once; other keys need another session.
 */
export class PortalListener implements HotkeyListener {
  readonly #report: Reporter;
  #bus!: PortalBus;
  #session: string | undefined;
  /** Canonical keys by the desktop's id. */
  #keys = new Map<string, string>();
  /** Shortcuts that are held, where the desktop also tells when they are let go. */
  readonly #held = new Set<string>();
  #tellsReleases = false;

  private constructor(report: Reporter) {
    this.#report = report;
  }

  /** Connects to the portal. Reports why it cannot, and returns undefined. */
  static async open(report: Reporter): Promise<PortalListener | undefined> {
    const listener = new PortalListener(report);
    try {
      listener.#bus = await PortalBus.connect(
        (signal) => listener.#hear(signal),
        (why) => listener.#fail('ended', why),
      );
    } catch (thrown) {
      listener.#fail('no-portal', `there is no session bus (${messageOf(thrown)})`);
      return undefined;
    }
    return (await listener.#findPortal()) ? listener : undefined;
  }

  async take(hotkeys: readonly Hotkey[]): Promise<void> {
    try {
      await this.#closeSession();
      this.#keys = new Map(hotkeys.map(({ key }) => [shortcutIdOf(key), key]));
      if (hotkeys.length === 0) return this.#report({ kind: 'ready', refused: [] });
      const made = await this.#bus.request(SHORTCUTS, 'CreateSession', 'a{sv}', (token) => [
        { handle_token: new Variant('s', token), session_handle_token: new Variant('s', this.#bus.newToken()) },
      ]);
      if (made.code !== 0) return this.#fail('ended', `the desktop gave no session (${made.code})`);
      const session = String(made.results.session_handle?.value);
      this.#session = session;
      this.#report({ kind: 'asking' });
      this.#meet(await this.#bind(session, hotkeys), session);
    } catch (thrown) {
      this.#fail(/app id/i.test(messageOf(thrown)) ? 'no-app-id' : 'ended', messageOf(thrown));
    }
  }

  #bind(session: string, hotkeys: readonly Hotkey[]): Promise<PortalResponse> {
    const shortcuts = hotkeys.map(({ key, title }) => [
      shortcutIdOf(key),
      { description: new Variant('s', title), preferred_trigger: new Variant('s', portalTrigger(key)) },
    ]);
    return this.#bus.request(SHORTCUTS, 'BindShortcuts', 'oa(sa{sv})sa{sv}', (token) => [
      ...[session, shortcuts, ''],
      { handle_token: new Variant('s', token) },
    ]);
  }

  #meet({ code, results }: PortalResponse, session: string): void {
    // Meanwhile ended by the desktop, which has been reported.
    if (this.#session !== session) return;
    if (code === 1) return this.#fail('declined', 'the hotkeys were declined in the dialog of the desktop');
    if (code !== 0) return this.#fail('ended', `the desktop did not take the hotkeys (${code})`);
    this.#tellBound(results.shortcuts?.value as readonly Bound[] | undefined);
  }

  /** @param bound what the desktop has given keys to; undefined where it does not say. */
  #tellBound(bound: readonly Bound[] | undefined): void {
    // Some desktops name all shortcuts and leave the key of one without a key empty.
    const isGiven = ([, says]: Bound) => says.trigger_description?.value !== '';
    const given = bound && new Set(bound.filter(isGiven).map(([id]) => id));
    const missing = [...this.#keys].filter(([id]) => given && !given.has(id));
    this.#report({
      kind: 'ready',
      refused: missing.map(([, key]) => ({ key, why: 'the desktop has given it no key' })),
    });
  }

  #hear({ path, interface: iface, member, body }: PortalSignal): void {
    if (iface === 'org.freedesktop.portal.Session' && member === 'Closed' && path === this.#session) {
      this.#session = undefined;
      return this.#fail('ended', 'the desktop ended the hotkeys');
    }
    if (iface !== SHORTCUTS || body[0] !== this.#session) return;
    if (member === 'ShortcutsChanged') return this.#tellBound(body[1] as readonly Bound[]);
    const id = String(body[1]);
    if (member === 'Deactivated') {
      this.#tellsReleases = true;
      this.#held.delete(id);
    }
    const key = this.#keys.get(id);
    if (member !== 'Activated' || key === undefined) return;
    const isHeld = this.#tellsReleases && this.#held.has(id);
    this.#held.add(id);
    if (!isHeld) this.#report({ kind: 'pressed', key });
  }

  async #closeSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#held.clear();
    // One that is gone already needs no end.
    if (session) await this.#bus.call('org.freedesktop.portal.Session', 'Close', '', [], session).catch(() => {});
  }

  /** Whether this desktop has global shortcuts. Starts the portal where the bus knows how. */
  async #findPortal(): Promise<boolean> {
    try {
      const properties = 'org.freedesktop.DBus.Properties';
      // The first call of all, or it is refused. Older portals have no registry, and others know us by how we were started.
      await this.#bus.call(REGISTRY, 'Register', 'sa{sv}', [APP_ID, {}]).catch(() => {});
      await this.#bus.call(properties, 'Get', 'ss', [SHORTCUTS, 'version']);
      return true;
    } catch (thrown) {
      const isAway = /ServiceUnknown|NameHasNoOwner|Spawn|NoReply/.test(busErrorOf(thrown) ?? '');
      this.#fail(isAway ? 'no-portal' : 'no-shortcuts', messageOf(thrown));
      return false;
    }
  }

  #fail(failure: HotkeyFailure, message: string): void {
    this.#report({ kind: 'failed', failure, message });
  }
}
