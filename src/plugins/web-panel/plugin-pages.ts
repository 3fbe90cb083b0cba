import { basename } from 'node:path';
import type { PluginPage } from '../../api/plugin.ts';
import { createToken } from './door.ts';

/** Where panels of plugins lie on the server. */
export const PANELS_PATH = '/panels/';
/** A panel's folder: the key is 32 random bytes. */
const IN_PANEL = /^\/panels\/([\w-]{43})\//;

/** A panel as the control page shows it. */
export interface PanelSummary {
  readonly id: string;
  readonly pluginId: string;
  readonly title: string;
  /** Path of its HTML file on this server. */
  readonly url: string;
}

/**
 * Panels of plugins under keys that nobody guesses: a sandboxed document sends no cookie, so the path itself is what
 * lets it in. A plugin that is loaded anew gets new keys, and the old ones open nothing.
 */
export class PluginPages {
  readonly #list: () => readonly PluginPage[];
  readonly #keys = new WeakMap<PluginPage, string>();

  /** @param list panels that there are now: the same objects for as long as their plugin is loaded. */
  constructor(list: () => readonly PluginPage[]) {
    this.#list = list;
  }

  /** Panels that there are now. */
  list(): readonly PanelSummary[] {
    return this.#list().map((page) => {
      const { id, pluginId, title, file } = page;
      return { id, pluginId, title, url: `${PANELS_PATH}${this.#keyOf(page)}/${basename(file)}` };
    });
  }

  /** The panel that has this key; undefined where none has. */
  find(key: string): PluginPage | undefined {
    return this.#list().find((page) => this.#keys.get(page) === key);
  }

  /** Whether a path of a request, without its query, lies in the folder of a panel that there is now. */
  owns(path: string): boolean {
    const key = IN_PANEL.exec(path)?.[1];
    return key !== undefined && this.find(key) !== undefined;
  }

  #keyOf(page: PluginPage): string {
    const key = this.#keys.get(page) ?? createToken();
    this.#keys.set(page, key);
    return key;
  }
}
