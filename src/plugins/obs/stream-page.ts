import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';

/** The page's files by path. Read from disk when first asked for, then kept. */
const FILES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/obs': { name: 'obs.html', type: 'text/html; charset=utf-8' },
  '/obs.js': { name: 'obs.js', type: 'text/javascript; charset=utf-8' },
  '/obs-reader.js': { name: 'obs-reader.js', type: 'text/javascript; charset=utf-8' },
  '/obs.css': { name: 'obs.css', type: 'text/css; charset=utf-8' },
};

const kept = new Map<string, Buffer>();

/** The page may load what this server serves and nothing else; its address holds the key and goes nowhere. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

/** Sends a file of the transparent page. @returns false where there is none at this path. */
export function answerPage(path: string, response: ServerResponse): boolean {
  const file = FILES[path];
  if (!file) return false;
  const body = kept.get(path) ?? readFileSync(new URL(`./page/${file.name}`, import.meta.url));
  kept.set(path, body);
  response.writeHead(200, { ...HEADERS, 'Content-Type': file.type, 'Content-Length': body.length }).end(body);
  return true;
}
