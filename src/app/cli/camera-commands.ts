import type { Command } from 'commander';
import type { ChangeFlags } from './camera.ts';

interface JsonFlag {
  readonly json?: boolean;
}

/** Adds `musecam camera …`. What it does is loaded when it is called. */
export function addCameraCommands(program: Command, signal: AbortSignal): void {
  const camera = program.command('camera').description('the virtual camera of this machine (Linux)');
  camera
    .command('setup')
    .description('makes the camera MuseCam, now and after every start; shows what it will do and asks')
    .option('--second', 'a camera for another program too (OBS), or ours beside one that is configured already')
    .option('--yes', 'do not ask')
    .action(async (flags: ChangeFlags) => (await import('./camera.ts')).setUpCamera(flags, signal));
  camera
    .command('remove')
    .description('takes away what setup has made, and nothing else; shows what it will do and asks')
    .option('--yes', 'do not ask')
    .action(async (flags: ChangeFlags) => (await import('./camera.ts')).removeCamera(flags, signal));
  camera
    .command('status')
    .description('every camera device, what it is, and who uses it')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./camera.ts')).printCameraStatus(json === true));
}
