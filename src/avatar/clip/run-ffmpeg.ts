import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { AppError, systemCodeOf } from '../../base/errors.ts';

/** How a program ended. */
export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** The last line it complained with; empty when it said nothing. */
  readonly lastWords: string;
}

/** What installs ffmpeg, by platform. */
const INSTALL_COMMANDS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'sudo apt install ffmpeg',
  darwin: 'brew install ffmpeg',
  win32: 'winget install Gyan.FFmpeg',
};
/** What is kept of the complaints, in characters: a damaged clip can fill a disk with them. */
const MAX_WORDS = 4000;
/**
 * Containers that are opened. Playlists (hls, dash, concat, image sequences) are not among them: they name other files,
 * and a clip somebody sent may name any.
 */
const CONTAINERS =
  'mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,h264,hevc,av1,obu,dv,mxf,nut,gif,mp3,wav,flac,aac,aiff,caf,w64';

/**
 * Arguments that open a file somebody gave us: nothing but files and pipes may be read, only plain containers, and the
 * path can be no option, protocol or pattern, whatever characters are in it.
 */
export function inputArguments(path: string): string[] {
  return ['-protocol_whitelist', 'file,pipe', '-format_whitelist', CONTAINERS, '-i', `file:${resolve(path)}`];
}

/**
 * A running ffmpeg or ffprobe. It ends with the signal, with this process, and when it is disposed; never a shell, and
 * nothing of ours on its standard input but what is written to {@link input}.
 */
export class MediaProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** What it writes to standard output. */
  readonly output: Readable;
  /** Its standard input; undefined unless asked for. */
  readonly input: Writable | undefined;
  /** Resolves when it has ended and said its last words. */
  readonly ended: Promise<ProgramEnd>;
  #words = '';

  private constructor(child: ChildProcess, signal: AbortSignal) {
    this.#child = child;
    this.output = child.stdio[1] as Readable;
    this.input = (child.stdio[0] as Writable | null) ?? undefined;
    // A dead program shows in `ended`.
    this.input?.on('error', () => {});
    const kill = () => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    this.ended = new Promise((settle) => {
      child.once('close', (code) => {
        signal.removeEventListener('abort', kill);
        process.off('exit', kill);
        settle({ code, lastWords: lastLineOf(this.#words) });
      });
    });
    const complaints = child.stdio[2] as Readable;
    complaints.setEncoding('utf8');
    complaints.on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-MAX_WORDS);
    });
  }

  /** @throws AppError FFMPEG_MISSING; the signal's reason when it is aborted already. */
  static async start(
    program: 'ffmpeg' | 'ffprobe',
    args: readonly string[],
    signal: AbortSignal,
    options: { readonly withInput?: boolean } = {},
  ): Promise<MediaProgram> {
    signal.throwIfAborted();
    const first =
      program === 'ffmpeg' ? ['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'error'] : ['-v', 'error'];
    const child = spawn(program, [...first, ...args], {
      stdio: [options.withInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      // Ctrl-C in the terminal goes to the whole process group, and what it ends early would look damaged to us.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    // Listeners first: a program that ends at once must not be missed.
    const running = new MediaProgram(child, signal);
    await new Promise<void>((settle, fail) => {
      child.once('spawn', settle);
      child.once('error', (thrown) =>
        fail(systemCodeOf(thrown) === 'ENOENT' ? ffmpegMissing(program, thrown) : thrown),
      );
    });
    return running;
  }

  /** Process id, for its priority. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    this.output.resume();
    await this.ended;
  }
}

function ffmpegMissing(program: string, cause: unknown): AppError {
  return new AppError('FFMPEG_MISSING', `Clips are read with ${program}, and there is none on PATH.`, {
    fix: INSTALL_COMMANDS[process.platform] ?? 'Install ffmpeg so that it is on PATH.',
    cause,
  });
}

/** The last line that says something, without ffmpeg's address of the part that spoke. */
function lastLineOf(words: string): string {
  const lines = words.split('\n').map((line) => line.replace(/^\[[^\]]*\]\s*/, '').trim());
  return lines.findLast((line) => line !== '')?.slice(0, 300) ?? '';
}

const known = new Map<'-encoders' | '-filters', Promise<string>>();

/** Whether this ffmpeg has an encoder or a filter of that name. Asked once per run of our program. */
export async function ffmpegHas(list: '-encoders' | '-filters', name: string): Promise<boolean> {
  let names = known.get(list);
  if (!names) {
    names = readAll(list);
    known.set(list, names);
    // A missing ffmpeg may be installed while the daemon runs.
    names.catch(() => known.delete(list));
  }
  return new RegExp(`^\\s*\\S+\\s+${name}\\s`, 'm').test(await names);
}

async function readAll(list: string): Promise<string> {
  await using program = await MediaProgram.start('ffmpeg', [list], new AbortController().signal);
  let text = '';
  program.output.setEncoding('utf8');
  for await (const part of program.output) text += String(part);
  return text;
}
