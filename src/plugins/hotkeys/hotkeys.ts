import { findBinding, findGlobalKeys, type Keybinding } from '../../api/keybinding.ts';
import type { CommandRunner, StatusFeed } from '../../api/plugin.ts';
import type { LinkStatus } from '../../api/status.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { writeDesktopEntry } from './desktop-entry.ts';
import { adviseOn } from './failures.ts';
import { HotkeyChild } from './hotkey-child.ts';
import type { Hotkey, HotkeyReport, HotkeyWay, RefusedHotkey } from './hotkey-protocol.ts';

/** What {@link Hotkeys} works with. */
export interface HotkeysOptions {
  readonly way: HotkeyWay;
  readonly commands: CommandRunner;
  readonly status: StatusFeed;
  readonly log: Log;
  readonly reportLink: (link: LinkStatus | undefined) => void;
  readonly environment?: NodeJS.ProcessEnv;
}

/** A key that counts in every window, as `hotkeys.status` lists it. */
export interface ListedHotkey extends Hotkey {
  /** Why it does not work, where it does not. */
  readonly refused?: string;
}

/** The last hotkey that was pressed, and what came of it. */
interface LastPress {
  readonly key: string;
  readonly command: string;
  readonly error?: string;
}

/** Pauses before a process is started again, in ms; the last one goes on for ever. */
const RESTART_PAUSES_MS = [300, 1_000, 3_000, 10_000, 30_000] as const;
/** A process that has lived this long, in ms, is not the one that keeps failing. */
const STEADY_MS = 20_000;
/** Commands come in groups, when plugins start: the keys are read when it has been quiet for this long, in ms. */
const QUIET_MS = 150;
const LABEL = { id: 'hotkeys.link', label: 'Hotkeys' } as const;

