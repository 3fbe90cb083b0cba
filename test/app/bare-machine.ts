import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The environment of a machine with neither microphone nor sound server, whatever this one has.
 * @param home a folder of the test's own, as of `makeHome`.
 */
export function withoutSound(home: { readonly path: string; readonly env: NodeJS.ProcessEnv }): NodeJS.ProcessEnv {
  return { ...home.env, PULSE_SERVER: 'unix:/nonexistent', XDG_RUNTIME_DIR: join(home.path, 'run') };
}

/** Process ids of the children of a process. Linux only. */
export function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Whether a process runs. One that has ended, and that nobody has asked about yet, does not. Linux only. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Process ids of a daemon's engine hosts, one for each engine. Linux only. */
export function engineHostsOf(daemonPid: number): readonly number[] {
  return childrenOf(daemonPid).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-host-process');
    } catch {
      return false;
    }
  });
}

/** Process id of a daemon's only engine host; undefined between two of them. Linux only. */
export function engineHostOf(daemonPid: number): number | undefined {
  return engineHostsOf(daemonPid)[0];
}
