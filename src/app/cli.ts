#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../base/errors.ts';
import type { ConsentFlags, ImportFlags, PackFlags, RenameFlags } from './cli/avatars.ts';
import type { BenchMusetalkFlags } from './cli/bench-musetalk.ts';
import type { CalibrateFlags } from './cli/calibrate.ts';
import { addCameraCommands } from './cli/camera-commands.ts';
import { addModelCommands } from './cli/model-commands.ts';
import { addObsCommands } from './cli/obs-commands.ts';
import { addPluginCommands } from './cli/plugin-commands.ts';
import type { PrepareFlags } from './cli/prepare.ts';
import type { RenderFlags } from './cli/render.ts';
import { addSettingsCommands } from './cli/settings-commands.ts';
import type { StartFlags } from './cli/start.ts';
import { paint, showCommands } from './cli/terminal.ts';
import { readVersion } from './read-version.ts';

/** Exit codes: 0 done, 1 failed with an AppError, 2 bad usage, 130 ended by Ctrl-C. */
const exitCodes = { failed: 1, usage: 2, interrupted: 130 } as const;

/** How long closing may take after Ctrl-C before the process ends anyway, in ms. */
const CLOSE_DEADLINE_MS = 75_000;

/** From when on another signal counts as a second Ctrl-C, in ms. */
const AGAIN_AFTER_MS = 800;

const abort = new AbortController();
let interruptedMs = Number.POSITIVE_INFINITY;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);

const program = new Command('musecam')
  .description('Gives your voice a face, live, on the machine you own.')
  .version(readVersion())
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

interface JsonFlag {
  readonly json?: boolean;
}

program
  .command('start')
  .description('the daemon: your voice moves an avatar, on the control page and every output')
  .option('--avatar <id>', 'avatar to show')
  .option('--input <input>', 'mic, mic:NAME, wav:PATH, pcm:- or none (default: the best there is)')
  .option('--loop', 'start a sound file again at its end')
  .option('--output <output>', 'v4l2[:DEV], file:PATH.mp4 or web; may be given several times', collect)
  .option('--engine <engine>', 'puppet, musetalk, or auto: the best whose model is installed (default: auto)')
  .option('--seconds <n>', 'stop after that many seconds of show', parseNumber)
  .option('--port <n>', 'port of the control page', parseNumber)
  .option('--size <size>', 'size of the picture, for example 1280x720 (default: that of the avatar)')
  .option('--no-open', 'do not open the control page in a browser')
  .option('--set <key=value>', 'a setting for this run; may be given several times', collect, [])
  .option('--verbose', 'log everything to stderr')
  .action(async (flags: StartFlags) => (await import('./cli/start.ts')).start(flags, abort.signal));

program
  .command('render')
  .description('renders a sound file to a video, off line')
  .requiredOption('--audio <file>', 'sound file (wav)')
  .requiredOption('--out <file>', 'video to write (mp4, mkv, mov, webm)')
  .option('--avatar <id>', 'avatar to show')
  .option('--engine <engine>', 'puppet or musetalk (default: puppet)')
  .option('--frames-json <file>', 'write what every frame shows')
  .option('--size <size>', 'size of the picture, for example 1280x720 (default: that of the avatar)')
  .option('--set <key=value>', 'a setting for this run', collect, [])
  .option('--json', 'print facts as JSON')
  .option('--verbose', 'log everything to stderr')
  .action(async (flags: RenderFlags) => (await import('./cli/render.ts')).renderFile(flags, abort.signal));

program
  .command('prepare')
  .description('turns a photo or a clip into an avatar')
  .argument('<source>', 'photo, clip (mp4, mov, webm, mkv, gif, …), or a folder of pictures')
  .requiredOption('--id <id>', 'id of the new avatar: lower-case letters, digits, hyphens')
  .option('--name <name>', 'name shown in lists')
  .option('--depicts <who>', 'who is shown')
  .option('--consent <statement>', 'who agreed to this use and how, for example "my own face"')
  .option('--licence <licence>', 'licence of the picture')
  .option('--size <size>', 'size of the avatar in pixels (default: 1280x720)')
  .option('--framing <framing>', 'webcam (round the face), or whole (all of the picture, at its own size)')
  .option('--start <seconds>', 'clip: where the part that is used begins', parseNumber)
  .option('--seconds <n>', 'clip: how long the part that is used is, at most 60', parseNumber)
  .option('--motion <motion>', 'clip: auto, loop (the end fades into the beginning) or ping-pong')
  .option('--use <part>', 'clip: whole, or idle (only the calmest stretch with shut lips)')
  .option('--face <n>', 'which face, when there are several, counted from the left', parseNumber)
  .option('--engine <engine>', 'prepare it for this engine, however long that takes; several times', collect)
  .option('--replace', 'replace an avatar with this id')
  .option('--fresh', 'clip: do not go on with what an interrupted run has worked out')
  .option('--json', 'print the manifest as JSON')
  .addOption(new Option('--progress-json', 'progress and result as one JSON object a line').hideHelp())
  .addOption(new Option('--into <folder>', 'folder that gets the avatar').hideHelp())
  .action(async (source: string, flags: PrepareFlags) =>
    (await import('./cli/prepare.ts')).prepareFromCommandLine(source, flags, abort.signal),
  );