/** The hotkeys of a show: hears the global keys in a process of their own, which comes back when it fails. */
export class Hotkeys implements AsyncDisposable {
  readonly #options: HotkeysOptions;
  readonly #following: Disposable;
  #bindings: readonly Keybinding[] = [];
  #hotkeys: readonly Hotkey[] = [];
  #refused: readonly RefusedHotkey[] = [];
  #child: HotkeyChild | undefined;
  #childStartedMs = 0;
  #failures = 0;
  #link: LinkStatus = { ...LABEL, state: 'starting' };
  #last: LastPress | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: HotkeysOptions) {
    this.#options = options;
    this.#following = options.commands.onDidChange(() => {
      clearTimeout(this.#quiet);
      this.#quiet = setTimeout(() => void this.#follow(), QUIET_MS);
    });
  }

  /** Reads the keys and takes hold of them. Never waits for the desktop or the keyboard: the link tells how it goes. */
  static async open(options: HotkeysOptions): Promise<Hotkeys> {
    const hotkeys = new Hotkeys(options);
    hotkeys.#say({ state: 'starting', detail: 'taking hold of the keys' });
    await hotkeys.reload();
    return hotkeys;
  }

  /** What `hotkeys.status` tells. */
  get report(): { readonly link: LinkStatus; readonly keys: readonly ListedHotkey[]; readonly last?: LastPress } {
    const whyRefused = new Map(this.#refused.map(({ key, why }) => [key, why]));
    const keys = this.#hotkeys.map((hotkey) => {
      const refused = whyRefused.get(hotkey.key);
      return refused === undefined ? hotkey : { ...hotkey, refused };
    });
    return { link: this.#link, keys, ...(this.#last ? { last: this.#last } : {}) };
  }

  /** Process id of what hears the keys; undefined while nothing does. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Reads the keys anew; where nothing hears them, tries again. */
  async reload(): Promise<void> {
    await this.#follow();
    if (this.#child || this.#isClosed) return;
    clearTimeout(this.#restart);
    this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#quiet);
    clearTimeout(this.#restart);
    this.#following[Symbol.dispose]();
    await this.#child?.[Symbol.asyncDispose]();
    this.#options.reportLink(undefined);
  }

  /** Reads the keys, and tells the process if they are others than before. */
  async #follow(): Promise<void> {
    const { commands, log } = this.#options;
    try {
      const { bindings } = (await commands.run('keybindings.list')) as { readonly bindings: readonly Keybinding[] };
      this.#bindings = bindings;
    } catch (thrown) {
      return log.warn(`the keys cannot be read: ${messageOf(thrown)}`);
    }
    const hotkeys = describeKeys(this.#bindings, commands);
    if (JSON.stringify(hotkeys) === JSON.stringify(this.#hotkeys)) return;
    this.#hotkeys = hotkeys;
    this.#child?.take(hotkeys);
  }

  #start(): void {
    const { way, environment = process.env } = this.#options;
    this.#childStartedMs = performance.now();
    // A failure is told, and then its process ends: one of them is enough.
    let hasFailed = false;
    this.#child = new HotkeyChild({
      ...{ way, environment, hotkeys: this.#hotkeys },
      onReport: (report) => {
        hasFailed ||= report.kind === 'failed';
        this.#hear(report);
      },
      onEnd: (how) => {
        this.#child = undefined;
        if (!hasFailed) this.#say({ state: 'degraded', detail: `${how}; it is started again` });
        if (!hasFailed || this.#link.state !== 'failed') this.#startLater();
      },
    });
  }

  #startLater(): void {
    if (performance.now() - this.#childStartedMs > STEADY_MS) this.#failures = 0;
    const pauseMs = RESTART_PAUSES_MS[Math.min(this.#failures++, RESTART_PAUSES_MS.length - 1)];
    clearTimeout(this.#restart);
    if (!this.#isClosed) this.#restart = setTimeout(() => this.#start(), pauseMs);
  }

  #hear(report: HotkeyReport): void {
    switch (report.kind) {
      case 'pressed':
        return void this.#press(report.key);
      case 'asking':
        return this.#say({
          state: 'starting',
          detail: 'the desktop asks its user about the keys',
          fix: 'Answer the dialog of your desktop.',
        });
      case 'ready':
        this.#refused = report.refused;
        return this.#sayReady();
      case 'failed': {
        const { words, fix, isRetried } = adviseOn(report.failure);
        const detail = `${words}: ${report.message}`;
        this.#options.log.warn(detail);
        if (report.failure === 'no-app-id') void this.#introduce();
        return this.#say({ state: isRetried ? 'degraded' : 'failed', detail, fix });
      }
    }
  }

  /** Lets the desktop know the program: the next attempt is after that. */
  async #introduce(): Promise<void> {
    const { environment = process.env, log } = this.#options;
    try {
      const path = await writeDesktopEntry(environment);
      if (path) log.info(`the desktop asks for a desktop entry: ${path} is written`);
    } catch (thrown) {
      log.warn(`the desktop entry cannot be written: ${messageOf(thrown)}`);
    }
  }

  #sayReady(): void {
    const count = (n: number) => `${n} ${n === 1 ? 'key' : 'keys'}`;
    const working = this.#hotkeys.length - this.#refused.length;
    const [first] = this.#refused;
    if (!first) return this.#say({ state: 'ready', detail: `work in every window: ${count(working)}` });
    const rest = this.#refused.length > 1 ? ` and ${count(this.#refused.length - 1)} more` : '';
    this.#say({
      state: 'degraded',
      detail: `${working} of ${count(this.#hotkeys.length)} work in every window; not ${first.key}${rest}: ${first.why}`,
      fix: 'Choose other keys in keybindings.json or in the settings of the desktop.',
    });
  }

  async #press(key: string): Promise<void> {
    const { commands, status, log } = this.#options;
    const binding = findBinding(this.#bindings, key, status.current);
    if (!binding?.global) return;
    const { command } = binding;
    this.#last = { key, command };
    try {
      await commands.run(command, binding.args ?? {});
    } catch (thrown) {
      this.#last = { key, command, error: messageOf(thrown) };
      log.warn(`${key}: ${messageOf(thrown)}`);
    }
  }

  #say(report: Pick<LinkStatus, 'state' | 'detail' | 'fix'>): void {
    this.#link = { ...LABEL, ...report };
    if (!this.#isClosed) this.#options.reportLink(this.#link);
  }
}

/** The global keys, with what they do in words: several meanings of one key have the last one's. */
function describeKeys(bindings: readonly Keybinding[], commands: CommandRunner): Hotkey[] {
  const titles = new Map(commands.list().map(({ id, title }) => [id, title]));
  return findGlobalKeys(bindings).map((key) => {
    const { command, args } = bindings.findLast((one) => one.key === key && one.global)!;
    const values = Object.values((args as Record<string, unknown> | undefined) ?? {}).map(String);
    return { key, title: [titles.get(command) ?? command, ...values].join(' ') };
  });
}
