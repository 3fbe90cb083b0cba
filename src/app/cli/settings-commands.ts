import type { Command } from 'commander';

/** Adds `musecam settings …`. What it does is loaded when it is called. */
export function addSettingsCommands(program: Command): void {
  const settings = program.command('settings').description('the settings of this user');
  settings
    .command('list')
    .argument('[word]', 'only those with this word in key or description')
    .option('--json', 'print facts as JSON')
    .action(async (word: string | undefined, { json }: { readonly json?: boolean }) =>
      (await import('./settings.ts')).listSettings(word, json === true),
    );
  settings
    .command('get')
    .argument('<key>')
    .action(async (key: string) => (await import('./settings.ts')).getSetting(key));
  settings
    .command('set')
    .argument('<key>', 'for example puppet.idle')
    .argument('<value>')
    .description('keeps a value; what shows at once is changed in a show that runs')
    .action(async (key: string, value: string) => (await import('./settings.ts')).setSetting(key, value));
  settings
    .command('reset')
    .argument('<key>')
    .description('back to the default')
    .action(async (key: string) => (await import('./settings.ts')).resetSetting(key));
  settings
    .command('path')
    .description('where the file is')
    .action(async () => (await import('./settings.ts')).printSettingsPath());
}
