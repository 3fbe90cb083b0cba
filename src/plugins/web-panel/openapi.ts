import fastifySwagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { z } from 'zod';
import type { CommandRunner, CommandSummary } from '../../api/plugin.ts';
import { describeCommands } from './describe-commands.ts';
import { statusSchema } from './status-schema.ts';

/** Version of the HTTP and WebSocket interface, not of the program. */
const API_VERSION = '1.0.0';

const refusalSchema = z.object({
  code: z.string().describe('Names the error; each has its heading in docs/errors.md.'),
  message: z.string().describe('What happened, with the values.'),
  fix: z.string().optional().describe('What to do about it.'),
});

/** How a route of the panel is described. */
export interface RouteDescription {
  readonly tag: 'Commands' | 'Status' | 'Avatars' | 'Pictures' | 'Page' | 'Description';
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  /** JSON Schema of the body by its type. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** HTTP status of success; 200 where not said. */
  readonly status?: number;
  readonly answers: string;
  /** Schema of the answer by its type; a zod schema, or the name of one of the document's own. */
  readonly content?: Readonly<Record<string, z.ZodType | 'Status'>>;
}

/** Bytes of a picture or a file. */
export const BYTES = z.string().meta({ contentEncoding: 'binary' });

/**
 * Turns a description into what fastify keeps with the route. It only describes: requests are checked where they are
 * answered, by the same zod schemas.
 */
export function describeRoute(route: RouteDescription): FastifySchema {
  const { tag, summary, description, params, query, body, status = 200, answers, content = {} } = route;
  const answer = Object.entries(content).map(([type, schema]) => [
    type,
    { schema: schema === 'Status' ? { $ref: 'Status#' } : jsonSchemaOf(schema) },
  ]);
  return {
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    ...(params ? { params: jsonSchemaOf(params) } : {}),
    ...(query ? { querystring: jsonSchemaOf(query) } : {}),
    ...(body ? { body: { content: body } } : {}),
    response: {
      // The plugin's word for an answer without content.
      [status]: {
        description: answers,
        ...(answer.length > 0 ? { content: Object.fromEntries(answer) } : { type: 'null' }),
      },
      '4xx': {
        description: 'Refused: why, and what to do.',
        content: { 'application/json': { schema: { $ref: 'Refusal#' } } },
      },
    },
  };
}

/**
 * Collects the descriptions of all routes added after this and serves them, with one operation for each command that
 * there is at that moment, as OpenAPI 3.1 at `/api/openapi.json`.
 */
export async function addOpenapi(
  server: FastifyInstance,
  commands: CommandRunner,
  cookieName: () => string,
): Promise<void> {
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (value) => JSON.stringify(value));
  server.addSchema({ $id: 'Refusal', ...jsonSchemaOf(refusalSchema) });
  server.addSchema({ $id: 'Status', ...jsonSchemaOf(statusSchema) });
  await server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'MuseCam control',
        version: API_VERSION,
        description:
          'Everything that is possible is a command. Calls and status also over WebSocket: docs/control-api.md.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'The token that MuseCam prints at its start.' },
        },
      },
    },
    convertConstToEnum: false,
    hideUntagged: true,
    refResolver: { buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `schema-${i}`) },
  });
  server.addHook('onRoute', ({ url, schema }) => demandDescription(url, schema));
  const schema = describeRoute({
    tag: 'Description',
    summary: 'This description',
    answers: 'OpenAPI 3.1, with the commands that there are now.',
    content: { 'application/json': z.looseObject({}) },
  });
  server.get('/api/openapi.json', { schema }, async () => {
    return buildDocument(server.swagger() as OpenapiDocument, commands.list(), cookieName());
  });
}

interface OpenapiDocument {
  readonly security?: readonly object[];
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components: { readonly schemas?: object; readonly securitySchemes?: object };
}

function buildDocument(routes: OpenapiDocument, commands: readonly CommandSummary[], cookie: string): OpenapiDocument {
  const { paths, schemas } = describeCommands(commands);
  const { components } = routes;
  const page = { type: 'apiKey', in: 'cookie', name: cookie, description: "The control page's own cookie." };
  return {
    ...routes,
    security: [{ token: [] }, { page: [] }],
    paths: { ...routes.paths, ...paths },
    components: {
      ...components,
      schemas: { ...components.schemas, ...schemas },
      securitySchemes: { ...components.securitySchemes, page },
    },
  };
}

/** A route that is not described would be a gap nobody sees. */
function demandDescription(url: string, schema: FastifySchema | undefined): void {
  const isDescribed = (schema?.tags?.length ?? 0) > 0 || schema?.hide === true;
  if (!isDescribed) throw new Error(`the route ${url} has no description`);
}

function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' }) as Record<string, unknown>;
  return rest;
}
