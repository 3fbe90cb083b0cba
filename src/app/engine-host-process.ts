/**
 * The engine host: a process of its own that holds one face engine. Started by live/engine-process.ts; speaks
 * live/engine-protocol.ts over Node's IPC channel; ends when the channel closes, so it never outlives the show.
 */
import type { OpenFaceEngine } from '../api/contributions.ts';
import type { FacePatch, Heard } from '../api/media.ts';
import type { EngineReport } from '../api/status.ts';
import { AppError, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { readPlugin } from '../host/read-plugin.ts';
import {
  ENGINE_PROTOCOL_VERSION,
  type FromEngine,
  HEARTBEAT_MS,
  type ToEngine,
  type WireError,
} from '../live/engine-protocol.ts';
import { openPluginsWithoutShow } from './builtin-plugins.ts';
import { declarePlugin } from './installed-plugins.ts';
import { readVersion } from './read-version.ts';

let engine: OpenFaceEngine | undefined;
/** Calls are answered one after another, in order: engines need not be re-entrant. */
let queue: Promise<void> = Promise.resolve();

process.on('message', (received) => {
  const message = received as ToEngine;
  // Loading an avatar reads files; the face on air goes on moving meanwhile.
  const isLoading = message.type === 'load' || message.type === 'unload';
  if (isLoading) void queue.then(() => void answer(message));
  else queue = queue.then(() => answer(message));
});
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the show decides when we end.
process.on('SIGINT', () => {});

send({ type: 'hello', protocol: ENGINE_PROTOCOL_VERSION });
beat();

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}

function beat(): void {
  send({ type: 'beat' });
  setTimeout(beat, HEARTBEAT_MS);
}

async function answer(message: ToEngine): Promise<void> {
  if (message.type === 'open') return open(message);
  if (message.type === 'close') return close();
  try {
    send({ type: 'done', call: message.call, result: await perform(message) });
  } catch (thrown) {
    send({ type: 'failed', call: message.call, error: toWire(thrown) });
  }
}

async function open(message: Extract<ToEngine, { type: 'open' }>): Promise<void> {
  try {
    const { settings, isLive, pluginFolder, engineId } = message;
    const others = pluginFolder === undefined ? [] : [declarePlugin(readPlugin(pluginFolder, readVersion()), 'here')];
    const face = await openPluginsWithoutShow(log, settings, others).record('faceEngines', engineId);
    const onReport = (report: EngineReport) => send({ type: 'report', report });
    const opened = await face.open({ log, settings, isLive, onReport }, new AbortController().signal);
    engine = opened;
    send({ type: 'opened', context: opened.context });
  } catch (thrown) {
    send({ type: 'openFailed', error: toWire(thrown) });
  }
}

async function perform(
  message: Exclude<ToEngine, { type: 'open' } | { type: 'close' }>,
): Promise<Heard | FacePatch | undefined> {
  if (!engine) throw new AppError('ENGINE_GONE', 'The face engine is not open.');
  switch (message.type) {
    case 'load':
      await engine.load(message.avatar);
      return undefined;
    case 'unload':
      await engine.unload(message.avatarId);
      return undefined;
    case 'hear':
      return engine.hear(message.sound);
    case 'draw':
      return engine.draw(message.heard, message.pose);
  }
}

async function close(): Promise<void> {
  await engine?.[Symbol.asyncDispose]();
  process.disconnect?.();
}

function toWire(thrown: unknown): WireError {
  if (thrown instanceof AppError) {
    return { code: thrown.code, message: thrown.message, ...(thrown.fix === undefined ? {} : { fix: thrown.fix }) };
  }
  return { code: 'ENGINE_FAILED', message: messageOf(thrown) };
}

function writeLog(level: 'debug' | 'info' | 'warn' | 'error') {
  return (message: string) => send({ type: 'log', level, message });
}
const log: Log = {
  debug: writeLog('debug'),
  info: writeLog('info'),
  warn: writeLog('warn'),
  error: writeLog('error'),
  scope: () => log,
};
