import type { PluginContext } from '../../api/plugin.ts';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { EventHub, EventSocket } from './event-hub.ts';
import type { ParseJson } from './parse-json.ts';
import { answerRpc, buildNotification, RpcFault } from './rpc-message.ts';
import { callMethod } from './rpc-methods.ts';
import { buildChanges } from './status-delta.ts';

/** Calls of one client that may run at the same time. */
const CALL_LIMIT = 32;
/** A client that leaves more than this unread is hung up on, in bytes. */
const UNREAD_LIMIT_BYTES = 1024 * 1024;
/** WebSocket's own code for a kind of message that is not taken. */
const NOT_TAKEN = 1003;
/** How long whoever is sent away has to take the reason, in ms. */
const CLOSE_GRACE_MS = 200;

/** What the door for calls needs of a WebSocket. */
export interface RpcSocket extends EventSocket {
  on(event: 'close' | 'pong' | 'error', listener: () => void): unknown;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
}

/** What a client of the door for calls acts on. */
export interface RpcParts {
  readonly context: Pick<PluginContext, 'commands' | 'status'>;
  readonly events: EventHub;
  readonly parse: ParseJson;
  readonly log: Log;
}

/**
 * Speaks JSON-RPC 2.0 with one socket until it closes: runs its calls, at most 32 at a time, and tells it of changes of the
 * status when it asked for that. One that does not read its answers is hung up on.
 */
export function serveRpc(socket: RpcSocket, { context, events, parse, log }: RpcParts): void {
  const place = events.add(socket, {
    isTold: false,
    build: (known, now) => buildNotification('status.changed', buildChanges(known, now)),
  });
  const scene = { context, hear: (isOn: boolean) => place.tell(isOn) };
  let running = 0;
  let isLeaving = false;

  async function call(method: string, params: object | undefined): Promise<unknown> {
    if (running >= CALL_LIMIT) throw tooManyCalls();
    running++;
    try {
      return await callMethod(scene, method, params);
    } catch (thrown) {
      if (!(thrown instanceof AppError || thrown instanceof RpcFault)) {
        log.error('a call failed', { method: method.slice(0, 80), reason: String(thrown) });
      }
      throw thrown;
    } finally {
      running--;
    }
  }

  function sendAway(): void {
    isLeaving = true;
    socket.close(NOT_TAKEN, 'Only text is understood.');
    setTimeout(() => socket.terminate(), CLOSE_GRACE_MS).unref();
  }

  socket.on('message', (data, isBinary) => {
    if (isLeaving) return;
    if (isBinary) return sendAway();
    if (socket.bufferedAmount > UNREAD_LIMIT_BYTES) return socket.terminate();
    void answerRpc(data.toString(), parse, call).then((answer) => {
      if (answer !== undefined) socket.send(answer);
    });
  });
}

function tooManyCalls(): AppError {
  return new AppError('RPC_TOO_MANY_CALLS', `${CALL_LIMIT} calls of this client are still running.`, {
    fix: 'Wait for their answers, then send the next.',
  });
}
