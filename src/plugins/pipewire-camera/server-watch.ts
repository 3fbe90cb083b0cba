import { createConnection, type Socket } from 'node:net';

/**
 * Notices that the PipeWire server ends, which a publisher nobody looks at does not: by a connection of its own, over
 * which nothing is said.
 */
export class ServerWatch implements Disposable {
  /** Resolves with the reason when the server is gone, or was not there. Never rejects. */
  readonly gone: Promise<string>;
  readonly #socket: Socket;

  /** @param path of the server's socket. */
  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.on('error', () => {});
    this.gone = new Promise((resolve) => {
      this.#socket.once('close', () => resolve('PipeWire is not running'));
    });
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
