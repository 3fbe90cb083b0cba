import { request as httpRequest, type IncomingMessage } from 'node:http';
import { STAND_TOKEN } from './panel-stand.ts';

/** Reads `/preview.mjpg` as a viewer does, part by part, trusting only Content-Length. */
export class MotionJpegReader implements Disposable {
  readonly pictures: Buffer[] = [];
  isClosed = false;
  readonly #response: IncomingMessage;
  #held = Buffer.alloc(0);

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.on('data', (bytes: Buffer) => this.#take(bytes));
    response.on('error', () => {});
    response.on('close', () => {
      this.isClosed = true;
    });
  }

  static open(port: number): Promise<MotionJpegReader> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${STAND_TOKEN}` };
      const request = httpRequest({ host: '127.0.0.1', port, path: '/preview.mjpg', headers, agent: false });
      request.on('response', (response) => {
        if (response.statusCode === 200) resolve(new MotionJpegReader(response));
        else reject(new Error(`refused with ${response.statusCode}`));
      });
      request.on('error', reject);
      request.end();
    });
  }

  get contentType(): string | undefined {
    return this.#response.headers['content-type'];
  }

  /** Stops reading: the connection fills up. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  [Symbol.dispose](): void {
    this.#response.destroy();
  }

  #take(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      const headEnd = this.#held.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(this.#held.subarray(0, Math.max(0, headEnd)).toString())?.[1];
      if (headEnd < 0 || length === undefined) return;
      const from = headEnd + 4;
      const to = from + Number(length);
      if (this.#held.length < to) return;
      this.pictures.push(this.#held.subarray(from, to));
      this.#held = this.#held.subarray(to);
    }
  }
}
