import type { Log } from '../base/log.ts';
import type { AvatarRef, PreparedFace } from './avatar.ts';
import type { AudioChunk, FacePatch, Heard, PoseRef, Size, Sound, SoundContext, VideoFrame } from './media.ts';
import type { EngineReport, LinkState } from './status.ts';

/** A device somebody can choose: what `musecam devices` and the pickers list. */
export interface DeviceInfo {
  /** What goes after the colon on the command line: `mic:THIS`. */
  readonly id: string;
  readonly label: string;
  readonly isDefault: boolean;
  /** Whether it can be used right now. */
  readonly state: 'ready' | 'busy' | 'broken';
  readonly detail?: string;
  readonly fix?: string;
}

/** What an input, engine or output tells about itself while it is open. */
export interface HealthReport {
  readonly state: LinkState;
  readonly detail?: string;
  readonly fix?: string;
}

/** How to open an audio input. */
export interface AudioInputOptions {
  /** What stood after the colon: device name, file path, `-`; undefined = the default. */
  readonly target: string | undefined;
  /** Start again at the end (files). */
  readonly loop: boolean;
  /** `false` off line: deliver as fast as asked. */
  readonly isRealTime: boolean;
  readonly log: Log;
  /** Called whenever the input's health changes; an unplugged microphone reports `degraded` and goes on trying. */
  readonly onHealth: (report: HealthReport) => void;
}

/** An open audio input. Owns its device, process or file. */
export interface OpenAudioInput extends AsyncDisposable {
  /** What a person would call it. */
  readonly label: string;
  /**
   * Sound in order, without gaps inside one plugged-in stretch; ends at the end of a file, never for a device.
   * Mono; any rate. Aborting the signal ends the iteration without an error.
   */
  chunks(signal: AbortSignal): AsyncIterable<AudioChunk>;
}

/** The record a plugin hands over for `contributes.audioInputs`. */
export interface AudioInput {
  /** Devices to choose from; empty where there is nothing to choose (files). */
  list(signal: AbortSignal): Promise<readonly DeviceInfo[]>;
  /** What `musecam doctor` says of it: one report per finding, with the command that changes it. */
  check?(signal: AbortSignal): Promise<readonly HealthReport[]>;
  /** @throws AppError when it cannot be opened at all, with the fix. */
  open(options: AudioInputOptions, signal: AbortSignal): Promise<OpenAudioInput>;
}

/** How to open a face engine. */
export interface FaceEngineOptions {
  readonly log: Log;
  /** Values of this plugin's settings. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** `false` off line: every frame counts, none is dropped for speed. */
  readonly isLive: boolean;
  /** Told what the engine has to say of itself, whenever that changes. */
  readonly onReport: (report: EngineReport) => void;
}

/** An open face engine. Lives in the engine host's process. */
export interface OpenFaceEngine extends AsyncDisposable {
  /** How much sound around a frame `hear` needs. */
  readonly context: SoundContext;
  /** Makes an avatar resident. Called before its first `draw`. @throws AppError when its prepared files do not fit. */
  load(avatar: AvatarRef): Promise<void>;
  /** Gives an avatar's memory back. */
  unload(avatarId: string): Promise<void>;
  /** What the mouth should be doing. Frames come in rising order; some may be left out. */
  hear(sound: Sound): Promise<Heard>;
  /** The face for a pose, valid until the next `draw`; undefined where the body's own face is the right one (silence). */
  draw(heard: Heard, pose: PoseRef): Promise<FacePatch | undefined>;
}

/** How an avatar's preparation for an engine was asked for. */
export interface PrepareRequest {
  /** Asked for by the engine's name: it may take as long as it takes, and what is missing is an error. */
  readonly isWanted: boolean;
  /** Told what the person should know, though it goes on: one sentence each. */
  readonly onNote: (note: string) => void;
}

