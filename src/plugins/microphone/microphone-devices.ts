import { setTimeout as wait } from 'node:timers/promises';
import type { DeviceInfo } from '../../api/contributions.ts';
import { isOwnSource } from '../../api/own-devices.ts';
import { AppError } from '../../base/errors.ts';
import { type AlsaDevice, checkSoundFolder, listAlsaDevices } from './alsa-devices.ts';
import type { CaptureDevice } from './capture-command.ts';
import type { PortAudioDevice } from './capture-protocol.ts';
import type { CaptureTiming } from './capture-timing.ts';
import { forbiddenFix } from './explain-no-microphone.ts';
import { listPortAudioDevices } from './portaudio-devices.ts';
import { type PulseServerState, readPulseServer } from './pulse-sources.ts';

/** What a microphone is looked for with. */
export interface CaptureSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly timing: CaptureTiming;
  /** The package that brings PortAudio: "naudiodon". */
  readonly portAudioModule: string;
  /** The rate asked for, in Hz. */
  readonly sampleRateHz: number;
}

/** A device of the list, with the way to open it. */
export interface MicrophoneDevice extends DeviceInfo {
  readonly device: CaptureDevice;
  readonly isMonitor: boolean;
}

/** How much longer PortAudio's list is waited for when the sound server's is there, in ms; it usually takes 250. */
const EXTRA_LIST_MS = 1_500;

/** ALSA's names for "wherever sound goes": they lead to the sound server, whose sources are listed instead. */
const PSEUDO_DEVICES =
  /^(default|sysdefault|pulse|pipewire|jack|oss|null|dmix|dsnoop|spdif|front|rear|surround\d*|upmix|vdownmix|(lav|samplerate|speexrate).*)$/;

/**
 * Every microphone there is, the default one first and monitors of outputs last: the sound server's sources, and what
 * PortAudio lists besides; without PortAudio the kernel's devices. Devices that may not be opened are `broken`.
 */
export async function listMicrophones(
  surroundings: CaptureSurroundings,
  signal: AbortSignal,
): Promise<readonly MicrophoneDevice[]> {
  const { environment, timing, portAudioModule } = surroundings;
  const listing = listPortAudioDevices(portAudioModule, environment, timing, signal).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
  // Called off, the server's answer is given up first, and nobody would hear of this one's.
  listing.catch(() => {});
  const pulse = await readPulseServer(environment, timing.listLimitMs, signal);
  // PortAudio asks every ALSA plugin, and one can hang (a stale JACK lock does). The server has told what matters.
  const portAudio = await (pulse ? Promise.race([listing, wait(EXTRA_LIST_MS, undefined, { ref: false })]) : listing);
  const kernel = portAudio || pulse ? [] : await listAlsaDevices(environment, timing.listLimitMs, signal);
  const devices = mergeDevices(pulse, portAudio ?? [], kernel);
  return devices.length > 0 ? devices : describeForbidden();
}

/** Puts the lists together; exactly one microphone is the default unless there is none but monitors. */
export function mergeDevices(
  pulse: PulseServerState | undefined,
  portAudio: readonly PortAudioDevice[],
  kernel: readonly AlsaDevice[],
): MicrophoneDevice[] {
  const defaultSource = pulse && pickDefaultSource(pulse);
  const fromServer = (pulse?.sources ?? [])
    .filter(({ name }) => !isOwnSource(name))
    .map((source): MicrophoneDevice => {
      const detail = source.isMonitor ? 'What is played on this output.' : source.isMuted ? 'Muted.' : undefined;
      return {
        id: source.name,
        label: source.description,
        isDefault: source.name === defaultSource,
        state: 'ready',
        ...(detail ? { detail } : {}),
        device: { system: 'pulse', name: source.name },
        isMonitor: source.isMonitor,
      };
    });
  const direct = [
    ...portAudio
      .filter((input) => !(pulse && PSEUDO_DEVICES.test(input.name)))
      .map((input) => openedDirectly('portaudio', input.name, input.name, !pulse && input.isDefault)),
    ...kernel.map((device, n) => openedDirectly('alsa', device.name, device.description, n === 0)),
  ];
  const rank = (device: MicrophoneDevice) => (device.isDefault ? 0 : device.isMonitor ? 2 : 1);
  return [...fromServer, ...direct].sort((a, b) => rank(a) - rank(b));
}

function openedDirectly(
  system: 'portaudio' | 'alsa',
  name: string,
  label: string,
  isDefault: boolean,
): MicrophoneDevice {
  return { id: name, label, isDefault, state: 'ready', device: { system, name }, isMonitor: false };
}

/** The server's default source, or its first microphone where that is a monitor; undefined where it has none. */
export function pickDefaultSource(pulse: PulseServerState): string | undefined {
  const microphones = pulse.sources.filter(({ name, isMonitor }) => !isMonitor && !isOwnSource(name));
  return (microphones.find((source) => source.name === pulse.defaultSource) ?? microphones[0])?.name;
}

function describeForbidden(): MicrophoneDevice[] {
  if (checkSoundFolder() !== 'forbidden') return [];
  return [
    {
      id: 'default',
      label: 'Microphone',
      isDefault: true,
      state: 'broken',
      detail: 'This user may not open the sound devices in /dev/snd.',
      fix: forbiddenFix,
      device: { system: 'default' },
      isMonitor: false,
    },
  ];
}

/**
 * The device a person means: its exact id or label, else the only one whose id or label contains the words. Microphones of
 * the sound server come before its monitors, and both before what is opened directly: one device often stands in
 * several lists. Upper and lower case are the same.
 * @throws AppError MICROPHONE_NOT_FOUND, MICROPHONE_AMBIGUOUS, with the devices there are.
 */
export function matchMicrophone(name: string, devices: readonly MicrophoneDevice[]): MicrophoneDevice {
  const wanted = name.toLowerCase();
  const namesOf = (device: MicrophoneDevice) => [device.id.toLowerCase(), device.label.toLowerCase()];
  const exact = devices.find((device) => namesOf(device).includes(wanted));
  if (exact) return exact;
  const groups = [
    devices.filter((device) => device.device.system === 'pulse' && !device.isMonitor),
    devices.filter((device) => device.isMonitor),
    devices.filter((device) => device.device.system !== 'pulse'),
  ];
  for (const group of groups) {
    const found = group.filter((device) => namesOf(device).some((text) => text.includes(wanted)));
    if (found.length > 1) throw ambiguous(name, found);
    if (found[0]) return found[0];
  }
  const there = devices.length > 0 ? `There are: ${listNames(devices)}.` : 'There is none at all.';
  throw new AppError('MICROPHONE_NOT_FOUND', `There is no microphone named "${name}". ${there}`, {
    fix: devices[0] ? `Name one of them: --input "mic:${devices[0].id}"` : 'Plug one in, then: musecam devices',
  });
}

function ambiguous(name: string, found: readonly MicrophoneDevice[]): AppError {
  return new AppError('MICROPHONE_AMBIGUOUS', `"${name}" fits several microphones: ${listNames(found)}.`, {
    fix: `Name one of them in full: --input "mic:${found[0]!.id}"`,
  });
}

function listNames(devices: readonly MicrophoneDevice[]): string {
  return devices.map(({ id, label }) => (id === label ? id : `${label} [${id}]`)).join('; ');
}
