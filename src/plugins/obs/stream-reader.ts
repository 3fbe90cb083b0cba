import type { ServerResponse } from 'node:http';
import type { VideoFrame } from '../../api/media.ts';
import type { SharedPicture } from './picture-maker.ts';
import type { StreamFormat } from './stream-format.ts';
import type { Framing } from './stream-framing.ts';

/** A picture with what is known about it. */
interface Offered {
  readonly picture: SharedPicture;
  readonly format: StreamFormat;
  readonly atMs: number;
}

/**
 * One program that reads the stream. While its connection is still busy with a picture the newest one waits and replaces
 * the one that waited before, so a slow reader holds two pictures and nobody up. Sound is never left out; who takes nothing
 * at all for a while is cut off.
 */
export class StreamReader implements Disposable {
  readonly framing: Framing;
  readonly #response: ServerResponse;
  readonly #stallMs: number;
  readonly #onStall: () => void;
  #waiting: Offered | undefined;
  #stall: NodeJS.Timeout | undefined;
  #skipped = 0;
  #format: StreamFormat | undefined;

  /** @param onStall told once, when the reader has taken nothing for `stallMs`; it is cut off then. */
  constructor(response: ServerResponse, framing: Framing, stallMs: number, onStall: () => void) {
    this.#response = response;
    this.framing = framing;
    this.#stallMs = stallMs;
    this.#onStall = onStall;
    response.on('drain', () => this.#catchUp());
    response.once('close', () => this[Symbol.dispose]());
  }

  /** Pictures that were left out because it was busy. */
  get skipped(): number {
    return this.#skipped;
  }

  /** How it gets its pictures, in a word or two; undefined before the first. */
  get description(): string | undefined {
    return this.#format && (this.framing.hasSound ? `${this.#format} with sound` : this.#format);
  }

  /** Whether the connection has ended, or is about to. */
  get isOver(): boolean {
    return this.#response.destroyed;
  }

  /** The layout in which it wants a picture; undefined where its stream cannot go on with it: a new one can. */
  formatFor(frame: Pick<VideoFrame, 'alpha'>): StreamFormat | undefined {
    return this.framing.formatFor(frame);
  }

  /** Sends a picture, or keeps it for when the one before is through. Takes a hold of its own. */
  show(offered: Offered): void {
    if (this.#response.destroyed) return;
    if (!this.#response.writableNeedDrain) return this.#write(offered);
    if (this.#waiting) this.#skipped++;
    this.#waiting?.picture[Symbol.dispose]();
    this.#waiting = { ...offered, picture: offered.picture.retain() };
  }

  /** Sends sound. @param atMs when it begins. */
  hear(pcm: Buffer, atMs: number): void {
    if (this.#response.destroyed) return;
    const head = this.framing.sound(atMs, pcm.length);
    if (!head) return;
    this.#response.write(head);
    if (!this.#response.write(pcm)) this.#watch();
  }

  /** Ends the stream. */
  [Symbol.dispose](): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.#waiting?.picture[Symbol.dispose]();
    this.#waiting = undefined;
    this.#response.destroy();
  }

  #write({ picture, format, atMs }: Offered): void {
    this.#format = format;
    picture.retain();
    const response = this.#response;
    response.cork();
    response.write(this.framing.picture(format, atMs, picture.data.length));
    // Called when the bytes are with the kernel, or never will be.
    const isTaken = response.write(picture.data, () => picture[Symbol.dispose]());
    response.uncork();
    if (!isTaken) this.#watch();
  }

  #watch(): void {
    this.#stall ??= setTimeout(() => {
      this.#onStall();
      this[Symbol.dispose]();
    }, this.#stallMs).unref();
  }

  #catchUp(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    this.#write(waiting);
    waiting.picture[Symbol.dispose]();
  }
}
