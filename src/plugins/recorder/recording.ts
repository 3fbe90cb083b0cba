import { rename, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenVideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import {
  FRAMES_PER_SECOND,
  frameByteLength,
  SAMPLE_RATE_HZ,
  SAMPLES_PER_FRAME,
  type Size,
  type VideoFrame,
} from '../../api/media.ts';
import { type AppError, messageOf } from '../../base/errors.ts';
import { flattenI420 } from '../../media/flatten.ts';
import { type Container, carriesAlpha } from './codecs.ts';
import type { Encoder, EncoderEnd } from './encoder.ts';
import { notWritable, recordingFailed } from './failures.ts';
import { SoundTrack } from './sound-track.ts';
import { appendSyntheticMark, takesXmp } from './synthetic-mark.ts';

/** How much sound may wait for its pictures. */
const SOUND_AHEAD_SECONDS = 30;
/** How far sound may lag behind its pictures before silence is written in its place, in frames: less than ffmpeg reads ahead. */
const SOUND_LAG_FRAMES = 12;
/** Pieces of sound, one frame each, that may be on their way to ffmpeg. */
const SOUND_SLOTS = 64;
/** A longer hole in the picture (a machine that slept) is cut out of picture and sound instead of being filled. */
const MAX_FILLED_FRAMES = 60 * FRAMES_PER_SECOND;

/** How long ffmpeg gets to finish the file, in ms: at least this, and more for long files, which it writes twice. */
const FINISH_MS = 10_000;
const FINISH_BYTES_PER_MS = 20_000;
/** How long it gets after SIGTERM, in ms. */
const TERMINATE_MS = 2000;
/** How often a full pipe is looked at again, in ms. */
const POLL_MS = 5;

/** Where a recording goes. */
export interface RecordingTarget {
  /** The file it is called once it is whole. */
  readonly path: string;
  /** The file it is written to until then. */
  readonly partPath: string;
  readonly container: Container;
}

/** What a {@link Recording} is made of. */
export interface RecordingOptions {
  /** Writes opaque pictures. */
  readonly encoder: Encoder;
  /** Starts one that writes pictures with their matte, in place of {@link encoder}. */
  readonly startWithAlpha: () => Promise<Encoder>;
  readonly target: RecordingTarget;
  readonly size: Size;
  readonly output: Pick<VideoOutputOptions, 'log' | 'onHealth'>;
  /** How long ffmpeg gets at least to finish the file, in ms. */
  readonly finishMs?: number;
}

/**
 * A recording: picture k of the file is media frame `first + k`, whatever was left out or repeated, and its sound is the
 * sound of that frame. The file gets its name when it is whole. The first picture decides whether it is transparent.
 *
 * `send` rejects with RECORDING_FAILED or DISK_FULL once ffmpeg is gone; disposing rejects with the same when no `send`
 * has said so yet, so that nobody takes a file for granted that is not there.
 */
export class Recording implements OpenVideoOutput {
  readonly label: string;
  readonly wantsSound = true;
  readonly #options: RecordingOptions;
  #encoder: Encoder;
  readonly #track = new SoundTrack(SOUND_AHEAD_SECONDS * SAMPLE_RATE_HZ);
  readonly #slots = new Float32Array(SOUND_SLOTS * SAMPLES_PER_FRAME);
  /** The picture last written, for repeating; with its matte behind it where the recording is transparent. */
  #picture: Uint8Array;
  readonly #frameBytes: number;
  #hasBegun = false;
  #isAlphaLostTold = false;
  /** Media frame that picture 0 of the file shows; moved on by holes that were cut out. */
  #origin = 0;
  /** Pictures written, and frames of sound handed to ffmpeg and taken by it. */
  #pictures = 0;
  #soundGiven = 0;
  #soundTaken = 0;
  #end: EncoderEnd | undefined;
  #failure: AppError | undefined;
  #isFailureTold = false;
  #closing: Promise<void> | undefined;

  constructor(options: RecordingOptions) {
    this.label = options.target.path;
    this.#options = options;
    this.#encoder = options.encoder;
    this.#frameBytes = frameByteLength('i420', options.size);
    this.#picture = new Uint8Array(this.#frameBytes);
    this.#watch(options.encoder);
  }

  /** Resolves when ffmpeg has taken the picture and those that had to be repeated before it. */
  async send(frame: VideoFrame): Promise<void> {
    if (!this.#hasBegun) await this.#begin(frame);
    if (this.#pictures === 0) this.#origin = frame.index;
    let missing = frame.index - this.#origin - this.#pictures;
    if (missing > MAX_FILLED_FRAMES) {
      await this.#drainSound();
      this.#origin += missing;
      missing = 0;
    }
    for (; missing > 0 && !this.#closing; missing--) await this.#writePicture();
    if (missing < 0 || this.#closing) return;
    this.#copyPicture(frame);
    await this.#writePicture();
  }

  hear(samples: Float32Array, start: number): void {
    if (this.#end || this.#closing) return;
    this.#track.put(samples, start);
    this.#giveSound(SOUND_LAG_FRAMES);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Puts the encoder for transparent pictures in the place of the other one, where the first picture asks for it. */
  async #begin({ alpha }: VideoFrame): Promise<void> {
    this.#hasBegun = true;
    if (!alpha || !carriesAlpha(this.#options.target.container) || this.#end) return;
    const opaque = this.#encoder;
    try {
      const transparent = await this.#options.startWithAlpha();
      // The other one has written nothing yet; the file is the new one's.
      this.#encoder = transparent;
      opaque.kill('SIGKILL');
      await opaque.ended;
      this.#picture = new Uint8Array(this.#frameBytes + alpha.length);
      this.#watch(transparent);
      if (this.#closing) transparent.kill('SIGKILL');
    } catch (thrown) {
      this.#tellAlphaLost(messageOf(thrown));
    }
  }

  #copyPicture(frame: VideoFrame): void {
    const { data, alpha } = frame;
    // What is behind the person was not meant to be seen.
    if (alpha && this.#picture.length === this.#frameBytes) flattenI420(data, alpha, frame, this.#picture);
    else this.#picture.set(data);
    if (this.#picture.length > this.#frameBytes) {
      if (alpha) this.#picture.set(alpha, this.#frameBytes);
      else this.#picture.fill(255, this.#frameBytes);
    } else if (alpha && !this.#isAlphaLostTold) {
      this.#tellAlphaLost(
        carriesAlpha(this.#options.target.container)
          ? 'the recording began without it; start it again'
          : 'this kind of file cannot hold it; .mov, .webm and .mkv can',
      );
    }
  }

  #tellAlphaLost(reason: string): void {
    if (this.#isAlphaLostTold) return;
    this.#isAlphaLostTold = true;
    this.#options.output.onHealth({ state: 'ready', detail: `recorded without transparency: ${reason}` });
  }

  #watch(encoder: Encoder): void {
    void encoder.ended.then((end) => {
      if (encoder === this.#encoder) this.#noticeEnd(end);
    });
  }

  async #writePicture(): Promise<void> {
    const isTaken = await writeAll(this.#encoder.pictures, this.#picture);
    if (isTaken) {
      this.#pictures++;
      this.#giveSound(SOUND_LAG_FRAMES);
    } else {
      await this.#encoder.ended;
    }
    if (!this.#failure) return;
    this.#isFailureTold = true;
    throw this.#failure;
  }

  /**
   * Hands sound to ffmpeg, a frame at a time and never more than there are pictures, so that both end together.
   * @param lagFrames how many frames may still be waited for; what is older and has not come is silence.
   */
  #giveSound(lagFrames: number): void {
    while (this.#soundGiven < this.#pictures && this.#soundGiven - this.#soundTaken < SOUND_SLOTS) {
      const start = (this.#origin + this.#soundGiven) * SAMPLES_PER_FRAME;
      const hasCome = this.#track.end >= start + SAMPLES_PER_FRAME;
      if (!hasCome && this.#pictures - this.#soundGiven <= lagFrames) return;
      const at = (this.#soundGiven % SOUND_SLOTS) * SAMPLES_PER_FRAME;
      const piece = this.#slots.subarray(at, at + SAMPLES_PER_FRAME);
      this.#track.read(start, piece);
      this.#soundGiven++;
      this.#encoder.sound.write(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength), () => {
        this.#soundTaken++;
      });
    }
  }

  /** Resolves when the sound of every picture is on its way, with silence for what has not come, or ffmpeg is gone. */
  async #drainSound(): Promise<void> {
    for (this.#giveSound(0); this.#soundGiven < this.#pictures && !this.#end; this.#giveSound(0)) await sleep(POLL_MS);
  }

  /** ffmpeg has ended: as it should after closing, or too early. */
  #noticeEnd(end: EncoderEnd): void {
    this.#end = end;
    if (this.#closing) return;
    this.#failure = this.#explain(end, '');
    void this.#discardPart();
    const { message, fix } = this.#failure;
    this.#options.output.onHealth({ state: 'failed', detail: message, ...(fix === undefined ? {} : { fix }) });
  }

  async #close(): Promise<void> {
    if (!this.#end && this.#pictures === 0) this.#encoder.kill('SIGKILL');
    if (!this.#end && this.#pictures > 0) this.#failure = await this.#finish();
    await this.#encoder.ended;
    if (this.#pictures > 0 && !this.#failure) return publish(this.#options);
    await this.#discardPart();
    if (this.#failure && !this.#isFailureTold) throw this.#failure;
  }

  /** Removes an unfinished file that is of no use. */
  async #discardPart(): Promise<void> {
    const { target } = this.#options;
    if (isPlayableInPart(target) && this.#pictures > 0) return;
    await rm(target.partPath, { force: true }).catch((thrown: unknown) =>
      this.#options.output.log.warn('an unfinished recording could not be removed', { reason: messageOf(thrown) }),
    );
  }

  /** Lets ffmpeg write the rest; what went wrong, if anything. */
  async #finish(): Promise<AppError | undefined> {
    this.#encoder.pictures.end(() => void this.#drainSound().then(() => this.#encoder.sound.end()));
    const bytes = (await stat(this.#options.target.partPath).catch(() => undefined))?.size ?? 0;
    const limitMs = (this.#options.finishMs ?? FINISH_MS) + bytes / FINISH_BYTES_PER_MS;
    let end = await within(this.#encoder.ended, limitMs);
    if (end?.code === 0) return undefined;
    if (end) return this.#explain(end, '');
    this.#encoder.kill('SIGTERM');
    end = await within(this.#encoder.ended, TERMINATE_MS);
    if (!end) this.#encoder.kill('SIGKILL');
    return this.#explain(await this.#encoder.ended, `ffmpeg did not finish the file within ${Math.round(limitMs)} ms`);
  }

  #explain(end: EncoderEnd, reason: string): AppError {
    const { target } = this.#options;
    const how = end.signal ? `ffmpeg was ended by ${end.signal}` : `ffmpeg ended with exit code ${end.code}`;
    const words = reason || (end.signal === null && end.lastWords) || how;
    return recordingFailed(target.path, words, isPlayableInPart(target) ? target.partPath : undefined);
  }
}

/** Whether an unfinished file can be played: Matroska and WebM can, mp4 and mov lack their index. */
function isPlayableInPart({ container }: RecordingTarget): boolean {
  return container === 'matroska' || container === 'webm';
}

/** Marks the finished file as synthetic and gives it its name. */
async function publish({ target, output }: RecordingOptions): Promise<void> {
  if (takesXmp(target.container)) {
    await appendSyntheticMark(target.partPath).catch((thrown: unknown) =>
      output.log.warn('the recording could not be marked as synthetic media', { reason: messageOf(thrown) }),
    );
  }
  await rename(target.partPath, target.path).catch((thrown: unknown) => {
    throw notWritable(target.path, thrown);
  });
}

/** Resolves when everything is in the pipe; false when the other side is gone. */
function writeAll(pipe: Writable, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => pipe.write(bytes, (error) => resolve(!error)));
}

/** The result, or undefined when it takes longer. */
async function within<T>(result: Promise<T>, limitMs: number): Promise<T | undefined> {
  const timer = new AbortController();
  const late = sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  const first = await Promise.race([result, late]);
  timer.abort();
  return first;
}
