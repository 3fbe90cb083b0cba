import { join } from 'node:path';
import type { PluginManifest, PluginPage } from '../api/plugin.ts';
import type { PluginHost } from '../host/plugin-host.ts';

/** Lists the panels of plugins from outside, with where their files are: the same objects for as long as a plugin is loaded. */
export function createPageList(): (host: Pick<PluginHost, 'manifests' | 'folderOf'>) => readonly PluginPage[] {
  // A plugin that is loaded anew has a new manifest.
  const byManifest = new WeakMap<PluginManifest, readonly PluginPage[]>();
  return (host) =>
    host.manifests.flatMap((manifest) => {
      const folder = host.folderOf(manifest.id);
      if (folder === undefined) return [];
      const pages = byManifest.get(manifest) ?? locate(manifest, folder);
      byManifest.set(manifest, pages);
      return pages;
    });
}

function locate({ id: pluginId, contributes }: PluginManifest, folder: string): readonly PluginPage[] {
  return contributes.pages.map(({ id, title, path }) => ({ id, pluginId, title, folder, file: join(folder, path) }));
}
