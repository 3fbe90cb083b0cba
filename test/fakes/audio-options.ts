import type { AudioInputOptions, HealthReport } from '../../src/api/contributions.ts';
import { type Log, silentLog } from '../../src/base/log.ts';

/** Options to open an audio input with, and what it reported about its health since. */
export interface RecordedOptions extends AudioInputOptions {
  readonly health: HealthReport[];
  readonly warnings: string[];
}

/** Options for one input under test: off line, once, everything it says recorded. */
export function audioOptions(target: string | undefined, changes: Partial<AudioInputOptions> = {}): RecordedOptions {
  const health: HealthReport[] = [];
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message), scope: () => log };
  return {
    target,
    loop: false,
    isRealTime: false,
    log,
    onHealth: (report) => void health.push(report),
    health,
    warnings,
    ...changes,
  };
}
