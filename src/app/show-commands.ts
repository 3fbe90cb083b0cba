import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import { nearest } from '../host/settings.ts';
import type { AvatarCast } from './avatar-cast.ts';

/** What the core commands act on. */
export interface CommandTargets {
  readonly cast: AvatarCast;
  /** Hold still or speak again. */
  setResting(isResting: boolean): void;
  stop(): void;
}

const nothing = z.object({}).loose();

/** Registers the core actions of a running show. */
export function registerShowCommands(commands: CommandTable, { cast, setResting, stop }: CommandTargets): void {
  commands.register({
    id: 'avatar.use',
    title: 'Show an avatar',
    args: z.object({ id: z.string().describe('id of the avatar') }),
    run: async ({ id }) => ({ avatarId: await cast.use(checkId(cast, id)) }),
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
    id: 'mouth.rest',
    title: 'Hold the face still',
    args: z.object({ on: z.boolean().describe('true: hold still; false: speak again') }),
    run: async ({ on }) => {
      setResting(on);
      return { on };
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

function checkId(cast: AvatarCast, id: string): string {
  const ids = cast.summaries.map((avatar) => avatar.id);
  if (ids.includes(id)) return id;
  throw new AppError('NO_SUCH_AVATAR', `There is no avatar ${id}.`, {
    fix: `Did you mean ${nearest(id, ids)}? List them: musecam avatars list`,
  });
}
