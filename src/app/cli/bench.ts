import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AppError } from '../../base/errors.ts';

/** `musecam bench`: runs test/bench, which comes with the repository. @param jsonPath also write the figures there. */
export async function runBench(jsonPath: string | undefined): Promise<void> {
  const script = fileURLToPath(new URL('../../../test/bench/run.ts', import.meta.url));
  if (!existsSync(script)) {
    throw new AppError(
      'BENCH_NEEDS_SOURCE',
      'The benchmarks come with the repository, not with the installed package.',
      {
        fix: 'In a clone: npm run bench',
      },
    );
  }
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const args = ['--import', loader, script, ...(jsonPath ? ['--json', jsonPath] : [])];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
