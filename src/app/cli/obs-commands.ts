import { Argument, type Command } from 'commander';

interface JsonFlag {
  readonly json?: boolean;
}

/** Adds `musecam obs …`. What it does is loaded when it is called. */
export function addObsCommands(program: Command): void {
  const obs = program.command('obs').description('OBS Studio on this machine, through the running daemon');
  obs
    .command('setup')
    .description('makes the scene MuseCam in OBS with the avatar in it, or repairs it')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./obs.ts')).setUpObs(json === true));
  obs
    .command('status')
    .description('whether OBS is connected, its scene, and which scenes choose an avatar')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./obs.ts')).printObsStatus(json === true));
  obs
    .command('remove')
    .description('takes out of OBS what setup has made, and nothing else')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./obs.ts')).removeFromObs(json === true));
  obs
    .command('camera')
    .addArgument(new Argument('<what>', "OBS's own virtual camera").choices(['start', 'stop']))
    .description("starts or stops OBS's virtual camera")
    .action(async (what: string) => (await import('./obs.ts')).setObsCamera(what === 'start'));
  obs
    .command('map')
    .argument('<scene>', 'name of a scene in OBS')
    .argument('<avatar>', 'id of the avatar')
    .description('shows that avatar whenever the scene is on')
    .action(async (scene: string, avatar: string) => (await import('./obs.ts')).mapScene(scene, avatar));
  obs
    .command('unmap')
    .argument('<scene>')
    .description('lets the scene no longer choose the avatar')
    .action(async (scene: string) => (await import('./obs.ts')).unmapScene(scene));
}
