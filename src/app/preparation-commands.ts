import { z } from 'zod';
import type { AvatarLibrary } from '../avatar/library.ts';
import { AppError } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import type { AvatarCast } from './avatar-cast.ts';
import type { Preparations } from './preparations.ts';

/** What the commands around new avatars and the library act on. */
export interface PreparationTargets {
  readonly preparations: Pick<Preparations, 'accept' | 'discard'>;
  readonly library: Pick<AvatarLibrary, 'rename' | 'remove' | 'move'>;
  readonly cast: Pick<AvatarCast, 'use' | 'refresh' | 'currentId'>;
}

const jobId = z.string().max(80).describe('id of the preparation, as the status lists it');
const avatarId = z.string().max(80).describe('id of the avatar');

/**
 * Registers what is done with photos and clips that were handed in (accept them as avatars, or discard them) and with
 * the user's avatars: another name, another place in the list, off the disk.
 */
export function registerPreparationCommands(commands: CommandTable, targets: PreparationTargets): void {
  registerDesk(commands, targets);
  registerLibrary(commands, targets);
}

function registerDesk(commands: CommandTable, { preparations, cast }: PreparationTargets): void {
  commands.register({
    id: 'preparation.accept',
    title: 'Keep a prepared avatar',
    args: z.object({ id: jobId, goLive: z.boolean().optional().describe('true: show it at once') }),
    run: async ({ id, goLive }) => {
      const accepted = await preparations.accept(id);
      await cast.refresh();
      if (goLive) await cast.use(accepted);
      return { avatarId: accepted };
    },
  });
  commands.register({
    id: 'preparation.discard',
    title: 'Discard a preparation',
    args: z.object({ id: jobId }),
    run: async ({ id }) => {
      await preparations.discard(id);
      return { id };
    },
  });
}

function registerLibrary(commands: CommandTable, { library, cast }: PreparationTargets): void {
  commands.register({
    id: 'avatar.rename',
    title: 'Give an avatar another name',
    args: z.object({ id: avatarId, name: z.string().trim().min(1).max(100) }),
    run: async ({ id, name }) => {
      await library.rename(id, { name });
      await cast.refresh();
      return { id, name };
    },
  });
  commands.register({
    id: 'avatar.move',
    title: 'Give an avatar another place in the list',
    args: z.object({ id: avatarId, place: z.number().int().min(1).describe('1 = first') }),
    run: async ({ id, place }) => {
      await library.move(id, place);
      await cast.refresh();
      return { id, place };
    },
  });
  commands.register({
    id: 'avatar.remove',
    title: 'Remove an avatar from the disk',
    args: z.object({ id: avatarId }),
    run: async ({ id }) => {
      if (id === cast.currentId) {
        throw new AppError('AVATAR_ON_AIR', `"${id}" is being shown; it is not taken away from under the show.`, {
          fix: 'Show another avatar first: musecam avatars next',
        });
      }
      await library.remove(id);
      await cast.refresh();
      return { id };
    },
  });
}
