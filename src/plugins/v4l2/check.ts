import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceInfo, HealthReport } from '../../api/contributions.ts';
import { LOAD_COMMAND, OTHER_SYSTEMS_FIX, RELOAD_COMMAND } from './failures.ts';
import { type Machine, scanCameras, thisMachine } from './scan.ts';

/** Name of the EFI variable that says whether Secure Boot is on: 4 bytes of attributes, then 1 or 0. */
const SECURE_BOOT = 'SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/**
 * What `musecam doctor` says of the virtual camera: one report per device, or why there is none, with the command that
 * changes it.
 */
export async function checkVirtualCamera(machine: Machine = thisMachine): Promise<readonly HealthReport[]> {
  if (machine.platform !== 'linux') {
    return [{ state: 'off', detail: 'virtual cameras of this kind exist on Linux only', fix: OTHER_SYSTEMS_FIX }];
  }
  const cameras = await scanCameras(machine);
  return cameras.length > 0 ? cameras.map(reportCamera) : [await reportAbsence(machine)];
}

function reportCamera({ id, label, state, detail, fix }: DeviceInfo): HealthReport {
  return {
    state: state === 'ready' ? (fix === undefined ? 'ready' : 'degraded') : 'failed',
    detail: `${label} (${id})${detail === undefined ? '' : `: ${detail}`}`,
    ...(fix === undefined ? {} : { fix }),
  };
}

/** Why there is no v4l2loopback device: no device made, not loaded, built for another kernel, or not installed. */
async function reportAbsence(machine: Machine): Promise<HealthReport> {
  const state = 'off';
  if (await exists(join(machine.sys, 'module', 'v4l2loopback'))) {
    return { state, detail: 'the module v4l2loopback is loaded but has no device', fix: RELOAD_COMMAND };
  }
  const kernel = await machine.kernel();
  const kernels = await findKernelsWithModule(machine.modules);
  if (kernels.includes(kernel)) {
    const hint = (await isSecureBootOn(machine.sys))
      ? ' Secure Boot is on: if that is refused, sign the module: sudo mokutil --import /var/lib/dkms/mok.pub, then restart.'
      : '';
    return {
      state,
      detail: 'the module v4l2loopback is installed but not loaded',
      fix: `Run: ${LOAD_COMMAND}.${hint}`,
    };
  }
  if (kernels.length > 0) {
    return {
      state,
      detail: `the module v4l2loopback is built for kernel ${kernels.join(', ')}, and this is ${kernel}`,
      fix: `Run: sudo apt install linux-headers-${kernel} && sudo dkms autoinstall && ${LOAD_COMMAND}`,
    };
  }
  return {
    state,
    detail: 'the kernel module v4l2loopback is not installed',
    fix: `Run: sudo apt install v4l2loopback-dkms && ${LOAD_COMMAND} (Fedora: v4l2loopback of RPM Fusion, Arch: v4l2loopback-dkms)`,
  };
}

async function findKernelsWithModule(modules: string): Promise<string[]> {
  const found: string[] = [];
  for (const kernel of await readdir(modules).catch(() => [])) {
    const index = await readFile(join(modules, kernel, 'modules.dep'), 'utf8').catch(() => '');
    if (/(^|\/)v4l2loopback\.ko(\.\w+)?:/m.test(index)) found.push(kernel);
  }
  return found;
}

async function isSecureBootOn(sys: string): Promise<boolean> {
  const value = await readFile(join(sys, 'firmware', 'efi', 'efivars', SECURE_BOOT)).catch(() => undefined);
  return value?.[4] === 1;
}

async function exists(folder: string): Promise<boolean> {
  return readdir(folder).then(
    () => true,
    () => false,
  );
}
