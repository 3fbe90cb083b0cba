import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { ShowStatus } from '../../src/api/status.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { Cli, makeHome } from '../fakes/cli.ts';
import { need } from '../fakes/need.ts';
import { hasScreen, Screen } from '../fakes/screen.ts';
import { childrenOf, withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const WAIT = { timeout: 60_000, interval: 50 };

describe('the hotkeys of a real daemon, under X11', { timeout: 300_000 }, () => {
  it('swap avatars from another window, follow keybindings.json, and survive a kill', async (context) => {
    need(context, hasScreen, 'Xvfb, xdotool, xev and uiohook-napi, for real keys on a real X server');
    using home = makeHome();
    await using screen = await Screen.open();
    await using cli = new Cli(['start', '--no-open', '--port', '0', '--input', `wav:${bundledSpeechPath}`, '--loop'], {
      ...withoutSound(home),
      DISPLAY: screen.display,
      WAYLAND_DISPLAY: '',
      XDG_SESSION_TYPE: 'x11',
    });
    const door = await DaemonDoor.of(cli);
    const status = async () => (await door.status()) as ShowStatus;
    const untilReady = (words: RegExp) =>
      vi.waitFor(async () => {
        const link = (await status()).links.find(({ id }) => id === 'hotkeys.link');
        expect(link).toMatchObject({ state: 'ready', detail: expect.stringMatching(words) });
      }, WAIT);
    const untilOn = (avatarId: string) =>
      vi.waitFor(async () => expect((await status()).avatarId).toBe(avatarId), WAIT);

    await untilReady(/12 keys/);
    const [first, second] = (await status()).avatars.map(({ id }) => id) as [string, string];
    await screen.focusWindow();
    screen.tap('ctrl+alt+2');
    await untilOn(second);
    screen.tap('ctrl+alt+1');
    await untilOn(first);

    mkdirSync(join(home.path, 'config'), { recursive: true });
    writeFileSync(
      join(home.path, 'config', 'keybindings.json'),
      `[{ "key": "ctrl+shift+F7", "command": "avatar.use", "args": { "id": "${second}" }, "global": true },
        { "key": "ctrl+alt+n", "command": "-avatar.next" }, { "key": "ctrl+alt+m", "command": "-microphone.mute" }]`,
    );
    await untilReady(/11 keys/);
    screen.tap('ctrl+shift+F7');
    await untilOn(second);

    const [hearing] = childrenOf(cli.child.pid!).filter(isHotkeyProcess);
    process.kill(hearing!, 'SIGKILL');
    await vi.waitFor(() => {
      const now = childrenOf(cli.child.pid!).filter(isHotkeyProcess);
      expect(now).toHaveLength(1);
      expect(now).not.toContain(hearing);
    }, WAIT);
    await untilReady(/11 keys/);
    screen.tap('ctrl+alt+1');
    await untilOn(first);
    // The camera went on all the while.
    const { shown } = (await status()).frames;
    await vi.waitFor(async () => expect((await status()).frames.shown).toBeGreaterThan(shown), WAIT);

    // Switched off while the show runs, and on again.
    await door.run('settings.set', { key: 'hotkeys.enabled', value: false });
    await vi.waitFor(() => expect(childrenOf(cli.child.pid!).filter(isHotkeyProcess)).toEqual([]), WAIT);
    await vi.waitFor(async () => {
      const told = await door.run('hotkeys.status');
      expect(told).toEqual({ keys: [], why: 'they are switched off (hotkeys.enabled)' });
    }, WAIT);
    await door.run('settings.set', { key: 'hotkeys.enabled', value: true });
    await untilReady(/11 keys/);
  });
});

function isHotkeyProcess(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) && readFileSync(file, 'utf8').includes('hotkeys-process');
}
