import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { AppError, systemCodeOf } from '../../base/errors.ts';

const run = promisify(execFile);
/** A sound server that takes longer hangs. */
const LIMIT_MS = 2_000;

/**
 * Runs pactl in the C locale; what it prints.
 * @throws AppError VIRTUAL_MIC_NO_PACTL where it is not installed, VIRTUAL_MIC_NO_SERVER where it fails.
 */
export async function pactl(environment: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> {
  try {
    const env = { ...environment, LC_ALL: 'C' };
    return (await run('pactl', [...args], { env, timeout: LIMIT_MS })).stdout;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') {
      throw new AppError('VIRTUAL_MIC_NO_PACTL', 'the program pactl is not installed', {
        fix: 'Run: sudo apt install pulseaudio-utils (Fedora: pulseaudio-utils, Arch: libpulse)',
        cause: thrown,
      });
    }
    const words = String((thrown as { stderr?: unknown }).stderr ?? '')
      .trim()
      .split('\n')[0];
    throw new AppError('VIRTUAL_MIC_NO_SERVER', `the sound server does not do it: ${words || 'no answer in 2 s'}`, {
      fix: 'Start PulseAudio or PipeWire, then look: pactl info',
      cause: thrown,
    });
  }
}
