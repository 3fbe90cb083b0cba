import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import type { Capability, DeviceFormat } from './ioctl.ts';

/** Label of our camera: what people choose in their meeting program. */
export const CAMERA_LABEL = 'MuseCam';
/** Loads the kernel module the way browsers need it. */
export const LOAD_COMMAND = `sudo modprobe v4l2loopback exclusive_caps=1 card_label=${CAMERA_LABEL} video_nr=10`;
/** The same for a module that is loaded in another way, or stuck; programs using the camera must let go first. */
const RELOAD_COMMAND = `sudo modprobe -r v4l2loopback && ${LOAD_COMMAND}`;
/** What makes the camera there, for good or until the next start. */
export const LOAD_FIX = `Run: musecam camera setup. Or by hand, until the next start: ${LOAD_COMMAND}`;
/** The same where the module has to be unloaded before. */
export const RELOAD_FIX = `Close the programs that use the camera, then run: musecam camera setup. Or by hand: ${RELOAD_COMMAND}`;
/** What other systems use instead. */
export const OTHER_SYSTEMS_FIX =
  'Add the preview address of the control page as a browser source in OBS and start its virtual camera.';

/** On every system but Linux. */
export function linuxOnly(platform: NodeJS.Platform): AppError {
  return new AppError('V4L2_LINUX_ONLY', `the output v4l2 exists on Linux only; this is ${platform}`, {
    fix: OTHER_SYSTEMS_FIX,
  });
}

/** What a failed `open()` of a device means. Passes AppErrors through. */
export function explainOpen(path: string, thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  switch (systemCodeOf(thrown)) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return new AppError('V4L2_NO_SUCH_DEVICE', `there is no device ${path}`, {
        fix: `Run: musecam camera status. Or load the module: ${LOAD_COMMAND}`,
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
      return new AppError('V4L2_PERMISSION', `no permission to write to ${path}`, {
        fix: 'Join the group that may: sudo usermod -aG video "$USER", then log out and in again.',
        cause: thrown,
      });
    case 'ENOTTY':
      return notLoopback(path, 'it is not a video device', thrown);
    case 'EBUSY':
      return busy(path, '', thrown);
    default:
      return failed(path, 'be opened', thrown);
  }
}

/** Real cameras and everything else that is not v4l2loopback are never written to. */
export function notLoopback(path: string, why: string, cause?: unknown): AppError {
  return new AppError('V4L2_NOT_LOOPBACK', `${path} is not a virtual camera: ${why}`, {
    fix: `Run: musecam devices. Or load the module: ${LOAD_COMMAND}`,
    cause,
  });
}

/** Another program writes. @param holders who has it open, in words, or empty when that cannot be seen. */
export function busy(path: string, holders: string, cause?: unknown): AppError {
  const who = holders === '' ? 'by another program (OBS?)' : `and is open in ${holders}`;
  return new AppError('V4L2_BUSY', `${path} is already being written to ${who}`, {
    fix: 'Stop the virtual camera there, or make a second one: musecam camera setup --second',
    cause,
  });
}

/** v4l2loopback 0.12 after a writer that left without STREAMON: it can neither be written nor read any more. */
export function stuck(path: string): AppError {
  return new AppError('V4L2_STUCK', `${path} takes no pictures: a former program left it in a state of no return`, {
    fix: RELOAD_FIX,
  });
}

/** A reader holds the device in a format that is not ours. @param held what it insists on. */
export function formatHeld(path: string, wanted: DeviceFormat, held: DeviceFormat, holder: string): AppError {
  const who = holder === '' ? 'a program that has it open' : holder;
  const what = `${path} is held to ${describeFormat(held)} by ${who}; ${describeFormat(wanted)} was asked for`;
  return new AppError('V4L2_FORMAT_HELD', what, {
    fix: `Close the programs that use the camera and try again. If nothing has it open: ${RELOAD_COMMAND}`,
  });
}

/** Anything else the system refuses. @param action what could not be done: `be opened`. */
export function failed(path: string, action: string, thrown: unknown): AppError {
  return new AppError('V4L2_FAILED', `${path} could not ${action}: ${messageOf(thrown)}`, {
    fix: 'Run: musecam doctor',
    cause: thrown,
  });
}

/** "1280x720 YUYV". */
function describeFormat(format: DeviceFormat): string {
  return `${format.width}x${format.height} ${format.fourcc}`;
}

/** The driver's name that v4l2loopback answers with. */
export function isLoopback(capability: Capability): boolean {
  return capability.driver === 'v4l2 loopback';
}
