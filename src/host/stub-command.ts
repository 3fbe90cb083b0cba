import { z } from 'zod';
import type { Command, CommandCode, PluginManifest } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';

/**
 * A declared command before its code is there: lists show it from the manifest alone, running it brings the code.
 * @param code activates the plugin; undefined when the plugin did not register the command.
 */
export function stubCommand(
  manifest: PluginManifest,
  declared: PluginManifest['contributes']['commands'][number],
  code: () => Promise<CommandCode | undefined>,
): Command {
  const { id, title, category = manifest.title, args, enablement } = declared;
  return {
    id,
    title,
    category,
    args: argsOf(id, args),
    enablement,
    run: async (given) => {
      const command = await code();
      if (!command) throw new AppError('PLUGIN_FAILED', `${manifest.id} declares ${id} but did not register it.`);
      if (!command.args) return command.run(given);
      const parsed = command.args.safeParse(given);
      if (parsed.success) return command.run(parsed.data);
      throw new AppError('BAD_ARGUMENTS', `${id}: ${z.prettifyError(parsed.error)}`);
    },
  };
}

/** @throws AppError BAD_MANIFEST for what is no JSON Schema of an object. */
function argsOf(id: string, schema: Readonly<Record<string, unknown>> | undefined): z.ZodType {
  if (schema === undefined) return z.object({}).loose();
  if (schema.type !== 'object') throw new AppError('BAD_MANIFEST', `${id}: args must be a schema of type "object".`);
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (cause) {
    throw new AppError('BAD_MANIFEST', `${id}: args are no JSON Schema: ${String(cause)}`, { cause });
  }
}
