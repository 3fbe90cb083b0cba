import type { Command } from 'commander';

interface JsonFlag {
  readonly json?: boolean;
}

/** Adds `musecam plugins …`. */
export function addPluginCommands(program: Command): void {
  const plugins = program
    .command('plugins')
    .description('what is built in and what you added: inputs, engines, outputs');
  plugins
    .command('list')
    .description('all plugins and how they are doing')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await load()).listPlugins(json === true));
  plugins
    .command('add')
    .description('adds the plugin in a folder, also to a show that runs')
    .argument('<folder>', 'folder with its package.json')
    .option('--json', 'print facts as JSON')
    .action(async (folder: string, { json }: JsonFlag) => (await load()).addFromFolder(folder, json === true));
  plugins
    .command('remove')
    .description('takes a plugin out; its folder stays')
    .argument('<id>')
    .action(async (id: string) => (await load()).removeById(id));
  plugins
    .command('enable')
    .description('lets a plugin count again')
    .argument('<id>')
    .action(async (id: string) => (await load()).setEnabled(id, true));
  plugins
    .command('disable')
    .description('leaves a plugin out, without forgetting it')
    .argument('<id>')
    .action(async (id: string) => (await load()).setEnabled(id, false));
  plugins
    .command('reload')
    .description('starts a plugin of the running show anew, as its folder is now')
    .argument('<id>')
    .action(async (id: string) => (await load()).reload(id));
  plugins
    .command('new')
    .description('makes a plugin that works at once, with its test')
    .argument('<id>', 'lower-case letters, digits, hyphens')
    .option('--dir <folder>', 'where its folder is made (default: here)')
    .action(async (id: string, { dir }: { dir?: string }) => (await load()).newPlugin(id, dir));
}

const load = () => import('./plugins.ts');
