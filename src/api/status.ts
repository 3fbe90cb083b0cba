import type { QualityReport, Rating } from './avatar.ts';

/** The fixed words every part uses for its state, so that every surface can show it. */
export type LinkState = 'off' | 'starting' | 'ready' | 'degraded' | 'failed';

/** One link of the chain microphone → face → camera. */
export interface LinkStatus {
  /** Contribution id, for example `microphone.input`. */
  readonly id: string;
  /** What a person would call it: "Built-in microphone". */
  readonly label: string;
  readonly state: LinkState;
  /** Why it is in this state, or what is special; one sentence. */
  readonly detail?: string;
  /** What to type or click to repair it. */
  readonly fix?: string;
}

/** An avatar that a face engine holds ready. */
export interface EngineResident {
  readonly avatarId: string;
  readonly bytes: number;
  /** Where it lies: `processor` or `gpu`. */
  readonly place: 'processor' | 'gpu';
}

/** What a face engine says of itself while it is open. */
export interface EngineReport {
  /** In words: what it runs on and how, for example "WebGPU, half precision, 11 ms a face". */
  readonly detail: string;
  /** What to do about it, where something should be done. */
  readonly fix?: string;
  /** Whether it can make the faces of a live show in time. Where it cannot, the show uses the next engine. */
  readonly keepsUp: boolean;
  /** Bytes of its networks, wherever they lie. */
  readonly networkBytes: number;
  readonly residents: readonly EngineResident[];
}

/** A face engine's link: what draws at this moment, and what it holds. */
export interface EngineStatus extends LinkStatus {
  /** How often its process was started again. */
  readonly restarts: number;
  /** What the engine says of itself; undefined for one that says nothing. */
  readonly report?: EngineReport;
}

/** An output with its counters. */
export interface OutputStatus extends LinkStatus {
  /** Frames handed over. */
  readonly sent: number;
  /** Frames that were replaced by newer ones while this output was busy. */
  readonly dropped: number;
}

/** The voice's way out, in step with the picture. */
export interface AudioOutputStatus extends LinkStatus {
  /** How long after its capture the voice is heard, in ms; undefined while it is not. */
  readonly delayMs?: number;
  /** By how many ms the voice is behind the picture (negative: before it); undefined while that is not known. */
  readonly offsetMs?: number;
  /** By how many ms the offset changes in an hour, over the last half hour; undefined in the first five minutes. */
  readonly driftMsPerHour?: number;
}

/** An avatar as lists show it. */
export interface AvatarSummary {
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Comes with the program and cannot be removed. */
  readonly isShipped: boolean;
  readonly isResident: boolean;
  readonly depicts: string;
  readonly frameCount: number;
  /** Whether its background can be changed. */
  readonly hasMatte: boolean;
  /** The quality report's verdict; undefined for avatars without one. */
  readonly verdict?: Rating;
}

/** Median and 95th percentile over the last ten seconds, in milliseconds. */
export interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** A photo or clip that somebody gave to the page, on its way to becoming an avatar. */
export interface PreparationStatus {
  /** Names the job; not the avatar. */
  readonly id: string;
  readonly fileName: string;
  readonly avatarId: string;
  readonly name: string;
  /** `ready`: prepared, waiting to be accepted or discarded. */
  readonly state: 'uploading' | 'preparing' | 'ready' | 'failed';
  /** What is being done, in words. */
  readonly step: string;
  /** 0 … 1 of the present state. */
  readonly fraction: number;
  readonly secondsLeft?: number;
  readonly report?: QualityReport;
  readonly error?: { readonly code: string; readonly message: string; readonly fix?: string };
}

/** Everything a surface may show, as plain data; published about ten times a second while live. */
export interface ShowStatus {
  readonly state: LinkState;
  readonly uptimeSeconds: number;
  readonly avatarId: string;
  readonly avatars: readonly AvatarSummary[];
  readonly preparations: readonly PreparationStatus[];
  /** What is behind the avatar: `keep`, `blur`, `transparent`, a colour as `#rrggbb`, or the path of a picture. */
  readonly background: string;
  /** Words shown in the corner of the picture; empty for none. */
  readonly labelText: string;
  readonly input: LinkStatus;
  readonly engine: EngineStatus;
  /** Where several engines are open (MuseTalk with the puppet behind it): all of them, the best first. */
  readonly engines: readonly EngineStatus[];
  readonly outputs: readonly OutputStatus[];
  /** What is beside the chain: the virtual microphone ({@link AudioOutputStatus}), and what plugins are connected to: OBS. */
  readonly links: readonly LinkStatus[];
  /** Loudness of the last frame's sound in dB of full scale, -100 … 0. */
  readonly levelDb: number;
  readonly speaking: boolean;
  /** Holding still: the avatar at rest, whatever is said. */
  readonly resting: boolean;
  /** The voice is silenced, for the face and for everybody who hears. */
  readonly muted: boolean;
  /** A still picture of the avatar at rest, and silence. */
  readonly panic: boolean;
  /** A recording into a file is being made. */
  readonly recording: boolean;
  readonly openness: number;
  readonly frames: {
    /** Ticks of the 25 fps clock so far. */
    readonly shown: number;
    /** Ticks that showed a new picture. */
    readonly fresh: number;
    /** Ticks that had to show the last picture again. */
    readonly repeated: number;
    /** Late work that was thrown away. */
    readonly dropped: number;
    /** New pictures a second, over the last ten seconds. */
    readonly freshPerSecond: number;
  };
  /** From the moment the middle of a frame's sound was captured to the moment the frame was handed to the outputs. */
  readonly latency: Percentiles;
  readonly hear: Percentiles;
  readonly draw: Percentiles;
  readonly paste: Percentiles;
  /** What was picked and why, in words, in order. */
  readonly choices: readonly string[];
}
