import { beforeEach, describe, expect, it } from 'vitest';
import { registerPreparationCommands } from '../../src/app/preparation-commands.ts';
import { AppError } from '../../src/base/errors.ts';
import { CommandTable } from '../../src/host/commands.ts';

describe('the commands around new avatars', () => {
  let commands: CommandTable;
  let did: unknown[];
  const cast = {
    currentId: 'mira',
    refresh: async () => void did.push('refresh'),
    use: async (id: string) => note(`use ${id}`, id),
  };
  const note = <T>(what: string, result: T): T => {
    did.push(what);
    return result;
  };
  beforeEach(() => {
    did = [];
    commands = new CommandTable();
    registerPreparationCommands(commands, {
      preparations: {
        accept: async (id) => note(`accept ${id}`, 'me'),
        discard: async (id) => note(`discard ${id}`, undefined),
      },
      library: {
        rename: async (id, { name }) => note(`rename ${id} ${name}`, undefined as never),
        remove: async (id) => note(`remove ${id}`, undefined),
        move: async (id, place) => note(`move ${id} ${place}`, undefined),
      },
      cast,
    });
  });

  it('accept an avatar, look again which there are, and put it on where that was asked for', async () => {
    expect(await commands.run('preparation.accept', { id: 'j1' })).toEqual({ avatarId: 'me' });
    expect(did.splice(0)).toEqual(['accept j1', 'refresh']);
    expect(await commands.run('preparation.accept', { id: 'j1', goLive: true })).toEqual({ avatarId: 'me' });
    expect(did).toEqual(['accept j1', 'refresh', 'use me']);
  });

  it('discard, rename, move and remove, each followed by a look', async () => {
    await commands.run('preparation.discard', { id: 'j1' });
    await commands.run('avatar.rename', { id: 'me', name: '  Myself ' });
    await commands.run('avatar.move', { id: 'me', place: 2 });
    await commands.run('avatar.remove', { id: 'me' });
    expect(did).toEqual(['discard j1', 'rename me Myself', 'refresh', 'move me 2', 'refresh', 'remove me', 'refresh']);
  });

  it('do not take the avatar away that is being shown', async () => {
    const refused = await commands.run('avatar.remove', { id: 'mira' }).catch((thrown: AppError) => thrown.code);
    expect([refused, did]).toEqual(['AVATAR_ON_AIR', []]);
  });

  it.each([
    ['avatar.rename', { id: 'me', name: ' ' }],
    ['avatar.rename', { id: 'me', name: 'x'.repeat(101) }],
    ['avatar.move', { id: 'me', place: 0 }],
    ['avatar.move', { id: 'me', place: 1.5 }],
    ['preparation.accept', { id: 'j1', goLive: 'yes' }],
    ['preparation.discard', {}],
  ])('%s refuses %o', async (id, args) => {
    await expect(commands.run(id, args)).rejects.toThrow(AppError);
    expect(did).toEqual([]);
  });
});
