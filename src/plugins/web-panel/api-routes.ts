import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { avatarIdSchema } from '../../api/avatar.ts';
import { AppError } from '../../base/errors.ts';
import { BYTES, describeRoute } from './openapi.ts';
import type { PanelContext } from './panel-context.ts';
import { type PictureAnswer, readPicture } from './read-picture.ts';

const statusRoute = describeRoute({
  ...{ tag: 'Status', summary: 'Everything a surface may show', answers: 'The status of this moment.' },
  content: { 'application/json': 'Status' },
});
const listRoute = describeRoute({
  ...{ tag: 'Commands', summary: 'The table of commands', answers: 'All commands there are.' },
  content: {
    'application/json': z.array(
      z.looseObject({
        id: z.string(),
        title: z.string(),
        category: z.string().describe('Heading in lists.'),
        args: z.looseObject({}).describe('JSON Schema of its arguments.'),
        enablement: z.string().optional().describe('Condition on the status under which it can be run.'),
      }),
    ),
  },
});
/** Described with the commands: `describe-commands.ts`. */
const runRoute = { hide: true };
const avatarRoute = describeRoute({
  ...{ tag: 'Avatars', summary: 'Picture of an avatar', answers: 'Its picture.' },
  params: z.object({ id: avatarIdSchema }),
  content: { 'image/*': BYTES },
});

/** JSON doors to the show: its status, the table of commands, and the avatars' pictures. */
export function addApiRoutes(
  server: FastifyInstance,
  context: Pick<PanelContext, 'commands' | 'status' | 'avatarPreview'>,
): void {
  server.get('/api/status', { schema: statusRoute }, async () => context.status.current);
  server.get('/api/commands', { schema: listRoute }, async () => context.commands.list());
  server.post<{ Params: { id: string } }>('/api/commands/:id', { schema: runRoute }, async (request, reply) => {
    const args = request.body ?? undefined;
    const result = await context.commands.run(request.params.id, args);
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(result ?? null));
  });
  server.get<{ Params: { id: string } }>(
    '/api/avatars/:id/preview',
    { schema: avatarRoute },
    async (request, reply) => {
      const { contentType, bytes } = await readAvatarPicture(context, request.params.id);
      return reply.type(contentType).header('Cache-Control', 'private, max-age=60').send(bytes);
    },
  );
}

/** @throws AppError WEB_NOT_FOUND when there is no such avatar or its picture is gone. */
async function readAvatarPicture(context: Pick<PanelContext, 'avatarPreview'>, id: string): Promise<PictureAnswer> {
  // Only what can be an avatar's id reaches the library: ids are folder names, and no path gets through this.
  const picture = await readPicture(avatarIdSchema.safeParse(id).success ? context.avatarPreview(id) : undefined);
  if (picture) return picture;
  throw new AppError('WEB_NOT_FOUND', `There is no picture of an avatar "${id.slice(0, 80)}".`, {
    fix: 'See which there are: musecam avatars list',
  });
}
