import { FRAMES_PER_SECOND, frameByteLength, type Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { rgb24ToI420 } from '../../media/color.ts';
import { ffmpegHas, MediaProgram } from './run-ffmpeg.ts';

/**
 * Our pictures are sRGB, as YCbCr by BT.601 in limited range. Said of the input, so that ffmpeg converts nothing, and of
 * the file, so that players show the right colours.
 */
const COLOURS = 'range=limited:color_primaries=bt709:color_trc=iec61966-2-1:colorspace=smpte170m';
const COLOUR_TAGS = [
  ...['-color_range', 'tv', '-color_primaries', 'bt709', '-color_trc', 'iec61966-2-1'],
  ...['-colorspace', 'smpte170m'],
];
/** Near enough to the source that nobody sees a difference; a key frame every second, so that any frame is near one. */
const X264 = ['-c:v', 'libx264', '-preset', 'fast', '-crf', '14', '-g', String(FRAMES_PER_SECOND)];
/** Grey planes are smooth: less is enough. */
const X264_GREY = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-g', String(FRAMES_PER_SECOND)];
const MPEG4 = ['-c:v', 'mpeg4', '-q:v', '2', '-g', String(FRAMES_PER_SECOND)];

/**
 * Writes frames to one MP4: H.264, yuv420p, BT.601 limited range, 25 a second, no sound. Decoded as yuv420p the file gives
 * the frames back without any conversion of colours. The same frames give the same bytes on the same machine.
 */
export class BodyEncoder implements AsyncDisposable {
  readonly #program: MediaProgram;
  readonly #size: Size;
  /** Two, because the one before may still be on its way while the next is filled. */
  readonly #frames: readonly [Uint8Array, Uint8Array];
  #count = 0;
  /** Whether the frame on its way has arrived. */
  #sending: Promise<boolean> = Promise.resolve(true);

  private constructor(program: MediaProgram, size: Size) {
    this.#program = program;
    this.#size = size;
    const bytes = frameByteLength('i420', size);
    this.#frames = [new Uint8Array(bytes), new Uint8Array(bytes)];
  }

  /**
   * @param path the file to write; what was there is replaced.
   * @param size even, in pixels. @param content `grey`: a matte.
   * @throws AppError FFMPEG_MISSING.
   */
  static async open(path: string, size: Size, content: 'colour' | 'grey', signal: AbortSignal): Promise<BodyEncoder> {
    const x264 = content === 'grey' ? X264_GREY : X264;
    const codec = (await ffmpegHas('-encoders', 'libx264')) ? x264 : MPEG4;
    const program = await MediaProgram.start(
      'ffmpeg',
      [
        ...['-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-video_size', `${size.width}x${size.height}`],
        ...['-framerate', String(FRAMES_PER_SECOND), '-probesize', '32', '-analyzeduration', '0', '-i', 'pipe:0'],
        ...['-vf', `setparams=${COLOURS}`, ...codec, '-pix_fmt', 'yuv420p', ...COLOUR_TAGS],
        // No dates and no versions: the same frames shall give the same file.
        ...['-fflags', '+bitexact', '-flags:v', '+bitexact', '-map_metadata', '-1'],
        ...['-movflags', '+faststart', '-f', 'mp4', `file:${path}`],
      ],
      signal,
      { withInput: true },
    );
    return new BodyEncoder(program, size);
  }

  /** Adds one frame of RGB24 pixels. Resolves when the next may come; the pixels may be changed then. */
  addRgb(pixels: Uint8Array): Promise<void> {
    rgb24ToI420(pixels, this.#size, this.#next());
    return this.#send();
  }

  /** Adds one frame of I420. */
  addI420(frame: Uint8Array): Promise<void> {
    this.#next().set(frame);
    return this.#send();
  }

  /** Adds one grey frame, Uint8 `[height, width]`, 0 … 255, written as luma 16 … 235. */
  addGrey(plane: Uint8Array): Promise<void> {
    const frame = this.#next();
    for (let i = 0; i < plane.length; i++) frame[i] = LUMA_OF_GREY[plane[i]!]!;
    frame.fill(128, plane.length);
    return this.#send();
  }

  /** Writes the file's end. @throws AppError DISK_FULL, CLIP_NOT_WRITTEN; the signal's reason when aborted. */
  async finish(signal: AbortSignal): Promise<void> {
    this.#program.input?.end();
    const { code, lastWords } = await this.#program.ended;
    signal.throwIfAborted();
    if (code === 0) return;
    throw writeFailed(lastWords);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  #next(): Uint8Array {
    return this.#frames[this.#count % 2 === 0 ? 0 : 1];
  }

  /** Hands the filled frame over, and waits for the one before: drawing and encoding overlap by one frame. */
  async #send(): Promise<void> {
    const frame = this.#next();
    this.#count++;
    const before = this.#sending;
    this.#sending = new Promise((settle) => {
      this.#program.input!.write(frame, (thrown) => settle(!thrown));
    });
    if (await before) return;
    throw writeFailed((await this.#program.ended).lastWords);
  }
}

const LUMA_OF_GREY = Uint8Array.from({ length: 256 }, (_, grey) => 16 + Math.round((grey * 219) / 255));

function writeFailed(words: string): AppError {
  if (/No space left|quota exceeded/i.test(words))
    return new AppError('DISK_FULL', `There is no space left for the avatar's frames (${words}).`, {
      fix: 'Free some space, then run the same command again: it goes on where it was',
    });
  return new AppError(
    'CLIP_NOT_WRITTEN',
    `ffmpeg could not write the avatar's frames: ${words || 'it gave no reason'}.`,
    {
      fix: 'Run the same command again; if it stays, reinstall ffmpeg',
    },
  );
}
