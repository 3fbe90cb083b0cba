/** Time in seconds. Media time starts with the show and equals audio sample time. */
export type Seconds = number;
/** Which video frame since the show began, from 0. Frame n belongs to audio samples 640n … 640n+639 at 16 kHz. */
export type FrameIndex = number;
/** A length in picture elements. */
export type Pixels = number;

/** Video frames a second, everywhere: MuseTalk's training rate, and 640 samples of 16 kHz sound each. */
export const FRAMES_PER_SECOND = 25;
/** The rate of all sound inside the program, in Hz. Inputs may deliver any rate; the tape resamples. */
export const SAMPLE_RATE_HZ = 16_000;
/** 16 kHz samples that belong to one frame. */
export const SAMPLES_PER_FRAME = SAMPLE_RATE_HZ / FRAMES_PER_SECOND;
/** How long one frame is shown, in milliseconds. */
export const FRAME_MS = 1000 / FRAMES_PER_SECOND;

/** Width and height of a picture, in pixels, both even. */
export interface Size {
  readonly width: Pixels;
  readonly height: Pixels;
}

/** A rectangle in a picture: left, top, width and height in pixels. All four even where I420 is cut by it. */
export interface Rect extends Size {
  readonly x: Pixels;
  readonly y: Pixels;
}

/** A piece of sound as an input delivers it. */
export interface AudioChunk {
  /** Mono, -1 … 1. Valid until the next chunk is asked for. */
  readonly samples: Float32Array;
  /** Rate of `samples` in Hz. */
  readonly sampleRateHz: number;
  /** `performance.now()` at which the chunk's last sample had been captured, in ms. */
  readonly capturedAtMs: number;
  /** A calibration's pulses: nothing that treats a voice may change them. */
  readonly isTest?: boolean;
}

/** The stretch of sound around one frame, as a face engine hears it. */
export interface Sound {
  /** The frame this stretch is about. */
  readonly frame: FrameIndex;
  /** 16 kHz mono, -1 … 1. */
  readonly samples: Float32Array;
  /** Position of `samples[0]` since the show began, in 16 kHz samples; may be negative (silence before the start). */
  readonly start: number;
  /** Where all sound ends, in samples since the show began, once that is known (files); what lies behind is silence. */
  readonly endsAt?: number;
}

/** How much sound an engine needs around a frame, in seconds: before its first sample and after its last one. */
export interface SoundContext {
  readonly before: Seconds;
  readonly after: Seconds;
}

/** What an engine heard in a {@link Sound}: what the mouth should be doing. Goes back to the engine's `draw`. */
export interface Heard {
  readonly frame: FrameIndex;
  /** Whether somebody speaks, after the detector's hysteresis. */
  readonly speaking: boolean;
  /** How far the mouth is open: 0 closed … 1 as for "aa". 0 in silence. */
  readonly openness: number;
  /** -1 rounded as for "oo" … 1 spread as for "ee". */
  readonly width: number;
  /** Lips pressed together as for p, b, m: 0 … 1. */
  readonly closure: number;
  /** What else the engine wants to be given back in `draw`; its meaning is the engine's own. */
  readonly data: Float32Array;
}

/** Which picture of a prepared avatar a patch is drawn for. */
export interface PoseRef {
  readonly avatarId: string;
  /** Index of the body frame, 0 … poseCount - 1. */
  readonly index: number;
  readonly frame: FrameIndex;
}

/** A finished piece of face, ready to be pasted into its body frame. */
export interface FacePatch {
  readonly frame: FrameIndex;
  readonly avatarId: string;
  /** Where it belongs in the body frame; even numbers. */
  readonly rect: Rect;
  /**
   * `i420`: planes Y, U, V of `rect`'s size, opaque: its border equals the body frame.
   * `rgb24`: a face of `faceSize`, resized to the pose's face box and blended through the pose's mask.
   */
  readonly format: 'i420' | 'rgb24';
  readonly data: Uint8Array;
  /** Size of the picture in `data`: equal to `rect` for `i420`, for example 256x256 for `rgb24`. */
  readonly size: Size;
  /** Where the avatar is transparent and the patch moves its outline: the matte of `rect`, Uint8, 255 = person. */
  readonly alpha?: Uint8Array;
}

/** Byte layout of a whole picture. */
export type PixelFormat = 'i420' | 'yuyv' | 'rgb24';

/** Bytes in a picture of this size: I420 12 bits a pixel, YUYV 16, RGB24 24. */
export function frameByteLength(format: PixelFormat, size: Size): number {
  const pixels = size.width * size.height;
  return format === 'i420'
    ? pixels + 2 * (size.width >> 1) * (size.height >> 1)
    : format === 'yuyv'
      ? pixels * 2
      : pixels * 3;
}

/** A finished picture on its way to the outputs. BT.601 limited range. Outputs copy or convert before they return. */
export interface VideoFrame extends Size {
  readonly format: 'i420';
  /** Planes Y, U, V without padding: `frameByteLength('i420', size)` bytes. */
  readonly data: Uint8Array;
  /**
   * Uint8 `[height, width]`, 255 = person, straight (not premultiplied): where the show is transparent. Outputs that
   * cannot carry it show a plain grey there.
   */
  readonly alpha?: Uint8Array | undefined;
  /** The media frame shown; a repeated picture carries the index it is shown for. */
  readonly index: FrameIndex;
  /** `performance.now()` at which the middle of the frame's own sound had been captured, in ms; NaN off line. */
  readonly capturedAtMs: number;
  /** It took the place of the picture with the same index between two beats: another avatar was cut in. */
  readonly isBetween?: boolean;
}
