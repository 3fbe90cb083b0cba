import { execFile } from 'node:child_process';
import { type Machine, thisMachine } from '../scan.ts';

/** How a program ended. */
interface Ended {
  readonly status: number;
  /** What it wrote to stderr. */
  readonly complaint: string;
}

/** A machine whose modules can be changed: this one, or a made-up one in tests. */
export interface System {
  readonly machine: Machine;
  readonly isRoot: () => boolean;
  /** Runs one program without a shell; never rejects. */
  readonly run: (program: string, args: readonly string[]) => Promise<Ended>;
}

/** This machine. */
export const thisSystem: System = {
  machine: thisMachine,
  isRoot: () => process.getuid?.() === 0,
  run: runProgram,
};

/** Loading a module builds and probes nothing; half a minute is a hang. */
const RUN_LIMIT_MS = 30_000;

function runProgram(program: string, args: readonly string[]): Promise<Ended> {
  // modprobe lies in sbin, which is not on everybody's PATH, root's own included (su without a dash).
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: RUN_LIMIT_MS }, (error, _stdout, stderr) => {
      if (!error) return resolve({ status: 0, complaint: stderr.trim() });
      const status = typeof error.code === 'number' ? error.code : 127;
      resolve({ status, complaint: stderr.trim() || error.message });
    });
  });
}
