import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { systemCodeOf } from '../../base/errors.ts';
import type { CaptureCommand } from './capture-command.ts';
import { CaptureFailure } from './capture-failure.ts';

/** How the names of scratch folders begin. */
const SCRATCH_PREFIX = 'musecam-capture-';
/** How much of what a child prints is kept to explain its end, in characters. */
const KEPT_PRINT = 2_000;

/**
 * A child process that reads a microphone. Owns the process, and for our own one a scratch folder, where crash reports of
 * native code land instead of in the user's folder. What it prints is kept away from our own output.
 */
export class CaptureChild implements AsyncDisposable {
  /** What it delivers. */
  readonly output: Readable;
  /** Resolves with the reason when the process has ended, or could not be started. Never rejects. */
  readonly ended: Promise<CaptureFailure>;
  readonly #command: CaptureCommand;
  readonly #endLimitMs: number;
  readonly #scratch: string | undefined;
  readonly #child: ChildProcess;
  #printed = '';
  #closing: Promise<void> | undefined;

  /** @param endLimitMs between asking it to end and killing it. */
  constructor(command: CaptureCommand, environment: NodeJS.ProcessEnv, endLimitMs: number) {
    this.#command = command;
    this.#endLimitMs = endLimitMs;
    const isOurs = command.dialect === 'naudiodon';
    this.#scratch = isOurs ? mkdtempSync(join(tmpdir(), SCRATCH_PREFIX)) : undefined;
    this.#child = spawn(command.program, command.args, {
      cwd: this.#scratch,
      env: { ...environment, ...command.environment },
      // PortAudio prints to standard output, so that our own process delivers on descriptor 3.
      stdio: isOurs ? ['pipe', 'ignore', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.output = this.#child.stdio[isOurs ? 3 : 1] as Readable;
    this.ended = this.#watchEnd();
    // A program without sound to write would not notice that its reader is gone.
    const endWithUs = () => void this.#child.kill('SIGKILL');
    process.once('exit', endWithUs);
    void this.ended.then(() => process.off('exit', endWithUs));
    // Broken pipes of a child that is gone show in its end, not here.
    for (const stream of this.#child.stdio) stream?.on('error', () => {});
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#printed = (this.#printed + bytes.toString('utf8')).slice(-KEPT_PRINT);
    });
  }

  /** The last line it printed as an error, in brackets for the end of a sentence; empty when it printed none. */
  get lastWords(): string {
    const line = this.#printed.trim().split('\n').at(-1)?.trim();
    return line ? ` (${line})` : '';
  }

  /** Ends the process: it is asked first and killed if that does not help. Resolves when it is gone. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), this.#endLimitMs);
    if (this.#command.dialect === 'naudiodon') this.#child.stdin?.end();
    else this.#child.kill('SIGTERM');
    // Unread sound must not hold it up.
    this.output?.resume();
    await this.ended;
    clearTimeout(killer);
    for (const stream of this.#child.stdio) stream?.destroy();
    if (this.#scratch) rmSync(this.#scratch, { recursive: true, force: true });
  }

  #watchEnd(): Promise<CaptureFailure> {
    const { backend } = this.#command;
    return new Promise((resolve) => {
      this.#child.once('error', (thrown) => {
        if (this.#child.pid !== undefined) return;
        const isMissing = systemCodeOf(thrown) === 'ENOENT';
        const message = isMissing ? `${backend} is not installed` : `${backend} cannot be started: ${thrown.message}`;
        resolve(new CaptureFailure(isMissing ? 'missing' : 'broken', message));
      });
      this.#child.once('exit', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        // What it said last is still on its way.
        setImmediate(() => resolve(new CaptureFailure('broken', `${backend} ${how}${this.lastWords}`)));
      });
    });
  }
}
