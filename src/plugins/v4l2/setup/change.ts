import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../../base/errors.ts';
import type { Holder } from '../holders.ts';
import { inUse, notSigned, setupFailed } from './failures.ts';
import { explainSigning, refusesUnsigned } from './module-state.ts';
import type { VideoNode } from './nodes.ts';
import { readNodes } from './nodes.ts';
import type { System } from './system.ts';

/** What is to be done to a machine, in full and before it is done: what is shown is what happens. */
export interface Change {
  /** Text of each file to write, by its path on the machine; undefined: the file is removed. */
  readonly files: readonly { readonly path: string; readonly text: string | undefined }[];
  /** Programs to run after that, each with its arguments. */
  readonly commands: readonly (readonly string[])[];
  /** What the person should know: what is left alone and why. */
  readonly notes: readonly string[];
  /** The cameras there are afterwards, as `/dev/video10`, with their labels. */
  readonly cameras: readonly { readonly path: string; readonly label: string }[];
}

/** How long a device node may take to appear after the module has been loaded, in ms. */
const NODE_DEADLINE_MS = 5000;

/** Whether there is anything to do. */
export function isEmpty({ files, commands }: Change): boolean {
  return files.length === 0 && commands.length === 0;
}

/** Who has a v4l2loopback device open: while anybody has, the module cannot be unloaded. */
export function findOccupants(nodes: readonly VideoNode[]): readonly { path: string; users: readonly Holder[] }[] {
  return nodes.filter(({ kind, users }) => kind !== 'hardware' && kind !== 'virtual' && users.length > 0);
}

/**
 * Does it: files first, each whole or not at all, then the programs. What was done before a failure stays; doing the same
 * change again goes on from there.
 * @returns the nodes afterwards
 * @throws AppError V4L2_IN_USE before anything is touched; V4L2_NOT_SIGNED, V4L2_SETUP_FAILED.
 */
export async function carryOut(change: Change, system: System): Promise<readonly VideoNode[]> {
  const { machine } = system;
  if (change.commands.some((command) => command.includes('-r'))) {
    const occupants = findOccupants(await readNodes(machine));
    if (occupants.length > 0) throw inUse(occupants);
  }
  for (const { path, text } of change.files) {
    await (text === undefined ? rm(join(machine.root, path), { force: true }) : replaceFile(machine.root, path, text))
      // A system whose /etc is made from elsewhere (NixOS) or is read-only.
      .catch((thrown: unknown) => {
        throw setupFailed(`${path} could not be written: ${messageOf(thrown)}`, thrown);
      });
  }
  for (const [program = '', ...args] of change.commands) {
    const { status, complaint } = await system.run(program, args);
    if (status === 0) continue;
    if (/Key was rejected|Required key not available/i.test(complaint))
      throw notSigned(complaint, await explainSigning(machine));
    const isBarred = /Operation not permitted/i.test(complaint) && (await refusesUnsigned(machine));
    if (isBarred) throw notSigned(complaint, await explainSigning(machine));
    throw setupFailed(`${[program, ...args].join(' ')} ended with ${status}: ${complaint}`);
  }
  return waitForNodes(change, system);
}

async function waitForNodes(change: Change, { machine }: System): Promise<readonly VideoNode[]> {
  const deadlineMs = performance.now() + NODE_DEADLINE_MS;
  for (;;) {
    const nodes = await readNodes(machine);
    const missing = change.cameras.find(({ path }) => !nodes.some((node) => node.path === path));
    if (!missing) return nodes;
    if (performance.now() > deadlineMs) throw setupFailed(`the module is loaded, but ${missing.path} did not appear`);
    await sleep(100);
  }
}

/** A name that does not end with .conf is read by nobody, should this end between the two steps. */
async function replaceFile(root: string, path: string, text: string): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  const part = `${target}.part`;
  const file = await open(part, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, target);
}
