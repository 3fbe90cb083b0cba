import { type FSWatcher, watch } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import type { SettingDeclaration } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Paths } from '../base/paths.ts';
import { nearest, readSettings, type SettingValues } from '../host/settings.ts';
import { type LoadedSettings, loadSettings, settingsPath } from './load-settings.ts';
import { writeSetting } from './write-setting.ts';

/** A file is written in several steps: it is read when it has been left alone for this long, in ms. */
const QUIET_MS = 120;

/** A setting with its value, for lists and editors. */
export interface SettingEntry extends SettingDeclaration {
  readonly key: string;
  readonly value: unknown;
  /** Where the value comes from. What `--set` says hides what the file says until the next start. */
  readonly source: 'default' | 'file' | 'command line';
}

/** What became different. */
export interface SettingChange {
  readonly key: string;
  readonly value: unknown;
  readonly applies: SettingDeclaration['applies'];
}

/**
 * The settings while a show runs: the layers, changed through {@link SettingsStore.set} or by an editor, whose saving is
 * noticed. A file that is damaged meanwhile changes nothing: the last good values stay.
 */
export class SettingsStore implements AsyncDisposable {
  readonly #paths: Paths;
  readonly #overrides: readonly string[];
  readonly #changed = new Emitter<readonly SettingChange[]>();
  readonly #warned = new Emitter<readonly string[]>();
  #loaded: LoadedSettings;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  private constructor(paths: Paths, overrides: readonly string[], loaded: LoadedSettings) {
    this.#paths = paths;
    this.#overrides = overrides;
    this.#loaded = loaded;
  }

  /** Reads them. @param overrides `key=value` of the command line. @throws AppError BAD_SETTING for one that is none. */
  static async open(paths: Paths, overrides: readonly string[]): Promise<SettingsStore> {
    return new SettingsStore(paths, overrides, await loadSettings(paths, overrides));
  }

  readonly onDidChange = this.#changed.event;
  /** What was wrong with a file that was read anew. */
  readonly onDidWarn = this.#warned.event;

  get values(): SettingValues {
    return this.#loaded.values;
  }

  /** What was wrong when they were read last. */
  get warnings(): readonly string[] {
    return this.#loaded.warnings;
  }

  /** What is declared, by key. */
  get declared(): ReadonlyMap<string, SettingDeclaration> {
    return this.#loaded.declared;
  }

  /** Every setting there is, in the order of the documentation. */
  entries(): readonly SettingEntry[] {
    const { values, fromFile, fromCommandLine } = this.#loaded;
    return [...this.#loaded.declared].map(([key, declaration]) => {
      const source = key in fromCommandLine ? 'command line' : key in fromFile ? 'file' : 'default';
      return { ...declaration, key, value: values[key], source };
    });
  }

  /** Keeps a value in the user's file. @throws AppError NO_SUCH_SETTING, BAD_SETTING, SETTINGS_DAMAGED. */
  async set(key: string, value: unknown): Promise<SettingEntry> {
    this.#require(key);
    const [problem] = readSettings(this.#loaded.declared, { [key]: value }).warnings;
    if (problem) throw new AppError('BAD_SETTING', problem.replace(/; using .*$/, '.'));
    return this.#write(key, value);
  }

  /** Takes a value out of the user's file: the default counts again. @throws AppError NO_SUCH_SETTING, SETTINGS_DAMAGED. */
  async reset(key: string): Promise<SettingEntry> {
    this.#require(key);
    return this.#write(key, undefined);
  }

  /** Notices from now on when the file is changed by anybody. */
  async watch(): Promise<void> {
    await mkdir(this.#paths.config, { recursive: true });
    const name = basename(settingsPath(this.#paths));
    // The folder: editors save by putting another file in its place.
    this.#watcher = watch(this.#paths.config, (_, changed) => {
      if (changed !== null && changed !== name) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#readAnew(), QUIET_MS);
    });
    this.#watcher.on('error', () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#reading;
  }

  async #write(key: string, value: unknown): Promise<SettingEntry> {
    await writeSetting(this.#paths, key, value);
    await this.#readAnew();
    return this.entries().find((entry) => entry.key === key)!;
  }

  /** Reads them again: plugins have come or gone, and with them settings. */
  refresh(): Promise<void> {
    return this.#readAnew();
  }

  #readAnew(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      const loaded = await loadSettings(this.#paths, this.#overrides);
      const before = this.#loaded;
      if (loaded.warnings.join() !== before.warnings.join()) this.#warned.fire(loaded.warnings);
      if (loaded.isDamaged) {
        this.#loaded = { ...before, warnings: loaded.warnings };
        return;
      }
      this.#loaded = loaded;
      const changes = [...loaded.declared]
        .filter(([key]) => JSON.stringify(loaded.values[key]) !== JSON.stringify(before.values[key]))
        .map(([key, { applies }]) => ({ key, value: loaded.values[key], applies }));
      if (changes.length > 0) this.#changed.fire(changes);
    });
    return this.#reading;
  }

  /** @throws AppError NO_SUCH_SETTING. */
  #require(key: string): void {
    const { declared } = this.#loaded;
    if (declared.has(key)) return;
    throw new AppError('NO_SUCH_SETTING', `There is no setting ${key}.`, {
      fix: `The nearest is ${nearest(key, declared.keys())}; all of them: musecam settings list`,
    });
  }
}
