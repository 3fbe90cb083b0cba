import type {
  AudioInput,
  AudioOutput,
  DeviceInfo,
  FaceEngine,
  HealthReport,
  OpenAudioInput,
  OpenAudioOutput,
  OpenVideoOutput,
  VideoOutput,
} from '../api/contributions.ts';
import type { AudioChunk, VideoFrame } from '../api/media.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
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

type OpenThing = OpenAudioInput | OpenVideoOutput | OpenAudioOutput;
type Recorded = AudioInput | VideoOutput | AudioOutput | FaceEngine;

interface Opened {
  readonly point: RemotePoint;
  readonly thing: OpenThing;
  readonly stop: AbortController;
}

/** Methods a thing may lack; the show does not send what nobody hears. */
const OPTIONAL = ['hear', 'hearVoice', 'setSilent'] as const;
/** How often the delay of an audio output is told, in ms. */
const TELL_DELAY_MS = 250;

/** In a plugin's process: what it has registered and what of that is open, each under the handle the show gave it. */
export class OpenThings {
  readonly #show: () => PluginRpc<ShowSide, PluginSide>;
  readonly #log: Log;
  readonly #records = new Map<string, Recorded>();
  readonly #open = new Map<number, Opened>();
  readonly #reading = new Map<number, AbortController>();

  constructor(show: () => PluginRpc<ShowSide, PluginSide>, log: Log) {
    this.#show = show;
    this.#log = log;
  }

  /** Keeps what the plugin registers and tells the show. */
  register(point: RemotePoint | 'faceEngines', id: string, record: Recorded): void {
    this.#records.set(`${point}/${id}`, record);
    void this.#show().registered.asEvent(point, id, record.check ? ['check'] : []);
  }

  async list(point: RemotePoint, id: string): Promise<readonly DeviceInfo[]> {
    return this.#record<AudioInput | VideoOutput | AudioOutput>(point, id).list(new AbortController().signal);
  }

  async check(point: RemotePoint | 'faceEngines', id: string): Promise<readonly HealthReport[]> {
    return (await this.#record(point, id).check?.(new AbortController().signal)) ?? [];
  }

  async open(request: OpenRequest): Promise<OpenedThing> {
    const { handle, point, id } = request;
    const stop = new AbortController();
    const thing = await this.#openThing(request, stop.signal);
    this.#open.set(handle, { point, thing, stop });
    if (point === 'audioOutputs') this.#tellDelay(handle, thing as OpenAudioOutput, stop.signal);
    const has = OPTIONAL.filter((name) => typeof (thing as unknown as Record<string, unknown>)[name] === 'function');
    const { label, readBack, wantsSound } = thing as OpenVideoOutput;
    if (typeof label !== 'string') throw new AppError('PLUGIN_FAILED', `${id} opened something without a label.`);
    return { label, readBack, has, ...(wantsSound === undefined ? {} : { wantsSound }) };
  }

  /** An open thing; undefined once it is closed: what was still on its way to it is of no use. */
  get<T extends OpenThing>(handle: number): T | undefined {
    return this.#open.get(handle)?.thing as T | undefined;
  }

  async sendFrame(handle: number, frame: VideoFrame): Promise<void> {
    const capturedAtMs = fromMachineMs(frame.capturedAtMs);
    await this.get<OpenVideoOutput>(handle)?.send({ ...frame, capturedAtMs });
  }

  hearVoice(handle: number, chunk: AudioChunk): void {
    const heard = { ...chunk, capturedAtMs: fromMachineMs(chunk.capturedAtMs) };
    const opened = this.#open.get(handle);
    if (opened?.point === 'audioOutputs') (opened.thing as OpenAudioOutput).hear(heard);
    else (opened?.thing as OpenVideoOutput | undefined)?.hearVoice?.(heard);
  }

  /** Sends an input's sound, piece after piece, as fast as the show takes it. */
  startChunks(input: OpenAudioInput | undefined, handle: number): void {
    if (!input) return;
    const stop = new AbortController();
    this.#reading.set(handle, stop);
    const send = async () => {
      for await (const chunk of input.chunks(stop.signal)) {
        if (stop.signal.aborted) return;
        await this.#show().takeChunk(handle, { ...chunk, capturedAtMs: toMachineMs(chunk.capturedAtMs) });
      }
    };
    void send().then(
      () => this.#show().chunksEnded.asEvent(handle, undefined),
      (thrown) => this.#show().chunksEnded.asEvent(handle, messageOf(thrown)),
    );
  }

  stopChunks(handle: number): void {
    this.#reading.get(handle)?.abort();
    this.#reading.delete(handle);
  }

  async close(handle: number): Promise<void> {
    const opened = this.#open.get(handle);
    this.#open.delete(handle);
    this.stopChunks(handle);
    opened?.stop.abort();
    await opened?.thing[Symbol.asyncDispose]?.();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((handle) => this.close(handle)));
  }

  async #openThing(request: OpenRequest, signal: AbortSignal): Promise<OpenThing> {
    const { handle, point, id, target } = request;
    const onHealth = (report: HealthReport) => void this.#show().reportHealth.asEvent(handle, report);
    const base = { target, log: this.#log, onHealth };
    if (point === 'audioInputs') {
      const options = { ...base, loop: request.loop ?? false, isRealTime: request.isRealTime ?? true };
      return this.#record<AudioInput>(point, id).open(options, signal);
    }
    if (point === 'audioOutputs') return this.#record<AudioOutput>(point, id).open(base, signal);
    const { size, framesPerSecond } = request;
    if (!size || framesPerSecond === undefined) throw new AppError('PLUGIN_FAILED', `${id} was opened without a size.`);
    return this.#record<VideoOutput>(point, id).open({ ...base, ...size, framesPerSecond }, signal);
  }

  #tellDelay(handle: number, output: OpenAudioOutput, signal: AbortSignal): void {
    const timer = setInterval(() => void this.#show().reportDelay.asEvent(handle, output.delayMs), TELL_DELAY_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  #record<T extends Recorded>(point: RemotePoint | 'faceEngines', id: string): T {
    const record = this.#records.get(`${point}/${id}`);
    if (!record) throw new AppError('PLUGIN_FAILED', `${id} is not registered.`);
    return record as T;
  }
}
