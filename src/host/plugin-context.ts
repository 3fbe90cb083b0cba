import type { CommandCode, PluginContext, StatusFeed, SurfaceContext } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Log } from '../base/log.ts';
import type { CommandTable } from './commands.ts';
import type { Known, Point, Records } from './plugin-host.ts';
import type { SettingValues } from './settings.ts';

/** What plugins are given to look at and to act with. */
export interface PluginWorld {
  readonly log: Log;
  readonly commands: CommandTable;
  readonly status: StatusFeed;
  readonly surface?: SurfaceContext;
  /** The values now; what a plugin sees of those that need a restart are the ones at its activation. */
  settings(): SettingValues;
  /** Tells the keys that have just changed. */
  readonly onDidChangeSettings?: Event<readonly string[]>;
}

/** What a plugin's `activate` gets; everything it registers there lasts as long as this activation. */
export function createPluginContext(known: Known, world: PluginWorld): PluginContext {
  const { manifest, scope } = known;
  const register = <P extends Point>(point: P) => {
    return (id: string, record: Records[P]) => {
      if (!manifest.contributes[point].some((one) => one.id === id)) throw undeclared(manifest.id, id, point);
      known.records.set(id, record);
      scope.use(() => void known.records.delete(id));
    };
  };
  return {
    subscriptions: scope,
    log: world.log.scope(manifest.id),
    ...followSettings(known, world),
    commands: world.commands,
    status: world.status,
    ...(world.surface ? { surface: world.surface } : {}),
    registerAudioInput: register('audioInputs'),
    registerFaceEngine: register('faceEngines'),
    registerVideoOutput: register('videoOutputs'),
    registerAudioOutput: register('audioOutputs'),
    registerCommand: <Args>(command: CommandCode<Args>) => {
      const { id } = command;
      if (!manifest.contributes.commands.some((one) => one.id === id)) throw undeclared(manifest.id, id, 'commands');
      known.commands.set(id, command as CommandCode);
      scope.use(() => void known.commands.delete(id));
    },
    reportLink: (link) => {
      if (known.scope === scope) known.link = link;
    },
  };
}

function followSettings(known: Known, world: PluginWorld): Pick<PluginContext, 'settings' | 'onDidChangeSettings'> {
  const { configuration } = known.manifest.contributes;
  const values = world.settings();
  const settings: Record<string, unknown> = Object.fromEntries(
    Object.entries(configuration).map(([key, { default: byDefault }]) => [key, values[key] ?? byDefault]),
  );
  const changed = known.scope.use(new Emitter<readonly string[]>());
  const following = world.onDidChangeSettings?.((keys) => {
    const mine = keys.filter((key) => configuration[key]?.applies === 'live');
    for (const key of mine) settings[key] = world.settings()[key];
    if (mine.length > 0) changed.fire(mine);
  });
  if (following) known.scope.use(following);
  return { settings, onDidChangeSettings: changed.event };
}

function undeclared(pluginId: string, id: string, point: string): AppError {
  return new AppError('BAD_MANIFEST', `${pluginId} registers ${id}, which its manifest does not declare in ${point}.`);
}
