import { isOwnSource } from '../../api/own-devices.ts';
import { AppError } from '../../base/errors.ts';
import {
  CAPTURE_BACKENDS,
  type CaptureBackend,
  type CaptureCommand,
  type CaptureDevice,
  captureCommands,
} from './capture-command.ts';
import { noMicrophone } from './explain-no-microphone.ts';
import { type CaptureSurroundings, listMicrophones, matchMicrophone, pickDefaultSource } from './microphone-devices.ts';
import { readPulseServer } from './pulse-sources.ts';

/** What is to be opened: a label for people, and the ways to do it, best first. */
export interface CaptureChoice {
  readonly label: string;
  readonly commands: readonly CaptureCommand[];
  /** Whether a list shows the device, so that a failure to open it does not mean that there is none. */
  readonly isListed: boolean;
}

/**
 * Finds the microphone that is meant and the ways to read it.
 * @param target a name, or undefined for the default microphone, which is never a monitor of an output.
 * @param setting value of `microphone.backend`.
 * @throws AppError NO_MICROPHONE, MICROPHONE_NOT_FOUND, MICROPHONE_AMBIGUOUS, MICROPHONE_BACKEND_MISSING.
 */
export async function chooseCapture(
  target: string | undefined,
  setting: unknown,
  surroundings: CaptureSurroundings,
  signal: AbortSignal,
): Promise<CaptureChoice> {
  const { label, device, isListed } = target
    ? await findNamed(target, surroundings, signal)
    : await findDefault(surroundings, signal);
  const backends = CAPTURE_BACKENDS.filter((backend) => setting === backend || !isBackend(setting));
  const commands = backends.flatMap((backend) => captureCommands(backend, device, surroundings));
  if (commands.length > 0) return { label, commands, isListed };
  throw new AppError('MICROPHONE_BACKEND_MISSING', `${backends.join(', ')} cannot open the microphone ${label}.`, {
    fix: 'Leave the choice to the program: set microphone.backend to auto.',
  });
}

async function findNamed(target: string, surroundings: CaptureSurroundings, signal: AbortSignal) {
  const found = matchMicrophone(target, await listMicrophones(surroundings, signal));
  return { label: found.label, device: found.device, isListed: true };
}

async function findDefault(surroundings: CaptureSurroundings, signal: AbortSignal) {
  const { environment, timing } = surroundings;
  const pulse = await readPulseServer(environment, timing.listLimitMs, signal);
  const source = pulse && pickDefaultSource(pulse);
  if (pulse && !source) throw noMicrophone('The sound server offers none, only monitors of outputs.');
  const label = pulse?.sources.find(({ name }) => name === source)?.description ?? 'Default microphone';
  // The default goes by any back end and follows the user's choice. It is named where the server's own default is a monitor,
  // and beside a virtual microphone of ours: made the default, that would be what we are moved to, and hear ourselves.
  const isNamed = source !== pulse?.defaultSource || pulse?.sources.some(({ name }) => isOwnSource(name));
  const device: CaptureDevice = source && isNamed ? { system: 'pulse', name: source } : { system: 'default' };
  return { label, device, isListed: source !== undefined };
}

function isBackend(setting: unknown): setting is CaptureBackend {
  return CAPTURE_BACKENDS.includes(setting as CaptureBackend);
}
