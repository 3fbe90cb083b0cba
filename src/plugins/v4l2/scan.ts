import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceInfo } from '../../api/contributions.ts';
import { AppError } from '../../base/errors.ts';
import { type OpenVideoDevice, openVideoDevice } from './device.ts';
import { busy, CAMERA_LABEL, explainOpen, isLoopback, RELOAD_FIX, stuck } from './failures.ts';
import { describeHolders, findHolders } from './holders.ts';
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from './ioctl.ts';
import { readsKeepFormat } from './session.ts';

/** Where to look and how to open: the machine this runs on, or a made-up one in tests. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** The folder that holds etc, usr, var: `/`. */
  readonly root: string;
  /** The folder /dev/video10 and so on lie in. */
  readonly dev: string;
  readonly sys: string;
  readonly proc: string;
  /** Folder with one subfolder of modules per kernel. */
  readonly modules: string;
  /** Running kernel's release, as `uname -r` says it. */
  readonly kernel: () => Promise<string>;
  readonly openDevice: OpenVideoDevice;
}

/** The machine this runs on. */
export const thisMachine: Machine = {
  platform: process.platform,
  root: '/',
  dev: '/dev',
  sys: '/sys',
  proc: '/proc',
  modules: '/lib/modules',
  kernel: async () => (await readFile('/proc/sys/kernel/osrelease', 'utf8')).trim(),
  openDevice: openVideoDevice,
};

/** Browsers look at /dev/video0 to /dev/video63. */
const BROWSER_DEVICES = 64;

/**
 * Every v4l2loopback device: the `id` is its path, the label what people see in their meeting program.
 * Real cameras are not even opened: only devices without hardware behind them (/sys/devices/virtual) are looked at.
 */
export async function scanCameras(machine: Machine): Promise<readonly DeviceInfo[]> {
  const cameras: DeviceInfo[] = [];
  for (const name of await findVirtualNodes(machine)) {
    const camera = await inspectCamera(join(machine.dev, name), name, machine);
    if (camera) cameras.push(camera);
  }
  const ready = cameras.filter(({ state }) => state === 'ready');
  // Where OBS has a camera of its own beside ours, ours is the one with our name.
  const best = ready.find(({ label }) => label === CAMERA_LABEL) ?? ready[0] ?? cameras[0];
  return cameras.map((camera) => (camera === best ? { ...camera, isDefault: true } : camera));
}

async function findVirtualNodes({ sys }: Machine): Promise<string[]> {
  const folder = join(sys, 'class', 'video4linux');
  const virtual = await realpath(join(sys, 'devices', 'virtual')).catch(() => undefined);
  const found: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const place = await realpath(join(folder, name)).catch(() => '');
    if (/^video\d+$/.test(name) && virtual && place.startsWith(virtual)) found.push(name);
  }
  return found.sort((a, b) => numberOf(a) - numberOf(b));
}

/** What is known of one device without disturbing it; undefined when it turns out to be no v4l2loopback. */
async function inspectCamera(path: string, name: string, machine: Machine): Promise<DeviceInfo | undefined> {
  const label = await readFile(join(machine.sys, 'class', 'video4linux', name, 'name'), 'utf8').catch(() => name);
  const base = { id: path, label: label.trim(), isDefault: false } as const;
  try {
    const device = await machine.openDevice(path).catch((thrown: unknown) => {
      throw explainOpen(path, thrown);
    });
    let capability: ReturnType<typeof device.queryCapability>;
    let keepsFormat = false;
    try {
      capability = device.queryCapability();
      keepsFormat = readsKeepFormat(device);
    } finally {
      await device[Symbol.asyncDispose]();
    }
    if (!isLoopback(capability)) return undefined;
    const users = await findHolders(path, machine.proc);
    const holders = describeHolders(users);
    const isOwnShow = users.some(({ isMuseCam, pid }) => isMuseCam && pid !== process.pid);
    const hasOutput = (capability.caps & CAP_VIDEO_OUTPUT) !== 0;
    const hasCapture = (capability.caps & CAP_VIDEO_CAPTURE) !== 0;
    if (!hasOutput && !hasCapture) return { ...base, ...asTrouble('broken', stuck(path)) };
    if (!hasOutput && !(keepsFormat && holders === '')) {
      // Nothing is wrong, and nothing is to be mended, where it is the running show that writes.
      if (isOwnShow) return { ...base, state: 'busy', detail: `MuseCam is writing to it; it is open in ${holders}` };
      return { ...base, ...asTrouble('busy', busy(path, holders)) };
    }
    return { ...base, state: 'ready', ...(await describeReady(name, holders, machine)) };
  } catch (thrown) {
    const error = thrown instanceof AppError ? thrown : explainOpen(path, thrown);
    return { ...base, ...asTrouble(error.code === 'V4L2_BUSY' ? 'busy' : 'broken', error) };
  }
}

function asTrouble(state: 'busy' | 'broken', { message, fix }: AppError): Pick<DeviceInfo, 'state' | 'detail' | 'fix'> {
  return { state, detail: message, ...(fix === undefined ? {} : { fix }) };
}

async function describeReady(
  name: string,
  holders: string,
  machine: Machine,
): Promise<Pick<DeviceInfo, 'detail' | 'fix'>> {
  if ((await readExclusiveCaps(numberOf(name), machine)) === false) {
    return { detail: 'loaded without exclusive_caps=1: Chrome will not list it', fix: RELOAD_FIX };
  }
  if (numberOf(name) >= BROWSER_DEVICES) {
    return { detail: `browsers look at /dev/video0 to video${BROWSER_DEVICES - 1} only`, fix: RELOAD_FIX };
  }
  return holders === '' ? {} : { detail: `open in ${holders}` };
}

/** The loaded module's exclusive_caps for a device number; undefined where its parameters do not tell. */
export async function readExclusiveCaps(number: number, { sys }: Pick<Machine, 'sys'>): Promise<boolean | undefined> {
  const folder = join(sys, 'module', 'v4l2loopback', 'parameters');
  const numbers = await readList(join(folder, 'video_nr'));
  const flags = await readList(join(folder, 'exclusive_caps'));
  const flag = flags[numbers.indexOf(String(number))];
  return flag === undefined ? undefined : flag === 'Y' || flag === '1';
}

async function readList(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).trim().split(',');
}

function numberOf(name: string): number {
  return Number(name.replace(/^\D+/, ''));
}
