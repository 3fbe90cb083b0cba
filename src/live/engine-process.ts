import { type ChildProcess, fork } from 'node:child_process';
import type { SoundContext } from '../api/media.ts';
import type { EngineReport } from '../api/status.ts';
import { AppError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { NodeEntry } from '../base/node-entry.ts';
import { ENGINE_PROTOCOL_VERSION, type FromEngine, type ToEngine, type WireError } from './engine-protocol.ts';

/** What to start and how patient to be; times in ms. */
export interface EngineProcessOptions {
  readonly entry: NodeEntry;
  readonly engineId: string;
  /** Absolute path of the folder of the plugin it belongs to; undefined for one that comes with the program. */
  readonly pluginFolder?: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  /** `false` off line: the engine may take its time. */
  readonly isLive: boolean;
  readonly log: Log;
  /** Silence of the heartbeat after which an open engine counts as hung and is killed. */
  readonly hungAfterMs: number;
  /** How long opening the engine (models, warm-up) may take. */
  readonly openDeadlineMs: number;
}

/** How an engine process came to its end. */
export interface EngineEnd {
  /** We ended it, because it was hung or faulty. */
  readonly wasGivenUp: boolean;
  readonly reason: string;
}

/** A request before it gets its number. */
export type EngineRequest =
  Extract<ToEngine, { call: number }> extends infer R ? (R extends unknown ? Omit<R, 'call'> : never) : never;

interface Call {
  /** When the engine was asked for a frame: such a call may not take for ever. Undefined for the others. */
  readonly frameAskedMs: number | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AppError) => void;
}

const WATCH_MS = 100;
/** A frame not answered for this many times `hungAfterMs` means a device that hangs under a process that is alive. */
const STUCK_FACTOR = 5;
/** Signal of last resort follows the polite request to close by this much. */
const CLOSE_DEADLINE_MS = 1000;

/** One life of the engine host: from fork to exit. Starting it again is {@link FaceHost}'s business. */
export class EngineProcess implements AsyncDisposable {
  readonly #options: EngineProcessOptions;
  readonly #onReport: (report: EngineReport) => void;
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, Call>();
  readonly #ended: Promise<EngineEnd>;
  readonly #opened: Promise<SoundContext>;
  #resolveOpened: ((context: SoundContext) => void) | undefined;
  #rejectOpened: ((error: AppError) => void) | undefined;
  #isOpen = false;
  /** Why we ended it; empty when we did not. */
  #verdict = '';
  #isClosing = false;
  #failure = '';
  #lastBeatMs = performance.now();
  #watch: NodeJS.Timeout | undefined;
  #nextCall = 1;

