import type { IncomingHttpHeaders } from 'node:http';

/** What tells where a request comes from. */
export interface RequestOrigin {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Whether a request was addressed to this machine by one of its own names, not by one that a foreign DNS server points at
 * 127.0.0.1. @param host the Host header. @param port the port that is listened on.
 */
export function isOwnHost(host: string | undefined, port: number): boolean {
  if (host === undefined) return false;
  // Browsers leave the port away where it is the scheme's own.
  const name = host.endsWith(`:${port}`) ? host.slice(0, -`:${port}`.length) : port === 80 ? host : undefined;
  return name === '127.0.0.1' || name === 'localhost' || name === '[::1]';
}

/**
 * Whether a browser says that another site caused this request without the person going here: scripts, pictures, frames,
 * forms. Following a link to a page is not such a request, and programs that are no browsers say nothing.
 */
export function isForeignRequest({ method, headers }: RequestOrigin): boolean {
  const { host, origin } = headers;
  if (origin !== undefined) return origin !== `http://${host}`;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  const isVisit =
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return !isVisit;
}
