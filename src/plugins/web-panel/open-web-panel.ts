import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { VideoOutputOptions } from '../../api/contributions.ts';
import { AppError, messageOf, systemCodeOf } from '../../base/errors.ts';
import { Scope } from '../../base/scope.ts';
import { createToken, Door } from './door.ts';
import { EventHub } from './event-hub.ts';
import { DEFAULT_PORT, manifest } from './manifest.ts';
import { readPageFiles } from './page-files.ts';
import type { PanelContext } from './panel-context.ts';
import { createPanelServer, type PanelParts } from './panel-server.ts';
import { PreviewFeed } from './preview-feed.ts';
import type { WebPanelOutput } from './web-panel-output.ts';

const HOST = '127.0.0.1';
/** How many ports after a taken one are tried before any free one is taken. */
const NEXT_PORTS = 20;

/**
 * Starts the control page on 127.0.0.1. With `options.target` on exactly that port; without on the port of the
 * settings, or the next free one, which its health then says. The token is new at each start unless `MUSECAM_TOKEN` is set.
 * @throws AppError PORT_IN_USE, BAD_PORT, PORT_FORBIDDEN
 */
export async function openWebPanel(
  context: Pick<PanelContext, 'commands' | 'status' | 'avatarPreview' | 'settings' | 'preparations' | 'pages'>,
  options: Pick<VideoOutputOptions, 'target' | 'log' | 'onHealth'> &
    Pick<PanelParts, 'uploadPace' | 'requestTimeoutMs'>,
  signal: AbortSignal,
): Promise<WebPanelOutput> {
  const token = process.env.MUSECAM_TOKEN || createToken();
  let port = 0;
  const scope = new Scope();
  try {
    const preview = new PreviewFeed({
      framesPerSecond: numberSetting(context, 'web-panel.previewFramesPerSecond'),
      widthPx: numberSetting(context, 'web-panel.previewWidthPx'),
      log: options.log,
    });
    const events = new EventHub(context.status);
    const door = new Door(token, () => port);
    const { log, uploadPace, requestTimeoutMs } = options;
    const files = await readPageFiles();
    const parts = { context, log, door, preview, events, uploadPace, requestTimeoutMs, files };
    const server = await createPanelServer(parts);
    scope.use(() => server.close());
    // Sockets first: the server waits for them.
    scope.use(events);
    port = await listenOn(server, context, options);
    signal.throwIfAborted();
    const address = `http://${HOST}:${port}`;
    return {
      label: address,
      url: `${address}/`,
      token,
      wantsSound: false,
      takesBetween: true,
      send: (frame) => preview.send(frame),
      [Symbol.asyncDispose]: () => scope.close(),
    };
  } catch (thrown) {
    await scope.close();
    throw thrown;
  }
}

/** Listens as {@link openWebPanel} says and returns the port. */
async function listenOn(
  server: FastifyInstance,
  { settings }: Pick<PanelContext, 'settings'>,
  { target, onHealth }: Pick<VideoOutputOptions, 'target' | 'onHealth'>,
): Promise<number> {
  if (target !== undefined) {
    const port = await listen(server, parsePort(target));
    onHealth({ state: 'ready' });
    return port;
  }
  const wanted = numberSetting({ settings }, 'web-panel.port');
  const port = await listenNear(server, wanted);
  const isElsewhere = wanted !== 0 && port !== wanted;
  onHealth({
    state: 'ready',
    ...(isElsewhere ? { detail: `Port ${wanted} is taken, so the page is at ${port}.` } : {}),
  });
  return port;
}

/** The wanted port, else one of the next, else any. */
async function listenNear(server: FastifyInstance, wanted: number): Promise<number> {
  const last = Math.min(65_535, wanted + NEXT_PORTS);
  for (let port = wanted; port <= last && wanted !== 0; port++) {
    try {
      return await listen(server, port);
    } catch (thrown) {
      if (!(thrown instanceof AppError && thrown.code === 'PORT_IN_USE')) throw thrown;
    }
  }
  return listen(server, 0);
}

/** @throws AppError PORT_IN_USE, PORT_FORBIDDEN */
async function listen(server: FastifyInstance, port: number): Promise<number> {
  try {
    await server.listen({ host: HOST, port });
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EADDRINUSE') {
      throw new AppError('PORT_IN_USE', `Port ${port} on ${HOST} is already in use, perhaps by another MuseCam.`, {
        fix: `Choose another: musecam start --port ${port === 65_535 ? DEFAULT_PORT : port + 1}`,
        cause: thrown,
      });
    }
    if (systemCodeOf(thrown) === 'EACCES') {
      throw new AppError('PORT_FORBIDDEN', `Port ${port} may not be used by this user: ${messageOf(thrown)}`, {
        fix: `Choose one above 1023: musecam start --port ${DEFAULT_PORT}`,
        cause: thrown,
      });
    }
    throw thrown;
  }
  return (server.server.address() as AddressInfo).port;
}

/** @throws AppError BAD_PORT */
function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new AppError('BAD_PORT', `"${text}" is not a port: a whole number from 0 to 65535.`, {
    fix: `For example: musecam start --port ${DEFAULT_PORT}`,
  });
}

/** A number of the settings, or the manifest's default where the host gave none. */
function numberSetting(
  { settings }: Pick<PanelContext, 'settings'>,
  key: keyof typeof manifest.contributes.configuration,
): number {
  const value = settings[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : manifest.contributes.configuration[key].default;
}
