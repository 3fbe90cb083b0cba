import type { IncomingMessage } from 'node:http';

/**
 * Gives requests a time to arrive, and hangs up on those that are not whole by then. (Node's own `requestTimeout` knows
 * no exception for uploads.) What is refused may go on sending that long: who is hung up on at once would never read why.
 */
export class BodyDeadline {
  readonly #limitMs: number;
  readonly #timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Begins to count, where there is a body to come. */
  start(request: IncomingMessage): void {
    const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
    if (request.complete || (length === '0' && encoding === undefined)) return;
    this.lift(request);
    const timer = setTimeout(() => request.complete || request.socket.destroy(), this.#limitMs).unref();
    this.#timers.set(request, timer);
    request.once('close', () => clearTimeout(timer));
  }

  /** For a request whose body has a watch of its own. */
  lift(request: IncomingMessage): void {
    clearTimeout(this.#timers.get(request));
  }
}
