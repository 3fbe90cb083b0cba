import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of the children of this process that read a microphone now (Linux). */
export function captureChildren(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid !== '' && isCapture(pid))
    .map(Number);
}

function isCapture(pid: string): boolean {
  try {
    return /capture-process|parec|pw-record|arecord/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}
