import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import type { TestContext } from 'vitest';

const require = createRequire(import.meta.url);

/** Whether a program answers on PATH. */
export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v "$0"`, name]).status === 0;
}

/** Whether an npm package (an optional one) can be loaded here. */
export function hasPackage(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Says what a test needs. Missing: the test is skipped with the reason, or fails where `MUSECAM_REQUIRE=all` says that
 * everything must be there (the project's own CI).
 */
export function need(context: Pick<TestContext, 'skip'>, isThere: boolean, reason: string): void {
  if (isThere) return;
  if (process.env.MUSECAM_REQUIRE === 'all') throw new Error(`required here, but missing: ${reason}`);
  context.skip(reason);
}
