import { z } from 'zod';
import type { LinkState, LinkStatus } from '../api/status.ts';
import { withDeadline } from '../base/deadline.ts';
import { messageOf } from '../base/errors.ts';
import type { Paths } from '../base/paths.ts';
import type { CommandTable } from '../host/commands.ts';
import type { PluginHost } from '../host/plugin-host.ts';
import {
  addPlugin,
  declareInstalled,
  declarePlugin,
  enablePlugin,
  findInstalled,
  readInstalledPlugins,
  removePlugin,
} from './installed-plugins.ts';

/** How long outputs of a plugin that goes may take to close, in ms. */
const CLOSE_DEADLINE_MS = 5000;

/** A plugin as lists show it. */
export interface PluginSummary {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  /** Absolute path of its folder; undefined for those that come with the program. */
  readonly folder: string | undefined;
  readonly state: LinkState;
  /** Why it is in this state. */
  readonly reason: string;
  /** What it adds: `--output png`, `command png-sequence.snapshot`, … */
  readonly offers: readonly string[];
}

/** What the desk works with. */
export interface PluginDeskOptions {
  readonly paths: Pick<Paths, 'config'>;
  readonly host: PluginHost;
  /** The face engines of the show, as they are doing. */
  readonly engines: () => readonly LinkStatus[];
  /** Closes what is open of a contribution that goes. */
  readonly closeOutput: (contributionId: string) => Promise<unknown>;
  /** Plugins have come or gone: keys and settings are others. */
  readonly onDidChange: () => Promise<void>;
}

/** Plugins from outside while a show runs: added, taken out, enabled and started anew without a pause of the picture. */
export class PluginDesk {
  readonly #options: PluginDeskOptions;
  /** Why a plugin that is enabled is not there, by id; empty for what is wrong with the list itself. */
  readonly #problems = new Map<string, string>();

  constructor(options: PluginDeskOptions) {
    this.#options = options;
    const note = (words: string, id = '') => this.#problems.set(id, words);
    for (const plugin of declareInstalled(options.paths, 'process', note)) this.#tryAdd(plugin);
  }

  /** Plugins that cannot be used, for the status. */
  get links(): readonly LinkStatus[] {
    return [...this.#problems].map(([id, detail]) => {
      const state: LinkState = 'failed';
      const fix = id === '' ? 'musecam doctor' : `musecam plugins disable ${id}`;
      return { id: id || 'plugins', label: id || 'Plugins', state, detail, fix };
    });
  }

  /** Every plugin of this machine, those that come with the program first. */
  list(): readonly PluginSummary[] {
    const { paths, host, engines } = this.#options;
    const drawing = new Map(engines().map((engine) => [host.ownerOf(engine.id), engine]));
    return listPlugins(paths, host).map((one) => {
      const engine = drawing.get(one.id);
      // Its code runs in the engine host; here it was never imported.
      if (!engine || one.state !== 'off') return one;
      return { ...one, state: engine.state, reason: engine.detail ?? '' };
    });
  }

  /** Adds the plugin in a folder, or starts it anew when it is there. @throws AppError NO_PLUGIN, BAD_MANIFEST, PLUGIN_VERSION. */
  async add(path: string): Promise<PluginSummary> {
    const read = addPlugin(this.#options.paths, path);
    return this.#start(read.manifest.id);
  }

  /** @throws AppError NO_SUCH_PLUGIN. */
  async remove(id: string): Promise<void> {
    removePlugin(this.#options.paths, id);
    await this.#stop(id);
    await this.#options.onDidChange();
  }

  /** @throws AppError NO_SUCH_PLUGIN. */
  async enable(id: string, on: boolean): Promise<PluginSummary> {
    enablePlugin(this.#options.paths, id, on);
    if (on) return this.#start(id);
    await this.#stop(id);
    await this.#options.onDidChange();
    return this.#summaryOf(id);
  }

  /** Reads a plugin's folder again and starts it anew. @throws AppError NO_SUCH_PLUGIN, BAD_MANIFEST. */
  reload(id: string): Promise<PluginSummary> {
    return this.#start(id);
  }

  async #start(id: string): Promise<PluginSummary> {
    const { host, paths, onDidChange } = this.#options;
    const { package: read, problem } = findInstalled(paths, id);
    await this.#stop(id);
    if (!read) throw problem;
    host.add(declarePlugin(read, 'process'));
    await onDidChange();
    return this.#summaryOf(id);
  }

  async #stop(id: string): Promise<void> {
    const { host, closeOutput } = this.#options;
    this.#problems.delete(id);
    this.#problems.delete('');
    const manifest = host.manifests.find((one) => one.id === id);
    const outputs = (manifest?.contributes.videoOutputs ?? []).map((output) => closeOutput(output.id));
    // One that does not close loses its process, and with it what holds the output open.
    await withDeadline(Promise.all(outputs), CLOSE_DEADLINE_MS).catch(() => {});
    await host.remove(id);
  }

  #tryAdd(plugin: Parameters<PluginHost['add']>[0]): void {
    try {
      this.#options.host.add(plugin);
    } catch (thrown) {
      this.#problems.set(plugin.manifest.id, messageOf(thrown));
    }
  }

  #summaryOf(id: string): PluginSummary {
    return this.list().find((one) => one.id === id)!;
  }
}

