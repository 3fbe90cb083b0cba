import { type Command, Option } from 'commander';
import type { InstallFlags } from './models.ts';

interface JsonFlag {
  readonly json?: boolean;
}

/** Adds `musecam models …`. What it does is loaded when it is called. */
export function addModelCommands(program: Command, signal: AbortSignal): void {
  const models = program.command('models').description('neural networks that are fetched only when you want them');
  models
    .command('list')
    .description('what there is, what is installed, how large it is')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./models.ts')).printModels(json === true));
  models
    .command('install')
    .argument('<id>')
    .description('fetches the weights, checks them and converts them for this program')
    .option('--from <place>', "a folder or an address laid out as MuseTalk's own models folder (default: Hugging Face)")
    .option('--accept-licence', 'accept the licences that are shown otherwise')
    .addOption(
      new Option('--precision <precision>', 'fp16 (GPUs), fp32 (processors, and what GPUs are checked with), or both')
        .choices(['fp16', 'fp32', 'both'])
        .default('both'),
    )
    .option('--keep-sources', 'keep the fetched weights beside what they are converted into')
    .option('--json', 'print facts as JSON')
    .action(async (id: string, flags: InstallFlags) => (await import('./models.ts')).installOne(id, flags, signal));
  models
    .command('verify')
    .argument('[id]')
    .description('reads every file of one model, or of all, and compares its SHA-256')
    .option('--json', 'print facts as JSON')
    .action(async (id: string | undefined, { json }: JsonFlag) =>
      (await import('./models.ts')).verifyModels(id, json === true, signal),
    );
  models
    .command('remove')
    .argument('<id>')
    .description('deletes it, with what an interrupted installation has left')
    .option('--json', 'print facts as JSON')
    .action(async (id: string, { json }: JsonFlag) => (await import('./models.ts')).removeOne(id, json === true));
  models
    .command('path')
    .argument('<id>')
    .description('prints the folder it is in')
    .option('--json', 'print facts as JSON')
    .action(async (id: string, { json }: JsonFlag) => (await import('./models.ts')).printPath(id, json === true));
}
