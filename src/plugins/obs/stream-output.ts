import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OpenVideoOutput, VideoOutputOptions } from '../../api/contributions.ts';
import type { Size, VideoFrame } from '../../api/media.ts';
import { matroskaFrameHead, matroskaHead } from './matroska.ts';

/** Programs that may watch at the same time: OBS opens one per source, and a second while it probes. */
const VIEWER_LIMIT = 4;

interface Viewer {
  readonly response: ServerResponse;
  index: number;
}

/**
 * The picture as a stream that a Media Source of OBS opens, raw, on 127.0.0.1. Who wants it needs its address, which is
 * new at each start. Nothing is done while nobody watches; a viewer that falls behind misses pictures.
 */
export class StreamOutput implements OpenVideoOutput {
  readonly label = 'OBS media source';
  readonly wantsSound = false;
  readonly #size: Size;
  readonly #key = randomBytes(18).toString('base64url');
  readonly #viewers = new Set<Viewer>();
  readonly #server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) =>
    this.#answer(request, response),
  );
  #spare: Buffer = Buffer.alloc(0);

  private constructor(size: Size) {
    this.#size = size;
  }

  /** Listens on any free port. */
  static async open({ width, height, onHealth }: VideoOutputOptions): Promise<StreamOutput> {
    const output = new StreamOutput({ width, height });
    await new Promise<void>((resolve, reject) => {
      output.#server.once('error', reject);
      output.#server.listen(0, '127.0.0.1', resolve);
    });
    onHealth({ state: 'ready' });
    return output;
  }

  /** The address for OBS. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}${this.#path}`;
  }

  async send(frame: VideoFrame): Promise<void> {
    const ready = [...this.#viewers].filter(({ response }) => !response.writableNeedDrain);
    if (ready.length === 0) return;
    // The frame is used again as soon as this returns, and sockets take their time.
    const picture = Buffer.from(frame.data);
    for (const viewer of ready) {
      viewer.response.cork();
      viewer.response.write(matroskaFrameHead(viewer.index++, picture.length));
      viewer.response.write(picture);
      viewer.response.uncork();
    }
    this.#spare = picture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get #path(): string {
    return `/${this.#key}/avatar.mkv`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // Names that a foreign DNS server points here are turned away like wrong keys.
    const isOurs = request.headers.host === `127.0.0.1:${this.#port}` && isSame(request.url ?? '', this.#path);
    const status = !isOurs ? 404 : request.method !== 'GET' ? 405 : this.#viewers.size >= VIEWER_LIMIT ? 503 : 200;
    if (status !== 200) {
      response.writeHead(status).end();
      return;
    }
    request.socket.setNoDelay(true);
    response.writeHead(200, { 'Content-Type': 'video/x-matroska', 'Cache-Control': 'no-store', Connection: 'close' });
    response.write(matroskaHead(this.#size));
    const viewer: Viewer = { response, index: 0 };
    // At rest the show may send the same picture rarely: the last one is there at once.
    if (this.#spare.length > 0) {
      response.write(matroskaFrameHead(viewer.index++, this.#spare.length));
      response.write(this.#spare);
    }
    this.#viewers.add(viewer);
    response.on('error', () => response.destroy());
    response.once('close', () => this.#viewers.delete(viewer));
  }
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
