import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { z } from 'zod';
import type { Keybinding } from '../api/keybinding.ts';
import { systemCodeOf } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import type { CommandTable } from '../host/commands.ts';
import { mergeKeybindings, type ReadKeybindings, readPluginKeybindings } from '../host/keybindings.ts';
import type { PluginHost } from '../host/plugin-host.ts';

/**
 * What every machine starts with. Single keys count where no text is typed, on the control page; those that count in
 * every window have two modifiers.
 */
const DEFAULTS: readonly Keybinding[] = [
  ...Array.from({ length: 9 }, (_, n) => bind(String(n + 1), 'avatar.useNumber', { number: n + 1 })),
  bind('n', 'avatar.next'),
  bind('p', 'avatar.previous'),
  bind('h', 'mouth.rest'),
  bind('m', 'microphone.mute'),
  bind('x', 'show.panic'),
  bind('a', 'page.addAvatar'),
  bind('f', 'page.fullScreen'),
  bind(',', 'page.settings'),
  bind('?', 'page.shortcuts'),
  ...Array.from({ length: 9 }, (_, n) => bindEverywhere(`ctrl+alt+${n + 1}`, 'avatar.useNumber', { number: n + 1 })),
  bindEverywhere('ctrl+alt+n', 'avatar.next'),
  bindEverywhere('ctrl+alt+m', 'microphone.mute'),
  bindEverywhere('ctrl+alt+x', 'show.panic'),
];
/** A file is written in several steps: it is read when it has been left alone for this long, in ms. */
const QUIET_MS = 120;
/** Takes hold of the keys that count in every window; there where the plugin `hotkeys` runs. */
const RELOAD = 'hotkeys.reload';

/** The plugins, as far as their keys go. */
type PluginKeys = Pick<PluginHost, 'manifests' | 'onDidChange'>;
const NO_PLUGINS: PluginKeys = { manifests: [], onDidChange: () => ({ [Symbol.dispose]() {} }) };

/** The keys: the defaults, changed by keybindings.json in the config folder, which is watched. */
export class KeybindingsStore implements AsyncDisposable {
  readonly #file: string;
  readonly #folder: string;
  readonly #commands: CommandTable;
  readonly #plugins: PluginKeys;
  #read: ReadKeybindings = { bindings: DEFAULTS, warnings: [] };
  /** What the file held when it was last understood, and what is wrong with it now. */
  #given: unknown = [];
  #damage: readonly string[] = [];
  #following: Disposable | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(paths: Paths, commands: CommandTable, plugins: PluginKeys) {
    this.#plugins = plugins;
    this.#folder = paths.config;
    this.#file = join(paths.config, 'keybindings.json');
    this.#commands = commands;
  }

  /**
   * Reads and watches them, and registers the command that lists them. A damaged file leaves the last good keys.
   * @param plugins bring keys along, and come and go.
   */
  static async open(paths: Paths, commands: CommandTable, plugins: PluginKeys = NO_PLUGINS): Promise<KeybindingsStore> {
    const store = new KeybindingsStore(paths, commands, plugins);
    await store.#readAnew();
    store.#following = plugins.onDidChange(() => store.#mergeAgain());
    await mkdir(store.#folder, { recursive: true });
    store.#watcher = watch(store.#folder, (_, name) => {
      if (name !== null && name !== 'keybindings.json') return;
      clearTimeout(store.#timer);
      store.#timer = setTimeout(() => void store.#readAnew().then(() => store.#tell()), QUIET_MS);
    });
    store.#watcher.on('error', () => {});
    commands.register({
      id: 'keybindings.list',
      title: 'All keys and what they do',
      args: z.object({}).loose(),
      run: async () => ({ ...store.#checked(), file: store.#file }),
    });
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#following?.[Symbol.dispose]();
    this.#watcher?.close();
  }

  /** Commands of plugins come later than the file is read: whether there is one is asked when somebody wants to know. */
  #checked(): ReadKeybindings {
    const ids = new Set(this.#commands.list().map(({ id }) => id));
    const isKnown = (command: string) => command.startsWith('page.') || ids.has(command);
    const unknown = this.#read.bindings.filter(({ command, source }) => source === 'user' && !isKnown(command));
    const words = unknown.map(({ key, command }) => `The key ${key}: there is no command ${command}.`);
    return {
      bindings: this.#read.bindings.filter(({ command }) => isKnown(command)),
      warnings: [...this.#read.warnings, ...words],
    };
  }

  /** The page asks by itself; the hotkeys are told. */
  async #tell(): Promise<void> {
    // Not there, or its plugin failed: that is told where its state is.
    await this.#commands.run(RELOAD).catch(() => {});
  }

  async #readAnew(): Promise<void> {
    this.#damage = [];
    try {
      this.#given = this.#parse(await readFile(this.#file, 'utf8'));
    } catch (thrown) {
      this.#given = [];
      this.#damage = systemCodeOf(thrown) === 'ENOENT' ? [] : [`${this.#file} cannot be read.`];
    }
    this.#merge();
  }

  /** The last good keys where it is damaged. */
  #parse(text: string): unknown {
    const errors: ParseError[] = [];
    const given: unknown = parse(text, errors, { allowTrailingComma: true });
    const [error] = errors;
    if (!error) return given;
    const line = text.slice(0, error.offset).split('\n').length;
    this.#damage = [`${this.#file}:${line}: ${printParseErrorCode(error.error)}; the last good keys stay.`];
    return this.#given;
  }

  #merge(): void {
    const ofPlugins = readPluginKeybindings(this.#plugins.manifests, DEFAULTS);
    const { bindings, warnings } = mergeKeybindings([...ofPlugins.bindings, ...DEFAULTS], this.#given);
    const all = this.#damage.length > 0 ? this.#damage : warnings;
    this.#read = { bindings, warnings: [...ofPlugins.warnings, ...all] };
  }

  /** Plugins change more often than the keys that they bring along. */
  #mergeAgain(): void {
    const before = JSON.stringify(this.#read);
    this.#merge();
    if (JSON.stringify(this.#read) !== before) void this.#tell();
  }
}

function bind(key: string, command: string, args?: object): Keybinding {
  return { key, command, ...(args ? { args } : {}), source: 'default' };
}

function bindEverywhere(key: string, command: string, args?: object): Keybinding {
  return { ...bind(key, command, args), global: true };
}
