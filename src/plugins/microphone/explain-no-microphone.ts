import { AppError } from '../../base/errors.ts';
import { checkSoundFolder } from './alsa-devices.ts';
import type { CaptureBackend } from './capture-command.ts';
import type { CaptureFailure } from './capture-failure.ts';

/** What to do where the kernel has microphones that this user may not open. */
export const forbiddenFix = 'sudo usermod -aG audio "$USER", then log out and in again.';

/** What installs each back end. */
const INSTALL_COMMANDS: Readonly<Record<CaptureBackend, string>> = {
  naudiodon: 'npm install naudiodon',
  parec: 'sudo apt install pulseaudio-utils',
  'pw-record': 'sudo apt install pipewire-bin',
  arecord: 'sudo apt install alsa-utils',
};

/**
 * Turns the failures of every back end that was tried into the one error a person sees.
 * @param hasDevices whether something lists a microphone, even though it cannot be opened.
 * @param backends the back ends that were tried.
 */
export function explainNoMicrophone(
  failures: readonly CaptureFailure[],
  hasDevices: boolean,
  backends: readonly CaptureBackend[],
  platform: NodeJS.Platform = process.platform,
): AppError {
  const reasons = [...new Set(failures.map((failure) => failure.message))].join('; ');
  const cause = new AggregateError(failures, reasons);
  const sound = platform === 'linux' ? checkSoundFolder() : 'none';
  if (sound === 'forbidden') {
    const message = `This user may not open the sound devices in /dev/snd. Tried: ${reasons}.`;
    return new AppError('MICROPHONE_FORBIDDEN', message, { fix: forbiddenFix, cause });
  }
  // Elsewhere PortAudio is the only way, and it says so itself when there is no device.
  const isElsewhere = platform !== 'linux' && failures.some((failure) => failure.kind === 'broken');
  const isThere = hasDevices || sound === 'open' || isElsewhere;
  if (isThere && failures.every((failure) => failure.kind === 'missing')) {
    return new AppError('MICROPHONE_BACKEND_MISSING', `Nothing here can read a microphone: ${reasons}.`, {
      fix: INSTALL_COMMANDS[backends.length === 1 ? backends[0]! : platform === 'linux' ? 'parec' : 'naudiodon'],
      cause,
    });
  }
  if (isThere) {
    return new AppError('MICROPHONE_UNAVAILABLE', `There is a microphone, but it delivers no sound: ${reasons}.`, {
      fix: unavailableFix(platform),
      cause,
    });
  }
  return noMicrophone(`Tried: ${reasons}.`, platform, cause);
}

/** The error for a machine without a microphone. @param why one sentence: where it was looked for. */
export function noMicrophone(why: string, platform: NodeJS.Platform = process.platform, cause?: unknown): AppError {
  return new AppError('NO_MICROPHONE', `No microphone was found. ${why}`, { fix: missingFix(platform), cause });
}

function unavailableFix(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'Allow it: System Settings, Privacy & Security, Microphone.';
  if (platform === 'win32') return 'Allow it: Settings, Privacy & security, Microphone.';
  return 'Close other programs that use the microphone, or choose another one: musecam devices';
}

function missingFix(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'Plug one in and allow it: System Settings, Privacy & Security, Microphone.';
  if (platform === 'win32') return 'Plug one in and allow it: Settings, Privacy & security, Microphone.';
  return (
    'Plug one in (check: arecord -l, pactl list short sources); in a container pass --device /dev/snd or PULSE_SERVER. ' +
    'Or use a sound file: --input wav:voice.wav'
  );
}
