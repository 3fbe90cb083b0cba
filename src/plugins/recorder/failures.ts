import { AppError, systemCodeOf } from '../../base/errors.ts';

/** What installs ffmpeg, by platform. */
const INSTALL_COMMANDS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'sudo apt install ffmpeg',
  darwin: 'brew install ffmpeg',
  win32: 'winget install Gyan.FFmpeg',
};

/** No program `ffmpeg` on PATH. */
export function ffmpegMissing(cause: unknown): AppError {
  return new AppError('FFMPEG_MISSING', 'recording needs ffmpeg, and there is none on PATH', {
    fix: INSTALL_COMMANDS[process.platform] ?? 'Install ffmpeg so that it is on PATH.',
    cause,
  });
}

/** @param path the file, or its folder, that has no room left. */
function diskFull(path: string, cause?: unknown): AppError {
  return new AppError('DISK_FULL', `there is no room left on the disk for ${path}`, {
    fix: 'Free some space, or record to another disk.',
    cause,
  });
}

/** The file cannot be made. */
export function notWritable(path: string, cause: unknown): AppError {
  const code = systemCodeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, cause);
  const why =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? 'its folder does not exist'
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? 'its folder may not be written to'
        : (code ?? 'the system refused');
  return new AppError('RECORDING_NOT_WRITABLE', `${path} cannot be made: ${why}`, {
    fix: 'Name a file in a folder that exists and that you may write to.',
    cause,
  });
}

/** ffmpeg ended before it should, or would not end. @param words its last line, or what was waited for in vain. */
export function recordingFailed(path: string, words: string, keptPart: string | undefined): AppError {
  if (/No space left on device|Disk quota exceeded/i.test(words)) return diskFull(path, new Error(words));
  return new AppError('RECORDING_FAILED', `recording to ${path} stopped: ${words}`, {
    fix: keptPart === undefined ? 'Start the recording again.' : `Start again. What was recorded is in ${keptPart}`,
  });
}
