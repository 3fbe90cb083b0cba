import { type ChildProcess, fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { findNodeEntry } from '../../base/node-entry.ts';
import type { Hotkey, HotkeyOrder, HotkeyReport, HotkeyWay } from './hotkey-protocol.ts';

/** How much of what the process prints as an error is kept to explain its end, in characters. */
const KEPT_PRINT = 500;
const entry = findNodeEntry(import.meta.url, './hotkeys-process');

/** What a hotkey process is started with. */
export interface HotkeyChildOptions {
  readonly way: HotkeyWay;
  readonly hotkeys: readonly Hotkey[];
  readonly environment: NodeJS.ProcessEnv;
  readonly onReport: (report: HotkeyReport) => void;
  /** Told once when the process has ended by itself, with how; not after it was disposed. */
  readonly onEnd: (how: string) => void;
}

/** One process that hears hotkeys. Dispose to end it. */
export class HotkeyChild implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #isClosing = false;
  #printed = '';

  constructor({ way, hotkeys, environment, onReport, onEnd }: HotkeyChildOptions) {
    this.#child = fork(entry.path, [way], {
      execArgv: [...entry.execArgv],
      // Where reports of a crash of native code may lie.
      cwd: tmpdir(),
      env: environment,
      // The library prints warnings to standard error; anything else it says is nobody's business.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#printed = (this.#printed + bytes.toString('utf8')).slice(-KEPT_PRINT);
    });
    this.#child.on('message', (report) => {
      if (!this.#isClosing) onReport(report as HotkeyReport);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.on('error', () => {
        // Without a process there is no end to wait for; with one, this is a broken channel, and its end follows.
        if (this.#child.pid === undefined) resolve();
      });
    });
    void this.#ended.then(() => {
      // What it said last is still on its way.
      if (!this.#isClosing) setImmediate(() => onEnd(this.#describeEnd()));
    });
    this.take(hotkeys);
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The keys that count from now on. */
  take(hotkeys: readonly Hotkey[]): void {
    if (this.#child.connected) this.#child.send({ hotkeys } satisfies HotkeyOrder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #describeEnd(): string {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ? `was ended by ${signalCode}` : `ended with code ${exitCode}`;
    const words = this.#printed.trim().split('\n').at(-1)?.trim();
    return `the hotkey process ${how}${words ? ` (${words})` : ''}`;
  }
}
