import type { Rect, Size } from '../../api/media.ts';

/** What a clip is, after looking at its head only. */
export interface ClipInfo {
  /** Path of the video file, or of the folder of pictures. */
  readonly source: string;
  readonly kind: 'video' | 'pictures';
  /** Size as it is shown: upright, square pixels, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Length of the part that is used, in seconds. */
  readonly durationSeconds: number;
  /** Frames of that part at 25 a second; exact only after decoding. */
  readonly frameCount: number;
  /** What the source says, for the report. */
  readonly sourceFramesPerSecond: number;
  /** Brighter than a screen: PQ or HLG, which has to be mapped to sRGB. */
  readonly isHdr: boolean;
}

/** How frames shall come out of the decoder. */
export interface DecodeOptions {
  /** Part of the upright picture that is wanted, whole pixels, inside it; default: all of it. */
  readonly part?: Rect;
  /** Size of the frames. */
  readonly size: Size;
  /** First frame at 25 a second, counted from the start of the part that is used. Default 0. */
  readonly firstFrame?: number;
}

/** The landmarks of one face through a clip. */
export interface FaceTrack {
  /** Size of the frames the points belong to. */
  readonly size: Size;
  readonly frameCount: number;
  /** Float32 `[frameCount, 478, 3]`, pixels of `size`. Frames without a face carry those of the nearest frame with one. */
  readonly points: Float32Array;
  /** Float32 `[frameCount]`, 0 … 1; 0 where no face was found. */
  readonly scores: Float32Array;
  /** Why a frame's face cannot be driven, undefined where it can. */
  readonly faults: readonly (FrameFault | undefined)[];
  /** Frames at which the picture changes at once: the first frame of each new shot, rising. */
  readonly cuts: readonly number[];
}

/** Why a frame's face cannot be driven. */
export type FrameFault = 'no-face' | 'turned' | 'hidden' | 'cut-off' | 'too-small';
