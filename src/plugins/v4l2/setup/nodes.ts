import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceInfo } from '../../../api/contributions.ts';
import { CAMERA_LABEL, isLoopback } from '../failures.ts';
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from '../ioctl.ts';
import { type Machine, scanCameras } from '../scan.ts';
import { findUsers, type User } from '../users.ts';

/** One /dev/video… and what it is. */
export interface VideoNode {
  readonly path: string;
  /** 10 of /dev/video10. */
  readonly number: number;
  readonly label: string;
  /** Ours, another v4l2loopback, another driver without hardware, or a real camera: that one is never opened. */
  readonly kind: 'musecam' | 'loopback' | 'virtual' | 'hardware';
  /** What it can do at this moment; undefined where it was not asked. Both: exclusive_caps is off. Neither: it is dead. */
  readonly can?: readonly ('capture' | 'output')[];
  /** "YUYV 1280x720 at 25 fps", while somebody writes. */
  readonly format?: string;
  readonly users: readonly User[];
  readonly state?: DeviceInfo['state'];
  readonly detail?: string;
  readonly fix?: string;
}

/** All video nodes of the machine, in the order of their numbers. Users: as far as /proc shows them. */
export async function readNodes(machine: Machine): Promise<readonly VideoNode[]> {
  const folder = join(machine.sys, 'class', 'video4linux');
  const virtual = await realpath(join(machine.sys, 'devices', 'virtual')).catch(() => undefined);
  const scanned = new Map((await scanCameras(machine)).map((camera) => [camera.id, camera]));
  const nodes: VideoNode[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/^video\d+$/.test(name)) continue;
    const path = join(machine.dev, name);
    const label = (await readFile(join(folder, name, 'name'), 'utf8').catch(() => name)).trim();
    const base = { path, number: Number(name.slice(5)), label };
    const place = await realpath(join(folder, name)).catch(() => '');
    if (virtual && place.startsWith(virtual)) nodes.push(await readVirtualNode(base, scanned.get(path), machine));
    else nodes.push({ ...base, kind: 'hardware', users: await findUsers(path, false, machine.proc) });
  }
  return nodes.sort((a, b) => a.number - b.number);
}

async function readVirtualNode(
  base: Pick<VideoNode, 'path' | 'number' | 'label'>,
  camera: DeviceInfo | undefined,
  machine: Machine,
): Promise<VideoNode> {
  const caps = await readCaps(base.path, machine);
  const isWritten = caps !== undefined && (caps & CAP_VIDEO_CAPTURE) !== 0 && (caps & CAP_VIDEO_OUTPUT) === 0;
  const users = await findUsers(base.path, isWritten, machine.proc);
  // Not listed: of another driver. Listed without an answer: no permission, but it still is a v4l2loopback.
  if (!camera) return { ...base, kind: 'virtual', users };
  const can = (['capture', 'output'] as const).filter(
    (what) => ((caps ?? 0) & (what === 'capture' ? CAP_VIDEO_CAPTURE : CAP_VIDEO_OUTPUT)) !== 0,
  );
  const format = await readFormat(base.number, machine);
  return {
    ...base,
    kind: base.label === CAMERA_LABEL ? 'musecam' : 'loopback',
    ...(caps === undefined ? {} : { can }),
    ...(format === undefined ? {} : { format }),
    users,
    state: camera.state,
    ...(camera.detail === undefined ? {} : { detail: camera.detail }),
    ...(camera.fix === undefined ? {} : { fix: camera.fix }),
  };
}

async function readCaps(path: string, machine: Machine): Promise<number | undefined> {
  try {
    await using device = await machine.openDevice(path);
    const capability = device.queryCapability();
    return isLoopback(capability) ? capability.caps : undefined;
  } catch {
    return undefined;
  }
}

/** The module's own file tells the format without a call that 0.12 would take for the beginning of a writer. */
async function readFormat(number: number, { sys }: Machine): Promise<string | undefined> {
  const file = join(sys, 'class', 'video4linux', `video${number}`, 'format');
  const text = await readFile(file, 'utf8').catch(() => '');
  const [, fourcc, size, rate, per] = /^(\w{4}):(\d+x\d+)(?:@(\d+)(?:\/(\d+))?)?/.exec(text.trim()) ?? [];
  if (!fourcc) return undefined;
  return `${fourcc} ${size}${rate ? ` at ${Number((Number(rate) / Number(per ?? 1)).toFixed(2))} fps` : ''}`;
}
