import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { type Plugin, pluginIdSchema } from '../api/plugin.ts';
import { AppError, messageOf, systemCodeOf } from '../base/errors.ts';
import { findNodeEntry } from '../base/node-entry.ts';
import type { Paths } from '../base/paths.ts';
import { lendApi } from '../host/lend-api.ts';
import type { DeclaredPlugin } from '../host/plugin-host.ts';
import { type PluginPackage, readPlugin } from '../host/read-plugin.ts';
import { createRemotePlugin } from '../host/remote-plugin.ts';
import { embeddedEngine } from './choose-engines.ts';
import { readVersion } from './read-version.ts';

const entrySchema = z.object({ id: pluginIdSchema, path: z.string().min(1), enabled: z.boolean().default(true) });
const fileSchema = z.object({ plugins: z.array(entrySchema) });

/** A plugin from outside that this machine knows. */
export interface InstalledPlugin {
  readonly id: string;
  /** Absolute path of its folder. */
  readonly path: string;
  readonly enabled: boolean;
  /** What its package.json says; undefined where that is of no use. */
  readonly package: PluginPackage | undefined;
  /** Why it is of no use. */
  readonly problem: AppError | undefined;
}

/**
 * Where a plugin's code runs: in a process of its own; or in this one, which is right for processes that hold nothing
 * else, such as the engine host.
 */
export type PluginPlace = 'process' | 'here';

const pluginEntry = findNodeEntry(import.meta.url, './plugin-host-process');

/** Where the list of plugins from outside is kept. */
function pluginsPath(paths: Pick<Paths, 'config'>): string {
  return join(paths.config, 'plugins.json');
}

/** The plugins from outside, in the order they were added, read anew. @throws AppError PLUGINS_DAMAGED. */
export function readInstalledPlugins(paths: Pick<Paths, 'config'>): readonly InstalledPlugin[] {
  return readEntries(paths).map((entry) => {
    try {
      const read = readPlugin(entry.path, readVersion());
      if (read.manifest.id === entry.id) return { ...entry, package: read, problem: undefined };
      throw new AppError('BAD_MANIFEST', `${entry.path} is ${read.manifest.id} now, no longer ${entry.id}.`);
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      return { ...entry, package: undefined, problem: thrown };
    }
  });
}

/**
 * Those that are enabled and of use, for the plugin host.
 * @param onProblem told why one is left out; without an id: all of them.
 */
export function declareInstalled(
  paths: Pick<Paths, 'config'>,
  place: PluginPlace,
  onProblem: (words: string, id?: string) => void = () => {},
): readonly DeclaredPlugin[] {
  try {
    return readInstalledPlugins(paths)
      .filter(({ enabled }) => enabled)
      .flatMap(({ id, package: read, problem }) => {
        if (problem) onProblem(problem.message, id);
        return read ? [declarePlugin(read, place)] : [];
      });
  } catch (thrown) {
    onProblem(messageOf(thrown));
    return [];
  }
}

/** Adds the plugin in a folder to the list, or moves it there. @throws AppError NO_PLUGIN, BAD_MANIFEST, PLUGIN_VERSION. */
export function addPlugin(paths: Pick<Paths, 'config'>, folder: string): PluginPackage {
  const read = readPlugin(resolve(folder), readVersion());
  const { id } = read.manifest;
  const others = readEntries(paths).filter((entry) => entry.id !== id);
  writeEntries(paths, [...others, { id, path: read.folder, enabled: true }]);
  return read;
}

/** Takes a plugin off the list; its folder stays as it is. @throws AppError NO_SUCH_PLUGIN. */
export function removePlugin(paths: Pick<Paths, 'config'>, id: string): InstalledPlugin {
  const found = findInstalled(paths, id);
  const others = readEntries(paths).filter((entry) => entry.id !== id);
  writeEntries(paths, others);
  return found;
}

/** Lets a plugin count, or not. @throws AppError NO_SUCH_PLUGIN. */
export function enablePlugin(paths: Pick<Paths, 'config'>, id: string, enabled: boolean): InstalledPlugin {
  findInstalled(paths, id);
  const entries = readEntries(paths).map((entry) => (entry.id === id ? { ...entry, enabled } : entry));
  writeEntries(paths, entries);
  return findInstalled(paths, id);
}

/** A plugin from outside as the plugin host knows it. */
export function declarePlugin({ manifest, folder, main }: PluginPackage, place: PluginPlace): DeclaredPlugin {
  const faceEngines = manifest.contributes.faceEngines.map((engine) => ({ fallback: embeddedEngine, ...engine }));
  const declared = { ...manifest, contributes: { ...manifest.contributes, faceEngines } };
  return {
    manifest: declared,
    folder,
    load: async (report) => {
      if (place === 'process') {
        return { default: createRemotePlugin({ manifest: declared, main, entry: pluginEntry, report }) };
      }
      lendApi();
      return (await import(pathToFileURL(main).href)) as { readonly default: Plugin };
    },
  };
}

/** The plugin of this id. @throws AppError NO_SUCH_PLUGIN. */
export function findInstalled(paths: Pick<Paths, 'config'>, id: string): InstalledPlugin {
  const found = readInstalledPlugins(paths).find((one) => one.id === id);
  if (found) return found;
  throw new AppError('NO_SUCH_PLUGIN', `No plugin ${id} was added.`, { fix: 'List them: musecam plugins list' });
}

function readEntries(paths: Pick<Paths, 'config'>): readonly z.infer<typeof entrySchema>[] {
  const path = pluginsPath(paths);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return [];
    throw damaged(path, thrown);
  }
  try {
    return fileSchema.parse(JSON.parse(text)).plugins;
  } catch (thrown) {
    throw damaged(path, thrown);
  }
}

function damaged(path: string, cause: unknown): AppError {
  const why = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
  return new AppError('PLUGINS_DAMAGED', `${path} is not understood: ${why}`, {
    cause,
    fix: 'Repair it or delete it, then add the plugins again: musecam plugins add FOLDER',
  });
}

function writeEntries(paths: Pick<Paths, 'config'>, plugins: readonly z.infer<typeof entrySchema>[]): void {
  const path = pluginsPath(paths);
  mkdirSync(paths.config, { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify({ plugins }, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
