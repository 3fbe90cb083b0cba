import { type FrameIndex, SAMPLE_RATE_HZ } from '../../api/media.ts';

/** Whisper's tokens (20 ms) that a frame's mouth is made from. */
export const WINDOW_TOKENS = 10;
/** Hidden states per token that are used: the convolutions' output and the four layers'. */
export const WHISPER_STATES = 5;
/** Tokens of a segment of 30 s. */
export const SEGMENT_TOKENS = 1500;
/** Tokens per video frame. */
export const TOKENS_PER_FRAME = 2;
const TOKENS_BEFORE = 4;
const TOKENS_PER_SECOND = 50;
const FRAMES_PER_SECOND = 25;

/**
 * The first of the {@link WINDOW_TOKENS} tokens of a frame: two frames before its own two, two after. Negative at the start.
 * Source: MuseTalk, audio_processor.py get_whisper_chunk at 25 fps.
 */
export function firstTokenOf(frame: FrameIndex): number {
  return TOKENS_PER_FRAME * frame - TOKENS_BEFORE;
}

/** How many tokens upstream counts in a sound of so many 16 kHz samples, float64 rounding included; the rest is padding. */
export function countTokens(samples: number): number {
  return Math.floor((samples / SAMPLE_RATE_HZ) * TOKENS_PER_SECOND);
}

/** How many frames upstream makes of a sound of so many 16 kHz samples, float64 rounding included. */
export function countFrames(samples: number): number {
  return Math.floor((samples / SAMPLE_RATE_HZ) * FRAMES_PER_SECOND);
}

/** Numbers in one token with all its states. */
export function tokenLength(channels: number): number {
  return WHISPER_STATES * channels;
}

/** A run of Whisper's tokens. */
export interface TokenRun {
  /** Float32 [tokens, {@link WHISPER_STATES}, channels]. */
  readonly states: Float32Array;
  /** Which token since the show began the first one is. */
  readonly first: number;
  /** Tokens from this one on do not count (the end of the sound, the end of the run). */
  readonly until: number;
  readonly channels: number;
}

/**
 * Copies into `out` those of the {@link WINDOW_TOKENS} tokens from `firstToken` on that are in the run; leaves the others
 * as they are: zeros, or another run's.
 * @param out Float32 [{@link WINDOW_TOKENS}, {@link WHISPER_STATES}, channels] from `offset` on
 */
export function copyWindow(run: TokenRun, firstToken: number, out: Float32Array, offset = 0): void {
  const length = tokenLength(run.channels);
  const from = Math.max(firstToken, run.first);
  const until = Math.min(firstToken + WINDOW_TOKENS, run.until);
  if (until <= from) return;
  const part = run.states.subarray((from - run.first) * length, (until - run.first) * length);
  out.set(part, offset + (from - firstToken) * length);
}

/**
 * All windows of a whole sound exactly as upstream slices them: tokens of its 30 s segments in one row, cut to the sound's
 * length, zeros outside.
 * @param segments Float32 [{@link SEGMENT_TOKENS}, {@link WHISPER_STATES}, channels] each
 * @param samples length of the sound at 16 kHz
 * @returns Float32 [frames, {@link WINDOW_TOKENS} · {@link WHISPER_STATES}, channels], time-major
 */
export function windowsOfSound(segments: readonly Float32Array[], samples: number, channels: number): Float32Array {
  const frames = countFrames(samples);
  const length = WINDOW_TOKENS * tokenLength(channels);
  const out = new Float32Array(frames * length);
  const end = countTokens(samples);
  segments.forEach((states, number) => {
    const first = number * SEGMENT_TOKENS;
    const run = { states, first, until: Math.min(end, first + SEGMENT_TOKENS), channels };
    for (let frame = 0; frame < frames; frame++) copyWindow(run, firstTokenOf(frame), out, frame * length);
  });
  return out;
}
