import { frameByteLength, type Size, type VideoFrame } from '../../api/media.ts';
import type { Log } from '../../base/log.ts';
import { i420ToRgb24, i420ToRgba } from '../../media/color.ts';
import { flattenI420 } from '../../media/flatten.ts';
import { type JpegEncoder, loadJpegEncoder } from '../../media/jpeg-encoder.ts';
import type { StreamFormat } from './stream-format.ts';

/** Buffers that are kept to be used again; 720p RGBA are 3.7 MB each, and new memory of that size costs a millisecond. */
const MOST_SPARE = 6;

/** Bytes of one picture that several readers are being sent. They are used again when the last has let go. */
export class SharedPicture implements Disposable {
  readonly data: Buffer;
  readonly #onFree: (data: Buffer) => void;
  #holders = 1;

  constructor(data: Buffer, onFree: (data: Buffer) => void) {
    this.data = data;
    this.#onFree = onFree;
  }

  /** One more holder; each must dispose once. */
  retain(): this {
    this.#holders++;
    return this;
  }

  [Symbol.dispose](): void {
    if (--this.#holders === 0) this.#onFree(this.data);
  }
}

/** Lays pictures out for the stream. What the frame holds is read before the first await. */
export class PictureMaker {
  readonly #size: Size;
  readonly #log: Log;
  readonly #spare: Buffer[] = [];
  #encoder: Promise<JpegEncoder> | undefined;
  #rgb = new Uint8Array(0);
  #flat = new Uint8Array(0);

  constructor(size: Size, log: Log) {
    this.#size = size;
    this.#log = log;
  }

  /** One picture, held once by the caller. Opaque formats show a transparent show on plain grey. */
  async make(format: StreamFormat, frame: VideoFrame): Promise<SharedPicture> {
    if (format === 'mjpeg') return new SharedPicture(await this.#encode(frame), () => {});
    const { width, height } = this.#size;
    const data = this.#take(format === 'rgba' ? width * height * 4 : frameByteLength('i420', this.#size));
    if (format === 'rgba') i420ToRgba(frame.data, frame.alpha, this.#size, data);
    else if (frame.alpha) flattenI420(frame.data, frame.alpha, this.#size, data);
    else data.set(frame.data);
    return new SharedPicture(data, (free) => this.#giveBack(free));
  }

  async #encode(frame: VideoFrame): Promise<Buffer> {
    const rgbBytes = frameByteLength('rgb24', this.#size);
    if (this.#rgb.length !== rgbBytes) this.#rgb = new Uint8Array(rgbBytes);
    i420ToRgb24(frame.alpha ? this.#flatten(frame.data, frame.alpha) : frame.data, this.#size, this.#rgb);
    this.#encoder ??= loadJpegEncoder(this.#log);
    const encode = await this.#encoder;
    return Buffer.from(await encode(this.#rgb, this.#size));
  }

  #flatten(data: Uint8Array, alpha: Uint8Array): Uint8Array {
    if (this.#flat.length !== data.length) this.#flat = new Uint8Array(data.length);
    flattenI420(data, alpha, this.#size, this.#flat);
    return this.#flat;
  }

  #take(bytes: number): Buffer {
    const at = this.#spare.findIndex(({ length }) => length === bytes);
    return at < 0 ? Buffer.allocUnsafeSlow(bytes) : this.#spare.splice(at, 1)[0]!;
  }

  #giveBack(data: Buffer): void {
    this.#spare.push(data);
    if (this.#spare.length > MOST_SPARE) this.#spare.shift();
  }
}
