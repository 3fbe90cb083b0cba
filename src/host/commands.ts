import { z } from 'zod';
import type { Command, CommandRunner, CommandSummary } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';

/** The one table of actions. The command line, the page, hotkeys and OBS are doors to it; there is no other way in. */
export class CommandTable implements CommandRunner {
  readonly #commands = new Map<string, Command>();

  /** Adds a command; dispose to take it out again. @throws AppError when the id is taken. */
  register<Args>(command: Command<Args>): Disposable {
    if (this.#commands.has(command.id)) {
      throw new AppError('COMMAND_TAKEN', `Two plugins register the command ${command.id}.`);
    }
    this.#commands.set(command.id, command as Command);
    return { [Symbol.dispose]: () => void this.#commands.delete(command.id) };
  }

  async run(id: string, args: unknown = {}): Promise<unknown> {
    const command = this.#commands.get(id);
    if (!command) {
      throw new AppError('NO_SUCH_COMMAND', `There is no command ${id}.`, { fix: 'List them: musecam commands list' });
    }
    const parsed = command.args.safeParse(args);
    if (!parsed.success) {
      throw new AppError('BAD_ARGUMENTS', `${id}: ${z.prettifyError(parsed.error)}`, {
        fix: `It takes ${JSON.stringify(z.toJSONSchema(command.args))}`,
      });
    }
    return command.run(parsed.data);
  }

  list(): readonly CommandSummary[] {
    return [...this.#commands.values()].map(({ id, title, args }) => ({ id, title, args: z.toJSONSchema(args) }));
  }
}
