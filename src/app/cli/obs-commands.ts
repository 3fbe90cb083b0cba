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
    .option('--browser', "through OBS's Browser Source, where it has one")
    .option('--json', 'print facts as JSON')
    .action(async ({ browser, json }: JsonFlag & { browser?: boolean }) =>
      (await import('./obs.ts')).setUpObs(browser === true, json === true),
    );
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
  addHotkeyCommands(obs.command('hotkeys').description("MuseCam's actions as hotkeys of OBS"));
  obs
    .command('microphone')
    .argument('[input]', 'name of a microphone in OBS')
    .description('keeps the sync offset of a microphone in OBS as late as the picture; without a name: which one')
    .option('--off', 'leaves all of them alone, as they were')
    .option('--json', 'print facts as JSON')
    .action(async (input: string | undefined, { off, json }: JsonFlag & { off?: boolean }) =>
      (await import('./obs.ts')).syncObsMicrophone(input, off === true, json === true),
    );
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

function addHotkeyCommands(hotkeys: Command): void {
  hotkeys
    .command('install')
    .description('brings a script with the hotkeys into OBS, or says what to click')
    .option('--scene', 'as the items of a scene instead, for an OBS that runs no scripts')
    .option('--json', 'print facts as JSON')
    .action(async ({ scene, json }: JsonFlag & { scene?: boolean }) =>
      (await import('./obs-hotkeys.ts')).installHotkeys(scene === true, json === true),
    );
  hotkeys
    .command('status')
    .description('whether OBS has the hotkeys, their keys, and the last press')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./obs-hotkeys.ts')).printHotkeyStatus(json === true));
  hotkeys
    .command('remove')
    .description('takes the hotkeys out of OBS')
    .option('--json', 'print facts as JSON')
    .action(async ({ json }: JsonFlag) => (await import('./obs-hotkeys.ts')).removeHotkeys(json === true));
}
