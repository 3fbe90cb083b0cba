import type { DeviceInfo, HealthReport } from '../../api/contributions.ts';
import { LOAD_COMMAND, LOAD_FIX, OTHER_SYSTEMS_FIX, RELOAD_FIX } from './failures.ts';
import { type Machine, scanCameras, thisMachine } from './scan.ts';
import {
  explainSigning,
  installCommand,
  readModuleState,
  rebuildCommand,
  refusesUnsigned,
} from './setup/module-state.ts';

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
    state: stateOf(state, fix !== undefined),
    detail: `${label} (${id})${detail === undefined ? '' : `: ${detail}`}`,
    ...(fix === undefined ? {} : { fix }),
  };
}

/** A busy device without anything to mend is our own show's. */
function stateOf(state: DeviceInfo['state'], hasFix: boolean): HealthReport['state'] {
  if (state === 'broken') return 'failed';
  if (state === 'busy') return hasFix ? 'failed' : 'ready';
  return hasFix ? 'degraded' : 'ready';
}

/** Why there is no v4l2loopback device: no device made, not loaded, built for another kernel, or not installed. */
async function reportAbsence(machine: Machine): Promise<HealthReport> {
  const state = 'off';
  const module = await readModuleState(machine);
  switch (module.at) {
    case 'loaded':
      return { state, detail: 'the module v4l2loopback is loaded but has no device', fix: RELOAD_FIX };
    case 'installed': {
      const hint = (await refusesUnsigned(machine))
        ? ` Secure Boot is on: if the kernel refuses the module, it has to be signed. ${await explainSigning(machine)}`
        : '';
      return { state, detail: 'the module v4l2loopback is installed but not loaded', fix: `${LOAD_FIX}${hint}` };
    }
    case 'other-kernel': {
      const detail = `the module v4l2loopback is built for kernel ${module.kernels.join(', ')}, and this is ${module.kernel}`;
      return { state, detail, fix: `Run: ${await rebuildCommand(machine)}; then: musecam camera setup` };
    }
    case 'missing': {
      const fix = `Run: ${await installCommand(machine)}; then: musecam camera setup, or: ${LOAD_COMMAND}`;
      return { state, detail: 'the kernel module v4l2loopback is not installed', fix };
    }
  }
}
