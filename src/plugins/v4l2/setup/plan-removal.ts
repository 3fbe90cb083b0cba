import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linuxOnly } from '../failures.ts';
import { describeHolders } from '../holders.ts';
import { type Change, findOccupants } from './change.ts';
import { devicesOf, isOurs, OUR_LOAD_FILE, OUR_OPTION_FILES, readModuleConfig } from './module-config.ts';
import { readNodes } from './nodes.ts';
import type { System } from './system.ts';

/**
 * Works out how what setup has made goes away again: our files, and the module where it is loaded as they say and nobody
 * uses it. Changes nothing. Files of others stay, also under our names.
 * @throws AppError V4L2_LINUX_ONLY.
 */
export async function planRemoval({ machine }: System): Promise<Change> {
  if (machine.platform !== 'linux') throw linuxOnly(machine.platform);
  const notes: string[] = [];
  const files: { path: string; text: undefined }[] = [];
  for (const name of [OUR_LOAD_FILE, ...OUR_OPTION_FILES]) {
    const text = await readFile(join(machine.root, name), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    if (isOurs(text)) files.push({ path: `/${name}`, text: undefined });
    else notes.push(`/${name} was not written by MuseCam and stays.`);
  }
  const { optionFiles, loadFiles } = await readModuleConfig(machine.root);
  const ours = optionFiles.find((file) => file.isOurs);
  const nodes = await readNodes(machine);
  const isOurModule =
    ours !== undefined &&
    devicesOf(ours.options).every(({ number, label }) =>
      nodes.some((node) => node.number === number && node.label === label && node.can !== undefined),
    );
  if (!isOurModule) return { files, commands: [], notes, cameras: [] };
  const occupants = findOccupants(nodes);
  if (occupants.length > 0) {
    const who = occupants.map(({ path, users }) => `${path} is open in ${describeHolders(users)}`).join(', ');
    notes.push(`The camera itself stays until the next start of this computer, because ${who}.`);
    return { files, commands: [], notes, cameras: [] };
  }
  const commands = [['modprobe', '-r', 'v4l2loopback']];
  const isOthers = loadFiles.some((file) => !file.isOurs);
  if (isOthers) {
    commands.push(['modprobe', 'v4l2loopback']);
    notes.push('The module is loaded again, the way others configured it.');
  }
  return { files, commands, notes, cameras: [] };
}