/** Every plugin of this machine; `host` says how those are that it knows. */
export function listPlugins(paths: Pick<Paths, 'config'>, host: PluginHost): readonly PluginSummary[] {
  const installed = readInstalledPlugins(paths);
  const own = host.manifests
    .filter(({ id }) => host.folderOf(id) === undefined)
    .map(({ id, title, contributes }) => {
      const offers = describeOffers(contributes);
      return { id, title, version: '', folder: undefined, offers, ...host.stateOf(id) };
    });
  const others = installed.map(({ id, path, enabled, package: read, problem }) => {
    const offers = read ? describeOffers(read.manifest.contributes) : [];
    const about = { id, title: read?.manifest.title ?? id, version: read?.version ?? '', folder: path, offers };
    if (problem) return { ...about, state: 'failed' as const, reason: problem.message };
    if (!enabled) return { ...about, state: 'off' as const, reason: 'disabled' };
    return { ...about, ...host.stateOf(id) };
  });
  return [...own, ...others];
}

/** Registers how plugins are looked at and changed while a show runs. */
export function registerPluginCommands(commands: CommandTable, desk: PluginDesk): void {
  const id = z.string().max(60).describe('id of the plugin');
  const category = 'Plugins';
  commands.register({
    id: 'plugins.list',
    title: 'All plugins and how they are doing',
    category,
    args: z.object({}).loose(),
    run: async () => ({ plugins: desk.list() }),
  });
  commands.register({
    id: 'plugins.add',
    title: 'Add the plugin in a folder',
    category,
    args: z.object({ path: z.string().min(1).max(1000).describe('folder with its package.json') }),
    run: async ({ path }) => desk.add(path),
  });
  commands.register({
    id: 'plugins.remove',
    title: 'Take a plugin out; its folder stays',
    category,
    args: z.object({ id }),
    run: async ({ id: name }) => {
      await desk.remove(name);
      return { id: name };
    },
  });
  commands.register({
    id: 'plugins.enable',
    title: 'Let a plugin count, or not',
    category,
    args: z.object({ id, on: z.boolean().default(true).describe('false: disable it') }),
    run: async ({ id: name, on }) => desk.enable(name, on),
  });
  commands.register({
    id: 'plugins.reload',
    title: 'Start a plugin anew, as its folder is now',
    category,
    args: z.object({ id }),
    run: async ({ id: name }) => desk.reload(name),
  });
}

function describeOffers(contributes: PluginHost['manifests'][number]['contributes']): readonly string[] {
  const { audioInputs, faceEngines, videoOutputs, audioOutputs, commands, pages } = contributes;
  return [
    ...audioInputs.map(({ scheme }) => `--input ${scheme}`),
    ...faceEngines.map(({ scheme }) => `--engine ${scheme}`),
    ...videoOutputs.map(({ scheme }) => `--output ${scheme}`),
    ...audioOutputs.map(({ title }) => title),
    ...commands.map((command) => `command ${command.id}`),
    ...pages.map(({ title }) => `page "${title}"`),
  ];
}
