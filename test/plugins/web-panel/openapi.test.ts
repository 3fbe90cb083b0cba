import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avatarIdSchema } from '../../../src/api/avatar.ts';
import { statusSchema } from '../../../src/plugins/web-panel/status-schema.ts';
import { ask, makeStatus, PanelStand } from './panel-stand.ts';

/** The parts of the document that the tests look at. */
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown>; readonly securitySchemes: Record<string, unknown> };
}
interface Operation {
  readonly summary?: string;
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, { schema: unknown }> };
  readonly responses: Record<string, { readonly content?: Record<string, { schema: unknown }> }>;
}

let stand: PanelStand;
beforeEach(async () => {
  stand = await PanelStand.open();
});
afterEach(() => stand[Symbol.asyncDispose]());

const fetchDocument = async () => JSON.parse((await stand.ask('/api/openapi.json')).text) as Document;
/** Checks it against the schema of OpenAPI, and that every reference leads somewhere. */
async function check(document: Document): Promise<unknown> {
  const validator = new Validator({ strict: false });
  const { valid, errors } = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>);
  return valid ? validator.version : errors;
}

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => (name === '$ref' ? [String(part)] : refsOf(part)));
}

function resolve(document: unknown, ref: string): unknown {
  return ref
    .slice(2)
    .split('/')
    .reduce((at, name) => (at as Record<string, unknown>)?.[name], document);
}

describe('/api/openapi.json', () => {
  it('is a valid description by OpenAPI 3.1, and opens only with the token', async () => {
    const document = await fetchDocument();
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(await check(document)).toBe('3.1');
    // The check itself can fail.
    expect(await check({ ...document, paths: { nowhere: {} } } as Document)).not.toBe('3.1');
    expect((await ask(stand.port, '/api/openapi.json')).status).toBe(401);
  });

  it('describes every route there is, each of which answers', async () => {
    const { paths } = await fetchDocument();
    const ids = stand.commands.list().map(({ id }) => id);
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(routes.sort()).toEqual(
      [
        'get /',
        'get /api/avatars/{id}/preview',
        'get /api/commands',
        'post /api/commands/{id}',
        ...ids.map((id) => `post /api/commands/${id}`),
        'get /api/events',
        'get /api/openapi.json',
        'post /api/preparations',
        'get /api/preparations/{id}/{which}',
        'get /api/rpc',
        'get /api/status',
        'get /preview.mjpg',
        'get /snapshot.jpg',
      ].sort(),
    );
    for (const route of routes.filter(
      (one) => !/mjpg|snapshot|commands\/\{|preview|preparations\/|events|rpc/.test(one),
    )) {
      const [method = '', path = ''] = route.split(' ');
      const { status } = await stand.ask(path, { method: method.toUpperCase() });
      expect([route, status === 404 || status === 405]).toEqual([route, false]);
    }
  });

  it('has an operation for each command with the schema of its arguments, also of those that come later', async () => {
    const before = await fetchDocument();
    expect(before.paths['/api/commands/avatar.use']!.post).toMatchObject({
      operationId: 'avatar.use',
      summary: 'avatar.use',
      requestBody: { required: true },
    });
    expect(before.components.schemas['avatar.use']).toMatchObject({ type: 'object', required: ['id'] });
    expect(before.paths['/api/commands/avatar.next']!.post!.requestBody!.required).toBe(false);
    const tree: z.ZodType = z.object({ name: z.string(), children: z.array(z.lazy(() => tree)) });
    const added = stand.commands.register({
      id: 'plugin.plant',
      title: 'Plant a tree',
      category: 'Garden',
      enablement: '!panic',
      args: z.object({
        tree,
        twin: tree,
        avatar: avatarIdSchema.optional(),
        deep: z.boolean().default(true),
        when: z.string().transform(Date.parse),
      }),
      run: async () => undefined,
    });
    const after = await fetchDocument();
    expect(after.paths['/api/commands/plugin.plant']!.post).toMatchObject({
      ...{ summary: 'Plant a tree', tags: ['Garden'], 'x-musecam-enablement': '!panic' },
    });
    // What has a default may be left out.
    expect(after.components.schemas['plugin.plant']).toMatchObject({ required: ['tree', 'twin', 'when'] });
    expect(await check(after)).toBe('3.1');
    const refs = refsOf(after);
    expect(refs.filter((ref) => ref.startsWith('#/components/schemas/plugin.plant/'))).not.toEqual([]);
    for (const ref of refs) expect([ref, resolve(after, ref)]).toEqual([ref, expect.anything()]);
    added[Symbol.dispose]();
    expect(Object.keys((await fetchDocument()).paths)).not.toContain('/api/commands/plugin.plant');
  });

  it('says what uploads take, how to show who one is, and what a refusal looks like', async () => {
    const { paths, components } = await fetchDocument();
    const upload = paths['/api/preparations']!.post!;
    const parameters = upload.parameters!.map(({ name, in: where, required }) => [name, where, required]);
    expect(parameters).toEqual(
      ['fileName', 'avatarId', 'name', 'depicts', 'consent'].map((name) => [name, 'query', true]),
    );
    expect(Object.keys(upload.requestBody!.content)).toEqual(['application/octet-stream']);
    expect(components.securitySchemes).toMatchObject({
      token: { type: 'http', scheme: 'bearer' },
      page: { type: 'apiKey', in: 'cookie', name: `musecam-${stand.port}` },
    });
    for (const methods of Object.values(paths)) {
      for (const operation of Object.values(methods)) {
        const refused = operation.responses['4XX']!.content!['application/json']!.schema;
        expect(refused).toEqual({ $ref: '#/components/schemas/Refusal' });
      }
    }
  });

  it('describes the status as it is, every field of it', () => {
    const status = makeStatus();
    expect(statusSchema.safeParse(status).error).toBeUndefined();
    expect(Object.keys(status).filter((name) => !(name in statusSchema.shape))).toEqual([]);
    expect(statusSchema.safeParse({ ...status, state: 'fine' }).success).toBe(false);
  });
});
