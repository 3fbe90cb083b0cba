import { FRAMES_PER_SECOND, frameByteLength, type Size } from '../../api/media.ts';
import { i420ToRgb24 } from '../../media/color.ts';
import { readFrames } from './frame-stream.ts';
import { inputArguments, MediaProgram } from './run-ffmpeg.ts';

/**
 * Reads frames of a body file written by {@link BodyEncoder}: fast one after another, and from anywhere at the cost of a new
 * decoder. One call at a time is served after the other.
 */
export class BodyReader implements AsyncDisposable {
  readonly #path: string;
  readonly #size: Size;
  readonly #signal: AbortSignal;
  #program: MediaProgram | undefined;
  #frames: AsyncGenerator<Uint8Array> | undefined;
  /** The frame that comes next. */
  #next = -1;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string, size: Size, signal: AbortSignal) {
    this.#path = path;
    this.#size = size;
    this.#signal = signal;
  }

  /** RGB24 pixels of one frame, a copy. @throws Error where there is no such frame; the signal's reason when aborted. */
  rgb(frame: number): Promise<Uint8Array> {
    const result = this.#turn.then(() => this.#read(frame));
    this.#turn = result.catch(() => {});
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#close();
  }

  async #read(frame: number): Promise<Uint8Array> {
    this.#signal.throwIfAborted();
    if (frame !== this.#next) await this.#open(frame);
    const { value, done } = await this.#frames!.next();
    this.#signal.throwIfAborted();
    if (done) throw new Error(`${this.#path} has no frame ${frame}`);
    this.#next = frame + 1;
    const pixels = new Uint8Array(frameByteLength('rgb24', this.#size));
    i420ToRgb24(value as Uint8Array, this.#size, pixels);
    return pixels;
  }

  async #open(frame: number): Promise<void> {
    await this.#close();
    // A quarter frame early, so that no rounding of times skips the frame that is meant.
    const start = Math.max(0, (frame - 0.25) / FRAMES_PER_SECOND);
    this.#program = await MediaProgram.start(
      'ffmpeg',
      [
        ...(frame > 0 ? ['-ss', start.toFixed(4)] : []),
        ...inputArguments(this.#path),
        ...['-map', '0:v:0', '-vsync', 'passthrough', '-pix_fmt', 'yuv420p', '-f', 'rawvideo', 'pipe:1'],
      ],
      this.#signal,
    );
    this.#frames = readFrames(this.#program.output, frameByteLength('i420', this.#size));
  }

  async #close(): Promise<void> {
    this.#next = -1;
    await this.#frames?.return(undefined);
    await this.#program?.[Symbol.asyncDispose]();
    this.#frames = undefined;
    this.#program = undefined;
  }
}
