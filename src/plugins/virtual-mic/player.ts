import { type ChildProcess, spawn } from 'node:child_process';
import { OWN_SOUND_DEVICES } from '../../api/own-devices.ts';
import { DEVICE_RATE_HZ } from './own-modules.ts';

/** What the server is asked to hold, in ms: below it pauses and fills up again. */
export const PLAYER_LATENCY_MS = 20;
/** It says how far it is twenty times a second; silent for this long, the server hangs. */
const SILENT_LIMIT_MS = 1_500;
/** How much may wait in its pipe before sound is dropped, in bytes: a second. */
const BACKLOG_BYTES = DEVICE_RATE_HZ * 4;

/** What a player tells. */
export interface PlayerListener {
  /** How much of its sound has been heard, in ms. */
  onPlayed(playedMs: number): void;
  /** It had nothing to play, or goes on after that. */
  onBreak(): void;
}

/**
 * `pacat`, playing into our own sink. Owns the process; it is killed as soon as the server moves it elsewhere, because a
 * voice must never come out of the loudspeakers.
 */
export class Player implements AsyncDisposable {
  /** Resolves with the reason when it has ended. Never rejects. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #listener: PlayerListener;
  #reason: string | undefined;
  #words = '';
  #watch: NodeJS.Timeout | undefined;

  constructor(environment: NodeJS.ProcessEnv, listener: PlayerListener) {
    this.#listener = listener;
    const args = ['--playback', '--raw', '--format=float32le', `--rate=${DEVICE_RATE_HZ}`, '--channels=1'];
    const place = [`--device=${OWN_SOUND_DEVICES.sink}`, `--latency-msec=${PLAYER_LATENCY_MS}`, '--volume=65536'];
    // PipeWire is told to leave it where it is; PulseAudio knows no such word and says when it has moved it.
    const stay = ['--property=node.dont-reconnect=true', '--property=node.dont-move=true'];
    const names = ['--client-name=MuseCam', '--stream-name=Voice in step with the picture', '--verbose'];
    const env = { ...environment, LC_ALL: 'C' };
    this.#child = spawn('pacat', [...args, ...place, ...stay, ...names], { env, stdio: ['pipe', 'ignore', 'pipe'] });
    this.ended = this.#watchEnd();
    const endWithUs = () => void this.#child.kill('SIGKILL');
    process.once('exit', endWithUs);
    void this.ended.then(() => process.off('exit', endWithUs));
    // A broken pipe shows in its end.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.on('data', (bytes: Buffer) => this.#read(bytes.toString('latin1')));
    this.#listenOn();
  }

  /** Gives it sound to play next. Dropped while it does not take any. */
  write(samples: Float32Array): void {
    const pipe = this.#child.stdin;
    if (!pipe?.writable || pipe.writableLength > BACKLOG_BYTES) return;
    pipe.write(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('closed');
    await this.ended;
  }

  /** What it prints: how far it is, and what became of its stream. */
  #read(text: string): void {
    this.#words = (this.#words + text).slice(-400);
    if (/Stream moved to device/.test(text)) this.#end('the sound server moved the voice to another device');
    if (/Stream (underrun|started)/.test(text)) this.#listener.onBreak();
    for (const [, seconds] of text.matchAll(/Time: (\d+\.\d+) sec/g)) {
      this.#listenOn();
      this.#listener.onPlayed(Number(seconds) * 1000);
    }
  }

  #listenOn(): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#end('the sound server does not answer'), SILENT_LIMIT_MS);
  }

  #end(reason: string): void {
    this.#reason ??= reason;
    this.#child.kill('SIGKILL');
  }

  #watchEnd(): Promise<string> {
    return new Promise((resolve) => {
      const done = (reason: string) => {
        clearTimeout(this.#watch);
        resolve(this.#reason ?? reason);
      };
      this.#child.once('error', (thrown) => {
        if (this.#child.pid === undefined) done(`pacat cannot be started: ${thrown.message}`);
      });
      this.#child.once('exit', () => {
        const line = this.#words.split(/[\r\n]/).findLast((part) => part.trim() !== '' && !part.startsWith('Time:'));
        done(`the sound server ended the voice${line ? ` (${line.trim()})` : ''}`);
      });
    });
  }
}
