import { z } from 'zod';
import type { AudioInput, AudioOutput, FaceEngine, VideoOutput } from '../api/contributions.ts';
import {
  type CommandCode,
  type Contribution,
  type FaceEngineContribution,
  type Plugin,
  type PluginManifest,
  type PluginManifestInput,
  pluginManifestSchema,
} from '../api/plugin.ts';
import type { LinkState, LinkStatus } from '../api/status.ts';
import { withDeadline } from '../base/deadline.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import { Scope } from '../base/scope.ts';
import { createPluginContext, type PluginWorld } from './plugin-context.ts';
import { stubCommand } from './stub-command.ts';

/** How a plugin is doing, and why. */
export interface PluginState {
  readonly state: LinkState;
  readonly reason: string;
}

/** A plugin before any of its code runs. */
export interface DeclaredPlugin {
  readonly manifest: PluginManifestInput;
  /** Absolute path of the folder where it lies; undefined for those that come with the program. */
  readonly folder?: string | undefined;
  /** Imports its code. @param report told when it fails later on, or works again. */
  readonly load: (report: (state: PluginState) => void) => Promise<{ readonly default: Plugin }>;
}

/** The points a plugin can contribute records to. */
export type Point = keyof Records;
type Declared = { [P in Point]: P extends 'faceEngines' ? FaceEngineContribution : Contribution };
/** What is registered at each point. */
export interface Records {
  readonly audioInputs: AudioInput;
  readonly faceEngines: FaceEngine;
  readonly videoOutputs: VideoOutput;
  readonly audioOutputs: AudioOutput;
}

/** A plugin that is known, with what it has registered while it is active. */
export interface Known {
  readonly manifest: PluginManifest;
  readonly folder: string | undefined;
  readonly load: DeclaredPlugin['load'];
  readonly records: Map<string, unknown>;
  readonly commands: Map<string, CommandCode>;
  /** What its manifest adds to the tables; goes when the plugin is taken out. */
  readonly declared: Scope;
  /** What its code holds; a new one for each activation. */
  scope: Scope;
  link: LinkStatus | undefined;
  state: LinkState;
  reason: string;
  activation: Promise<void> | undefined;
}

const POINTS: readonly Point[] = ['audioInputs', 'faceEngines', 'videoOutputs', 'audioOutputs'];
const ACTIVATION_DEADLINE_MS = 10_000;
const DEACTIVATION_DEADLINE_MS = 5_000;

/**
 * Knows every plugin by its manifest, imports its code on first use and keeps what it registers. A plugin that fails is
 * marked `failed` with its reason, and what it registered goes; the others go on.
 */
export class PluginHost implements AsyncDisposable {
  readonly #plugins = new Map<string, Known>();
  readonly #world: PluginWorld;
  readonly #changed = new Emitter<void>();
  #isShowRunning = false;

  /** @throws AppError BAD_MANIFEST for one that is wrong. */
  constructor(plugins: Iterable<DeclaredPlugin>, world: PluginWorld) {
    this.#world = world;
    for (const plugin of plugins) this.add(plugin);
  }

  /** Plugins have come or gone, or one is doing better or worse. */
  readonly onDidChange = this.#changed.event;

  /** All manifests, in the order they were declared. */
  get manifests(): readonly PluginManifest[] {
    return [...this.#plugins.values()].map((known) => known.manifest);
  }

  /** State of a plugin, for lists. */
  stateOf(pluginId: string): PluginState {
    const known = this.#plugins.get(pluginId);
    return known ? { state: known.state, reason: known.reason } : { state: 'off', reason: 'not installed' };
  }

  /** Absolute path of the folder of a plugin from outside; undefined for those that come with the program. */
  folderOf(pluginId: string): string | undefined {
    return this.#plugins.get(pluginId)?.folder;
  }

  /** What plugins say of things beside the chain, and plugins from outside that do not work. */
  get links(): readonly LinkStatus[] {
    return [...this.#plugins.values()].flatMap((known) => {
      const { link, folder, manifest, state, reason } = known;
      const isFaulty = folder !== undefined && (state === 'failed' || state === 'degraded');
      if (!isFaulty) return link ?? [];
      const fix = `musecam plugins disable ${manifest.id}`;
      return [{ id: manifest.id, label: manifest.title, state, detail: reason, fix }];
    });
  }

