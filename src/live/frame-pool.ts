import { type FrameIndex, frameByteLength, type Size, type VideoFrame } from '../api/media.ts';

/** A picture whose memory is used again once every holder has disposed it. */
export class PooledFrame implements VideoFrame, Disposable {
  readonly format = 'i420';
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** The matte; undefined while the picture is opaque. */
  alpha: Uint8Array | undefined;
  index: FrameIndex = 0;
  capturedAtMs = Number.NaN;
  isBetween = false;
  readonly #giveBack: (frame: PooledFrame) => void;
  #holders = 0;
  #alphaBuffer: Uint8Array | undefined;

  constructor(size: Size, giveBack: (frame: PooledFrame) => void) {
    this.width = size.width;
    this.height = size.height;
    this.data = new Uint8Array(frameByteLength('i420', size));
    this.#giveBack = giveBack;
  }

  /** Gives the picture a matte, to be filled by the caller. Its memory is taken once and stays with the frame. */
  needAlpha(): Uint8Array {
    this.#alphaBuffer ??= new Uint8Array(this.width * this.height);
    this.alpha = this.#alphaBuffer;
    return this.alpha;
  }

  /** One more holder; each must dispose once. */
  retain(): this {
    this.#holders++;
    return this;
  }

  [Symbol.dispose](): void {
    this.#holders--;
    if (this.#holders === 0) this.#giveBack(this);
    else if (this.#holders < 0) throw new Error('a frame was disposed more often than it was held');
  }
}

/** Frames of one size. Grows to what the lanes hold at once (each at most two) and then allocates nothing more. */
export class FramePool {
  readonly size: Size;
  readonly #free: PooledFrame[] = [];
  #made = 0;

  constructor(size: Size) {
    this.size = size;
  }

  /** How many frames exist, in use or free. */
  get made(): number {
    return this.#made;
  }

  /** How many frames somebody holds. */
  get held(): number {
    return this.#made - this.#free.length;
  }

  /** An opaque frame with one holder; its pixels are whatever they were. */
  take(): PooledFrame {
    const frame = this.#free.pop() ?? this.#make();
    frame.alpha = undefined;
    frame.isBetween = false;
    return frame.retain();
  }

  #make(): PooledFrame {
    this.#made++;
    return new PooledFrame(this.size, (frame) => this.#free.push(frame));
  }
}