  /** @param onReport told what the engine says of itself. */
  constructor(options: EngineProcessOptions, onReport: (report: EngineReport) => void = () => {}) {
    this.#options = options;
    this.#onReport = onReport;
    this.#opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    this.#opened.catch(() => {});
    this.#child = fork(options.entry.path, [], {
      execArgv: [...options.entry.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#ended = new Promise((resolve) => this.#listen(resolve));
    const startedMs = performance.now();
    this.#watchNext(startedMs, performance.now());
  }

  /** Process id, or undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves with the engine's wish for sound when it is open. Rejects with the engine's own error. */
  get opened(): Promise<SoundContext> {
    return this.#opened;
  }

  /** Resolves, never rejects, when the process is gone. */
  get ended(): Promise<EngineEnd> {
    return this.#ended;
  }

  /** Whether calls make sense: open and answering. */
  get isAnswering(): boolean {
    return this.#isOpen && this.#verdict === '' && this.#child.connected && !this.isSilent;
  }

  /** Whether the heartbeat is overdue: perhaps stopped, perhaps only busy. */
  get isSilent(): boolean {
    return performance.now() - this.#lastBeatMs > this.#options.hungAfterMs / 2;
  }

  /** Asks the engine. Rejects when the engine fails the call or the process ends. */
  request(request: EngineRequest): Promise<unknown> {
    const call = this.#nextCall++;
    const isFrame = request.type === 'hear' || request.type === 'draw';
    const frameAskedMs = isFrame ? performance.now() : undefined;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { frameAskedMs, resolve, reject });
      this.#send({ ...request, call } as ToEngine);
    });
  }

  /** Ends the process at once, because it is of no use any more. @param reason what is wrong with it. */
  giveUp(reason: string): void {
    this.#verdict ||= reason;
    this.#child.kill('SIGKILL');
  }

  /** Ends the process: politely, then by SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#send({ type: 'close' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_DEADLINE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #send(message: ToEngine): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #listen(onEnd: (end: EngineEnd) => void): void {
    const { log } = this.#options;
    this.#child.on('message', (message) => this.#receive(message as FromEngine));
    this.#child.stdout?.on('data', (text) => log.debug(String(text).trimEnd()));
    this.#child.stderr?.on('data', (text) => {
      this.#failure = String(text).trim().split('\n').at(-1) ?? '';
      log.warn(String(text).trimEnd());
    });
    this.#child.on('error', (error) => {
      this.#failure = error.message;
      if (this.#child.pid === undefined) this.#finish(null, null, onEnd);
    });
    this.#child.on('exit', (code, signal) => this.#finish(code, signal, onEnd));
  }

  #receive(message: FromEngine): void {
    this.#lastBeatMs = performance.now();
    switch (message.type) {
      case 'hello':
        return this.#greet(message.protocol);
      case 'opened':
        this.#isOpen = true;
        return this.#resolveOpened?.(message.context);
      case 'openFailed':
        this.#failure = message.error.message;
        return this.#rejectOpened?.(fromWire(message.error));
      case 'report':
        return this.#onReport(message.report);
      case 'done':
        return this.#take(message.call)?.resolve(message.result);
      case 'failed':
        return this.#take(message.call)?.reject(fromWire(message.error));
      case 'log':
        return this.#options.log[message.level](message.message);
      case 'beat':
        return;
    }
  }

  #greet(protocol: number): void {
    const { engineId, pluginFolder, settings, isLive } = this.#options;
    const about = { engineId, pluginFolder, settings, isLive };
    if (protocol === ENGINE_PROTOCOL_VERSION) return this.#send({ type: 'open', protocol, ...about });
    this.#failure = `it speaks protocol ${protocol}, we speak ${ENGINE_PROTOCOL_VERSION}`;
    this.#child.kill('SIGKILL');
  }

  #take(call: number): Call | undefined {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    return waiting;
  }

  /** Kills a host whose heartbeat stopped. A late timer means that we were busy ourselves: then look again first. */
  #watchNext(startedMs: number, armedMs: number): void {
    this.#watch = setTimeout(() => {
      const now = performance.now();
      const weWereBusy = now - armedMs > 3 * WATCH_MS;
      const isOverdue = this.#isOpen
        ? now - this.#lastBeatMs > this.#options.hungAfterMs || this.#isStuck(now)
        : now - startedMs > this.#options.openDeadlineMs;
      if (isOverdue && !weWereBusy) return this.giveUp('it stopped answering and was ended');
      this.#watchNext(startedMs, now);
    }, WATCH_MS);
    this.#watch.unref();
  }

  /** Calls are answered in order, so the oldest one tells. */
  #isStuck(nowMs: number): boolean {
    for (const { frameAskedMs } of this.#calls.values()) {
      if (frameAskedMs !== undefined) return nowMs - frameAskedMs > STUCK_FACTOR * this.#options.hungAfterMs;
    }
    return false;
  }

  #finish(code: number | null, signal: NodeJS.Signals | null, onEnd: (end: EngineEnd) => void): void {
    clearTimeout(this.#watch);
    const reason = this.#describeEnd(code, signal);
    const gone = new AppError('ENGINE_GONE', `The face engine's process ended: ${reason}.`);
    this.#rejectOpened?.(gone);
    for (const call of this.#calls.values()) call.reject(gone);
    this.#calls.clear();
    this.#isOpen = false;
    onEnd({ wasGivenUp: this.#verdict !== '', reason });
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.#isClosing) return 'closed';
    if (this.#verdict) return this.#verdict;
    const how = signal ? `ended by ${signal}` : `exit code ${code ?? 'none'}`;
    return this.#failure ? `${how} (${this.#failure})` : how;
  }
}

function fromWire(error: WireError): AppError {
  return new AppError(error.code, error.message, error.fix === undefined ? {} : { fix: error.fix });
}
