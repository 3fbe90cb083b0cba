import type {
  AudioInput,
  AudioInputOptions,
  AudioOutput,
  FaceEngine,
  HealthReport,
  OpenAudioInput,
  OpenAudioOutput,
  OpenVideoOutput,
  VideoOutput,
} from '../api/contributions.ts';
import type { AudioChunk } from '../api/media.ts';
import type { PluginContext } from '../api/plugin.ts';
import { AppError, messageOf } from '../base/errors.ts';
import {
  fromMachineMs,
  type OpenedThing,
  type OpenRequest,
  type PluginSide,
  type RemotePoint,
  type ShowSide,
  toMachineMs,
} from './plugin-protocol.ts';
import type { PluginRpc } from './plugin-rpc.ts';

type Rpc = PluginRpc<PluginSide, ShowSide>;

/** Something of a plugin's that is open; it outlives the process that holds it and is opened again in the next one. */
interface RemoteThing {
  readonly request: OpenRequest;
  readonly onHealth: (report: HealthReport) => void;
  opened: OpenedThing;
  delayMs?: number | undefined;
  /** Inputs: the piece that waits to be heard. */
  piece?: { readonly chunk: AudioChunk; readonly taken: () => void } | undefined;
  wake?: (() => void) | undefined;
  isReading?: boolean;
  isAtEnd?: boolean;
  failure?: string | undefined;
}

/** In the show's process: records that stand for what a plugin has registered in its own, and what is open of them. */
export class RemoteThings {
  readonly #open = new Map<number, RemoteThing>();
  #rpc: Rpc | undefined;
  #next = 1;

