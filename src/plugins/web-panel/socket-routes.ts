import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import { AppError } from '../../base/errors.ts';
import { describeRoute } from './openapi.ts';
import type { PluginPages } from './plugin-pages.ts';
import { type RpcParts, type RpcSocket, serveRpc } from './rpc-client.ts';
import { createMessageBuilder } from './status-delta.ts';

const eventsSchema = describeRoute({
  ...{ tag: 'Status', summary: 'WebSocket: the status as it changes', status: 101 },
  answers:
    'Messages {"type":"status","status":{…}}: everything at first, then the fields that changed. `panels` lists panels of plugins, beside what the status has.',
});
const rpcSchema = describeRoute({
  ...{ tag: 'Commands', summary: 'WebSocket: JSON-RPC 2.0', status: 101 },
  answers: 'Every command is a method, besides command.list, command.run and status.get, .subscribe, .unsubscribe.',
});

/** The two WebSockets: `/api/events` tells pages the status, `/api/rpc` takes calls of programs. */
export function addSocketRoutes(server: FastifyInstance, parts: RpcParts & { readonly pages: PluginPages }): void {
  addSocket(server, '/api/events', eventsSchema, (socket) => {
    parts.events.add(socket, { build: createMessageBuilder('panels', () => parts.pages.list()) });
  });
  addSocket(server, '/api/rpc', rpcSchema, (socket) => serveRpc(socket, parts));
}

function addSocket(
  server: FastifyInstance,
  url: string,
  schema: FastifySchema,
  open: (socket: RpcSocket) => void,
): void {
  // With a handler of its own: those that the plugin makes are left out of the description.
  server.route({ method: 'GET', url, schema, handler: refuseVisit, wsHandler: (socket: RpcSocket) => open(socket) });
}

async function refuseVisit(request: FastifyRequest): Promise<never> {
  throw new AppError('WEB_NOT_FOUND', `${request.routeOptions.url} speaks WebSocket only.`, {
    fix: 'Open it with a WebSocket.',
  });
}
