import { type ChildProcess, spawn } from 'node:child_process';
import type { Size } from '../../api/media.ts';

/** What the camera is called by programs. */
export const NODE_NAME = 'musecam';
/** What it is shown as to people. */
export const CAMERA_TITLE = 'MuseCam';
/** A picture that is not taken for so long says that the publisher hangs, in ms. */
const HUNG_MS = 2_000;

/**
 * `gst-launch-1.0` with PipeWire's sink: publishes I420 pictures from its standard input as a camera. Owns the process.
 * The order of its parts is measured: without a conversion and a queue before the sink it crashed when a program began to
 * look (GStreamer 1.22, PipeWire 0.3.65).
 */
export class Publisher implements AsyncDisposable {
  /** Resolves with the reason when it has ended. Never rejects. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #reason: string | undefined;

  constructor(environment: NodeJS.ProcessEnv, { width, height }: Size, framesPerSecond: number) {
    const rate = `framerate=${framesPerSecond}/1`;
    const source = ['fdsrc', 'fd=0', 'do-timestamp=true', `blocksize=${(width * height * 3) / 2}`];
    const parse = ['rawvideoparse', 'format=i420', `width=${width}`, `height=${height}`, rate];
    const sink = ['pipewiresink', 'mode=provide', `stream-properties=props,${properties()}`];
    const parts = [source, parse, ['videoconvert'], ['video/x-raw,format=I420'], ['queue'], sink];
    const pipeline = parts.flatMap((part, n) => (n === 0 ? part : ['!', ...part]));
    this.#child = spawn('gst-launch-1.0', ['--quiet', ...pipeline], {
      env: { ...environment, LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.ended = this.#watchEnd();
    // A broken pipe shows in its end.
    this.#child.stdin?.on('error', () => {});
  }

  /** Hands a picture over; resolves when it has been taken, or cannot be any more. */
  async write(picture: Uint8Array): Promise<void> {
    const pipe = this.#child.stdin;
    if (!pipe?.writable) return;
    const hung = setTimeout(() => this.#end('the publisher does not take pictures'), HUNG_MS);
    const taken = new Promise<void>((resolve) => pipe.write(picture, () => resolve()));
    await Promise.race([taken, this.ended]);
    clearTimeout(hung);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('closed');
    await this.ended;
  }

  #end(reason: string): void {
    this.#reason ??= reason;
    this.#child.kill('SIGKILL');
  }

  #watchEnd(): Promise<string> {
    let words = '';
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      words = (words + bytes.toString('utf8')).slice(-600);
    });
    const killNow = () => void this.#child.kill('SIGKILL');
    process.once('exit', killNow);
    return new Promise((resolve) => {
      const done = (reason: string) => {
        process.off('exit', killNow);
        resolve(this.#reason ?? reason);
      };
      this.#child.once('error', (thrown) => this.#child.pid === undefined && done(thrown.message));
      this.#child.once('close', () => done(reasonIn(words)));
    });
  }
}

/** What programs get to know about the camera. */
function properties(): string {
  const all = { 'media.class': 'Video/Source', 'media.role': 'Camera' };
  const named = { ...all, 'node.name': NODE_NAME, 'node.description': CAMERA_TITLE };
  return Object.entries(named)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function reasonIn(words: string): string {
  const error =
    /ERROR: from element [^:]*: (.+)/.exec(words)?.[1] ?? /WARNING: erroneous pipeline: (.+)/.exec(words)?.[1];
  return error?.trim() ?? 'the publisher ended';
}
