import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linuxOnly } from '../failures.ts';
import { readExclusiveCaps } from '../scan.ts';
import { type Change, findOccupants } from './change.ts';
import { chooseDevices } from './choose-devices.ts';
import { inUse, moduleMissing, setupFailed } from './failures.ts';
import { type ConfiguredDevice, isOurs, OUR_LOAD_FILE, readModuleConfig, writeLoadFile } from './module-config.ts';
import { explainSigning, installCommand, readModuleState, rebuildCommand, refusesUnsigned } from './module-state.ts';
import { readNodes, type VideoNode } from './nodes.ts';
import type { System } from './system.ts';

/** What a setup is asked for. */
export interface SetupOptions {
  /** A camera for another program (OBS) beside ours, or ours beside the one that another configuration makes. */
  readonly second: boolean;
}

/**
 * Works out what makes the virtual camera there, now and after every start; changes nothing. What others configured for
 * the module stays as it is: a camera of theirs that browsers list is used, and one of our own beside it is made on request.
 * @throws AppError V4L2_LINUX_ONLY, V4L2_MODULE_MISSING, V4L2_OPTIONS_ELSEWHERE, V4L2_IN_USE, V4L2_SETUP_FAILED.
 */
export async function planSetup(system: System, { second }: SetupOptions): Promise<Change> {
  const { machine } = system;
  if (machine.platform !== 'linux') throw linuxOnly(machine.platform);
  const notes: string[] = [];
  const isLoaded = await expectModule(system, notes);
  const config = await readModuleConfig(machine.root);
  const nodes = await readNodes(machine);
  const { devices, file, notes: remarks } = await chooseDevices(config, nodes, second, machine.root);
  notes.push(...remarks);
  const files = file && (await isNew(machine.root, file)) ? [file] : [];
  if (!config.loadFiles.some((load) => !load.isOurs)) {
    const load = { path: `/${OUR_LOAD_FILE}`, text: writeLoadFile() };
    if (await isNew(machine.root, load)) files.push(load);
  }
  const isBarred = config.optionFiles.find(({ isBlacklist }) => isBlacklist);
  if (isBarred)
    notes.push(`${isBarred.path} bars the module from being loaded at the start; take that line out there.`);
  const commands = await planLoading(devices, nodes, isLoaded, system, notes);
  const cameras = devices.flatMap(({ number, label = '' }) =>
    number === undefined ? [] : [{ path: join(machine.dev, `video${number}`), label }],
  );
  return { files, commands, notes, cameras };
}

/** Whether the module is loaded. @throws AppError V4L2_MODULE_MISSING where it could not be. */
async function expectModule({ machine }: System, notes: string[]): Promise<boolean> {
  const state = await readModuleState(machine);
  if (state.at === 'missing')
    throw moduleMissing('The kernel module v4l2loopback is not installed.', await installCommand(machine));
  if (state.at === 'other-kernel') {
    const built = `v4l2loopback is built for kernel ${state.kernels.join(', ')}, and this is ${state.kernel}.`;
    throw moduleMissing(built, await rebuildCommand(machine));
  }
  if (state.at === 'installed' && (await refusesUnsigned(machine)))
    notes.push(`Secure Boot is on. If the kernel refuses the module: ${await explainSigning(machine)}`);
  return state.at === 'loaded';
}

async function isNew(root: string, { path, text }: { path: string; text: string }): Promise<boolean> {
  const there = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (there !== undefined && !isOurs(there)) throw setupFailed(`${path} is there and was not written by MuseCam.`);
  return there !== text;
}

/** Load, load anew, or nothing where the module is loaded as it should be. */
async function planLoading(
  devices: readonly ConfiguredDevice[],
  nodes: readonly VideoNode[],
  isLoaded: boolean,
  { machine, isRoot }: System,
  notes: string[],
): Promise<readonly (readonly string[])[]> {
  const load = ['modprobe', 'v4l2loopback'];
  if (!isLoaded) return [load];
  const loopbacks = nodes.filter(({ kind }) => kind === 'musecam' || kind === 'loopback');
  const isRight = await Promise.all(devices.map((device) => isThere(device, loopbacks)));
  if (isRight.every(Boolean)) return [];
  const occupants = findOccupants(nodes);
  const uses = await readFile(join(machine.sys, 'module', 'v4l2loopback', 'refcnt'), 'utf8').catch(() => '0');
  // Only the administrator sees everybody's programs; anybody else is sent for those rights first.
  if (occupants.length > 0 || (Number(uses) > 0 && isRoot())) throw inUse(occupants);
  const names = loopbacks.map(({ path, label }) => `${label} (${path})`).join(', ');
  notes.push(`The module is loaded with other options: it is unloaded first${names && `, which takes ${names} away`}.`);
  return [['modprobe', '-r', 'v4l2loopback'], load];

  async function isThere(device: ConfiguredDevice, found: readonly VideoNode[]): Promise<boolean> {
    const node = found.find(({ number, label }) =>
      device.number === undefined ? (device.label ?? label) === label : number === device.number,
    );
    if (!node || (device.label !== undefined && node.label !== device.label)) return false;
    // Neither capability: 0.12 after a writer that left it dead. Only loading it anew helps.
    if (node.can?.length === 0) return false;
    return (await readExclusiveCaps(node.number, machine)) !== !device.hasExclusiveCaps;
  }
}
