import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isForeignRequest, isOwnHost } from '../../base/loopback.ts';

/** Makes a key: 24 random bytes as 32 characters that need no escaping in an address. */
export function createStreamKey(): string {
  return randomBytes(24).toString('base64url');
}

/** Paths that hold nothing of the show: what the page is made of. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/obs.js', '/obs.css', '/obs-reader.js']);

/**
 * Who may read the stream: programs of this machine that were given its address. Not other sites in a browser, not names
 * that a foreign DNS server points at 127.0.0.1.
 */
export class StreamDoor {
  readonly key: string;
  readonly #digestKey = randomBytes(32);

  constructor(key: string) {
    this.key = key;
  }

  /** @returns undefined: come in; otherwise the HTTP status to refuse with, 401, 403 or 405. */
  refuse(request: IncomingMessage, url: URL, port: number): 401 | 403 | 405 | undefined {
    const { method = '', headers } = request;
    if (!isOwnHost(headers.host, port) || isForeignRequest({ method, headers })) return 403;
    if (method !== 'GET' && method !== 'HEAD') return 405;
    if (PUBLIC_PATHS.has(url.pathname)) return undefined;
    const given = url.searchParams.get('key') ?? '';
    return timingSafeEqual(this.#digest(given), this.#digest(this.key)) ? undefined : 401;
  }

  /** Equal length whatever came in, so that comparing takes the same time for every guess. */
  #digest(text: string): Buffer {
    return createHmac('sha256', this.#digestKey).update(text).digest();
  }
}
