import { FRAMES_PER_SECOND, type Size } from '../../api/media.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import type { ClipInfo } from './clip.ts';
import { listFolder, listPages, type ShownPicture, shownSize } from './picture-frames.ts';
import { measureDuration, probeStreams, type VideoStream } from './probe-streams.ts';
import { recogniseSource } from './recognise-source.ts';

/** What the decoder needs to know of a clip besides what everybody may. */
export interface ProbedClip extends ClipInfo {
  /** Where the part that is used begins, in seconds. */
  readonly startSeconds: number;
  /** The video's stream, or the pictures in order. */
  readonly content: VideoStream | readonly ShownPicture[];
}

/** Which part of a clip is used. */
export interface ClipPart {
  /** Default: the beginning. */
  readonly startSeconds?: number | undefined;
  /** Default: to the end. */
  readonly seconds?: number | undefined;
}

/** The longest part that is used, in seconds: 1,500 frames. */
const MAX_SECONDS = 60;
/** The shortest, in seconds. */
const MIN_SECONDS = 1;
/** Times are rounded to frames: this much may be missing or too much, in seconds. */
const TOLERANCE_SECONDS = 0.5 / FRAMES_PER_SECOND;
/** Fewer pictures than this do not move. */
const MIN_PICTURES = 5;
/** 8K, in pixels. */
const MAX_SIDE = 8192;
const MAX_PIXELS = 7680 * 4320;
const MIN_SIDE = 128;
const NO_SIGNAL = new AbortController().signal;

/**
 * Looks at a clip's head: a video file in any container ffmpeg reads, an animated GIF or WebP, or a folder of pictures.
 * @throws AppError SOURCE_MISSING, NOT_A_CLIP, CLIP_TOO_SHORT, CLIP_TOO_LONG, PICTURE_TOO_LARGE, PICTURE_TOO_SMALL,
 * FFMPEG_MISSING; the signal's reason when aborted.
 */
export async function probeClip(
  source: string,
  part: ClipPart = {},
  signal: AbortSignal = NO_SIGNAL,
): Promise<ProbedClip> {
  const kind = await recogniseSource(source, signal);
  if (kind === 'video') return probeVideo(source, part, signal);
  if (kind === 'photo') throw notAClip(source, 'it is neither a video nor an animated picture');
  const pictures = kind === 'folder' ? await listFolder(source) : await listPages(source);
  return probePictures(source, pictures, part);
}

async function probeVideo(source: string, part: ClipPart, signal: AbortSignal): Promise<ProbedClip> {
  const probe = await probeStreams(source, signal);
  if (typeof probe === 'string') throw notAClip(source, `it is damaged or breaks off before its index (${probe})`);
  const { video, hasSound } = probe;
  if (!video) throw notAClip(source, hasSound ? 'there is only sound in it' : 'there is no picture in it');
  const { storedWidth, storedHeight, pixelAspect } = video;
  checkSize(source, storedWidth, storedHeight);
  if (video.pictureCount !== undefined) checkPictures(source, video.pictureCount);
  const wholeSeconds = video.durationSeconds ?? (await measureDuration(source, video.index, signal));
  return {
    source,
    kind: 'video',
    // Pixels are made square by stretching, never by throwing any away.
    width: Math.round(storedWidth * Math.max(1, pixelAspect)),
    height: Math.round(storedHeight / Math.min(1, pixelAspect)),
    ...choosePart(source, wholeSeconds, part),
    sourceFramesPerSecond: video.framesPerSecond,
    isHdr: video.hdr !== undefined,
    content: video,
  };
}

async function probePictures(source: string, content: readonly ShownPicture[], part: ClipPart): Promise<ProbedClip> {
  const first = content[0];
  if (!first) throw notAClip(source, 'there are no pictures in this folder');
  checkPictures(source, content.length);
  const { width, height } = await shownSize(first).catch((thrown: unknown): Size => {
    throw notAClip(source, `${first.path} cannot be read as a picture (${messageOf(thrown)})`);
  });
  checkSize(source, width, height);
  const wholeSeconds = content.at(-1)!.untilSeconds;
  return {
    source,
    kind: 'pictures',
    width,
    height,
    ...choosePart(source, wholeSeconds, part),
    sourceFramesPerSecond: content.length / wholeSeconds,
    isHdr: false,
    content,
  };
}

function choosePart(
  source: string,
  wholeSeconds: number,
  part: ClipPart,
): Pick<ProbedClip, 'startSeconds' | 'durationSeconds' | 'frameCount'> {
  const startSeconds = Math.max(0, part.startSeconds ?? 0);
  const left = wholeSeconds - startSeconds;
  const durationSeconds = Math.min(left, part.seconds ?? left);
  if (durationSeconds < MIN_SECONDS - TOLERANCE_SECONDS) {
    const whole = `${source} is ${round(wholeSeconds)} s long`;
    const isPart = wholeSeconds >= MIN_SECONDS - TOLERANCE_SECONDS;
    const used = isPart ? `, and ${round(Math.max(0, durationSeconds))} s of it shall be used` : '';
    throw new AppError('CLIP_TOO_SHORT', `${whole}${used}; at least ${MIN_SECONDS} s is needed.`, {
      fix: isPart ? 'Choose a longer part: --start and --seconds' : stillFix(source),
    });
  }
  if (durationSeconds > MAX_SECONDS + TOLERANCE_SECONDS)
    throw new AppError(
      'CLIP_TOO_LONG',
      `${source} is ${clock(durationSeconds)} long; at most ${MAX_SECONDS} s are used.`,
      { fix: `Say which part: --start ${Math.round(startSeconds)} --seconds 20 (10 to 30 s of calm look best)` },
    );
  const frameCount = Math.min(Math.round(durationSeconds * FRAMES_PER_SECOND), MAX_SECONDS * FRAMES_PER_SECOND);
  return { startSeconds, durationSeconds, frameCount };
}

function checkPictures(source: string, count: number): void {
  if (count >= MIN_PICTURES) return;
  throw new AppError(
    'CLIP_TOO_SHORT',
    `${source} has only ${count} ${count === 1 ? 'picture' : 'pictures'}; that is no movement.`,
    { fix: stillFix(source) },
  );
}

function checkSize(source: string, width: number, height: number): void {
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS)
    throw new AppError(
      'PICTURE_TOO_LARGE',
      `${source} is ${width}x${height} pixels; clips of at most 7680x4320 (8K) are read.`,
      { fix: 'Make it smaller first: ffmpeg -i CLIP -vf scale=1920:-2 -crf 14 smaller.mp4' },
    );
  if (Math.min(width, height) < MIN_SIDE)
    throw new AppError(
      'PICTURE_TOO_SMALL',
      `${source} is only ${width}x${height} pixels; at least ${MIN_SIDE} a side are needed.`,
      { fix: 'Use a larger recording: the face alone should be 300 pixels high or more' },
    );
}

/** This cannot be used as a clip. */
function notAClip(source: string, reason: string): AppError {
  return new AppError('NOT_A_CLIP', `${source} is not a clip: ${reason}.`, {
    fix: 'Use an MP4, MOV, WebM, MKV or GIF with a picture in it, or a folder of pictures',
  });
}

function stillFix(source: string): string {
  return `Use it as a photo: ffmpeg -i "${source}" -frames:v 1 photo.png, then prepare photo.png`;
}

function round(seconds: number): string {
  return seconds.toFixed(seconds < 10 ? 1 : 0);
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds.toFixed(1)} s`;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}
