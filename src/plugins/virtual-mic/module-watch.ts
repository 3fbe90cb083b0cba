import { type ChildProcess, spawn } from 'node:child_process';
import { listOwnModules } from './own-modules.ts';

/** Notices that somebody removed our devices: by `pactl subscribe`, which sleeps until something happens. */
export class ModuleWatch implements AsyncDisposable {
  /** Resolves with the reason when they are not complete any more. */
  readonly removed: Promise<string>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(environment: NodeJS.ProcessEnv) {
    const env = { ...environment, LC_ALL: 'C' };
    this.#child = spawn('pactl', ['subscribe'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const endWithUs = () => void this.#child.kill('SIGKILL');
    process.once('exit', endWithUs);
    this.#ended = new Promise((resolve) => {
      const done = () => {
        process.off('exit', endWithUs);
        resolve();
      };
      this.#child.once('exit', done).once('error', done);
    });
    this.removed = new Promise((resolve) => {
      this.#child.stdout?.on('data', (bytes: Buffer) => {
        if (!/'remove' on (module|sink|source) /.test(bytes.toString('latin1'))) return;
        void isComplete(environment).then((complete) => {
          if (!complete) resolve('its devices were removed from the sound server');
        });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Whether both our devices are there; a server that does not answer is noticed by the player. */
async function isComplete(environment: NodeJS.ProcessEnv): Promise<boolean> {
  const there = await listOwnModules(environment).catch(() => undefined);
  if (!there) return true;
  return new Set(there.filter(({ owner }) => owner === process.pid).map(({ role }) => role)).size === 2;
}
