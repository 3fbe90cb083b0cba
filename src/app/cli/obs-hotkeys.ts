import { findPaths } from '../../base/paths.ts';
import type { HotkeyInstallReport, HotkeyRemovalReport, HotkeyReport } from '../../plugins/obs/hotkey-desk.ts';
import { askDaemon } from '../daemon-address.ts';
import { markOf, printJson, printTable } from './terminal.ts';

/** What has been done, in words. */
const DONE: Readonly<Record<HotkeyInstallReport['how'], string>> = {
  loaded: 'OBS has the script with the hotkeys.',
  added: 'The script with the hotkeys was added to the scene collection of OBS.',
  'by hand': 'The script is ready; a running OBS must be given it by hand:',
  scene: 'OBS has a scene whose items are hotkeys.',
};

/** `musecam obs hotkeys install [--scene]` */
export async function installHotkeys(asScene: boolean, isJson: boolean): Promise<void> {
  const report = (await run('obs.hotkeys.install', { scene: asScene })) as HotkeyInstallReport;
  if (isJson) return printJson(report);
  console.log(`${markOf(report.how === 'by hand' ? 'degraded' : 'ready')} ${DONE[report.how]}`);
  if (report.made && report.made.length > 0) console.log(`  made: ${report.made.join(', ')}`);
  if (report.backup) console.log(`  ${report.collection} was changed; as it was before: ${report.backup}`);
  printSteps(report.steps);
}

/** `musecam obs hotkeys status` */
export async function printHotkeyStatus(isJson: boolean): Promise<void> {
  const report = (await run('obs.hotkeys.status')) as HotkeyReport;
  if (isJson) return printJson(report);
  const { isConnected, loaded = 0, scene, keys, lastPress } = report;
  if (!isConnected) console.log(`${markOf('off')} OBS is not connected: musecam obs status`);
  else if (loaded > 0) console.log(`${markOf('ready')} OBS has the script, with ${loaded} hotkeys.`);
  else if (scene) console.log(`${markOf('ready')} OBS has the scene "${scene.name}", with ${scene.items} hotkeys.`);
  else console.log(`${markOf('off')} OBS has no hotkeys of MuseCam: musecam obs hotkeys install`);
  printTable([
    ['  script', report.scriptPath ?? 'not installed'],
    ['  scene', scene ? `"${scene.name}", ${scene.items} items` : isConnected ? 'none' : 'not known'],
    ['  keys', describeKeys(keys)],
    ['  last press', describePress(lastPress)],
  ]);
}

/** `musecam obs hotkeys remove` */
export async function removeHotkeys(isJson: boolean): Promise<void> {
  const report = (await run('obs.hotkeys.remove')) as HotkeyRemovalReport;
  if (isJson) return printJson(report);
  for (const one of report.removed) console.log(`${markOf('ready')} removed ${one}`);
  if (report.removed.length + report.steps.length === 0) console.log('There are no hotkeys of MuseCam in OBS.');
  if (report.steps.length > 0) console.log(`${markOf('degraded')} Left for you to do:`);
  printSteps(report.steps);
}

function describeKeys(keys: HotkeyReport['keys']): string {
  const bound = Object.entries(keys ?? {}).map(([action, of]) => `${action}: ${of.join(', ')}`);
  // OBS does not tell over its WebSocket which keys are bound.
  const unsaved = 'OBS tells them only when it saves: see Settings → Hotkeys';
  return bound.length > 0 ? `${bound.join('; ')} (as saved last)` : `none saved; ${unsaved}`;
}

function describePress(press: HotkeyReport['lastPress']): string {
  if (!press) return 'none since MuseCam was started';
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(press.at)) / 1000));
  return `${press.action}, ${seconds} s ago, by the ${press.through}${press.problem ? `: ${press.problem}` : ''}`;
}

function printSteps(steps: readonly string[]): void {
  for (const step of steps) console.log(`  → ${step}`);
}

function run(id: string, args: object = {}): Promise<unknown> {
  return askDaemon(findPaths(), `/api/commands/${id}`, args);
}
