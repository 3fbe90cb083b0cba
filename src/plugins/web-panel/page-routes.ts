import type { FastifyInstance } from 'fastify';
import type { Door } from './door.ts';
import type { PageFile } from './page-files.ts';
import { buildOnwardPage } from './refusal-page.ts';

/** What the refusal page is made of: needs no token and holds nothing that is not in the repository. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/page.css', '/icon.svg']);

/**
 * The page and its files. `/?token=…` with the right token gives the browser its cookie and leads on to the clean
 * address, so that the token does not stay in the address bar, the history or screenshots.
 */
export function addPageRoutes(server: FastifyInstance, files: ReadonlyMap<string, PageFile>, door: Door): void {
  for (const [path, file] of files) {
    server.get<{ Querystring: { token?: unknown } }>(path, async (request, reply) => {
      const { token } = request.query;
      if (path === '/' && typeof token === 'string') {
        door.checkToken(token);
        reply.header('Set-Cookie', door.cookie);
        const site = request.headers['sec-fetch-site'];
        if (site === undefined || site === 'none' || site === 'same-origin') return reply.redirect('/', 303);
        return reply.type('text/html; charset=utf-8').send(buildOnwardPage());
      }
      reply.headers({ ETag: file.etag, 'Cache-Control': 'no-cache' });
      if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
      return reply.type(file.contentType).send(file.body);
    });
  }
}