  /** Registers a record that does there what is asked of it here. */
  register(context: PluginContext, point: RemotePoint | 'faceEngines', id: string, has: readonly string[]): void {
    const check = has.includes('check') ? { check: async () => this.#connected().checkHealth(point, id) } : {};
    if (point === 'faceEngines') context.registerFaceEngine(id, { ...engineElsewhere(id), ...check });
    else {
      const list = async () => this.#connected().listDevices(point, id);
      const record = { list, ...check };
      if (point === 'audioInputs') context.registerAudioInput(id, { ...record, open: this.#openInput(id) });
      if (point === 'videoOutputs') context.registerVideoOutput(id, { ...record, open: this.#openVideo(id) });
      if (point === 'audioOutputs') context.registerAudioOutput(id, { ...record, open: this.#openAudio(id) });
    }
  }

  /** A process is there: what was open is opened again. */
  async connect(rpc: Rpc): Promise<void> {
    this.#rpc = rpc;
    await Promise.all([...this.#open.values()].map((thing) => this.#reopen(rpc, thing)));
  }

  /** The process is gone, another one will come. */
  disconnect(reason: string): void {
    this.#rpc = undefined;
    for (const thing of this.#open.values()) thing.onHealth({ state: 'degraded', detail: `${reason}; starting again` });
  }

  /** There will be no other process. */
  end(reason: string): void {
    this.#rpc = undefined;
    for (const thing of this.#open.values()) {
      thing.onHealth({ state: 'failed', detail: reason });
      thing.failure = reason;
      thing.wake?.();
    }
    this.#open.clear();
  }

  takeChunk(handle: number, chunk: AudioChunk): Promise<void> {
    const thing = this.#open.get(handle);
    if (!thing) return Promise.resolve();
    return new Promise((taken) => {
      thing.piece = { chunk: { ...chunk, capturedAtMs: fromMachineMs(chunk.capturedAtMs) }, taken };
      thing.wake?.();
    });
  }

  chunksEnded(handle: number, failure: string | undefined): void {
    const thing = this.#open.get(handle);
    if (!thing) return;
    thing.isAtEnd = true;
    thing.failure = failure;
    thing.wake?.();
  }

  reportHealth(handle: number, report: HealthReport): void {
    this.#open.get(handle)?.onHealth(report);
  }

  reportDelay(handle: number, delayMs: number | undefined): void {
    const thing = this.#open.get(handle);
    if (thing) thing.delayMs = delayMs;
  }

  #openInput(id: string): AudioInput['open'] {
    return async ({ target, loop, isRealTime, onHealth }) => {
      const thing = await this.#openThing({ point: 'audioInputs', id, target, loop, isRealTime }, onHealth);
      return {
        label: thing.opened.label,
        chunks: (signal) => this.#chunks(thing, signal),
        [Symbol.asyncDispose]: () => this.#close(thing),
      } satisfies OpenAudioInput;
    };
  }

  #openVideo(id: string): VideoOutput['open'] {
    return async ({ target, width, height, framesPerSecond, onHealth }) => {
      const wanted = { point: 'videoOutputs', id, target, size: { width, height }, framesPerSecond } as const;
      const thing = await this.#openThing(wanted, onHealth);
      const { handle } = thing.request;
      const { label, has, wantsSound = false, readBack } = thing.opened;
      return {
        label,
        wantsSound,
        readBack,
        send: async (frame) => {
          const { width: w, height: h, format, data, alpha, index } = frame;
          const capturedAtMs = toMachineMs(frame.capturedAtMs);
          const copy = { width: w, height: h, format, data, index, capturedAtMs, ...(alpha ? { alpha } : {}) };
          // While its process is away the pictures are lost: nobody waits for them.
          await this.#rpc?.sendFrame(handle, copy).catch((thrown) => this.#throwIfAlive(thrown));
        },
        ...(has.includes('hear') ? { hear: (samples, start) => this.#tell('hear', handle, samples, start) } : {}),
        ...(has.includes('hearVoice') ? { hearVoice: (chunk) => this.#tellVoice(handle, chunk) } : {}),
        ...(has.includes('setSilent') ? { setSilent: (on) => this.#tell('setSilent', handle, on) } : {}),
        [Symbol.asyncDispose]: () => this.#close(thing),
      } satisfies OpenVideoOutput;
    };
  }

  #openAudio(id: string): AudioOutput['open'] {
    return async ({ target, onHealth }) => {
      const thing = await this.#openThing({ point: 'audioOutputs', id, target }, onHealth);
      const { handle } = thing.request;
      const { label, has, readBack } = thing.opened;
      return {
        label,
        readBack,
        get delayMs() {
          return thing.delayMs;
        },
        hear: (chunk) => this.#tellVoice(handle, chunk),
        setDelay: (delayMs) => this.#tell('setDelay', handle, delayMs),
        ...(has.includes('setSilent') ? { setSilent: (on: boolean) => this.#tell('setSilent', handle, on) } : {}),
        [Symbol.asyncDispose]: () => this.#close(thing),
      } satisfies OpenAudioOutput;
    };
  }

  async #openThing(wanted: Omit<OpenRequest, 'handle'>, onHealth: AudioInputOptions['onHealth']): Promise<RemoteThing> {
    const request = { ...wanted, handle: this.#next++ };
    const opened: OpenedThing = { label: '', has: [] };
    const thing: RemoteThing = { request, onHealth, opened };
    // Known before it is open: what it says of itself meanwhile counts.
    this.#open.set(request.handle, thing);
    try {
      thing.opened = await this.#connected().open(request);
      return thing;
    } catch (thrown) {
      this.#open.delete(request.handle);
      throw thrown;
    }
  }

  async #reopen(rpc: Rpc, thing: RemoteThing): Promise<void> {
    try {
      thing.opened = await rpc.open(thing.request);
      if (thing.isReading) void rpc.startChunks.asEvent(thing.request.handle);
      thing.onHealth({ state: 'ready' });
    } catch (thrown) {
      thing.onHealth({ state: 'degraded', detail: messageOf(thrown) });
    }
  }

  async #close(thing: RemoteThing): Promise<void> {
    const { handle } = thing.request;
    if (!this.#open.delete(handle)) return;
    thing.failure ??= 'closed';
    thing.wake?.();
    await this.#rpc?.close(handle).catch(() => {});
  }

  async *#chunks(thing: RemoteThing, signal: AbortSignal): AsyncIterable<AudioChunk> {
    const { handle } = thing.request;
    const wake = () => thing.wake?.();
    signal.addEventListener('abort', wake);
    thing.isReading = true;
    this.#tell('startChunks', handle);
    try {
      while (!signal.aborted) {
        const { piece } = thing;
        if (piece) {
          thing.piece = undefined;
          yield piece.chunk;
          piece.taken();
          continue;
        }
        if (thing.failure !== undefined) throw new AppError('PLUGIN_FAILED', thing.failure);
        if (thing.isAtEnd) return;
        await new Promise<void>((resolve) => {
          thing.wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', wake);
      thing.isReading = false;
      thing.piece?.taken();
      this.#tell('stopChunks', handle);
    }
  }

  #tellVoice(handle: number, { samples, sampleRateHz, capturedAtMs, isTest }: AudioChunk): void {
    const chunk = { samples, sampleRateHz, capturedAtMs: toMachineMs(capturedAtMs), ...(isTest ? { isTest } : {}) };
    this.#tell('hearVoice', handle, chunk);
  }

  /** Says something to the plugin and waits for nothing; while its process is away nobody hears it. */
  #tell<K extends 'hear' | 'hearVoice' | 'setDelay' | 'setSilent' | 'startChunks' | 'stopChunks'>(
    what: K,
    ...args: Parameters<PluginSide[K]>
  ): void {
    void this.#rpc?.$callEvent(what, ...(args as never)).catch(() => {});
  }

  #connected(): Rpc {
    if (this.#rpc) return this.#rpc;
    throw new AppError('PLUGIN_FAILED', 'The plugin is starting again.');
  }

  /** A process that ended meanwhile is started again; what the plugin itself threw is its output's failure. */
  #throwIfAlive(thrown: unknown): void {
    if (this.#rpc && !this.#rpc.$closed) throw thrown;
  }
}

/** Face engines are opened in the engine host's process, and prepare in a process of their own: never in the show's. */
function engineElsewhere(id: string): FaceEngine {
  return {
    open: async () => {
      throw new AppError('PLUGIN_FAILED', `${id} is a face engine: it opens in the engine host's process only.`);
    },
  };
}
