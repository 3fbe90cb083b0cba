import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { need } from '../../fakes/need.ts';
import { hasScreen, Screen } from '../../fakes/screen.ts';
import { globalKey, HotkeysStand } from './hotkeys-stand.ts';

const WHY = 'Xvfb, xdotool, xev and uiohook-napi, for real keys on a real X server';
const BINDINGS = [
  { key: '2', command: 'avatar.useNumber', args: { number: 2 }, source: 'default' } as const,
  globalKey('ctrl+alt+2', 'avatar.useNumber', { args: { number: 2 } }),
  globalKey('ctrl+alt+n', 'avatar.next', { when: '!panic' }),
  globalKey('f9', 'show.panic'),
];
/** Whatever a key does, it has done it after this time, in ms. */
const SETTLE_MS = 400;
/** A process that starts on a machine with much else to do takes its time, in ms. */
const WAIT = { timeout: 50_000, interval: 20 };
let screen: Screen | undefined;
let stand: HotkeysStand | undefined;

beforeAll(async () => {
  if (hasScreen) screen = await Screen.open();
});
afterAll(() => screen?.[Symbol.asyncDispose]());

describe('hotkeys from a real keyboard under X11', { timeout: 180_000 }, () => {
  beforeEach(async (context) => {
    need(context, hasScreen, WHY);
    const opened = await HotkeysStand.open('keyboard', screen!.env, BINDINGS);
    stand = opened;
    await vi.waitFor(() => expect(opened.link?.state).toBe('ready'), WAIT);
    return async () => {
      await opened[Symbol.asyncDispose]();
    };
  });

  it('run their command once a press, whoever has the keyboard, and plain keys do nothing', async () => {
    expect(stand?.link?.detail).toBe('work in every window: 3 keys');
    screen!.tap('ctrl+alt+2');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['avatar.useNumber 2']), WAIT);
    const got = await screen!.focusWindow();
    screen!.tap('2');
    // The window of the other program has the keyboard, and got the key.
    await vi.waitFor(() => expect(got).toContain('2'), WAIT);
    for (const keys of ['ctrl+2', 'alt+2', 'ctrl+alt+shift+2', 'ctrl+alt+3', 'n']) screen!.tap(keys);
    screen!.tap('ctrl+alt+n');
    screen!.tap('F9');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['avatar.useNumber 2', 'avatar.next', 'show.panic']), WAIT);
    await sleep(SETTLE_MS);
    expect(stand?.runs).toHaveLength(3);
  });

  it('do not run it again while the key is held', async () => {
    const got = await screen!.focusWindow();
    for (const key of ['Control_L', 'Alt_L', '2']) screen!.down(key);
    // The X server repeats it, and the focused window hears that.
    await vi.waitFor(() => expect(got.filter((name) => name === '2').length).toBeGreaterThan(5), WAIT);
    for (const key of ['2', 'Alt_L', 'Control_L']) screen!.up(key);
    await sleep(SETTLE_MS);
    expect(stand?.runs).toEqual(['avatar.useNumber 2']);
    screen!.tap('ctrl+alt+2');
    await vi.waitFor(() => expect(stand?.runs).toHaveLength(2), WAIT);
  });

  it('count only while their condition holds', async () => {
    stand!.status.panic = true;
    screen!.tap('ctrl+alt+n');
    screen!.tap('F9');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['show.panic']), WAIT);
    stand!.status.panic = false;
    screen!.tap('ctrl+alt+n');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['show.panic', 'avatar.next']), WAIT);
  });

  it('are others as soon as the keys are read anew, and one that is unknown is told', async () => {
    stand!.bindings = [globalKey('ctrl+shift+j', 'avatar.next'), globalKey('ctrl+é', 'show.panic')];
    await stand!.hotkeys.reload();
    await vi.waitFor(() => expect(stand?.link?.state).toBe('degraded'), WAIT);
    expect(stand?.link?.detail).toContain('1 of 2 keys work in every window; not ctrl+é');
    expect(stand?.hotkeys.report.keys).toMatchObject([{ key: 'ctrl+shift+j' }, { key: 'ctrl+é', refused: /./ }]);
    screen!.tap('ctrl+alt+2');
    screen!.tap('ctrl+shift+j');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['avatar.next']), WAIT);
  });

  it('come back when what hears them is killed', async () => {
    const pid = stand!.hotkeys.pid!;
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(stand?.link?.detail).toContain('was ended by SIGKILL'), WAIT);
    await vi.waitFor(() => expect(stand?.link?.state).toBe('ready'), WAIT);
    expect(stand?.hotkeys.pid).not.toBe(pid);
    screen!.tap('ctrl+alt+2');
    await vi.waitFor(() => expect(stand?.runs).toEqual(['avatar.useNumber 2']), WAIT);
  });
});

describe('hotkeys whose X server goes away', { timeout: 180_000 }, () => {
  it('end what hears them, tell it, and try again', async (context) => {
    need(context, hasScreen, WHY);
    await using doomed = await Screen.open();
    await using lone = await HotkeysStand.open('keyboard', doomed.env, BINDINGS);
    await vi.waitFor(() => expect(lone.link?.state).toBe('ready'), WAIT);
    await doomed.kill();
    // Each new attempt fails as well: in the same way, told each time.
    const isTold = () => lone.links.filter(({ state }) => state === 'degraded').length;
    await vi.waitFor(() => expect(isTold()).toBeGreaterThan(1), WAIT);
    expect(lone.link?.detail).toContain('it is started again');
  });
});
