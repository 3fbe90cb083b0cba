import type { DeviceInfo, HealthReport } from '../api/contributions.ts';
import type { AudioChunk, Size, VideoFrame } from '../api/media.ts';
import type { CommandSummary, PluginManifest } from '../api/plugin.ts';
import type { LinkStatus, ShowStatus } from '../api/status.ts';

/** Version of the calls below; a process that speaks another one is refused. */
export const PLUGIN_PROTOCOL_VERSION = 1;
/** How often a plugin's process says that it is alive, in ms. */
export const PLUGIN_BEAT_MS = 500;

/** Points whose records work across a process boundary. Face engines are opened in the engine host's process. */
export type RemotePoint = 'audioInputs' | 'videoOutputs' | 'audioOutputs';

/** What a plugin's process starts with. */
export interface PluginStart {
  readonly manifest: PluginManifest;
  /** Absolute path of the module that exports the plugin. */
  readonly main: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly commands: readonly CommandSummary[];
  /** Undefined where no show runs. */
  readonly status: ShowStatus | undefined;
}

/** News for a plugin; what is left out has not changed. */
export interface PluginNews {
  readonly status?: ShowStatus;
  readonly commands?: readonly CommandSummary[];
  /** Only own settings that apply live. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What an open thing of a plugin's is like. */
export interface OpenedThing {
  readonly label: string;
  readonly readBack?: readonly string[] | undefined;
  /** Optional methods it has. */
  readonly has: readonly string[];
  readonly wantsSound?: boolean;
}

/** How a thing of a plugin's is opened; `handle` names it from then on. */
export interface OpenRequest {
  readonly handle: number;
  readonly point: RemotePoint;
  readonly id: string;
  readonly target: string | undefined;
  /** Audio inputs. */
  readonly loop?: boolean;
  readonly isRealTime?: boolean;
  /** Video outputs. */
  readonly size?: Size;
  readonly framesPerSecond?: number;
}

/**
 * Moments cross processes as milliseconds of the machine's monotonic clock (`process.hrtime`), which all processes share;
 * each has its own origin of `performance.now()`.
 */
export type MachineMs = number;

/** What the show may ask of a plugin's process. Pictures and sound carry their `capturedAtMs` in {@link MachineMs}. */
export interface PluginSide {
  activate(start: PluginStart): Promise<void>;
  deactivate(): Promise<void>;
  runCommand(id: string, args: unknown): Promise<unknown>;
  listDevices(point: RemotePoint, id: string): Promise<readonly DeviceInfo[]>;
  checkHealth(point: RemotePoint | 'faceEngines', id: string): Promise<readonly HealthReport[]>;
  open(request: OpenRequest): Promise<OpenedThing>;
  close(handle: number): Promise<void>;
  /** Resolves when the next picture may come. */
  sendFrame(handle: number, frame: VideoFrame): Promise<void>;
  // Told, not asked:
  hear(handle: number, samples: Float32Array, start: number): void;
  hearVoice(handle: number, chunk: AudioChunk): void;
  setDelay(handle: number, delayMs: number): void;
  setSilent(handle: number, isSilent: boolean): void;
  startChunks(handle: number): void;
  stopChunks(handle: number): void;
  news(news: PluginNews): void;
}

/** What a plugin's process may ask of the show. */
export interface ShowSide {
  runCommand(id: string, args: unknown): Promise<unknown>;
  /** Resolves when the next piece of sound may come. */
  takeChunk(handle: number, chunk: AudioChunk): Promise<void>;
  // Told, not asked:
  /** First of all. */
  hello(protocol: number): void;
  beat(): void;
  registered(point: RemotePoint | 'faceEngines', id: string, has: readonly string[]): void;
  registeredCommand(id: string): void;
  reportLink(link: LinkStatus | undefined): void;
  reportHealth(handle: number, report: HealthReport): void;
  /** How late an audio output is heard. */
  reportDelay(handle: number, delayMs: number | undefined): void;
  chunksEnded(handle: number, failure: string | undefined): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>): void;
  /** Its last words: what was thrown and caught by nobody. */
  failed(reason: string): void;
}

/** A moment of this process's `performance.now()` on the machine's clock; NaN stays NaN. */
export function toMachineMs(nowMs: number): MachineMs {
  return nowMs + originMs();
}

/** The machine's moment in this process's `performance.now()`. */
export function fromMachineMs(machineMs: MachineMs): number {
  return machineMs - originMs();
}

let knownOriginMs: number | undefined;

/** The machine's clock at the zero of `performance.now()`; worked out once, so that differences stay exact. */
function originMs(): number {
  knownOriginMs ??= Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return knownOriginMs;
}
