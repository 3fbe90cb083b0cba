import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { PreparationDesk } from '../../api/plugin.ts';
import { AppError } from '../../base/errors.ts';
import type { BodyDeadline } from './body-deadline.ts';
import { BYTES, describeRoute } from './openapi.ts';
import type { PanelContext } from './panel-context.ts';
import { readPicture } from './read-picture.ts';
import { type UploadPace, watchBody } from './watched-body.ts';

/** Everything that is said about an upload stands in its address; the body is the file and nothing else. */
const detailsSchema = z.object({
  fileName: z.string().max(1000),
  avatarId: z.string().max(200),
  name: z.string().max(400),
  depicts: z.string().max(1000),
  consent: z.string().max(4000),
});

/** What the routes need. */
export interface PreparationParts {
  readonly context: Pick<PanelContext, 'preparations'>;
  readonly deadline: BodyDeadline;
  /** How slow an upload may be; tests are less patient. */
  readonly uploadPace?: UploadPace | undefined;
}

const uploadSchema = describeRoute({
  ...{ tag: 'Avatars', summary: 'Make an avatar of a photo or clip', status: 201, answers: 'It is being prepared.' },
  description: 'The body is the file and nothing else, with Content-Length. How it goes on is told in the status.',
  query: detailsSchema,
  body: { 'application/octet-stream': { schema: {} } },
  content: { 'application/json': z.object({ id: z.string().describe('Names the job.') }) },
});
const pictureSchema = describeRoute({
  ...{ tag: 'Avatars', summary: 'Picture or contact sheet of a finished preparation', answers: 'The picture.' },
  params: z.object({ id: z.string(), which: z.enum(['preview', 'sheet']) }),
  content: { 'image/*': BYTES },
});

/** The doors for new avatars: a photo or clip in, the pictures of what became of it out. */
export async function addPreparationRoutes(server: FastifyInstance, parts: PreparationParts): Promise<void> {
  // In a scope of its own: no other route takes bodies of this type, and this one takes no others.
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The body is not read before the desk asks for it.
    scope.addContentTypeParser('application/octet-stream', (_request, _payload, done) => done(null));
    const onRequest = async (request: FastifyRequest) => checkHeaders(request);
    scope.post('/api/preparations', { schema: uploadSchema, onRequest }, async (request, reply) => {
      const desk = deskOf(parts.context);
      const bytes = Number(request.headers['content-length']);
      const id = await takeUpload(desk, request, bytes, parts);
      return reply.code(201).send({ id });
    });
  });
  type Picture = { Params: { id: string; which: string } };
  server.get<Picture>('/api/preparations/:id/:which', { schema: pictureSchema }, async (request, reply) => {
    const { id, which } = request.params;
    const isKnown = which === 'preview' || which === 'sheet';
    const picture = await readPicture(isKnown ? parts.context.preparations?.picture(id, which) : undefined);
    if (!picture) throw new AppError('WEB_NOT_FOUND', 'There is no such picture of a preparation.');
    return reply.type(picture.contentType).send(picture.bytes);
  });
}

async function takeUpload(
  desk: PreparationDesk,
  request: FastifyRequest,
  bytes: number,
  { deadline, uploadPace }: PreparationParts,
): Promise<string> {
  const said = detailsSchema.safeParse(request.query);
  if (!said.success) {
    throw new AppError('BAD_ARGUMENTS', `preparations: ${z.prettifyError(said.error)}`, {
      fix: 'Send fileName, avatarId, name, depicts and consent once each, in the address.',
    });
  }
  const { raw } = request;
  const gone = new AbortController();
  const onGone = () => gone.abort(new AppError('UPLOAD_INCOMPLETE', 'The upload was broken off.'));
  raw.socket.once('close', onGone);
  // From here on its own watch sees to it that it comes.
  deadline.lift(raw);
  try {
    return await desk.take({ ...said.data, bytes }, watchBody(raw, uploadPace), gone.signal);
  } catch (thrown) {
    deadline.start(raw);
    raw.resume();
    throw thrown;
  } finally {
    raw.socket.off('close', onGone);
  }
}

/** @throws AppError WEB_BODY_NOT_BYTES, WEB_LENGTH_MISSING. */
function checkHeaders({ headers }: FastifyRequest): void {
  if (headers['content-type'] !== 'application/octet-stream') {
    throw new AppError('WEB_BODY_NOT_BYTES', 'The upload is not sent as plain bytes.', {
      fix: 'Send the file itself, with the header Content-Type: application/octet-stream.',
    });
  }
  if (!/^\d{1,15}$/.test(headers['content-length'] ?? '')) {
    throw new AppError('WEB_LENGTH_MISSING', 'The upload does not say how long it is.', {
      fix: 'Send the header Content-Length.',
    });
  }
}

function deskOf({ preparations }: Pick<PanelContext, 'preparations'>): PreparationDesk {
  if (preparations) return preparations;
  throw new AppError('WEB_NOT_FOUND', 'This show takes no photos and clips.', {
    fix: 'Prepare it in a terminal: musecam prepare FILE --id ID',
  });
}
