import { findNodeEntry } from '../../base/node-entry.ts';
import type { CaptureTask } from './capture-protocol.ts';

/** What can read a microphone; the order is that of `auto`. */
export const CAPTURE_BACKENDS = ['naudiodon', 'parec', 'pw-record', 'arecord'] as const;
/** The name of a back end. */
export type CaptureBackend = (typeof CAPTURE_BACKENDS)[number];

/** Which microphone, in the words of the system that knows it. */
export type CaptureDevice =
  | { readonly system: 'default' }
  | { readonly system: 'pulse' | 'portaudio' | 'alsa'; readonly name: string };

/** How to start one child process that delivers sound. */
export interface CaptureCommand {
  readonly backend: CaptureBackend;
  readonly program: string;
  readonly args: readonly string[];
  /** Laid over the environment. */
  readonly environment: NodeJS.ProcessEnv;
  /**
   * `naudiodon`: a reply line, then sound, on descriptor 3; ends when its input is closed.
   * `program`: sound alone on standard output; ends at SIGTERM.
   */
  readonly dialect: 'naudiodon' | 'program';
  /** Rate of a `program`'s sound, in Hz. */
  readonly sampleRateHz: number;
}

/** Starts the capture process for a task. */
export function captureProcessCommand(task: CaptureTask, environment: NodeJS.ProcessEnv = {}): CaptureCommand {
  const entry = findNodeEntry(import.meta.url, './capture-process');
  return {
    backend: 'naudiodon',
    program: process.execPath,
    args: [...entry.execArgv, entry.path, JSON.stringify(task)],
    environment,
    dialect: 'naudiodon',
    sampleRateHz: task.kind === 'capture' ? task.sampleRateHz : 0,
  };
}

/** What is captured: by which package, where PortAudio is used, and at which rate in Hz. */
export interface CaptureShape {
  readonly portAudioModule: string;
  readonly sampleRateHz: number;
}

/** The ways a back end can open a device, best first; none where it does not know the device's system. */
export function captureCommands(backend: CaptureBackend, device: CaptureDevice, shape: CaptureShape): CaptureCommand[] {
  switch (backend) {
    case 'naudiodon':
      return naudiodonCommands(device, shape);
    case 'parec':
      return parecCommands(device, shape);
    case 'pw-record':
      return pwRecordCommands(device, shape);
    case 'arecord':
      return arecordCommands(device, shape);
  }
}

function naudiodonCommands(
  device: CaptureDevice,
  { portAudioModule: module, sampleRateHz }: CaptureShape,
): CaptureCommand[] {
  const open = (deviceName: string | undefined): CaptureTask => ({ kind: 'capture', module, deviceName, sampleRateHz });
  switch (device.system) {
    case 'default':
      return [captureProcessCommand(open(undefined))];
    case 'portaudio':
      return [captureProcessCommand(open(device.name))];
    case 'pulse':
      // PortAudio sees a PulseAudio server as one ALSA device, "pulse"; the source is chosen by libpulse's own variable.
      return [captureProcessCommand(open('pulse'), { PULSE_SOURCE: device.name })];
    case 'alsa':
      return [];
  }
}

function parecCommands(device: CaptureDevice, { sampleRateHz }: CaptureShape): CaptureCommand[] {
  if (device.system !== 'default' && device.system !== 'pulse') return [];
  const source = device.system === 'pulse' ? [`--device=${device.name}`] : [];
  return [
    program('parec', sampleRateHz, [
      '--raw',
      '--format=s16le',
      ...format(sampleRateHz),
      '--latency-msec=20',
      ...source,
    ]),
  ];
}

function pwRecordCommands(device: CaptureDevice, { sampleRateHz }: CaptureShape): CaptureCommand[] {
  if (device.system !== 'default' && device.system !== 'pulse') return [];
  const target = device.system === 'pulse' ? [`--target=${device.name}`] : [];
  const args = ['--format=s16', ...format(sampleRateHz), '--latency=20ms', ...target, '-'];
  // Newer versions write a header to standard output unless told --raw, which older ones do not know.
  return [program('pw-record', sampleRateHz, ['--raw', ...args]), program('pw-record', sampleRateHz, args)];
}

function arecordCommands(device: CaptureDevice, { sampleRateHz }: CaptureShape): CaptureCommand[] {
  if (device.system !== 'default' && device.system !== 'alsa') return [];
  const pcm = device.system === 'alsa' ? ['-D', device.name] : [];
  const buffers = ['--buffer-time=80000', '--period-time=20000'];
  const shape = ['-t', 'raw', '-f', 'S16_LE', '-r', String(sampleRateHz), '-c', '1'];
  return [program('arecord', sampleRateHz, ['-q', ...shape, ...buffers, ...pcm])];
}

function format(sampleRateHz: number): string[] {
  return [`--rate=${sampleRateHz}`, '--channels=1'];
}

function program(
  name: Exclude<CaptureBackend, 'naudiodon'>,
  sampleRateHz: number,
  args: readonly string[],
): CaptureCommand {
  return {
    backend: name,
    program: name,
    args,
    environment: {},
    dialect: 'program',
    sampleRateHz,
  };
}
