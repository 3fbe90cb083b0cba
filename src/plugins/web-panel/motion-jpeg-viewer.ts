import type { Writable } from 'node:stream';
import type { PreviewViewer } from './preview-feed.ts';

/** What separates the pictures of a stream. */
export const BOUNDARY = 'musecam-picture';
/** A viewer that takes nothing for this long is sent away, so that forgotten tabs hold no sockets. In ms. */
const STALL_LIMIT_MS = 30_000;

/**
 * One viewer of the preview: a `multipart/x-mixed-replace` stream of JPEG pictures. While the connection is still busy
 * with a picture the viewer is not ready and later ones pass it by, so at most one picture is held for it.
 */
export class MotionJpegViewer implements PreviewViewer {
  readonly #stream: Writable;
  readonly #onStall: () => void;
  #isReady = true;
  #stallTimer: NodeJS.Timeout | undefined;

  /** @param onStall called when the viewer has taken nothing for 30 seconds; must close the stream. */
  constructor(stream: Writable, onStall: () => void) {
    this.#stream = stream;
    this.#onStall = onStall;
    stream.on('drain', () => this.#becomeReady());
    stream.once('close', () => clearTimeout(this.#stallTimer));
    // The boundary goes before each picture's successor is known: a browser shows a picture when the next boundary comes.
    stream.write(`--${BOUNDARY}\r\n`);
  }

  get isReady(): boolean {
    return this.#isReady && !this.#stream.destroyed && !this.#stream.writableEnded;
  }

  show(jpeg: Uint8Array): void {
    this.#stream.cork();
    this.#stream.write(`Content-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\n\r\n`);
    this.#stream.write(jpeg);
    const isTaken = this.#stream.write(`\r\n--${BOUNDARY}\r\n`);
    this.#stream.uncork();
    if (isTaken) return;
    this.#isReady = false;
    this.#stallTimer = setTimeout(this.#onStall, STALL_LIMIT_MS).unref();
  }

  #becomeReady(): void {
    clearTimeout(this.#stallTimer);
    this.#isReady = true;
  }
}
