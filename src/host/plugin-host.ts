import { z } from 'zod';
import type { AudioInput, AudioOutput, FaceEngine, VideoOutput } from '../api/contributions.ts';
import type { PreparationDesk } from '../api/plugin.ts';
import {
  type Command,
  type Contribution,
  type FaceEngineContribution,
  type Plugin,
  type PluginContext,
  type PluginManifest,
  type PluginManifestInput,
  pluginManifestSchema,
  type StatusFeed,
} from '../api/plugin.ts';
import type { LinkState, LinkStatus } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import type { CommandTable } from './commands.ts';
import type { SettingValues } from './settings.ts';

/** A plugin before any of its code runs. */
export interface DeclaredPlugin {
  readonly manifest: PluginManifestInput;
  /** Imports its code. */
  readonly load: () => Promise<{ readonly default: Plugin }>;
}

/** What plugins are given to look at and to act with. */
export interface PluginWorld {
  readonly log: Log;
  readonly commands: CommandTable;
  readonly status: StatusFeed;
  avatarPreview(id: string): string | undefined;
  readonly preparations?: PreparationDesk;
  /** Read at activation, when all manifests are known. */
  settings(): SettingValues;
}

/** The points a plugin can contribute records to. */
export type Point = keyof Records;
type Declared = { [P in Point]: P extends 'faceEngines' ? FaceEngineContribution : Contribution };
interface Records {
  readonly audioInputs: AudioInput;
  readonly faceEngines: FaceEngine;
  readonly videoOutputs: VideoOutput;
  readonly audioOutputs: AudioOutput;
}

interface Known {
  readonly manifest: PluginManifest;
  readonly load: DeclaredPlugin['load'];
  readonly scope: Scope;
  readonly records: Map<string, unknown>;
  link: LinkStatus | undefined;
  state: LinkState;
  reason: string;
  activation: Promise<void> | undefined;
}

const ACTIVATION_DEADLINE_MS = 10_000;
const DEACTIVATION_DEADLINE_MS = 5_000;

/**
 * Knows every plugin by its manifest, imports its code on first use and keeps what it registers. A plugin that fails is
 * marked `failed` with its reason; the others go on.
 */
export class PluginHost implements AsyncDisposable {
  readonly #plugins = new Map<string, Known>();
  readonly #world: PluginWorld;

  constructor(plugins: Iterable<DeclaredPlugin>, world: PluginWorld) {
    this.#world = world;
    for (const plugin of plugins) this.#declare(plugin);
  }

  /** All manifests, in the order they were declared. */
  get manifests(): readonly PluginManifest[] {
    return [...this.#plugins.values()].map((known) => known.manifest);
  }

  /** State of a plugin, for lists. */
  stateOf(pluginId: string): { readonly state: LinkState; readonly reason: string } {
    const known = this.#plugins.get(pluginId);
    return known ? { state: known.state, reason: known.reason } : { state: 'off', reason: 'not installed' };
  }

  /** What plugins say of things beside the chain. */
  get links(): readonly LinkStatus[] {
    return [...this.#plugins.values()].flatMap(({ link }) => link ?? []);
  }

  /** Activates the plugins that work for as long as a show runs. One that fails is told and left out. */
  async activateForShow(): Promise<void> {
    const wanted = this.manifests.filter(({ activation }) => activation === 'show');
    const warn = (thrown: unknown) => this.#world.log.warn(messageOf(thrown));
    await Promise.all(wanted.map(({ id }) => this.activate(id).catch(warn)));
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

  /** Imports and activates a plugin, once. @throws AppError PLUGIN_FAILED with its reason. */
  activate(pluginId: string): Promise<void> {
    const known = this.#plugins.get(pluginId);
    if (!known) throw new AppError('PLUGIN_FAILED', `There is no plugin ${pluginId}.`);
    known.activation ??= this.#activate(known);
    return known.activation;
  }

  /** Deactivates everything, newest first; a plugin that hangs is left behind after five seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const known of [...this.#plugins.values()].reverse()) {
      const closing = known.scope.close();
      await withDeadline(closing, DEACTIVATION_DEADLINE_MS).catch((thrown) =>
        this.#world.log.warn(`${known.manifest.id} did not close: ${messageOf(thrown)}`),
      );
      known.state = 'off';
    }
  }

  #declare({ manifest, load }: DeclaredPlugin): void {
    const parsed = pluginManifestSchema.safeParse(manifest);
    if (!parsed.success) {
      throw new AppError('BAD_MANIFEST', `The manifest of ${manifest.id} is wrong: ${z.prettifyError(parsed.error)}`);
    }
    const { id } = parsed.data;
    if (this.#plugins.has(id)) throw new AppError('BAD_MANIFEST', `Two plugins are called ${id}.`);
    const scope = new Scope();
    this.#plugins.set(id, {
      manifest: parsed.data,
      load,
      scope,
      records: new Map(),
      link: undefined,
      state: 'off',
      reason: 'not used yet',
      activation: undefined,
    });
  }

  async #activate(known: Known): Promise<void> {
    known.state = 'starting';
    known.reason = '';
    try {
      const { default: plugin } = await known.load();
      await withDeadline(Promise.resolve(plugin.activate(this.#contextFor(known))), ACTIVATION_DEADLINE_MS);
      known.state = 'ready';
    } catch (thrown) {
      known.state = 'failed';
      known.reason = messageOf(thrown);
      throw new AppError('PLUGIN_FAILED', `The plugin ${known.manifest.id} failed: ${known.reason}`, { cause: thrown });
    }
  }

  #contextFor(known: Known): PluginContext {
    const { manifest, scope } = known;
    const world = this.#world;
    const settings = Object.entries(world.settings()).filter(([key]) => key in manifest.contributes.configuration);
    return {
      subscriptions: scope,
      log: world.log.scope(manifest.id),
      settings: Object.fromEntries(settings),
      commands: world.commands,
      status: world.status,
      avatarPreview: (id) => world.avatarPreview(id),
      preparations: world.preparations,
      registerAudioInput: (id, input) => this.#register(known, 'audioInputs', id, input),
      registerFaceEngine: (id, engine) => this.#register(known, 'faceEngines', id, engine),
      registerVideoOutput: (id, output) => this.#register(known, 'videoOutputs', id, output),
      registerAudioOutput: (id, output) => this.#register(known, 'audioOutputs', id, output),
      registerCommand: <Args>(command: Command<Args>) => void scope.use(world.commands.register(command)),
      reportLink: (link) => {
        known.link = link;
      },
    };
  }

  #register<P extends Point>(known: Known, point: P, id: string, record: Records[P]): void {
    const { manifest, records, scope } = known;
    if (!manifest.contributes[point].some((one) => one.id === id)) {
      throw new AppError(
        'BAD_MANIFEST',
        `${manifest.id} registers ${id}, which its manifest does not declare in ${point}.`,
      );
    }
    records.set(id, record);
    scope.use(() => void records.delete(id));
  }
}

function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
