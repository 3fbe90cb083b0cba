import { AppError } from '../../../base/errors.ts';
import { describeHolders, type Holder } from '../holders.ts';

/** The kernel has no such module for itself. @param why what was seen. @param fix the command that installs it. */
export function moduleMissing(why: string, fix: string): AppError {
  return new AppError('V4L2_MODULE_MISSING', why, { fix: `Run: ${fix}; then: musecam camera setup` });
}

/** Files of /etc and kernel modules are the administrator's. @param command the line to type instead. */
export function needsRoot(command: string): AppError {
  return new AppError('V4L2_NEEDS_ROOT', 'Nothing was changed: this needs the rights of the administrator.', {
    fix: `Run: ${command}`,
  });
}

/** Nobody said yes. @param canAsk whether somebody was asked. */
export function notConfirmed(canAsk: boolean, action: 'setup' | 'remove'): AppError {
  const message = canAsk
    ? 'Nothing was changed.'
    : 'Nothing was changed: nobody sits at a terminal who could agree to it.';
  return new AppError('V4L2_NOT_CONFIRMED', message, { fix: `Run: musecam camera ${action} --yes` });
}

/** A module in use cannot be unloaded, and unloading it by force crashes the kernel. */
export function inUse(occupants: readonly { readonly path: string; readonly users: readonly Holder[] }[]): AppError {
  const who = occupants.map(({ path, users }) => `${path} is open in ${describeHolders(users)}`).join(', ');
  return new AppError(
    'V4L2_IN_USE',
    `The module cannot be loaded anew: ${who || 'a program that cannot be seen uses it'}.`,
    {
      fix: 'Close those programs (or the browser tab, the meeting), then run the same command again.',
    },
  );
}

/** Somebody else's configuration makes a camera that browsers do not list. */
export function optionsElsewhere(path: string, options: string): AppError {
  return new AppError(
    'V4L2_OPTIONS_ELSEWHERE',
    `${path} sets other options for v4l2loopback, which browsers do not get along with: ${options}`,
    {
      fix: `Add exclusive_caps=1 there, or run: musecam camera setup --second, which leaves that camera and adds one of our own.`,
    },
  );
}

/** Secure Boot, or a kernel that is locked down. @param words what modprobe said. @param fix how to sign it. */
export function notSigned(words: string, fix: string): AppError {
  return new AppError('V4L2_NOT_SIGNED', `The kernel refused v4l2loopback because it is not signed: ${words}`, { fix });
}

/** Anything else that goes wrong on the way. */
export function setupFailed(message: string, cause?: unknown): AppError {
  return new AppError('V4L2_SETUP_FAILED', message, {
    fix: 'Run: musecam camera status, and: sudo dmesg | tail, which has the words of the kernel.',
    cause,
  });
}
