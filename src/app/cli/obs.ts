import { findPaths } from '../../base/paths.ts';
import type { ObsReport } from '../../plugins/obs/control.ts';
import type { RemovalReport, SetupReport } from '../../plugins/obs/furniture.ts';
import type { MicrophoneReport } from '../../plugins/obs/microphone-sync.ts';
import { askDaemon } from '../daemon-address.ts';
import { markOf, printJson, printTable } from './terminal.ts';

/** `musecam obs setup` */
export async function setUpObs(browser: boolean, isJson: boolean): Promise<void> {
  const report = (await run('obs.setup', { browser })) as SetupReport;
  if (isJson) return printJson(report);
  const how = { camera: 'through the virtual camera', stream: 'as a stream', page: 'as a page' }[report.via];
  console.log(`${markOf('ready')} OBS shows the avatar in scene "${report.scene}", source "${report.input}", ${how}.`);
  if (report.changes.length === 0) console.log('  Nothing had to be changed.');
  for (const change of report.changes) console.log(`  ${change}`);
}

/** `musecam obs status` */
export async function printObsStatus(isJson: boolean): Promise<void> {
  const report = (await run('obs.status')) as ObsReport;
  if (isJson) return printJson(report);
  const { link, map } = report;
  console.log(`${markOf(link.state)} ${link.detail ?? link.label}`);
  if (link.fix) console.log(`  → ${link.fix}`);
  if (report.version !== undefined) {
    const { studioMode, camera } = report;
    printTable([
      ['  picture', describeSetup(report.setup)],
      ['  studio mode', studioMode ? 'on: the program scene counts' : 'off'],
      ['  virtual camera', camera === undefined ? 'none on this machine' : camera ? 'on' : 'off'],
    ]);
  }
  for (const [scene, avatar] of Object.entries(map)) console.log(`  scene "${scene}" shows ${avatar}`);
}

function describeSetup(setup: ObsReport['setup']): string {
  if (setup === undefined || setup.inputs.length === 0) return 'not set up: musecam obs setup';
  return `source "${setup.inputs.join('", "')}"${setup.scene === undefined ? '' : ` in scene "${setup.scene}"`}`;
}

/** `musecam obs remove` */
export async function removeFromObs(isJson: boolean): Promise<void> {
  const report = (await run('obs.remove')) as RemovalReport;
  if (isJson) return printJson(report);
  for (const one of report.removed) console.log(`${markOf('ready')} removed ${one}`);
  for (const one of report.kept) console.log(`${markOf('degraded')} kept ${one}`);
  if (report.removed.length + report.kept.length === 0) console.log('There is nothing of MuseCam in OBS.');
}

/** `musecam obs camera start|stop` */
export async function setObsCamera(on: boolean): Promise<void> {
  await run('obs.camera', { on });
  console.log(`${markOf('ready')} OBS's virtual camera is ${on ? 'on' : 'off'}.`);
}

/** `musecam obs map SCENE AVATAR` */
export async function mapScene(scene: string, avatar: string): Promise<void> {
  await run('obs.map', { scene, avatar });
  console.log(`${markOf('ready')} Scene "${scene}" shows ${avatar}.`);
}

/** `musecam obs unmap SCENE` */
export async function unmapScene(scene: string): Promise<void> {
  await run('obs.unmap', { scene });
  console.log(`${markOf('ready')} Scene "${scene}" no longer chooses the avatar.`);
}

/** `musecam obs microphone [INPUT] [--off]` */
export async function syncObsMicrophone(input: string | undefined, off: boolean, isJson: boolean): Promise<void> {
  const report = (await run('obs.microphone', { ...(input === undefined ? {} : { input }), off })) as MicrophoneReport;
  if (isJson) return printJson(report);
  if (report.input !== undefined) {
    const offset = report.offsetMs === undefined ? 'as soon as there is a picture' : `${report.offsetMs} ms`;
    console.log(`${markOf('ready')} The sync offset of "${report.input}" follows the picture: ${offset}.`);
    return;
  }
  console.log('No input of OBS follows the picture.');
  for (const name of report.inputs) console.log(`  musecam obs microphone "${name}"`);
}

function run(id: string, args: object = {}): Promise<unknown> {
  return askDaemon(findPaths(), `/api/commands/${id}`, args);
}
