import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Door } from './door.ts';
import { describeRoute } from './openapi.ts';
import type { PageFile } from './page-files.ts';
import { buildOnwardPage } from './refusal-page.ts';

/** What the refusal page is made of: needs no token and holds nothing that is not in the repository. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/page.css', '/icon.svg']);

const pageSchema = describeRoute({
  ...{ tag: 'Page', summary: 'The control page', answers: 'The page.' },
  description:
    'With `token` it gives the browser its cookie and leads on to the address without it (303). No other path takes a token in its address.',
  query: z.object({ token: z.string().optional() }),
  content: { 'text/html': z.string() },
});

/**
 * The page and its files. `/?token=…` with the right token gives the browser its cookie and leads on to the clean
 * address, so that the token does not stay in the address bar, the history or screenshots.
 */
export function addPageRoutes(server: FastifyInstance, files: ReadonlyMap<string, PageFile>, door: Door): void {
  for (const [path, file] of files) {
    const schema = path === '/' ? pageSchema : { hide: true };
    server.get<{ Querystring: { token?: unknown } }>(path, { schema }, async (request, reply) => {
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
