import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { orAborted } from './or-aborted.ts';

const run = promisify(execFile);

/**
 * What a program prints in the C locale; undefined when it is not installed, fails or takes too long.
 * @throws the signal's reason.
 */
export async function askProgram(
  name: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  signal.throwIfAborted();
  // Not with execFile's own `signal`: it keeps its listener for ever when the program is not there (Node 20).
  const running = run(name, [...args], { env: { ...environment, LC_ALL: 'C' }, timeout: limitMs });
  const answer = await orAborted(
    running.then(
      ({ stdout }) => stdout,
      () => undefined,
    ),
    signal,
  );
  if (signal.aborted) running.child.kill();
  signal.throwIfAborted();
  return answer;
}
