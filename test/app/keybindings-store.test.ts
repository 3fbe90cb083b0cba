import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { PluginManifest } from '../../src/api/plugin.ts';
import { KeybindingsStore } from '../../src/app/keybindings-store.ts';
import { Emitter } from '../../src/base/event.ts';
import { findPaths } from '../../src/base/paths.ts';
import { CommandTable } from '../../src/host/commands.ts';
import type { ReadKeybindings } from '../../src/host/keybindings.ts';
import { makeHome } from '../fakes/cli.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());
const paths = findPaths(home.env);
const file = join(paths.config, 'keybindings.json');

function makeCommands(): CommandTable {
  const commands = new CommandTable();
  for (const id of ['avatar.next', 'avatar.useNumber', 'show.panic']) {
    commands.register({ id, title: id, args: z.object({}).loose(), run: async () => ({}) });
  }
  return commands;
}

beforeEach(() => {
  rmSync(paths.config, { recursive: true, force: true });
  mkdirSync(paths.config, { recursive: true });
});

describe('the keys of a show', () => {
  it('come from plugins as well, while those are there; none takes a key of the program away', async () => {
    const commands = makeCommands();
    const changed = new Emitter<void>();
    const hello = { id: 'hello', contributes: { keybindings: [] as object[] } };
    const plugins = { manifests: [hello as unknown as PluginManifest], onDidChange: changed.event };
    commands.register({ id: 'hello.say', title: 'Say', args: z.object({}), run: async () => ({}) });
    const told: string[] = [];
    commands.register({
      id: 'hotkeys.reload',
      title: 'Reload',
      args: z.object({}),
      run: async () => told.push('told'),
    });
    await using _store = await KeybindingsStore.open(paths, commands, plugins);
    const list = async () => (await commands.run('keybindings.list')) as ReadKeybindings;
    const ofHello = async () => (await list()).bindings.filter(({ command }) => command === 'hello.say');
    expect(await ofHello()).toEqual([]);
    changed.fire();
    expect(told).toEqual([]);
    hello.contributes.keybindings = [
      { key: 'Ctrl+H', command: 'hello.say' },
      { key: 'x', command: 'hello.say' },
      { key: 'hyper+x', command: 'hello.say' },
    ];
    changed.fire();
    expect(await ofHello()).toEqual([{ key: 'ctrl+h', command: 'hello.say', source: 'default' }]);
    expect((await list()).bindings.findLast(({ key }) => key === 'x')?.command).toBe('show.panic');
    expect((await list()).warnings).toEqual([
      'The key x of the plugin hello is taken by show.panic.',
      expect.stringContaining('The plugin hello, keybindings[2]: "hyper+x" is no key'),
    ]);
    expect(told).toEqual(['told']);
    writeFileSync(file, '[{ "key": "ctrl+h", "command": "-hello.say" }]');
    await vi.waitFor(async () => expect(await ofHello()).toEqual([]), 5_000);
  });

  it('are the defaults of the commands that there are, and what the file adds, as soon as it is saved', async () => {
    const commands = makeCommands();
    await using _store = await KeybindingsStore.open(paths, commands);
    const list = async () => (await commands.run('keybindings.list')) as ReadKeybindings & { file: string };
    const before = await list();
    expect(before.file).toBe(file);
    expect(before.bindings.find(({ key }) => key === '3')).toMatchObject({
      command: 'avatar.useNumber',
      args: { number: 3 },
    });
    // No such command here.
    expect(before.bindings.some(({ command }) => command === 'microphone.mute')).toBe(false);
    writeFileSync(file, '[ // mine\n { "key": "Ctrl+Q", "command": "show.panic" }, ]');
    await vi.waitFor(async () => expect((await list()).bindings.at(-1)).toMatchObject({ key: 'ctrl+q' }), 5_000);
    expect((await list()).warnings).toEqual([]);
  });

  it('stay as they were while the file is damaged, with its place said, and unknown commands are told', async () => {
    const commands = makeCommands();
    writeFileSync(file, '[{ "key": "q", "command": "avatar.next" }, { "key": "w", "command": "avatar.nxt" }]');
    await using _store = await KeybindingsStore.open(paths, commands);
    const list = async () => (await commands.run('keybindings.list')) as ReadKeybindings;
    expect((await list()).warnings).toEqual(['The key w: there is no command avatar.nxt.']);
    writeFileSync(file, '[\n { "key": }');
    await vi.waitFor(async () => expect((await list()).warnings.join()).toContain('keybindings.json:2:'), 5_000);
    expect((await list()).bindings.at(-1)).toMatchObject({ key: 'q', command: 'avatar.next' });
    rmSync(file);
    await vi.waitFor(async () => expect((await list()).warnings).toEqual([]), 5_000);
    expect((await list()).bindings.some(({ source }) => source === 'user')).toBe(false);
  });

  it('include some that count in every window, and whoever hears those is told of a change', async () => {
    const commands = makeCommands();
    await using _store = await KeybindingsStore.open(paths, commands);
    let reloads = 0;
    commands.register({ id: 'hotkeys.reload', title: '', args: z.object({}).loose(), run: async () => ++reloads });
    const globals = async () => {
      const { bindings } = (await commands.run('keybindings.list')) as ReadKeybindings;
      return bindings.filter(({ global }) => global).map(({ key }) => key);
    };
    const digits = Array.from({ length: 9 }, (_, n) => `ctrl+alt+${n + 1}`);
    expect(await globals()).toEqual([...digits, 'ctrl+alt+n', 'ctrl+alt+x']);
    writeFileSync(file, '[{ "key": "ctrl+alt+n", "command": "-avatar.next" }]');
    await vi.waitFor(() => expect(reloads).toBeGreaterThan(0), 5_000);
    expect(await globals()).toEqual([...digits, 'ctrl+alt+x']);
  });
});