const avatars = program.command('avatars').description('the avatars of this machine');
avatars
  .command('list')
  .option('--json', 'print facts as JSON')
  .action(async ({ json }: JsonFlag) => (await import('./cli/avatars.ts')).listAvatars(json === true));
avatars
  .command('show')
  .argument('<id>')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, { json }: JsonFlag) => (await import('./cli/avatars.ts')).showAvatar(id, json === true));
avatars
  .command('check')
  .argument('<id>')
  .description('verifies hashes, sizes and ranges')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, { json }: JsonFlag) =>
    (await import('./cli/avatars.ts')).checkOne(id, json === true, abort.signal),
  );
avatars
  .command('remove')
  .argument('<id>')
  .action(async (id: string) => (await import('./cli/avatars.ts')).removeAvatar(id));
avatars
  .command('rename')
  .argument('<id>')
  .description('gives one of yours another id, another name, or both')
  .option('--id <new>', 'new id')
  .option('--name <name>', 'new name')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, flags: RenameFlags) => (await import('./cli/avatars.ts')).renameAvatar(id, flags));
avatars
  .command('move')
  .argument('<id>')
  .argument('<place>', 'place in the list, the first is 1', parseNumber)
  .description('changes the order of the list')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, place: number, { json }: JsonFlag) =>
    (await import('./cli/avatars.ts')).moveAvatar(id, place, json === true),
  );
avatars
  .command('consent')
  .argument('<id>')
  .description('says who is shown by one of yours and who agreed')
  .requiredOption('--depicts <who>', 'who is shown')
  .requiredOption('--consent <statement>', 'who agreed to this use and how, for example "my own face"')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, flags: ConsentFlags) => (await import('./cli/avatars.ts')).setConsent(id, flags));
avatars
  .command('export')
  .argument('<id>')
  .argument('[file]', 'file to write (default: ID.musecam)')
  .description('packs it into one .musecam file')
  .option('--replace', 'write over a file that is there')
  .option('--json', 'print facts as JSON')
  .action(async (id: string, file: string | undefined, flags: PackFlags) =>
    (await import('./cli/avatars.ts')).exportOne(id, file, flags, abort.signal),
  );
avatars
  .command('import')
  .argument('<source>', 'a .musecam file, or a folder prepared by MuseTalk (results/v15/avatars/ID)')
  .description("takes an avatar out of a .musecam file, or takes over one of MuseTalk's own")
  .option('--id <id>', 'another id than the one it has there')
  .option('--name <name>', 'folder: name shown in lists')
  .option('--depicts <who>', 'folder: who is shown')
  .option('--consent <statement>', 'folder: who agreed to this use and how, for example "my own face"')
  .option('--licence <licence>', 'folder: licence of the pictures')
  .option('--fresh', 'folder: do not go on with what an interrupted run has worked out')
  .option('--replace', 'replace one of yours that has this id')
  .option('--json', 'print facts as JSON')
  .action(async (source: string, flags: ImportFlags) =>
    (await import('./cli/avatars.ts')).importOne(source, flags, abort.signal),
  );
avatars
  .command('use')
  .argument('<id>')
  .description('shows it in the running daemon')
  .action(async (id: string) => (await import('./cli/live-commands.ts')).swapAvatar('avatar.use', { id }));
avatars
  .command('next')
  .description('shows the next one in the running daemon')
  .action(async () => (await import('./cli/live-commands.ts')).swapAvatar('avatar.next', {}));

program
  .command('calibrate')
  .description('measures how far voice and picture are apart where other programs get them')
  .option('--seconds <n>', 'how long it measures (default: 20)', parseNumber)
  .option('--camera <device>', "another virtual camera to look at, for example OBS's: /dev/video2")
  .option('--apply', 'keep what would make them meet in the settings')
  .option('--output <output>', 'without a running show: v4l2[:DEV] or obs; may be given several times', collect)
  .option('--engine <engine>', 'without a running show: puppet, musetalk or auto')
  .option('--set <key=value>', 'without a running show: a setting; may be given several times', collect, [])
  .option('--json', 'print facts as JSON')
  .action(async (flags: CalibrateFlags) =>
    (await import('./cli/calibrate.ts')).calibrateFromCommandLine(flags, abort.signal),
  );

