import type { FastifyInstance } from 'fastify';
import { avatarIdSchema } from '../../api/avatar.ts';
import type { PluginContext } from '../../api/plugin.ts';
import { AppError } from '../../base/errors.ts';
import { type PictureAnswer, readPicture } from './read-picture.ts';

/** JSON doors to the show: its status, the table of commands, and the avatars' pictures. */
export function addApiRoutes(
  server: FastifyInstance,
  context: Pick<PluginContext, 'commands' | 'status' | 'avatarPreview'>,
): void {
  server.get('/api/status', async () => context.status.current);
  server.get('/api/commands', async () => context.commands.list());
  server.post<{ Params: { id: string } }>('/api/commands/:id', async (request, reply) => {
    const args = request.body ?? undefined;
    const result = await context.commands.run(request.params.id, args);
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(result ?? null));
  });
  server.get<{ Params: { id: string } }>('/api/avatars/:id/preview', async (request, reply) => {
    const { contentType, bytes } = await readAvatarPicture(context, request.params.id);
    return reply.type(contentType).header('Cache-Control', 'private, max-age=60').send(bytes);
  });
}

/** @throws AppError WEB_NOT_FOUND when there is no such avatar or its picture is gone. */
async function readAvatarPicture(context: Pick<PluginContext, 'avatarPreview'>, id: string): Promise<PictureAnswer> {
  // Only what can be an avatar's id reaches the library: ids are folder names, and no path gets through this.
  const picture = await readPicture(avatarIdSchema.safeParse(id).success ? context.avatarPreview(id) : undefined);
  if (picture) return picture;
  throw new AppError('WEB_NOT_FOUND', `There is no picture of an avatar "${id.slice(0, 80)}".`, {
    fix: 'See which there are: musecam avatars list',
  });
}
