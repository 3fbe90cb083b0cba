import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ShowStatus } from '../../src/api/status.ts';

const cli = fileURLToPath(new URL('../../dist/app/cli.js', import.meta.url));
/** Speech that comes with the program. */
const bundledSpeech = fileURLToPath(new URL('../../dist/app/welcome.wav', import.meta.url));
/** Flags of `musecam start` for a show without a microphone. */
export const BUNDLED_SPEECH: readonly string[] = ['--input', `wav:${bundledSpeech}`, '--loop'];
/** What /proc counts processor time in, in ms; the same on every Linux. */
const PROC_TICK_MS = 10;
const START_DEADLINE_MS = 30_000;

/** What two processes cost. */
interface Cost {
  readonly daemon: number;
  readonly engine: number;
}

/** The compiled daemon as a process of its own, talking with the bundled speech, in an empty home folder. */
export class DaemonProcess implements AsyncDisposable {
  readonly startedMs = performance.now();
  readonly #home = mkdtempSync(join(tmpdir(), 'musecam-bench-'));
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';
  #address = new URL('http://127.0.0.1');

  private constructor(input: readonly string[], surroundings: NodeJS.ProcessEnv) {
    const args = [cli, 'start', '--no-open', '--port', '0', ...input];
    // No microphone of this machine's, so that every machine does the same.
    const env = {
      ...process.env,
      MUSECAM_HOME: this.#home,
      NO_COLOR: '1',
      PULSE_SERVER: 'unix:/nonexistent',
      ...surroundings,
    };
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (text) => {
      this.#said += String(text);
    });
    this.#child.stderr?.on('data', (text) => {
      this.#said += String(text);
    });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  /**
   * Starts it; resolves when it has told its address.
   * @param flags of `musecam start`.
   * @param surroundings variables of its environment besides.
   */
  static async open(flags = BUNDLED_SPEECH, surroundings: NodeJS.ProcessEnv = {}): Promise<DaemonProcess> {
    if (!existsSync(cli)) throw new Error('there is no dist/; run: npm run build');
    const daemon = new DaemonProcess(flags, surroundings);
    try {
      await daemon.#untilItTellsItsAddress();
      return daemon;
    } catch (thrown) {
      await daemon[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Address of the control page, with the token. */
  get url(): string {
    return this.#address.href;
  }

  /** Calls the daemon's page, with its token. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const token = this.#address.searchParams.get('token') ?? '';
    return fetch(new URL(path, this.#address.origin), {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
  }

  /** What `musecam status --json` tells. */
  async status(): Promise<ShowStatus> {
    return (await (await this.fetch('/api/status')).json()) as ShowStatus;
  }

  /** Runs a command of the show. */
  async run(command: string, args: unknown): Promise<void> {
    const answer = await this.fetch(`/api/commands/${command}`, { method: 'POST', body: JSON.stringify(args) });
    if (!answer.ok) throw new Error(`${command}: ${await answer.text()}`);
  }

  /** Processor time so far, in ms. Linux only. */
  cpuMs(): Cost {
    return { daemon: cpuMsOf(this.#child.pid!), engine: cpuMsOf(this.#enginePid()) };
  }

  /** Resident memory in MB, shared pages counted in both. Linux only. */
  residentMb(): Cost {
    return { daemon: residentMbOf(this.#child.pid!), engine: residentMbOf(this.#enginePid()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#ended;
    clearTimeout(timer);
    rmSync(this.#home, { recursive: true, force: true });
  }

  #enginePid(): number {
    const pid = this.#child.pid!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    const engine = children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('engine-host'));
    if (engine === undefined) throw new Error('the daemon has no engine host');
    return engine;
  }

  async #untilItTellsItsAddress(): Promise<void> {
    for (;;) {
      const address = /Control page: (http\S+)/.exec(this.#said)?.[1];
      if (address) {
        this.#address = new URL(address);
        return;
      }
      const isOver = this.#child.exitCode !== null || performance.now() - this.startedMs > START_DEADLINE_MS;
      if (isOver) throw new Error(`the daemon told no address; it said:\n${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

/** Processor time that a process has had so far, in ms. Linux only. */
export function cpuMsOf(pid: number): number {
  // After the name in brackets: field 14 is time in user mode, 15 in the kernel.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * PROC_TICK_MS;
}

function residentMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
