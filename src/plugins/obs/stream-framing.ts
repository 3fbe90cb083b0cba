import type { Size, VideoFrame } from '../../api/media.ts';
import { MatroskaBlocks, matroskaHead } from './matroska.ts';
import { formatFor, type StreamFormat, type WantedFormat } from './stream-format.ts';

/** How much goes into a cluster: five seconds with sound; without it each picture has a millisecond. */
const CLUSTER_SPAN = { withSoundMs: 5_000, pictures: 250 } as const;

/** How pictures are told apart in one reader's stream. */
export interface Framing {
  /** Said of the whole answer. */
  readonly contentType: string;
  /** Whether the reader wants the voice, too. */
  readonly hasSound: boolean;
  /** The layout in which this reader gets a picture; undefined: this stream cannot go on with it, but a new one can. */
  formatFor(frame: Pick<VideoFrame, 'alpha'>): StreamFormat | undefined;
  /** What goes before a picture's bytes. @param atMs its time, in ms of the output's clock. */
  picture(format: StreamFormat, atMs: number, byteLength: number): Buffer;
  /** What goes before the bytes of a piece of sound; undefined before the first picture. @param atMs when it begins. */
  sound(atMs: number, byteLength: number): Buffer | undefined;
}

/**
 * Matroska, for media players. Without sound, picture n is stamped n ms: a clock that runs slower than real time is always
 * late, so OBS shows each picture the moment it arrives and never keeps what it read ahead as delay. With sound the times
 * are true ones.
 */
export class MatroskaFraming implements Framing {
  readonly contentType = 'video/x-matroska';
  readonly hasSound: boolean;
  readonly #size: Size;
  readonly #wanted: WantedFormat;
  readonly #blocks: MatroskaBlocks;
  /** Chosen with the first picture: the file says it once. */
  #format: StreamFormat | undefined;
  #beganMs = 0;
  #count = 0;

  constructor(size: Size, wanted: WantedFormat, hasSound: boolean) {
    this.#size = size;
    this.#wanted = wanted;
    this.hasSound = hasSound;
    this.#blocks = new MatroskaBlocks(hasSound ? CLUSTER_SPAN.withSoundMs : CLUSTER_SPAN.pictures);
  }

  formatFor(frame: Pick<VideoFrame, 'alpha'>): StreamFormat | undefined {
    const format = formatFor(this.#wanted, frame);
    return this.#format === undefined || this.#format === format ? format : undefined;
  }

  picture(format: StreamFormat, atMs: number, byteLength: number): Buffer {
    const isFirst = this.#format === undefined;
    if (isFirst) this.#beganMs = atMs;
    this.#format = format;
    const head = this.#blocks.picture(this.hasSound ? atMs - this.#beganMs : this.#count++, byteLength);
    return isFirst ? Buffer.concat([matroskaHead(this.#size, format, this.hasSound), head]) : head;
  }

  sound(atMs: number, byteLength: number): Buffer | undefined {
    // What was captured before the first picture of this reader is left out.
    if (this.#format === undefined || atMs < this.#beganMs) return undefined;
    return this.#blocks.sound(atMs - this.#beganMs, byteLength);
  }
}

const HEAD_BYTES = 8;

/**
 * RGBA for the transparent page, each picture behind eight bytes, little endian: its length (32 bits), width and height (16
 * bits each).
 */
export class PageFraming implements Framing {
  readonly contentType = 'application/octet-stream';
  readonly hasSound = false;
  readonly #size: Size;

  constructor(size: Size) {
    this.#size = size;
  }

  formatFor(): StreamFormat {
    return 'rgba';
  }

  picture(_format: StreamFormat, _atMs: number, byteLength: number): Buffer {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(byteLength, 0);
    head.writeUInt16LE(this.#size.width, 4);
    head.writeUInt16LE(this.#size.height, 6);
    return head;
  }

  sound(): undefined {
    return undefined;
  }
}
