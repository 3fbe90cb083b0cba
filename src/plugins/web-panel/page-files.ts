import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** A file of the page, held in memory: paths of requests never touch the disk. */
export interface PageFile {
  readonly contentType: string;
  readonly body: Buffer;
  /** Changes with the content. */
  readonly etag: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Reads the folder `page/` beside this file: by request path (`/page.js`; `/` for index.html). */
export async function readPageFiles(folder: URL = new URL('./page/', import.meta.url)): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const name of (await readdir(folder)).sort()) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (contentType === undefined) continue;
    const body = await readFile(new URL(name, folder));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(name === 'index.html' ? '/' : `/${name}`, { contentType, body, etag });
  }
  return files;
}
