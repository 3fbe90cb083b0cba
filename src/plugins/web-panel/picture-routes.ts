import type { FastifyInstance } from 'fastify';
import { AppError } from '../../base/errors.ts';
import { BOUNDARY, MotionJpegViewer } from './motion-jpeg-viewer.ts';
import { BYTES, describeRoute } from './openapi.ts';
import type { PreviewFeed, PreviewViewer } from './preview-feed.ts';

/** People and programs that may watch at the same time. */
const VIEWER_LIMIT = 16;
/** How long a snapshot waits for the show's next picture, in ms. */
const SNAPSHOT_WAIT_MS = 2_000;

const streamSchema = describeRoute({
  ...{ tag: 'Pictures', summary: 'The picture, live', answers: 'JPEG pictures without end.' },
  content: { 'multipart/x-mixed-replace': BYTES },
});
const snapshotSchema = describeRoute({
  ...{ tag: 'Pictures', summary: 'The next picture', answers: 'One picture, as wide as the preview.' },
  content: { 'image/jpeg': BYTES },
});

/** `/preview.mjpg`, a stream of pictures, and `/snapshot.jpg`, the next one. */
export function addPictureRoutes(server: FastifyInstance, preview: PreviewFeed): void {
  server.get('/preview.mjpg', { schema: streamSchema }, async (_request, reply) => {
    checkRoom(preview);
    const response = reply.raw;
    const headers = reply.getHeaders();
    reply.hijack();
    response.writeHead(200, {
      ...(headers as Record<string, string>),
      'Content-Type': `multipart/x-mixed-replace; boundary=${BOUNDARY}`,
      Connection: 'close',
    });
    const watching = preview.watch(new MotionJpegViewer(response, () => response.destroy()));
    response.on('error', () => response.destroy());
    response.once('close', () => watching[Symbol.dispose]());
  });
  server.get('/snapshot.jpg', { schema: snapshotSchema }, async (_request, reply) => {
    checkRoom(preview);
    return reply.type('image/jpeg').send(await nextPicture(preview));
  });
}

function checkRoom(preview: PreviewFeed): void {
  if (preview.viewerCount < VIEWER_LIMIT) return;
  throw new AppError('WEB_TOO_MANY_VIEWERS', `${VIEWER_LIMIT} viewers already watch the preview.`, {
    fix: 'Close other tabs or programs that show the preview.',
  });
}

/** @throws AppError WEB_NO_PICTURE when the show makes none for two seconds. */
async function nextPicture(preview: PreviewFeed): Promise<Buffer> {
  let watching: Disposable | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      const viewer: PreviewViewer = {
        isReady: true,
        show: (jpeg) => resolve(Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)),
      };
      watching = preview.watch(viewer);
      timer = setTimeout(() => reject(noPicture()), SNAPSHOT_WAIT_MS);
    });
  } finally {
    clearTimeout(timer);
    watching?.[Symbol.dispose]();
  }
}

function noPicture(): AppError {
  return new AppError('WEB_NO_PICTURE', `The show made no picture for ${SNAPSHOT_WAIT_MS / 1000} s.`, {
    fix: 'Look at the state of the show: musecam status',
  });
}
