import { setTimeout as sleep } from 'node:timers/promises';
import type { Plugin, PluginContext, PluginManifest } from '../api/plugin.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { NodeEntry } from '../base/node-entry.ts';
import type { PluginState } from './plugin-host.ts';
import { PluginProcess, type ShowFunctions } from './plugin-process.ts';
import type { PluginNews, PluginStart } from './plugin-protocol.ts';
import { RemoteThings } from './remote-things.ts';

/** What a plugin in a process of its own is started with. */
export interface RemotePluginOptions {
  readonly manifest: PluginManifest;
  /** Absolute path of its main module. */
  readonly main: string;
  /** The process that holds one plugin. */
  readonly entry: NodeEntry;
  /** Told when it fails, or works again, after it was activated. */
  readonly report: (state: PluginState) => void;
}

/** Waits before it is started again, in ms; when it ends once more within the time below, it stays failed. */
const RESTARTS_AFTER_MS = [300, 2000, 8000] as const;
const HEALTHY_AFTER_MS = 60_000;
/** Commands of one plugin that may run at once. */
const MOST_COMMANDS = 16;
/** Lines of log a second that are kept. */
const MOST_LINES = 50;
/** News are left out while a plugin has not read so many bytes. */
const MOST_WAITING_BYTES = 500_000;

/** A plugin that runs in a process of its own, as a plugin of this process: what it registers there, this registers here. */
export function createRemotePlugin(options: RemotePluginOptions): Plugin {
  return {
    async activate(context) {
      const remote = new RemotePlugin(options, context);
      context.subscriptions.use(remote);
      await remote.start();
    },
  };
}

/** Keeps a plugin's process alive: started again with back-off, its open things opened again; given up after three times. */
class RemotePlugin implements AsyncDisposable {
  readonly #options: RemotePluginOptions;
  readonly #context: PluginContext;
  readonly #things: RemoteThings;
  readonly #closed = new AbortController();
  readonly #known = new Set<string>();
  readonly #functions: ShowFunctions;
  #process: PluginProcess | undefined;
  #life: Promise<void> = Promise.resolve();
  #restarts = 0;
  #running = 0;
  #lines = { second: 0, count: 0 };