  /** Makes a plugin known. @throws AppError BAD_MANIFEST when it is wrong, or takes what another one has. */
  add({ manifest, folder, load }: DeclaredPlugin): void {
    const parsed = pluginManifestSchema.safeParse(manifest);
    if (!parsed.success) {
      throw new AppError('BAD_MANIFEST', `The manifest of ${manifest.id} is wrong: ${z.prettifyError(parsed.error)}`);
    }
    const { id } = parsed.data;
    this.#refuseTaken(parsed.data);
    const known: Known = {
      manifest: parsed.data,
      folder,
      load,
      records: new Map(),
      commands: new Map(),
      declared: new Scope(),
      scope: new Scope(),
      link: undefined,
      state: 'off',
      reason: 'not used yet',
      activation: undefined,
    };
    for (const command of known.manifest.contributes.commands) {
      const code = async () => {
        await this.activate(id);
        return known.commands.get(command.id);
      };
      known.declared.use(this.#world.commands.register(stubCommand(known.manifest, command, code)));
    }
    this.#plugins.set(id, known);
    this.#changed.fire();
    if (this.#isShowRunning && known.manifest.activation === 'show') void this.#activateQuietly(id);
  }

  /** Deactivates a plugin and forgets it, with everything that its manifest declared. */
  async remove(pluginId: string): Promise<void> {
    const known = this.#plugins.get(pluginId);
    if (!known) return;
    this.#plugins.delete(pluginId);
    await known.declared.close();
    await this.#close(known);
    this.#changed.fire();
  }

  /** Activates the plugins that work for as long as a show runs. One that fails is told and left out. */
  async activateForShow(): Promise<void> {
    this.#isShowRunning = true;
    const wanted = this.manifests.filter(({ activation }) => activation === 'show');
    await Promise.all(wanted.map(({ id }) => this.#activateQuietly(id)));
  }

  /** Everything declared at a point, from manifests alone. */
  contributions<P extends Point>(point: P): readonly Declared[P][] {
    return this.manifests.flatMap((manifest): readonly Declared[P][] => manifest.contributes[point]);
  }

  /** The contribution that answers to `mic`, `wav`, `v4l2`, … @throws AppError when none does. */
  findScheme<P extends Point>(point: P, scheme: string): Declared[P] {
    const all = this.contributions(point);
    const found = all.find((one) => one.scheme === scheme);
    if (found) return found;
    const known = all.map((one) => one.scheme).join(', ');
    throw new AppError('NO_SUCH_SCHEME', `Nothing answers to "${scheme}".`, { fix: `Use one of: ${known}.` });
  }

  /** The id of the plugin that declares a contribution; undefined when none does. */
  ownerOf(contributionId: string): string | undefined {
    const declares = ({ contributes }: PluginManifest) =>
      POINTS.some((point) => contributes[point].some(({ id }) => id === contributionId));
    return this.manifests.find(declares)?.id;
  }

  /** A contribution's record; activates its plugin on first use. @throws AppError when the plugin fails. */
  async record<P extends Point>(point: P, id: string): Promise<Records[P]> {
    const known = [...this.#plugins.values()].find(({ manifest }) =>
      manifest.contributes[point].some((one) => one.id === id),
    );
    if (!known) throw new AppError('NO_SUCH_CONTRIBUTION', `No plugin declares ${id}.`);
    await this.activate(known.manifest.id);
    const record = known.records.get(id);
    if (!record) throw new AppError('PLUGIN_FAILED', `${known.manifest.id} declares ${id} but did not register it.`);
    return record as Records[P];
  }

  /** Imports and activates a plugin, once; one that has failed is tried anew. @throws AppError PLUGIN_FAILED with its reason. */
  activate(pluginId: string): Promise<void> {
    const known = this.#plugins.get(pluginId);
    if (!known) throw new AppError('PLUGIN_FAILED', `There is no plugin ${pluginId}.`);
    known.activation ??= this.#activate(known);
    return known.activation;
  }

  /** Deactivates everything, newest first; a plugin that hangs is left behind after five seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const known of [...this.#plugins.values()].reverse()) {
      await known.declared.close();
      await this.#close(known);
    }
  }

  async #activate(known: Known): Promise<void> {
    const { scope } = known;
    const report = (next: PluginState) => {
      if (known.scope === scope && known.state !== 'starting') this.#report(known, next);
    };
    this.#note(known, { state: 'starting', reason: '' });
    try {
      const { default: plugin } = await known.load(report);
      const context = createPluginContext(known, this.#world);
      await withDeadline(Promise.resolve(plugin.activate(context)), ACTIVATION_DEADLINE_MS);
      if (known.state === 'starting') this.#note(known, { state: 'ready', reason: '' });
    } catch (thrown) {
      await this.#fail(known, messageOf(thrown));
      throw new AppError('PLUGIN_FAILED', `The plugin ${known.manifest.id} failed: ${known.reason}`, { cause: thrown });
    }
  }

  async #activateQuietly(pluginId: string): Promise<void> {
    await this.activate(pluginId).catch((thrown) => this.#world.log.warn(messageOf(thrown)));
  }

  /** What a plugin's process says of itself after it was activated. */
  #report(known: Known, next: PluginState): void {
    if (next.state === 'failed') void this.#fail(known, next.reason);
    else this.#note(known, next);
  }

  /** Takes back what it registered; what it declares stays, and the next use tries it anew. */
  async #fail(known: Known, reason: string): Promise<void> {
    await this.#close(known);
    this.#note(known, { state: 'failed', reason });
  }

  async #close(known: Known): Promise<void> {
    const closing = known.scope.close();
    known.scope = new Scope();
    known.activation = undefined;
    known.link = undefined;
    await withDeadline(closing, DEACTIVATION_DEADLINE_MS).catch((thrown) =>
      this.#world.log.warn(`${known.manifest.id} did not close: ${messageOf(thrown)}`),
    );
    known.state = 'off';
  }

  #note(known: Known, { state, reason }: PluginState): void {
    known.state = state;
    known.reason = reason;
    this.#changed.fire();
  }

  #refuseTaken({ id, contributes }: PluginManifest): void {
    if (this.#plugins.has(id)) throw new AppError('BAD_MANIFEST', `Two plugins are called ${id}.`);
    for (const point of POINTS) {
      for (const { scheme } of contributes[point]) {
        const other = this.manifests.find((one) => one.contributes[point].some((taken) => taken.scheme === scheme));
        if (!other) continue;
        throw new AppError('BAD_MANIFEST', `${id} wants the scheme "${scheme}" in ${point}, which ${other.id} has.`);
      }
    }
  }
}
