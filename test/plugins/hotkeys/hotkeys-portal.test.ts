import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { need } from '../../fakes/need.ts';
import { globalKey, HotkeysStand } from './hotkeys-stand.ts';
import { hasPortal, PortalDesktop } from './portal-desktop.ts';
import { StrictPortal } from './strict-portal.ts';

const BINDINGS = [
  globalKey('ctrl+alt+2', 'avatar.useNumber', { args: { number: 2 } }),
  globalKey('ctrl+alt+n', 'avatar.next', { when: '!panic' }),
  globalKey('meta+,', 'show.panic'),
];
/** A process that starts on a machine with much else to do takes its time, in ms. */
const WAIT = { timeout: 50_000, interval: 20 };
/** Whatever a key does, it has done it after this time, in ms. */
const SETTLE_MS = 400;

describe('hotkeys through the real desktop portal', { timeout: 180_000 }, () => {
  beforeEach((context) => need(context, hasPortal, 'dbus-daemon and xdg-desktop-portal, for the real portal'));

  it('are asked for with what they do and the keys that are preferred, and run their command once a press', async () => {
    await using desktop = await PortalDesktop.open();
    desktop.answer = 'later';
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link?.fix).toBe('Answer the dialog of your desktop.'), WAIT);
    desktop.answer = 'yes';
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    expect(stand.link?.detail).toBe('work in every window: 3 keys');
    expect([...desktop.sessions.values()]).toEqual([
      [
        { id: 'ctrl-alt-2', description: 'Do avatar.useNumber 2', trigger: 'CTRL+ALT+2' },
        { id: 'ctrl-alt-n', description: 'Do avatar.next', trigger: 'CTRL+ALT+n' },
        { id: 'meta-u2c', description: 'Do show.panic', trigger: 'LOGO+comma' },
      ],
    ]);
    desktop.press('ctrl-alt-2');
    desktop.press('ctrl-alt-2', false);
    await vi.waitFor(() => expect(stand.runs).toEqual(['avatar.useNumber 2']), WAIT);
    // Held: some desktops tell the repeats.
    for (let n = 0; n < 5; n++) desktop.press('meta-u2c');
    desktop.press('meta-u2c', false);
    desktop.press('ctrl-alt-n');
    await vi.waitFor(() => expect(stand.runs).toEqual(['avatar.useNumber 2', 'show.panic', 'avatar.next']), WAIT);
    await sleep(SETTLE_MS);
    expect(stand.runs).toHaveLength(3);
  });

  it('are others as soon as the keys are read anew, and one that the desktop gives no key is told', async () => {
    await using desktop = await PortalDesktop.open();
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    desktop.taken.add('CTRL+ALT+n');
    stand.bindings = BINDINGS.slice(0, 2);
    await stand.hotkeys.reload();
    await vi.waitFor(() => expect(stand.link?.state).toBe('degraded'), WAIT);
    expect(stand.link?.detail).toBe(
      '1 of 2 keys work in every window; not ctrl+alt+n: the desktop has given it no key',
    );
    // One session, with the new keys.
    expect([...desktop.sessions.values()].map((keys) => keys.map(({ id }) => id))).toEqual([
      ['ctrl-alt-2', 'ctrl-alt-n'],
    ]);
    desktop.press('ctrl-alt-2');
    await vi.waitFor(() => expect(stand.runs).toEqual(['avatar.useNumber 2']), WAIT);
  });

  it('come back when the desktop ends them, and when the portal is killed', async () => {
    await using desktop = await PortalDesktop.open();
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    desktop.endSession();
    await vi.waitFor(() => expect(stand.links.at(-1)?.detail).toContain('the desktop ended the hotkeys'), WAIT);
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    await desktop.killPortal();
    await vi.waitFor(() => expect(stand.link?.detail).toMatch(/portal went away|no desktop portal/), WAIT);
    await vi.waitFor(() => expect(stand.link?.fix).toContain('Install xdg-desktop-portal'), WAIT);
    await desktop.startPortal();
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    desktop.press('ctrl-alt-2');
    await vi.waitFor(() => expect(stand.runs).toEqual(['avatar.useNumber 2']), WAIT);
  });

  it('stay away when they are declined, until they are asked for again', async () => {
    await using desktop = await PortalDesktop.open();
    desktop.answer = 'no';
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link?.state).toBe('failed'), WAIT);
    expect(stand.link?.fix).toContain('hotkeys.reload');
    desktop.answer = 'yes';
    await sleep(1_000);
    expect(stand.link?.state).toBe('failed');
    await stand.hotkeys.reload();
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
  });

  it('say what is missing on a desktop without global shortcuts, and without a bus', async () => {
    await using desktop = await PortalDesktop.open({ hasShortcuts: false });
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link?.detail).toContain('this desktop has no global shortcuts'), WAIT);
    const env = { ...desktop.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus' };
    await using lone = await HotkeysStand.open('portal', env, BINDINGS);
    await vi.waitFor(() => expect(lone.link?.detail).toContain('there is no session bus'), WAIT);
  });

  it('get a desktop entry where the desktop wants to know the program, and come by themselves', async () => {
    await using desktop = await PortalDesktop.open();
    await desktop.killPortal();
    using strict = await StrictPortal.open(desktop.env);
    await using stand = await HotkeysStand.open('portal', desktop.env, BINDINGS);
    await vi.waitFor(() => expect(stand.link).toMatchObject({ state: 'ready' }), WAIT);
    expect(stand.links.map(({ detail }) => detail).join()).toContain('the desktop does not know the program');
    expect(strict.calls.slice(0, 3)).toEqual(['Register', 'Get', 'CreateSession']);
    const entry = readFileSync(join(desktop.env.XDG_DATA_HOME!, 'applications/io.musecam.MuseCam.desktop'), 'utf8');
    expect(entry).toContain(`Exec="${process.execPath}"`);
    expect(entry).toContain('NoDisplay=true');
  });
});
