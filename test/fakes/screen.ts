import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { hasPackage, hasProgram } from './need.ts';

/** Whether hotkeys can be pressed on a screen here: Xvfb, xdotool, xev (Debian: x11-utils), and the keyboard library. */
export const hasScreen = ['Xvfb', 'xdotool', 'xev'].every(hasProgram) && hasPackage('uiohook-napi');

/** An X server without a screen, with a keyboard to press: real events, as of a person. Dispose to end it. */
export class Screen implements AsyncDisposable {
  /** `:3` */
  readonly display: string;
  readonly #server: ChildProcess;
  readonly #hand: ChildProcess;
  readonly #windows: ChildProcess[] = [];

  private constructor(server: ChildProcess, display: string) {
    this.#server = server;
    this.display = display;
    this.#hand = spawn('xdotool', ['-'], { env: this.env, stdio: ['pipe', 'ignore', 'ignore'] });
  }

  /** Starts one; resolves when it takes programs. */
  static async open(): Promise<Screen> {
    const flags = ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp', '-noreset'];
    const server = spawn('Xvfb', flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'], detached: true });
    const number = await new Promise<string>((resolve, reject) => {
      let text = '';
      server.once('exit', () => reject(new Error('Xvfb ended')));
      server.once('error', reject);
      server.stdio[3]!.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (text.includes('\n')) resolve(text.trim());
      });
    });
    return new Screen(server, `:${number}`);
  }

  /** The environment of a program on this screen. */
  get env(): NodeJS.ProcessEnv {
    const { WAYLAND_DISPLAY: _wayland, XDG_SESSION_TYPE: _type, ...rest } = process.env;
    return { ...rest, DISPLAY: this.display };
  }

  /** Presses keys and lets go, in xdotool's words: `ctrl+alt+2`. */
  tap(keys: string): void {
    this.#hand.stdin?.write(`key ${keys}\n`);
  }

  /** Presses one key without letting go; it repeats as on a real keyboard. */
  down(key: string): void {
    this.#hand.stdin?.write(`keydown ${key}\n`);
  }

  /** Lets go of one key. */
  up(key: string): void {
    this.#hand.stdin?.write(`keyup ${key}\n`);
  }

  /** Opens a window of another program and gives it the keyboard. @returns the names of the keys that it got, so far. */
  async focusWindow(): Promise<readonly string[]> {
    // Written line by line also into a pipe.
    const window = spawn('stdbuf', ['-oL', 'xev', '-event', 'keyboard'], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#windows.push(window);
    const got: string[] = [];
    let isPress = false;
    const id = await new Promise<string>((resolve, reject) => {
      window.once('exit', () => reject(new Error('xev ended')));
      createInterface({ input: window.stdout! }).on('line', (line) => {
        const outer = /^Outer window is (0x[\da-f]+)/.exec(line)?.[1];
        if (outer) resolve(outer);
        if (/^\w+ event/.test(line)) isPress = line.startsWith('KeyPress');
        const name = /keysym 0x[\da-f]+, (\S+)\)/.exec(line)?.[1];
        if (isPress && name) got.push(name);
      });
    });
    // It is on the screen a moment later.
    this.#hand.stdin?.write(`sleep 0.3\nwindowfocus --sync ${id}\n`);
    return got;
  }

  /** Ends the X server as a crash would. */
  async kill(): Promise<void> {
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#server.once('exit', resolve));
    this.#server.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hand.stdin?.end();
    for (const child of [this.#hand, ...this.#windows]) child.kill('SIGKILL');
    await this.kill();
  }
}
