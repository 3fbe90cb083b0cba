import { z } from 'zod';
import type { Command, CommandRunner, CommandSummary } from '../api/plugin.ts';
import { AppError } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';

/** What may be sent: an argument with a default may be left out; what JSON Schema cannot say is left open, not an error. */
const INPUT = { io: 'input', unrepresentable: 'any' } as const;

/** "Avatar" for `avatar.use`. */
function headingOf(id: string): string {
  const [first = id] = id.split('.');
  return first.charAt(0).toUpperCase() + first.slice(1);
}

/** The one table of actions. The command line, the page, hotkeys and OBS are doors to it; there is no other way in. */
export class CommandTable implements CommandRunner {
  readonly #commands = new Map<string, Command>();
  readonly #changed = new Emitter<void>();
  readonly #holds: (condition: string) => boolean;

  /** @param holds whether a condition on the status is met now; without it every command can be run. */
  constructor(holds: (condition: string) => boolean = () => true) {
    this.#holds = holds;
  }

  /** Commands have come or gone. */
  readonly onDidChange = this.#changed.event;

  /** Adds a command; dispose to take it out again. @throws AppError when the id is taken. */
  register<Args>(command: Command<Args>): Disposable {
    if (this.#commands.has(command.id)) {
      throw new AppError('COMMAND_TAKEN', `Two plugins register the command ${command.id}.`);
    }
    this.#commands.set(command.id, command as Command);
    this.#changed.fire();
    return {
      [Symbol.dispose]: () => {
        if (this.#commands.delete(command.id)) this.#changed.fire();
      },
    };
  }

  async run(id: string, args: unknown = {}): Promise<unknown> {
    const command = this.#commands.get(id);
    if (!command) {
      throw new AppError('NO_SUCH_COMMAND', `There is no command ${id}.`, { fix: 'List them: musecam commands list' });
    }
    if (command.enablement !== undefined && !this.#holds(command.enablement)) {
      throw new AppError('COMMAND_DISABLED', `${id} cannot be run now: it needs ${command.enablement}.`);
    }
    const parsed = command.args.safeParse(args);
    if (!parsed.success) {
      throw new AppError('BAD_ARGUMENTS', `${id}: ${z.prettifyError(parsed.error)}`, {
        fix: `It takes ${JSON.stringify(z.toJSONSchema(command.args, INPUT))}`,
      });
    }
    return command.run(parsed.data);
  }

  list(): readonly CommandSummary[] {
    return [...this.#commands.values()].map(({ id, title, category, args, enablement }) => {
      const schema = z.toJSONSchema(args, INPUT);
      return {
        id,
        title,
        category: category ?? headingOf(id),
        args: schema,
        ...(enablement === undefined ? {} : { enablement }),
      };
    });
  }
}
