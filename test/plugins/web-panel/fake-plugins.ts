import { join } from 'node:path';
import { z } from 'zod';
import type { PluginPage } from '../../../src/api/plugin.ts';
import type { PluginSummary } from '../../../src/app/plugin-desk.ts';
import { AppError } from '../../../src/base/errors.ts';
import type { CommandTable } from '../../../src/host/commands.ts';

/** A plugin as the stand has it: what lists show, and a panel where it has one. */
export type FakePlugin = PluginSummary & { readonly page?: PluginPage };

/** Plugins of a stand: they are listed, come and go as in a show, and none of their code runs. */
export class FakePlugins {
  readonly #plugins = new Map<string, FakePlugin>();

  /** Puts one on the shelf, or another in its place. */
  put(plugin: Partial<PluginSummary> & { readonly id: string; readonly page?: PluginPage }): void {
    const about = { title: plugin.id, version: '1.0.0', folder: undefined, state: 'ready' as const, reason: '' };
    this.#plugins.set(plugin.id, { ...about, offers: [], ...plugin });
  }

  /** One from outside with a panel: its HTML file at `path` in `folder`. */
  putPanel(id: string, folder: string, path = 'panel/index.html'): void {
    const page = { id: `${id}.panel`, pluginId: id, title: `Panel of ${id}`, folder, file: join(folder, path) };
    this.put({ id, folder, page, offers: [`page "${page.title}"`] });
  }

  take(id: string): void {
    this.#plugins.delete(id);
  }

  get pages(): readonly PluginPage[] {
    return [...this.#plugins.values()].flatMap(({ page, reason }) => (page && reason !== 'disabled' ? page : []));
  }

  /** Registers what a show has for plugins; each tells `ran` what was asked. */
  register(commands: CommandTable, ran: (id: string, args: unknown) => void): void {
    const about = z.object({ id: z.string() });
    const find = (id: string) => {
      const plugin = this.#plugins.get(id);
      if (!plugin) throw new AppError('NO_SUCH_PLUGIN', `There is no plugin ${id}.`, { fix: 'musecam plugins list' });
      return plugin;
    };
    const add = <Args extends { id: string }>(id: string, args: z.ZodType<Args>, run: (args: Args) => unknown) =>
      commands.register({
        ...{ id, title: id, args, category: 'Plugins' },
        run: async (given) => {
          ran(id, given);
          return run(given);
        },
      });
    commands.register({
      ...{ id: 'plugins.list', title: 'plugins.list', args: z.object({}), category: 'Plugins' },
      run: async () => ({ plugins: [...this.#plugins.values()].map(({ page: _, ...summary }) => summary) }),
    });
    add('plugins.enable', about.extend({ on: z.boolean() }), ({ id, on }) =>
      this.put({ ...find(id), ...(on ? { state: 'ready', reason: '' } : { state: 'off', reason: 'disabled' }) }),
    );
    add('plugins.reload', about, ({ id }) => {
      const { page, ...summary } = find(id);
      if (id === 'broken') throw new AppError('BAD_MANIFEST', 'package.json: contributes: unknown key "comands"');
      this.put({ ...summary, state: 'ready', reason: '', ...(page ? { page: { ...page } } : {}) });
    });
    add('plugins.remove', about, ({ id }) => this.take(find(id).id));
  }
}
