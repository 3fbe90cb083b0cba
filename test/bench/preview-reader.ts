import type { DaemonProcess } from './daemon-process.ts';

/** A picture of the preview and when it had arrived whole, in `performance.now()` ms. */
export interface PreviewPicture {
  readonly atMs: number;
  readonly jpeg: Buffer;
}

/** Watches a daemon's preview as a browser would and keeps every picture. Dispose to stop watching. */
export class PreviewReader implements AsyncDisposable {
  readonly pictures: PreviewPicture[] = [];
  readonly #abort = new AbortController();
  readonly #reading: Promise<void>;

  constructor(daemon: DaemonProcess) {
    this.#reading = this.#read(daemon).catch((thrown) => {
      if (!this.#abort.signal.aborted) throw thrown;
    });
    this.#reading.catch(() => {});
  }

  /** Resolves with the first picture, from the beginning or after `from`, that this is true of. */
  async first(isIt: (picture: PreviewPicture) => boolean, from = 0, deadlineMs = 20_000): Promise<PreviewPicture> {
    const untilMs = performance.now() + deadlineMs;
    for (let next = from; ; ) {
      const picture = this.pictures[next];
      if (picture && isIt(picture)) return picture;
      if (picture) next++;
      else if (performance.now() > untilMs) throw new Error(`no such picture within ${deadlineMs} ms`);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }

  async #read(daemon: DaemonProcess): Promise<void> {
    const { body } = await daemon.fetch('/preview.mjpg', { signal: this.#abort.signal });
    let bytes = Buffer.alloc(0);
    for await (const piece of body!) {
      bytes = Buffer.concat([bytes, piece as Uint8Array]);
      for (let end = this.#take(bytes); end > 0; end = this.#take(bytes)) bytes = bytes.subarray(end);
    }
  }

  /** Keeps the first whole picture of the bytes; returns where it ends, 0 when there is none. */
  #take(bytes: Buffer): number {
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) return 0;
    const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1]);
    const end = headEnd + 4 + length;
    if (!(bytes.length >= end)) return 0;
    this.pictures.push({ atMs: performance.now(), jpeg: Buffer.from(bytes.subarray(headEnd + 4, end)) });
    return end;
  }
}
