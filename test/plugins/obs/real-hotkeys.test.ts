import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundledSpeechPath } from '../../../src/app/choose-links.ts';
import { withoutSound } from '../../app/bare-machine.ts';
import { DaemonDoor } from '../../app/daemon-door.ts';
import { Cli, makeHome, runCli } from '../../fakes/cli.ts';
import { need } from '../../fakes/need.ts';
import { ControlStand } from './control-stand.ts';
import { hasHand, hasRealObs, RealObs } from './real-obs.ts';

interface Collection {
  modules: { 'scripts-tool': { path: string; settings: Record<string, unknown> }[] };
  sources: { name: string; id: string; hotkeys?: Record<string, unknown> }[];
}

const home = makeHome();
let obs: RealObs | undefined;
beforeAll(async () => {
  if (hasRealObs && hasHand) obs = await RealObs.open();
});
afterAll(async () => {
  await obs?.[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const isReady = (stand: ControlStand) => expect.poll(() => stand.link.state, { timeout: 15_000 }).toBe('ready');
const openStand = (real: RealObs) =>
  ControlStand.open({ url: real.url, password: real.password, folders: [real.folder] });
const key = (name: string, held: object = {}) => [{ key: `OBS_KEY_${name}`, ...held }];

/** Changes the scene collection of an OBS that does not run. */
async function changeCollection(real: RealObs, change: (collection: Collection) => void): Promise<void> {
  const file = join(real.folder, 'basic', 'scenes', 'Test.json');
  const collection = JSON.parse(await readFile(file, 'utf8')) as Collection;
  change(collection);
  await writeFile(file, JSON.stringify(collection));
}

/** Gives keys to the script's hotkeys, as OBS's settings do. */
const bind = (real: RealObs, keys: Record<string, unknown>) =>
  changeCollection(real, ({ modules }) => Object.assign(modules['scripts-tool'][0]!.settings, keys));

describe('hotkeys in a real OBS', () => {
  it('a key pressed on the keyboard swaps the avatar of a running show, by way of the script', async (context) => {
    need(context, obs !== undefined, 'obs, Xvfb and xdotool');
    const env = { ...withoutSound(home), XDG_CONFIG_HOME: `${obs!.home}/config` };
    await using cli = new Cli(
      ['start', '--no-open', '--port', '0', '--input', `wav:${bundledSpeechPath}`, '--loop'],
      env,
    );
    const door = await DaemonDoor.of(cli);
    const link = async () => (await door.status()).links.find(({ id }) => id === 'obs.link');
    const isLinked = () => expect.poll(async () => (await link())?.state, { timeout: 15_000 }).toBe('ready');
    await isLinked();
    expect((await runCli(['obs', 'hotkeys', 'install'], env)).stdout).toContain('Tools → Scripts → +');
    expect((await runCli(['obs', 'hotkeys', 'status'], env)).stdout).toContain('OBS has no hotkeys of MuseCam');
    await obs!.quit();
    await expect.poll(async () => (await link())?.detail).toBe('OBS was closed.');
    expect((await runCli(['obs', 'hotkeys', 'install'], env)).stdout).toContain('was added to the scene collection');
    await bind(obs!, {
      'musecam.avatar.next': key('F5'),
      'musecam.panic': key('F6'),
      'musecam.mute': key('M', { control: true, shift: true }),
    });
    await obs!.start();
    await isLinked();
    const { stdout } = await runCli(['obs', 'hotkeys', 'status'], env);
    expect(stdout).toContain('OBS has the script, with 14 hotkeys');
    expect(stdout).toContain('panic: F6');

    const avatarId = async () => (await door.status()).avatarId;
    const before = await avatarId();
    await obs!.press('F5');
    await expect.poll(avatarId).not.toBe(before);
    await obs!.press('F6');
    await expect.poll(async () => (await door.status()).panic).toBe(true);
    await obs!.press('F6');
    await expect.poll(async () => (await door.status()).panic).toBe(false);
    await obs!.press('ctrl+shift+m');
    await expect.poll(async () => (await door.status()).muted).toBe(true);
    expect((await runCli(['obs', 'hotkeys', 'status'], env)).stdout).toMatch(
      /last press +mute, \d s ago, by the script/,
    );
  }, 120_000);

  it('each press is told once, also after the scene collection was changed and the script loaded anew', async (context) => {
    need(context, obs !== undefined, 'obs, Xvfb and xdotool');
    await using stand = await openStand(obs!);
    await isReady(stand);
    const presses = () => stand.ran.filter(({ id }) => id === 'avatar.next').length;
    for (let count = 1; count <= 5; count++) {
      await obs!.press('F5');
      await expect.poll(presses, { interval: 5 }).toBe(count);
    }
    await using hand = await obs!.hand();
    await hand.call('CreateSceneCollection', { sceneCollectionName: 'Without script' });
    await expect.poll(async () => (await stand.control.hotkeys.report()).loaded).toBe(0);
    await obs!.press('F5');
    await sleep(300);
    expect(presses()).toBe(5);
    await hand.call('SetCurrentSceneCollection', { sceneCollectionName: 'Test' });
    await expect.poll(async () => (await stand.control.hotkeys.report()).loaded).toBe(14);
    for (let count = 6; count <= 8; count++) {
      await obs!.press('F5');
      await expect.poll(presses, { interval: 5 }).toBe(count);
    }
    expect((await stand.control.hotkeys.report()).lastPress?.through).toBe('script');
  }, 60_000);

  it('keys that were given in OBS are kept over its end', async (context) => {
    need(context, obs !== undefined, 'obs, Xvfb and xdotool');
    await obs!.quit();
    const scriptPath = join(home.path, 'data', 'obs', 'musecam-hotkeys.lua');
    const file = join(obs!.folder, 'basic', 'scenes', 'Test.json');
    const { modules } = JSON.parse(await readFile(file, 'utf8')) as Collection;
    const script = modules['scripts-tool'].find(({ path }) => path === scriptPath);
    expect(script?.settings['musecam.avatar.next']).toEqual(key('F5'));
    expect(script?.settings['musecam.mute']).toEqual(key('M', { control: true, shift: true }));
    expect(script?.settings['musecam.avatar.1']).toEqual([]);
  });

  it('in an OBS without FFI or without its WebSocket server the script says so once, and does no harm', async (context) => {
    need(context, obs !== undefined, 'obs, Xvfb and xdotool');
    const scriptPath = join(home.path, 'data', 'obs', 'musecam-hotkeys.lua');
    const script = await readFile(scriptPath, 'utf8');
    await using stand = await openStand(obs!);
    for (const [there, absent, says] of [
      ['require, "ffi"', 'require, "no_ffi"', /do nothing here: .*no LuaJIT with FFI.*install --scene/],
      ['obs_websocket_api_get_ph', 'obs_no_websocket', /is not told of hotkeys: .*obs-websocket.* is not loaded/],
    ] as const) {
      expect(script).toContain(there);
      await writeFile(scriptPath, script.replace(there, absent));
      await obs!.start();
      await isReady(stand);
      for (let press = 0; press < 3; press++) await obs!.press('F5');
      const lines = (await obs!.readLog()).split('\n').filter((line) => line.includes('[Lua: musecam-hotkeys.lua]'));
      expect(lines).toEqual([expect.stringMatching(says)]);
      await obs!.quit();
      await expect.poll(() => stand.link.detail).toBe('OBS was closed.');
    }
    expect(stand.ran.filter(({ id }) => id !== 'output.open')).toEqual([]);
  });

  it('without the script the items of a scene do it, hidden again for the next press', async (context) => {
    need(context, obs !== undefined, 'obs, Xvfb and xdotool');
    await changeCollection(obs!, ({ modules }) => modules['scripts-tool'].splice(0));
    await obs!.start();
    await using stand = await openStand(obs!);
    await isReady(stand);
    const { made } = await stand.control.hotkeys.installScene();
    expect(made).toHaveLength(15);
    expect((await stand.control.hotkeys.installScene()).made).toEqual([]);
    await obs!.quit();
    await changeCollection(obs!, ({ sources }) => {
      const scene = sources.find(({ name }) => name === 'MuseCam hotkeys')!;
      const names = Object.keys(scene.hotkeys ?? {});
      const show = names.find((name) => name === 'libobs.show_scene_item.MuseCam: next avatar');
      Object.assign(scene.hotkeys!, { [show!]: key('F7') });
    });
    await obs!.start();
    await isReady(stand);
    await expect.poll(async () => (await stand.control.hotkeys.report()).scene?.items).toBe(14);
    const presses = () => stand.ran.filter(({ id }) => id === 'avatar.next').length;
    for (let count = 1; count <= 5; count++) {
      await obs!.press('F7');
      await expect.poll(presses, { interval: 5 }).toBe(count);
      await sleep(50);
    }
    expect((await stand.control.hotkeys.report()).lastPress?.through).toBe('scene item');
    expect((await stand.control.hotkeys.remove()).removed).toHaveLength(1);
    await using hand = await obs!.hand();
    expect((await hand.call('GetInputList')).inputs).toEqual([]);
  }, 60_000);
});
