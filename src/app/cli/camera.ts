import { realpathSync } from 'node:fs';
import { type Change, carryOut, isEmpty } from '../../plugins/v4l2/setup/change.ts';
import { needsRoot, notConfirmed } from '../../plugins/v4l2/setup/failures.ts';
import { readModuleConfig } from '../../plugins/v4l2/setup/module-config.ts';
import { readModuleState } from '../../plugins/v4l2/setup/module-state.ts';
import { readNodes, type VideoNode } from '../../plugins/v4l2/setup/nodes.ts';
import { planRemoval } from '../../plugins/v4l2/setup/plan-removal.ts';
import { planSetup } from '../../plugins/v4l2/setup/plan-setup.ts';
import { type System, thisSystem } from '../../plugins/v4l2/setup/system.ts';
import { askYes } from './ask-yes.ts';
import { markOf, paint, printJson, printTable } from './terminal.ts';

/** `musecam camera setup` and `remove`. */
export interface ChangeFlags {
  readonly yes?: boolean;
  readonly second?: boolean;
}

/** What is asked of the person and of the machine; the real ones, or made-up ones in tests. */
export interface CameraDoor {
  readonly system: System;
  /** Asks; undefined where nobody can be asked. */
  readonly ask: (question: string, signal: AbortSignal) => Promise<boolean | undefined>;
  readonly print: (line: string) => void;
}

const realDoor: CameraDoor = { system: thisSystem, ask: askYes, print: (line) => console.log(line) };

/**
 * `musecam camera setup`
 * @throws AppError V4L2_… why there can be no camera, V4L2_NEEDS_ROOT with the line to type, V4L2_NOT_CONFIRMED.
 */
export async function setUpCamera(flags: ChangeFlags, signal: AbortSignal, door = realDoor): Promise<void> {
  const change = await planSetup(door.system, { second: flags.second === true });
  const isChanged = await confirmAndCarryOut(change, 'setup', flags, signal, door);
  const cameras = change.cameras.map(({ path, label }) => `${label} (${path})`).join(', ');
  door.print(`${markOf('ready')} ${isChanged ? 'Done, for every start to come' : 'Nothing had to be changed'}.`);
  if (cameras) door.print(`  There is: ${cameras}`);
  door.print('  Start MuseCam (musecam start), then choose the camera in your meeting program.');
}

/** `musecam camera remove` @throws AppError V4L2_NEEDS_ROOT, V4L2_NOT_CONFIRMED, V4L2_IN_USE, V4L2_SETUP_FAILED. */
export async function removeCamera(flags: ChangeFlags, signal: AbortSignal, door = realDoor): Promise<void> {
  const change = await planRemoval(door.system);
  const isChanged = await confirmAndCarryOut(change, 'remove', flags, signal, door);
  if (isChanged) door.print(`${markOf('ready')} What setup had made is gone.`);
  else door.print('There is nothing of musecam camera setup on this machine.');
}

/** Shows the change, sees that it may be made, makes it. False where there is nothing to do. */
async function confirmAndCarryOut(
  change: Change,
  action: 'setup' | 'remove',
  flags: ChangeFlags,
  signal: AbortSignal,
  { system, ask, print }: CameraDoor,
): Promise<boolean> {
  if (isEmpty(change)) {
    for (const note of change.notes) print(describeNote(note));
    return false;
  }
  for (const line of describeChange(change)) print(line);
  if (!system.isRoot()) throw needsRoot(sudoLine(action, flags));
  if (flags.yes !== true) {
    const answer = await ask('Do it?', signal);
    if (answer !== true) throw notConfirmed(answer !== undefined, action);
  }
  signal.throwIfAborted();
  await carryOut(change, system);
  return true;
}

function describeChange({ files, commands, notes }: Change): string[] {
  const lines = ['This is what will be done, as administrator:', ''];
  for (const { path, text } of files) {
    lines.push(`  ${text === undefined ? 'remove' : 'write'} ${paint('bold', path)}`);
    for (const line of text?.trimEnd().split('\n') ?? []) lines.push(`      ${line}`);
  }
  for (const command of commands) lines.push(`  run ${paint('bold', command.join(' '))}`);
  return [...lines, '', ...notes.map(describeNote)];
}

function describeNote(note: string): string {
  return `${markOf('degraded')} ${note}`;
}

/** The line that does the same as administrator, where `musecam` and `node` need not be on root's PATH. */
function sudoLine(action: 'setup' | 'remove', { second, yes }: ChangeFlags): string {
  const program = [process.execPath, ...process.execArgv, realpathSync(process.argv[1] ?? '.')];
  const flags = [...(second ? ['--second'] : []), ...(yes ? ['--yes'] : [])];
  return ['sudo', ...program, 'camera', action, ...flags].map(quote).join(' ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** `musecam camera status` */
export async function printCameraStatus(isJson: boolean, { machine }: System = thisSystem): Promise<void> {
  const [nodes, module, config] = await Promise.all([
    readNodes(machine),
    readModuleState(machine),
    readModuleConfig(machine.root),
  ]);
  if (isJson) return printJson({ module, config, nodes });
  if (nodes.length === 0) console.log('There is no camera device on this machine.');
  printTable(nodes.map(describeNode));
  for (const { path, detail, fix } of nodes) {
    if (detail) console.log(`${markOf(fix ? 'degraded' : 'ready')} ${path}: ${detail}`);
    if (fix) console.log(`  ${paint('cyan', '→')} ${fix}`);
  }
  if (!nodes.some(({ kind }) => kind === 'musecam' || kind === 'loopback'))
    console.log('To get a virtual camera: musecam camera setup');
  for (const { path, isOurs } of [...config.loadFiles, ...config.optionFiles])
    console.log(`${path} ${isOurs ? 'was written by musecam camera setup' : 'is of others'}`);
}

function describeNode({ path, label, kind, can, format, users }: VideoNode): string[] {
  const kinds = {
    musecam: 'virtual camera, ours',
    loopback: 'virtual camera',
    virtual: 'another driver',
    hardware: 'real camera, left alone',
  };
  const caps =
    can &&
    (can.length === 0
      ? 'dead'
      : can.map((what) => (what === 'capture' ? 'gives pictures' : 'takes pictures')).join(' and '));
  const who = users.map(({ name, pid, role }) => `${name} (${pid}${role === 'unknown' ? '' : `, ${role}`})`).join(', ');
  return [path, label, kinds[kind], caps ?? '', format ?? '', who];
}
