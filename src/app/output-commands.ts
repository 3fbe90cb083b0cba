import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import type { PluginHost } from '../host/plugin-host.ts';

/** What the commands for outputs act on. */
export interface OutputTargets {
  readonly plugins: Pick<PluginHost, 'findScheme'>;
  /** Opens an output beside the others, unless one of its kind is open. @throws AppError when it cannot be had. */
  open(text: string): Promise<void>;
  /** @returns how many were open. */
  close(contributionId: string): Promise<number>;
}

/** Registers how outputs are opened and closed while a show runs. */
export function registerOutputCommands(commands: CommandTable, { plugins, open, close }: OutputTargets): void {
  commands.register({
    id: 'output.open',
    title: 'Send the picture to another output, too',
    args: z.object({
      output: z.string().describe('v4l2[:DEV], file:PATH.mp4, obs; nothing where one of its kind is open'),
    }),
    run: async ({ output }) => {
      await open(output);
      return { output };
    },
  });
  commands.register({
    id: 'output.close',
    title: 'Send the picture to an output no longer',
    args: z.object({ output: z.string().describe('v4l2, file, obs, …: the word before the colon') }),
    run: async ({ output }) => {
      const [scheme = ''] = output.split(':');
      if (scheme === 'web') {
        throw new AppError('BAD_ARGUMENTS', 'The control page stays for as long as the show runs.', {
          fix: 'To end the show: musecam run show.stop',
        });
      }
      return { output, closed: await close(plugins.findScheme('videoOutputs', scheme).id) };
    },
  });
}
