import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { settingsPath } from '../../src/app/load-settings.ts';
import { type SettingChange, SettingsStore } from '../../src/app/settings-store.ts';
import { findPaths } from '../../src/base/paths.ts';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());
const paths = findPaths(home.env);
const file = settingsPath(paths);
const write = (text: string) => writeFileSync(file, text);

beforeEach(() => {
  rmSync(paths.config, { recursive: true, force: true });
  mkdirSync(paths.config, { recursive: true });
});

function entryOf(store: SettingsStore, key: string) {
  const { value, source } = store.entries().find((entry) => entry.key === key)!;
  return { value, source };
}

describe('the settings', () => {
  it('come in layers, and each says where its value is from', async () => {
    write('{ "puppet.idle": 0.5, "show.labelText": "from the file" }');
    await using store = await SettingsStore.open(paths, ['show.labelText=from the line']);
    expect(entryOf(store, 'puppet.idle')).toEqual({ value: 0.5, source: 'file' });
    expect(entryOf(store, 'show.labelText')).toEqual({ value: 'from the line', source: 'command line' });
    expect(entryOf(store, 'show.background')).toEqual({ value: 'keep', source: 'default' });
  });

  it('are kept in the file with its comments, and set back to the default', async () => {
    write('{\n  // quiet office\n  "puppet.idle": 0.5\n}\n');
    await using store = await SettingsStore.open(paths, []);
    await store.set('show.labelText', 'AI');
    expect(readFileSync(file, 'utf8')).toContain('// quiet office');
    expect(store.values['show.labelText']).toBe('AI');
    expect(await store.reset('show.labelText')).toMatchObject({ value: '', source: 'default' });
    expect(readFileSync(file, 'utf8')).not.toContain('labelText');
  });

  it('refuse what they do not know, with the nearest, and values that do not fit, and write nothing', async () => {
    write('{}');
    await using store = await SettingsStore.open(paths, []);
    await expect(store.set('puppet.idel', 1)).rejects.toMatchObject({
      code: 'NO_SUCH_SETTING',
      fix: expect.stringContaining('puppet.idle'),
    });
    await expect(store.set('puppet.idle', 'much')).rejects.toMatchObject({ code: 'BAD_SETTING' });
    await expect(store.set('v4l2.pixelFormat', 'rgb')).rejects.toThrow('expected one of yuyv, i420');
    expect(readFileSync(file, 'utf8')).toBe('{}');
  });

  it('are noticed when an editor saves them, also by another file in their place', async () => {
    await using store = await SettingsStore.open(paths, []);
    const seen: SettingChange[] = [];
    store.onDidChange((changes) => seen.push(...changes));
    await store.watch();
    write('{ "show.labelText": "one" }');
    await vi.waitFor(() => expect(seen).toEqual([{ key: 'show.labelText', value: 'one', applies: 'live' }]), 5_000);
    rmSync(file);
    await vi.waitFor(() => expect(seen.at(-1)).toMatchObject({ value: '' }), 5_000);
  });

  it('stay as they were while the file is damaged, which is said with its place, and go on when it is mended', async () => {
    write('{ "puppet.idle": 0.5 }');
    await using store = await SettingsStore.open(paths, []);
    const [changes, warnings]: [SettingChange[], string[]] = [[], []];
    store.onDidChange((some) => changes.push(...some));
    store.onDidWarn((some) => warnings.push(...some));
    await store.watch();
    write('{ "puppet.idle": 0.5,\n  "show.labelText": }');
    await vi.waitFor(() => expect(warnings.join()).toContain('settings.json:2:'), 5_000);
    expect(store.values['puppet.idle']).toBe(0.5);
    expect(changes).toEqual([]);
    write('{ "puppet.idle": 0.7 }');
    await vi.waitFor(() => expect(store.values['puppet.idle']).toBe(0.7), 5_000);
  });
});

describe('musecam settings', () => {
  it('lists, gets, sets and resets, and a show that runs changes at once what it can', {
    timeout: 60_000,
  }, async () => {
    const env = withoutSound(home);
    const listed = await runCli(['settings', 'list', 'label'], env);
    expect(listed.stdout).toContain('show.labelText');
    expect(listed.stdout).not.toContain('puppet.idle');
    await using cli = new Cli(['start', '--no-open', '--port', '0', '--input', 'none'], env);
    const door = await DaemonDoor.of(cli);
    const set = await runCli(['settings', 'set', 'show.labelText', 'AI avatar'], env);
    expect(set.stdout).toContain('show.labelText is "AI avatar", at once');
    await expect.poll(async () => (await door.status()).labelText, { timeout: 10_000 }).toBe('AI avatar');
    expect((await runCli(['settings', 'get', 'show.labelText'], env)).stdout.trim()).toBe('"AI avatar"');
    expect((await runCli(['settings', 'set', 'puppet.idle', '0'], env)).stdout).toContain('from the next start on');
    await cli.says(/Settings: puppet\.idle is changed; it counts from the next start/);
    await runCli(['settings', 'reset', 'show.labelText'], env);
    await expect.poll(async () => (await door.status()).labelText, { timeout: 10_000 }).toBe('');
    const wrong = await runCli(['settings', 'get', 'show.labeltext'], env);
    expect(wrong.stderr).toContain('NO_SUCH_SETTING');
    write('{ "show.labelText": ');
    await cli.says(/Settings: .*settings\.json:1:.*the last good values stay/);
  });
});
