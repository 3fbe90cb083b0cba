import type { Socket } from 'node:net';
import fastifyWebsocket from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { addApiRoutes } from './api-routes.ts';
import { BodyDeadline } from './body-deadline.ts';
import type { Door } from './door.ts';
import type { EventHub } from './event-hub.ts';
import { addOpenapi } from './openapi.ts';
import type { PageFile } from './page-files.ts';
import { addPageRoutes, PUBLIC_PATHS } from './page-routes.ts';
import type { PanelContext } from './panel-context.ts';
import { createJsonParser, type ParseJson } from './parse-json.ts';
import { addPictureRoutes } from './picture-routes.ts';
import { addPluginPageRoutes } from './plugin-page-routes.ts';
import { PANELS_PATH, PluginPages } from './plugin-pages.ts';
import { addPreparationRoutes } from './preparation-routes.ts';
import type { PreviewFeed } from './preview-feed.ts';
import { refusalBody, refusalOf } from './refusal.ts';
import { buildRefusalPage } from './refusal-page.ts';
import { addSocketRoutes } from './socket-routes.ts';
import type { UploadPace } from './watched-body.ts';

/** Largest request body and largest message over a WebSocket, in bytes: arguments of commands are small. */
const BODY_LIMIT_BYTES = 64 * 1024;
/** How long a request may take to arrive, in ms; uploads have a watch of their own. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How much longer than that a connection may stay open without a request. */
const IDLE_FACTOR = 3;
/** Connections at the same time, from all browsers and programs together. */
const MAX_CONNECTIONS = 256;

/** What the server shows and acts on. */
export interface PanelParts {
  readonly context: Pick<PanelContext, 'commands' | 'status' | 'avatarPreview' | 'preparations' | 'pages'>;
  readonly log: Log;
  readonly door: Door;
  readonly preview: PreviewFeed;
  readonly events: EventHub;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly uploadPace?: UploadPace | undefined;
  /** How long a request may take to arrive, in ms; tests are less patient. */
  readonly requestTimeoutMs?: number | undefined;
}

/** The control page's server, complete but not listening yet. Every request passes the door first. */
export async function createPanelServer(parts: PanelParts): Promise<FastifyInstance> {
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = parts;
  const server = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    keepAliveTimeout: requestTimeoutMs * IDLE_FACTOR,
    // Node looks for late headers every 30 s where nobody says otherwise.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / 4 },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  const deadline = new BodyDeadline(requestTimeoutMs);
  const pages = new PluginPages(() => parts.context.pages());
  closeEverythingAtTheEnd(server);
  // Before the door: it marks upgrades, and only marked ones are hung up on when the door refuses them.
  await server.register(fastifyWebsocket, { options: { maxPayload: BODY_LIMIT_BYTES } });
  server.addHook('onRequest', async (request, reply) => {
    deadline.start(request.raw);
    setSecurityHeaders(request, reply);
    checkAtDoor(parts.door, pages, request);
  });
  const parse = createJsonParser(server);
  acceptJsonOnly(server, parse);
  server.setErrorHandler((thrown, request, reply) => sendRefusal(thrown, request, reply, parts.log));
  server.setNotFoundHandler(async (request) => {
    throw new AppError('WEB_NOT_FOUND', `There is nothing at ${pathOf(request)}.`, {
      fix: 'Open the control page at /',
    });
  });
  const urls = new Set<string>();
  server.addHook('onRoute', ({ url }) => void urls.add(url));
  await addOpenapi(server, parts.context.commands, () => parts.door.cookieName);
  addPageRoutes(server, parts.files, parts.door);
  addPictureRoutes(server, parts.preview);
  addApiRoutes(server, parts.context);
  await addPreparationRoutes(server, { context: parts.context, deadline, uploadPace: parts.uploadPace });
  addPluginPageRoutes(server, pages);
  addSocketRoutes(server, { ...parts, parse, pages });
  refuseOtherMethods(server, new Set(urls));
  return server;
}

/** Upgraded and half-open connections are not the HTTP server's any more: without this, closing would wait for them. */
function closeEverythingAtTheEnd(server: FastifyInstance): void {
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.addHook('preClose', async () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** The path of a request without its query. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!;
}

function checkAtDoor(door: Door, pages: PluginPages, request: FastifyRequest): void {
  const path = pathOf(request);
  const knock = { method: request.method, path, headers: request.headers };
  // Documents of panels are of no origin, and so is all that they ask for.
  if (request.method === 'GET' && pages.owns(path)) return door.checkAddress(knock);
  door.checkWhereFrom(knock);
  const isSignIn = path === '/' && request.method === 'GET' && hasToken(request);
  if (!isSignIn && !PUBLIC_PATHS.has(path)) door.checkWho(knock);
}

function hasToken(request: FastifyRequest): boolean {
  return typeof (request.query as { token?: unknown }).token === 'string';
}

/**
 * The page may load only what this server serves, and nobody may frame it, read it or guess its types. `ws:` is spelled
 * out because older Safari does not count it to 'self'.
 */
function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  const host = /^[\w.[\]:]+$/.test(request.headers.host ?? '') ? request.headers.host : undefined;
  const ownSocket = host ? ` ws://${host}` : '';
  const panels = host ? host + PANELS_PATH : "'none'";
  reply.headers({
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
      `connect-src 'self'${ownSocket}; frame-src ${panels}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ` +
      "require-trusted-types-for 'script'",
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
}

/** Only JSON bodies; an empty one means: no arguments. */
function acceptJsonOnly(server: FastifyInstance, parse: ParseJson): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => (body.length === 0 ? undefined : parse(body)),
  );
}

/** Every path in `urls` answers the methods it has no route for with 405 and says which ones it takes. */
function refuseOtherMethods(server: FastifyInstance, urls: ReadonlySet<string>): void {
  const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
  for (const url of urls) {
    const allowed = all.filter((method) => server.hasRoute({ url, method }));
    server.route({
      url,
      method: all.filter((method) => !allowed.includes(method)),
      schema: { hide: true },
      handler: async (request, reply) => {
        reply.header('Allow', allowed.join(', '));
        throw new AppError('WEB_METHOD_NOT_ALLOWED', `${pathOf(request)} does not take ${request.method}.`, {
          fix: `Use ${allowed.join(' or ')}.`,
        });
      },
    });
  }
}

function sendRefusal(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Log) {
  const refusal = refusalOf(thrown);
  if (refusal.status === 500) log.error('a request failed', { path: pathOf(request), reason: String(thrown) });
  reply.code(refusal.status);
  const wantsPage = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
  if (wantsPage) return reply.type('text/html; charset=utf-8').send(buildRefusalPage(refusal));
  return reply.send(refusalBody(refusal));
}
