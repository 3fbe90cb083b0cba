import type { FastifyInstance } from 'fastify';
import { AppError } from '../../base/errors.ts';
import { readPanelFile } from './plugin-page-files.ts';
import { PANELS_PATH, type PluginPages } from './plugin-pages.ts';

/** For the page alone: nobody else knows the keys. */
const schema = { hide: true };

/** The files of panels, `/panels/<key>/…`, for documents that are shut off from everything else. */
export function addPluginPageRoutes(server: FastifyInstance, pages: PluginPages): void {
  server.get<{ Params: { key: string; '*': string } }>(`${PANELS_PATH}:key/*`, { schema }, async (request, reply) => {
    const { key, '*': path } = request.params;
    const page = pages.find(key);
    // Also where the file is missing: the words that say so are shown in the frame.
    if (page) reply.headers(headersOf(`${request.host}${PANELS_PATH}${key}/`)).removeHeader('X-Frame-Options');
    const file = page && (await readPanelFile(page, path));
    if (file) return reply.type(file.contentType).send(file.bytes);
    const what = page ? `The panel "${page.title}" of the plugin ${page.pluginId} has no file ${path}` : 'Nothing';
    throw new AppError('WEB_NOT_FOUND', page ? `${what}, or none that may be sent.` : `${what} is there.`, {
      fix: 'Panels are made of files beside their HTML file and below: docs/plugins-panels.md',
    });
  });
}

/**
 * A panel runs scripts and loads what lies in its own folder, and nothing else: it is of no origin, has no cookies, cannot
 * ask servers, cannot go elsewhere, and only the control page may frame it.
 * @param folder host, port and path of its folder on this server.
 */
function headersOf(folder: string): Record<string, string> {
  const own = `http://${folder}`;
  return {
    'Content-Security-Policy':
      `sandbox allow-scripts; default-src 'none'; script-src ${own} 'unsafe-inline'; style-src ${own} 'unsafe-inline'; ` +
      `img-src ${own} data: blob:; media-src ${own} data: blob:; font-src ${own} data:; connect-src 'none'; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    // Its origin is "null", and modules and fonts are asked for across origins.
    'Access-Control-Allow-Origin': 'null',
    'Cross-Origin-Resource-Policy': 'cross-origin',
  };
}
