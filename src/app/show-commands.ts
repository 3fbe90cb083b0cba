import { z } from 'zod';
import type { CommandTable } from '../host/commands.ts';
import type { AvatarCast } from './avatar-cast.ts';

/** What the core commands act on. */
export interface CommandTargets {
  readonly cast: AvatarCast;
  /** Hold still or speak again. */
  setResting(isResting: boolean): void;
  /** Words in the corner of the picture; empty for none. @throws AppError LABEL_TOO_LONG. */
  setLabel(text: string): void;
  /** Leaves out better face engines than this one; `auto`: none. @throws AppError NO_SUCH_SCHEME, ENGINE_NOT_OPEN. */
  useEngine(name: string): void;
  /** Opens an output beside the others, unless one of its kind is open. @throws AppError when it cannot be had. */
  openOutput(text: string): Promise<void>;
  stop(): void;
}

const nothing = z.object({}).loose();

/** Registers the core actions of a running show. */
export function registerShowCommands(
  commands: CommandTable,
  { cast, setResting, setLabel, useEngine, openOutput, stop }: CommandTargets,
): void {
  commands.register({
    id: 'avatar.use',
    title: 'Show an avatar',
    args: z.object({ id: z.string().describe('id of the avatar') }),
    run: async ({ id }) => ({ avatarId: await cast.use(id) }),
  });
  commands.register({
    id: 'avatar.next',
    title: 'Show the next avatar',
    args: nothing,
    run: async () => ({ avatarId: await cast.step(1) }),
  });
  commands.register({
    id: 'avatar.previous',
    title: 'Show the previous avatar',
    args: nothing,
    run: async () => ({ avatarId: await cast.step(-1) }),
  });
  commands.register({
    id: 'avatar.refresh',
    title: 'Look again which avatars there are',
    args: nothing,
    run: async () => {
      await cast.refresh();
      return { avatars: cast.summaries.length };
    },
  });
  commands.register({
    id: 'background.set',
    title: 'Change what is behind the avatar',
    args: z.object({
      background: z.string().describe('keep, blur, transparent, a colour as #rrggbb, or the path of a picture'),
    }),
    run: async ({ background }) => {
      await cast.setBackground(background);
      return { background: cast.background };
    },
  });
  commands.register({
    id: 'label.set',
    title: 'Show words in the corner of the picture',
    args: z.object({ text: z.string().describe('the words; empty for none') }),
    run: async ({ text }) => {
      setLabel(text);
      return { text };
    },
  });
  commands.register({
    id: 'mouth.rest',
    title: 'Hold the face still',
    args: z.object({ on: z.boolean().describe('true: hold still; false: speak again') }),
    run: async ({ on }) => {
      setResting(on);
      return { on };
    },
  });
  commands.register({
    id: 'engine.use',
    title: 'Choose the face engine',
    args: z.object({ engine: z.string().describe('musetalk, puppet, …; auto: the best one that can draw') }),
    run: async ({ engine }) => {
      useEngine(engine);
      return { engine };
    },
  });
  commands.register({
    id: 'output.open',
    title: 'Send the picture to another output, too',
    args: z.object({
      output: z.string().describe('v4l2[:DEV], file:PATH.mp4, obs; nothing where one of its kind is open'),
    }),
    run: async ({ output }) => {
      await openOutput(output);
      return { output };
    },
  });
  commands.register({
    id: 'show.stop',
    title: 'Stop the show',
    args: nothing,
    run: async () => {
      // After the answer is on its way, so that whoever asked learns that it worked.
      setTimeout(stop, 50);
      return { stopping: true };
    },
  });
}
