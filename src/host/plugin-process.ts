import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { withDeadline } from '../base/deadline.ts';
import type { Log } from '../base/log.ts';
import type { NodeEntry } from '../base/node-entry.ts';
import { PluginPipe } from './plugin-pipe.ts';
import { PLUGIN_PROTOCOL_VERSION, type PluginSide, type ShowSide } from './plugin-protocol.ts';
import { openPluginRpc, type PluginRpc } from './plugin-rpc.ts';

/** Without a sign of life for this long a plugin hangs and is ended, in ms. */
const HUNG_AFTER_MS = 5000;
const WATCH_MS = 500;
/** How long a plugin may take to close what it holds before its process is ended, in ms. */
const CLOSE_DEADLINE_MS = 3000;
/** Memory that a plugin's own objects may take, in MB; one that leaks ends itself, not the machine. */
const HEAP_MEGABYTES = 1024;
/** What a plugin prints is read in pieces, with a rest between them, in ms. */
const PRINT_REST_MS = 50;
/** Of what it printed last, for the reason of its end; characters. */
const KEPT_CHARACTERS = 4000;

/** What the show does with what a plugin's process says; its greeting, beats and last words are heard here. */
export type ShowFunctions = Omit<ShowSide, 'hello' | 'beat' | 'failed'>;

/** One life of a plugin's process: from start to exit. Starting it again is {@link RemotePlugin}'s business. */
export class PluginProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #pipe: PluginPipe;
  readonly #rpc: PluginRpc<PluginSide, ShowSide>;
  readonly #ended: Promise<string>;
  #verdict = '';
  #printed = '';
  #isClosing = false;
  #lastBeatMs = performance.now();
  #watch: NodeJS.Timeout | undefined;

  constructor(entry: NodeEntry, functions: ShowFunctions, log: Log) {
    this.#child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MEGABYTES}`, ...entry.execArgv, entry.path], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#pipe = new PluginPipe(this.#child.stdio[3] as Duplex, (reason) => this.giveUp(reason));
    this.#rpc = openPluginRpc<PluginSide, ShowSide>(this.#pipe, {
      ...functions,
      hello: (protocol) => {
        if (protocol !== PLUGIN_PROTOCOL_VERSION) this.giveUp(`it speaks protocol ${protocol}`);
      },
      beat: () => {
        this.#lastBeatMs = performance.now();
      },
      failed: (reason) => {
        this.#verdict ||= reason;
      },
    });
    readSlowly(this.#child.stdout, (text) => log.debug(text));
    readSlowly(this.#child.stderr, (text) => {
      this.#printed = (this.#printed + text).slice(-KEPT_CHARACTERS);
      log.warn(text.trimEnd());
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#verdict ||= error.message;
        if (this.#child.pid === undefined) resolve(this.#end(null, null));
      });
      // Not `exit`: its last words may still be in the pipes.
      this.#child.on('close', (code, signal) => resolve(this.#end(code, signal)));
    });
    this.#watchNext(performance.now());
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The plugin's functions. Calls reject when the process ends. */
  get plugin(): PluginRpc<PluginSide, ShowSide> {
    return this.#rpc;
  }

  /** Why it is being ended; empty while it is not. */
  get verdict(): string {
    return this.#verdict;
  }

  /** Bytes that the plugin has not taken yet. */
  get waitingBytes(): number {
    return this.#pipe.waitingBytes;
  }

  /** Resolves, never rejects, with why the process is gone. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** Ends the process at once. @param reason what is wrong with it. */
  giveUp(reason: string): void {
    this.#verdict ||= reason;
    this.#child.kill('SIGKILL');
  }

  /** Lets the plugin close what it holds, then ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    await withDeadline(Promise.race([this.#rpc.deactivate(), this.#ended]), CLOSE_DEADLINE_MS).catch(() => {});
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** A late timer means that we were busy ourselves: then look again first. */
  #watchNext(armedMs: number): void {
    this.#watch = setTimeout(() => {
      const nowMs = performance.now();
      const weWereBusy = nowMs - armedMs > 3 * WATCH_MS;
      if (nowMs - this.#lastBeatMs > HUNG_AFTER_MS && !weWereBusy) {
        const why = this.#pipe.isThrottled ? 'it sends more than the show can take' : 'it stopped answering';
        return this.giveUp(`${why} and was ended`);
      }
      this.#watchNext(nowMs);
    }, WATCH_MS);
    this.#watch.unref();
  }

  #end(code: number | null, signal: NodeJS.Signals | null): string {
    clearTimeout(this.#watch);
    const reason = this.#describeEnd(code, signal);
    this.#pipe.close();
    this.#rpc.$close(new Error(`the plugin's process ended: ${reason}`));
    return reason;
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.#isClosing) return 'closed';
    if (this.#verdict) return this.#verdict;
    const how = signal ? `ended by ${signal}` : `its process ended with exit code ${code ?? 'none'}`;
    const words = this.#printed.split('\n').find((line) => /error|fatal/i.test(line));
    return words ? `${how} (${words.trim()})` : how;
  }
}

/** Text as it comes, at most one piece every {@link PRINT_REST_MS}: who prints without end waits. */
function readSlowly(stream: Readable | null, onText: (text: string) => void): void {
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    onText(text.slice(-KEPT_CHARACTERS));
    stream.pause();
    setTimeout(() => stream.resume(), PRINT_REST_MS);
  });
}