addModelCommands(program, abort.signal);
addObsCommands(program);
addSettingsCommands(program);
addCameraCommands(program, abort.signal);
addPluginCommands(program);

program
  .command('devices')
  .description('microphones, virtual cameras, inference providers')
  .option('--json', 'print facts as JSON')
  .action(async ({ json }: JsonFlag) => (await import('./cli/devices.ts')).printDevices(json === true, abort.signal));

program
  .command('doctor')
  .description('checks every link and prints the command that repairs it')
  .option('--json', 'print facts as JSON')
  .action(async ({ json }: JsonFlag) => (await import('./cli/doctor.ts')).runDoctor(json === true, abort.signal));

program
  .command('status')
  .description('what the running daemon shows and how well')
  .option('--json', 'print facts as JSON')
  .action(async ({ json }: JsonFlag) => (await import('./cli/live-commands.ts')).printStatus(json === true));

program
  .command('run')
  .description('runs a command of the running daemon')
  .argument('<command>', 'for example avatar.use')
  .argument('[args]', 'arguments as JSON')
  .option('--json', 'print the answer as JSON')
  .action(async (id: string, args: string | undefined, { json }: JsonFlag) =>
    (await import('./cli/live-commands.ts')).runCommand(id, args, json === true),
  );

program
  .command('commands')
  .description('the actions of the running daemon')
  .command('list')
  .option('--json', 'print facts as JSON')
  .action(async ({ json }: JsonFlag) => (await import('./cli/live-commands.ts')).listCommands(json === true));

const bench = program
  .command('bench')
  .description('the repeatable benchmarks')
  .option('--json <file>', 'write the figures as JSON')
  .action(async ({ json }: { json?: string }) => (await import('./cli/bench.ts')).runBench(json));
bench
  .command('musetalk')
  .description("times MuseTalk's networks on this machine, with random weights where no model is installed")
  .addOption(
    new Option('--provider <provider>', 'what they run on').choices(['cuda', 'webgpu', 'cpu', 'all']).default('all'),
  )
  .addOption(
    new Option('--precision <precision>', 'of their numbers (default: fp32 on a processor, both elsewhere)').choices([
      ...['fp16', 'fp32', 'all'],
    ]),
  )
  .option(
    '--batch <list>',
    'faces made at once, for example 1,2 (default: 1 on a processor, else 1,2,4,8)',
    parseCounts,
  )
  .option('--runs <n>', 'calls of each stage, fewer where they take long (default: 10 or 100)', parseCount)
  .option('--json <file>', 'write the figures as JSON')
  .option('--keep <folder>', 'keep the random networks there (5.5 GB) and take them from there the next time')
  .option('--random', 'random weights even if a model is installed')
  // Commander gives a --json that both know to the outer one.
  .action(async (_flags: unknown, command: Command) =>
    (await import('./cli/bench-musetalk.ts')).benchMusetalkFromCommandLine(
      command.optsWithGlobals<BenchMusetalkFlags>(),
      abort.signal,
    ),
  );

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(thrown);
}
// Native libraries may keep threads; everything of ours has been closed by now.
process.exit();

/** Prints what went wrong, the way a person can use it, and says with which code to end. */
function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage;
  if (thrown instanceof AppError) {
    if (thrown.code === 'INTERRUPTED') return exitCodes.interrupted;
    console.error(`${paint('red', '✖')} ${thrown.message} [${thrown.code}]`);
    if (thrown.fix) console.error(`  → ${showCommands(thrown.fix)}`);
    return exitCodes.failed;
  }
  console.error('This is a bug in MuseCam; please report it with the lines below.');
  console.error(thrown);
  return exitCodes.failed;
}

/** The first Ctrl-C closes everything in order; a second one, or closing that takes too long, ends at once. */
function interrupt(): void {
  // One Ctrl-C can arrive twice: from the terminal, and passed on by the npm script that started us.
  if (performance.now() - interruptedMs > AGAIN_AFTER_MS) process.exit(exitCodes.interrupted);
  if (abort.signal.aborted) return;
  interruptedMs = performance.now();
  abort.abort(new AppError('INTERRUPTED', 'Interrupted.'));
  setTimeout(() => process.exit(exitCodes.interrupted), CLOSE_DEADLINE_MS).unref();
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') throw new InvalidArgumentError('Not a number.');
  return value;
}

function parseCount(text: string): number {
  const value = parseNumber(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('Not a count.');
  return value;
}

function parseCounts(text: string): readonly number[] {
  return text.split(',').map(parseCount);
}
