import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a badly behaved server does with one request. `undefined` = behave. */
export type Mischief = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean;

/** A file server on this machine that understands ranges, and misbehaves when told to. */
export class FileServer implements AsyncDisposable {
  readonly #server;
  readonly files = new Map<string, Buffer>();
  /** What happens with the next requests, first come first served. */
  readonly mischief: Mischief[] = [];
  /** The Range header of every request, in order. */
  readonly ranges: (string | undefined)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async open(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.ranges.push(request.headers.range);
    const bytes = this.files.get((request.url ?? '/').slice(1));
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    if (this.mischief.shift()?.(request, response, bytes)) return;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(start)) {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    } else if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    } else {
      const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { 'content-length': bytes.length - start, 'content-range': range });
      response.end(bytes.subarray(start));
    }
  }
}
