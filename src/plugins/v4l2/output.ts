import { join } from 'node:path';
import type { DeviceInfo, VideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import { AppError } from '../../base/errors.ts';
import { VirtualCamera } from './camera.ts';
import { checkVirtualCamera } from './check.ts';
import { LOAD_FIX, linuxOnly } from './failures.ts';
import { findHolders } from './holders.ts';
import { type Machine, scanCameras, thisMachine } from './scan.ts';

/** The plugin's settings, already checked by their declarations. */
export interface V4l2Settings {
  readonly device: string;
  readonly pixelFormat: 'yuyv' | 'i420';
  readonly sustainFrames: boolean;
}

/** The output `v4l2[:DEVICE]`. Settings are read at each opening. */
export function createV4l2Output(readSettings: () => V4l2Settings, machine: Machine = thisMachine): VideoOutput {
  return {
    list: async () => (machine.platform === 'linux' ? scanCameras(machine) : []),
    open: (options, signal) => openCamera(options, readSettings(), machine, signal),
  };
}

/** @throws AppError V4L2_LINUX_ONLY, V4L2_NO_CAMERA, or why the device cannot be written to. */
async function openCamera(options: VideoOutputOptions, settings: V4l2Settings, machine: Machine, signal: AbortSignal) {
  if (machine.platform !== 'linux') throw linuxOnly(machine.platform);
  const target = options.target || settings.device;
  const chosen = await chooseCamera(target, machine);
  const find = async () => ({
    path: target === '' ? (await chooseCamera(target, machine)).path : chosen.path,
    size: { width: options.width, height: options.height },
    pixelFormat: settings.pixelFormat,
    framesPerSecond: options.framesPerSecond,
    sustainFrames: settings.sustainFrames,
    openDevice: machine.openDevice,
    findHolders: (path: string) => findHolders(path, machine.proc),
  });
  return VirtualCamera.open({ label: chosen.label, find, output: options }, signal);
}

/** A path and a number are taken at their word; anything else is a label, and nothing means the best there is. */
async function chooseCamera(target: string, machine: Machine): Promise<{ path: string; label: string }> {
  if (target.startsWith('/')) return { path: target, label: target };
  if (/^(?:video)?\d+$/.test(target)) {
    const path = join(machine.dev, `video${target.replace(/^video/, '')}`);
    return { path, label: path };
  }
  const cameras = await scanCameras(machine);
  if (target === '') {
    const best = cameras.find(({ isDefault }) => isDefault);
    if (best) return describeChoice(best);
    const [absence] = await checkVirtualCamera(machine);
    throw new AppError('V4L2_NO_CAMERA', `there is no virtual camera: ${absence?.detail}`, {
      fix: absence?.fix ?? LOAD_FIX,
    });
  }
  const named = cameras.find(({ label }) => label === target);
  if (named) return describeChoice(named);
  const labels = cameras.map(({ label }) => `"${label}"`).join(', ') || 'none';
  throw new AppError('V4L2_NO_SUCH_DEVICE', `there is no virtual camera called "${target}"; there are: ${labels}`, {
    fix: 'Run: musecam devices',
  });
}

function describeChoice({ id, label }: DeviceInfo): { path: string; label: string } {
  return { path: id, label: `${label} (${id})` };
}