/** The record a plugin hands over for `contributes.faceEngines`. */
export interface FaceEngine {
  /** What `musecam doctor` says of it: one report per finding, with the command that changes it. */
  check?(signal: AbortSignal): Promise<readonly HealthReport[]>;
  open(options: FaceEngineOptions, signal: AbortSignal): Promise<OpenFaceEngine>;
  /**
   * Works out beforehand what this engine needs of an avatar. Returns its files by path (inside the avatar's folder,
   * under the engine's name) and the version of their format; undefined when this engine needs nothing.
   */
  prepare?(
    face: PreparedFace,
    signal: AbortSignal,
    request: PrepareRequest,
  ): Promise<{ readonly version: number; readonly files: ReadonlyMap<string, Uint8Array> } | undefined>;
}

/** How to open a video output. */
export interface VideoOutputOptions extends Size {
  /** What stood after the colon: device path, file path; undefined = the default. */
  readonly target: string | undefined;
  readonly framesPerSecond: number;
  readonly log: Log;
  readonly onHealth: (report: HealthReport) => void;
}

/** An open video output: one lane of the show. */
export interface OpenVideoOutput extends AsyncDisposable {
  readonly label: string;
  /** Whether {@link hear} shall be called with the show's sound. */
  readonly wantsSound: boolean;
  /**
   * Whether pictures may also come between two beats, where an avatar is cut in at once (see `VideoFrame.isBetween`); left
   * out: at beats only, 25 a second, and a cut comes with the next one.
   */
  readonly takesBetween?: boolean;
  /**
   * Hands one picture over; resolves when the next may come. The show keeps a mailbox of one per output: while a send is
   * pending newer pictures replace older ones. Must copy or write `frame.data` before it resolves.
   */
  send(frame: VideoFrame): Promise<void>;
  /** The show's sound, 16 kHz mono, in order and without gaps; `start` in samples since the show began. Must not wait. */
  hear?(samples: Float32Array, start: number): void;
  /** The input's sound as it was captured, at its own rate, before any picture for it. Must not wait; copies what it keeps. */
  hearVoice?(chunk: AudioChunk): void;
  /** Silence at once, also in place of voice that was handed over before; or sound again. */
  setSilent?(isSilent: boolean): void;
  /** Arguments with which FFmpeg reads the picture back as any program can, for calibration; undefined where none can. */
  readonly readBack?: readonly string[] | undefined;
}

/** The record a plugin hands over for `contributes.videoOutputs`. */
export interface VideoOutput {
  /** Devices to choose from. */
  list(signal: AbortSignal): Promise<readonly DeviceInfo[]>;
  /** What `musecam doctor` says of it: one report per finding, with the command that changes it. */
  check?(signal: AbortSignal): Promise<readonly HealthReport[]>;
  /** @throws AppError when it cannot be opened, with the fix. */
  open(options: VideoOutputOptions, signal: AbortSignal): Promise<OpenVideoOutput>;
}

/** How to open an audio output. */
export interface AudioOutputOptions {
  /** What stood after the colon; undefined = the default. */
  readonly target: string | undefined;
  readonly log: Log;
  readonly onHealth: (report: HealthReport) => void;
}

/** An open audio output: carries the voice, late enough to fit the picture. Never holds anything up. */
export interface OpenAudioOutput extends AsyncDisposable {
  readonly label: string;
  /** The input's sound as it was captured, at its own rate. Must not wait; must copy what it keeps. */
  hear(chunk: AudioChunk): void;
  /** How long after its capture sound shall be heard, in ms: how late the picture is. Told some times a second. */
  setDelay(delayMs: number): void;
  /** Silence at once, also in place of sound that was handed over before; or sound again. Absent: it ends with its delay. */
  setSilent?(isSilent: boolean): void;
  /** How long after its capture sound is heard now, in ms; undefined while none is. */
  readonly delayMs: number | undefined;
  /** Command that records the sound as any program can, as raw float32le, mono, 48 kHz; undefined where none can. */
  readonly readBack?: readonly string[] | undefined;
}

/** The record a plugin hands over for `contributes.audioOutputs`. */
export interface AudioOutput {
  /** What can be opened now; empty where nothing can. */
  list(signal: AbortSignal): Promise<readonly DeviceInfo[]>;
  /** What `musecam doctor` says of it: one report per finding, with the command that changes it. */
  check?(signal: AbortSignal): Promise<readonly HealthReport[]>;
  /** @throws AppError when it cannot be opened, with the fix. */
  open(options: AudioOutputOptions, signal: AbortSignal): Promise<OpenAudioOutput>;
}
