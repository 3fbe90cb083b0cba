import { type BirpcReturn, createBirpc } from 'birpc';
import { AppError, messageOf } from '../base/errors.ts';
import type { PluginPipe } from './plugin-pipe.ts';

interface WireMessage {
  /** What a call threw. */
  e?: unknown;
}

/** The other end's functions: to be called, or told with `asEvent`. */
export type PluginRpc<Remote extends object, Local extends object> = BirpcReturn<Remote, Local>;

/**
 * Calls over a {@link PluginPipe}, in both directions. An AppError that the other end throws arrives as one.
 * @param functions what the other end may call.
 */
export function openPluginRpc<Remote extends object, Local extends object>(
  pipe: PluginPipe,
  functions: Local,
): PluginRpc<Remote, Local> {
  return createBirpc<Remote, Local>(functions, {
    post: (message) => pipe.send(message),
    on: (listener) => pipe.listen(listener),
    serialize: (message: WireMessage) => (message.e === undefined ? message : { ...message, e: toWire(message.e) }),
    deserialize: (message: WireMessage) => (message.e === undefined ? message : { ...message, e: fromWire(message.e) }),
    bind: 'functions',
    // Who cannot wait says so himself; a picture may take as long as its camera takes.
    timeout: -1,
  });
}

function toWire(thrown: unknown): object {
  if (thrown instanceof AppError) return { code: thrown.code, message: thrown.message, fix: thrown.fix };
  return { message: messageOf(thrown) };
}

function fromWire(wire: unknown): Error {
  const { code, message, fix } = wire as { code?: string; message?: string; fix?: string };
  if (code === undefined) return new Error(message);
  return new AppError(code, message ?? '', fix === undefined ? {} : { fix });
}
