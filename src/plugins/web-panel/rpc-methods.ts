import { z } from 'zod';
import type { PluginContext } from '../../api/plugin.ts';
import { AppError } from '../../base/errors.ts';
import { RPC_CODES, RpcFault } from './rpc-message.ts';

/** What the methods act on. */
export interface RpcScene {
  readonly context: Pick<PluginContext, 'commands' | 'status'>;
  /** Whether this client is told of changes of the status. */
  hear(isOn: boolean): void;
}

type Method = (scene: RpcScene, params: object) => unknown;

const runSchema = z.object({ id: z.string().max(200), args: z.unknown().optional() });

/** The methods beside the commands, which are methods under their own ids. */
const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['command.list', ({ context }) => context.commands.list()],
  ['command.run', runCommand],
  ['status.get', ({ context }) => context.status.current],
  ['status.subscribe', (scene) => scene.hear(true)],
  ['status.unsubscribe', (scene) => scene.hear(false)],
]);

/** Calls a method: one of the table, else the command of that name. @throws RpcFault, or what the command throws. */
export async function callMethod(scene: RpcScene, name: string, params: object | undefined): Promise<unknown> {
  if (Array.isArray(params) && params.length > 0) {
    throw new RpcFault(RPC_CODES.invalidParams, `${name} takes its arguments by name, as an object.`);
  }
  const named = Array.isArray(params) ? {} : (params ?? {});
  const method = METHODS.get(name);
  return method ? method(scene, named) : scene.context.commands.run(name, named);
}

async function runCommand({ context }: RpcScene, params: object): Promise<unknown> {
  const parsed = runSchema.safeParse(params);
  if (!parsed.success) {
    throw new RpcFault(RPC_CODES.invalidParams, `command.run: ${z.prettifyError(parsed.error)}`);
  }
  const { id, args } = parsed.data;
  try {
    return await context.commands.run(id, args);
  } catch (thrown) {
    // The method was found; what it was given is wrong.
    if (!(thrown instanceof AppError && thrown.code === 'NO_SUCH_COMMAND')) throw thrown;
    const { code, message, fix } = thrown;
    throw new RpcFault(RPC_CODES.invalidParams, message, { code, ...(fix === undefined ? {} : { fix }) });
  }
}
