import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What NVIDIA's own tool says of the first GPU. */
export interface NvidiaState {
  readonly name: string;
  readonly driver: string;
  /** Memory in use, by every program. */
  readonly usedBytes: number;
}

const MEBIBYTE = 1024 * 1024;

/** Asks `nvidia-smi`; undefined where there is none. */
export async function askNvidia(): Promise<NvidiaState | undefined> {
  const args = ['--query-gpu=name,driver_version,memory.used', '--format=csv,noheader,nounits'];
  const found = await promisify(execFile)('nvidia-smi', args, { timeout: 10_000 }).catch(() => undefined);
  const [name, driver, used] =
    found?.stdout
      .split('\n')[0]
      ?.split(',')
      .map((part) => part.trim()) ?? [];
  return name && driver && used ? { name, driver, usedBytes: Number(used) * MEBIBYTE } : undefined;
}
