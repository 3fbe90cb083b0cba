import type { AudioOutput, HealthReport } from '../../api/contributions.ts';
import { OWN_SOUND_DEVICES } from '../../api/own-devices.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { pactl } from './pactl.ts';
import { type Surroundings, thisMachine } from './surroundings.ts';
import { VirtualMicrophone } from './virtual-microphone.ts';

/** Where this plugin makes no microphone of its own, another program can. */
const OTHER_SYSTEMS_FIX =
  'Delay the microphone in OBS or send it through VB-Cable or BlackHole: docs/sound-in-step.md says how';

/** The audio output `mic`. */
export function createVirtualMicrophone(changes: Partial<Surroundings> = {}): AudioOutput {
  const around: Surroundings = { ...thisMachine, ...changes };
  return {
    async list() {
      if (around.platform !== 'linux' || !(await findServer(around))) return [];
      const { source: id, title: label } = OWN_SOUND_DEVICES;
      return [{ id, label, isDefault: true, state: 'ready' }];
    },
    check: () => check(around),
    async open(options) {
      if (around.platform !== 'linux') {
        throw new AppError('VIRTUAL_MIC_LINUX_ONLY', 'MuseCam makes a virtual microphone on Linux only', {
          fix: OTHER_SYSTEMS_FIX,
        });
      }
      return VirtualMicrophone.open(options, around);
    },
  };
}

/** What `musecam doctor` says of it. */
async function check(around: Surroundings): Promise<readonly HealthReport[]> {
  const state = 'off';
  if (around.platform !== 'linux') {
    return [{ state, detail: 'no virtual microphone of ours on this system', fix: OTHER_SYSTEMS_FIX }];
  }
  try {
    const server = await findServer(around);
    if (server) return [{ state: 'ready', detail: `${OWN_SOUND_DEVICES.title} can be offered through ${server}` }];
    return [{ state, detail: 'the sound server does not say what it is', fix: 'Look: pactl info' }];
  } catch (thrown) {
    const fix = thrown instanceof AppError && thrown.fix ? { fix: thrown.fix } : {};
    return [{ state, detail: `no virtual microphone: ${messageOf(thrown)}`, ...fix }];
  }
}

/** Name of the sound server. @throws AppError of `pactl`. */
async function findServer(around: Surroundings): Promise<string | undefined> {
  return /^Server Name: (.+)$/m.exec(await pactl(around.environment, 'info'))?.[1];
}
