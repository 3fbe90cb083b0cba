import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNodeEntry } from '../../src/base/node-entry.ts';

const entry = findNodeEntry(import.meta.url, '../../src/app/cli');

/** How a run of the command line ended. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home folder of its own for one test file; dispose to remove it. */
export function makeHome(): Disposable & { readonly path: string; readonly env: NodeJS.ProcessEnv } {
  const path = mkdtempSync(join(tmpdir(), 'musecam-test-'));
  return {
    path,
    env: { MUSECAM_HOME: path },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A running `musecam`, from source. */
export class Cli implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<CliResult>;
  /** A test that runs into its time limit is not waited for: nothing may be left running after it. */
  readonly #killNow = () => void this.child.kill('SIGKILL');

  constructor(args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string) {
    this.child = spawn(process.execPath, [...entry.execArgv, entry.path, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd ? { cwd } : {}),
    });
    this.child.stdout?.on('data', (text) => {
      this.stdout += String(text);
    });
    this.child.stderr?.on('data', (text) => {
      this.stderr += String(text);
    });
    process.once('exit', this.#killNow);
    this.ended = new Promise((resolve) =>
      this.child.on('close', (code) => {
        process.off('exit', this.#killNow);
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
      }),
    );
  }

  /** Waits until the output holds a pattern. @returns the match. */
  async says(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const untilMs = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.stdout + this.stderr);
      if (match) return match;
      if (Date.now() > untilMs || this.child.exitCode !== null) {
        throw new Error(`never said ${pattern}; it said:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.ended;
    clearTimeout(timer);
  }
}

/** How long {@link runCli} waits: far longer than any command of the tests takes, shorter than a test may. In ms. */
const RUN_LIMIT_MS = 45_000;

/** Runs a command to its end. Fails with what it said where it does not end. */
export async function runCli(args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<CliResult> {
  await using cli = new Cli(args, env, cwd);
  cli.child.stdin?.end();
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`musecam ${args.join(' ')} did not end:\n${cli.stdout}\n${cli.stderr}`));
    timer = setTimeout(fail, RUN_LIMIT_MS);
  });
  try {
    return await Promise.race([cli.ended, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