  constructor(options: RemotePluginOptions, context: PluginContext) {
    this.#options = options;
    this.#context = context;
    this.#things = new RemoteThings();
    const things = this.#things;
    this.#functions = {
      runCommand: (id, args) => this.#runForPlugin(id, args),
      takeChunk: (handle, chunk) => things.takeChunk(handle, chunk),
      chunksEnded: (handle, failure) => things.chunksEnded(handle, failure),
      reportHealth: (handle, report) => things.reportHealth(handle, report),
      reportDelay: (handle, delayMs) => things.reportDelay(handle, delayMs),
      registered: (point, id, has) => this.#once(`${point}/${id}`, () => things.register(context, point, id, has)),
      registeredCommand: (id) => this.#once(id, () => this.#registerCommand(id)),
      reportLink: (link) => context.reportLink(link),
      log: (level, message, facts) => this.#log(level, message, facts),
    };
  }

  /** Starts the first life. @throws what the plugin's `activate` throws. */
  async start(): Promise<void> {
    await this.#startProcess();
    const { subscriptions, status, commands, onDidChangeSettings } = this.#context;
    subscriptions.use(status.onDidChange((now) => this.#tell({ status: now })));
    subscriptions.use(commands.onDidChange(() => this.#tell({ commands: commands.list() })));
    subscriptions.use(onDidChangeSettings((keys) => this.#tell({ settings: this.#valuesOf(keys) })));
    this.#life = this.#keepAlive();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#process?.[Symbol.asyncDispose]();
    await this.#life;
    this.#things.end('its plugin was taken out');
  }

  async #startProcess(): Promise<void> {
    const process = new PluginProcess(this.#options.entry, this.#functions, this.#context.log);
    this.#process = process;
    const gone = process.ended.then((reason) => {
      throw new AppError('PLUGIN_FAILED', reason);
    });
    gone.catch(() => {});
    try {
      await Promise.race([process.plugin.activate(this.#startWith()), gone]);
      // What it registered was refused, and its own answer came before its end.
      if (process.verdict) throw new AppError('PLUGIN_FAILED', process.verdict);
    } catch (thrown) {
      // What it said before it ended tells more than that it ended.
      const reason = await Promise.race([process.ended, sleep(100, undefined)]);
      if (!reason) process.giveUp(messageOf(thrown));
      throw reason ? new AppError('PLUGIN_FAILED', reason) : thrown;
    }
    await this.#things.connect(process.plugin);
  }

  async #keepAlive(): Promise<void> {
    const { report } = this.#options;
    const { signal } = this.#closed;
    let startedMs = performance.now();
    while (!signal.aborted && this.#process) {
      const reason = await this.#process.ended;
      if (signal.aborted) return;
      if (performance.now() - startedMs > HEALTHY_AFTER_MS) this.#restarts = 0;
      const waitMs = RESTARTS_AFTER_MS[this.#restarts++];
      if (waitMs === undefined) {
        this.#things.end(reason);
        return report({ state: 'failed', reason: `${reason}; it was started ${this.#restarts} times` });
      }
      this.#things.disconnect(reason);
      report({ state: 'degraded', reason: `${reason}; starting again` });
      await sleep(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      startedMs = performance.now();
      await this.#startProcess().then(
        () => report({ state: 'ready', reason: `running again; before, ${reason}` }),
        (thrown) => this.#context.log.warn(`could not be started again: ${messageOf(thrown)}`),
      );
    }
  }

  #startWith(): PluginStart {
    const { manifest, main } = this.#options;
    const { settings, commands } = this.#context;
    return { manifest, main, settings: { ...settings }, commands: commands.list(), status: this.#statusNow() };
  }

  #statusNow(): PluginStart['status'] {
    try {
      return this.#context.status.current;
    } catch {
      return undefined;
    }
  }

  /** A plugin that does not read gets no more news; the next ones say all that counts. */
  #tell(news: PluginNews): void {
    const process = this.#process;
    if (!process || process.waitingBytes > MOST_WAITING_BYTES || process.plugin.$closed) return;
    void process.plugin.news.asEvent(news).catch(() => {});
  }

  #valuesOf(keys: readonly string[]): Readonly<Record<string, unknown>> {
    return Object.fromEntries(keys.map((key) => [key, this.#context.settings[key]]));
  }

  /** What a later life registers again is registered here already. */
  #once(name: string, register: () => void): void {
    if (this.#known.has(name)) return;
    try {
      register();
      this.#known.add(name);
    } catch (thrown) {
      this.#process?.giveUp(messageOf(thrown));
    }
  }

  #registerCommand(id: string): void {
    this.#context.registerCommand({
      id,
      run: async (args) => {
        const process = this.#process;
        if (process && !process.plugin.$closed) return process.plugin.runCommand(id, args);
        throw new AppError('PLUGIN_FAILED', `The plugin ${this.#options.manifest.id} is starting again.`);
      },
    });
  }

  async #runForPlugin(id: string, args: unknown): Promise<unknown> {
    if (this.#running >= MOST_COMMANDS) {
      throw new AppError('TOO_MANY_CALLS', `${this.#options.manifest.id} has ${MOST_COMMANDS} commands running.`, {
        fix: 'Wait for their answers before running more.',
      });
    }
    this.#running++;
    try {
      return await this.#context.commands.run(id, args);
    } finally {
      this.#running--;
    }
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#lines.second) this.#lines = { second, count: 0 };
    if (this.#lines.count++ === MOST_LINES) this.#context.log.warn('more lines in this second are left out');
    if (this.#lines.count <= MOST_LINES) this.#context.log[level](String(message), facts);
  }
}
