import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AvatarLibrary } from '../../src/avatar/library.ts';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { optionsFor, prepareDrawn } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

let home: string;
let shipped: string;
let own: string;
let library: AvatarLibrary;
/** What one of the small avatars of these tests takes in memory. */
let bytesOfOne: number;
beforeAll(async () => {
  home = await makeTemporaryFolder();
  for (const id of ['mira', 'anna', 'berta']) await prepareDrawn(join(home), id);
});
beforeEach(async () => {
  shipped = join(home, 'shipped');
  own = join(home, 'own');
  for (const folder of [shipped, own]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
  }
  await cp(join(home, 'mira'), join(shipped, 'mira'), { recursive: true });
  for (const id of ['anna', 'berta']) await cp(join(home, id), join(own, id), { recursive: true });
  library = makeLibrary();
  bytesOfOne = (await makeLibrary().load('anna')).residentBytes;
});

function makeLibrary(maxResidentBytes?: number): AvatarLibrary {
  const shelves = [
    { folder: shipped, isShipped: true },
    { folder: own, isShipped: false },
  ];
  return new AvatarLibrary(shelves, maxResidentBytes === undefined ? {} : { maxResidentBytes });
}

async function residents(library: AvatarLibrary): Promise<string[]> {
  return (await library.list()).filter((entry) => entry.isResident).map((entry) => entry.id);
}

describe('the library', () => {
  it('lists what is on its shelves, shipped ones first', async () => {
    expect(await library.list()).toMatchObject([
      { id: 'mira', isShipped: true, name: 'Anna', width: 640, height: 360, isResident: false, depicts: 'invented' },
      { id: 'anna', isShipped: false },
      { id: 'berta', isShipped: false },
    ]);
    expect(library.previewPath('anna')).toBe(join(own, 'anna', 'preview.png'));
    expect(library.previewPath('nobody')).toBeUndefined();
  });

  it('lists broken avatars with their problem and goes on', async () => {
    await writeFile(join(own, 'anna', 'avatar.json'), '{}');
    await mkdir(join(own, 'empty'));
    await mkdir(join(own, '.preparing-new-1-00000000'));
    await writeFile(join(own, 'notes.txt'), '');
    const entries = await library.list();
    expect(entries.map((entry) => entry.id)).toEqual(['mira', 'anna', 'berta', 'empty']);
    expect(entries.map((entry) => entry.problem !== undefined)).toEqual([false, true, false, true]);
    expect(library.previewPath('anna')).toBeUndefined();
  });

  it('shows no preview that is a link to somewhere else', async () => {
    await rm(join(own, 'anna', 'preview.png'));
    await symlink('/etc/hostname', join(own, 'anna', 'preview.png'));
    expect(await library.find('anna')).toMatchObject({ problem: expect.stringContaining('link') });
    expect(library.previewPath('anna')).toBeUndefined();
  });

  it('is empty where there are no folders yet', async () => {
    const shelves = [{ folder: join(home, 'nowhere'), isShipped: false }];
    expect(await new AvatarLibrary(shelves).list()).toEqual([]);
  });

  it('lets the shipped avatar count where both have one id', async () => {
    await cp(join(home, 'anna'), join(own, 'mira'), { recursive: true });
    expect((await library.list()).filter((entry) => entry.id === 'mira')).toMatchObject([{ isShipped: true }]);
  });

  it('says which avatars there are when asked for one that is not there', async () => {
    for (const id of ['nobody', '../own/anna', ''])
      await expect(library.load(id)).rejects.toMatchObject({
        code: 'NO_SUCH_AVATAR',
        fix: 'Choose one of: mira, anna, berta',
      });
  });

  it('loads an avatar once, also when asked twice at a time', async () => {
    const [first, second] = await Promise.all([library.load('anna'), library.load('anna')]);
    expect(first).toBe(second);
    expect(await library.load('anna')).toBe(first);
    expect(await residents(library)).toEqual(['anna']);
    library.unload('anna');
    expect(await library.load('anna')).not.toBe(first);
  });

  it('lets go of the one used longest ago when memory is short; who holds it may go on', async () => {
    const small = makeLibrary(bytesOfOne * 2.5);
    const mira = await small.load('mira');
    await small.load('anna');
    await small.load('mira');
    await small.load('berta');
    expect(await residents(small)).toEqual(['mira', 'berta']);
    await small.load('anna');
    expect(await residents(small)).toEqual(['anna', 'berta']);
    expect(mira.pose(0).body).toHaveLength(640 * 360 * 1.5);
  });

  it('keeps the one that was just loaded even if it is too large alone', async () => {
    const tiny = makeLibrary(1);
    await tiny.load('anna');
    expect(await residents(tiny)).toEqual(['anna']);
  });

  it('can load again what failed once', async () => {
    await rm(join(own, 'anna', 'masks.bin'));
    await expect(library.load('anna')).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    await cp(join(home, 'anna', 'masks.bin'), join(own, 'anna', 'masks.bin'));
    await expect(library.load('anna')).resolves.toMatchObject({ poseCount: 1 });
  });

  it('sees an avatar that was replaced after it is unloaded', async () => {
    await library.load('anna');
    const change = { replace: true, name: 'Another', size: { width: 640, height: 360 } };
    await preparePhoto(optionsFor(own, join(home, 'anna.png'), change));
    library.unload('anna');
    expect((await library.load('anna')).manifest.name).toBe('Another');
  });

  it('removes an own avatar wholly, and no shipped one', async () => {
    await library.load('anna');
    await library.remove('anna');
    expect(await readdir(own)).toEqual(['berta']);
    expect(library.previewPath('anna')).toBeUndefined();
    await expect(library.load('anna')).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
    await expect(library.remove('mira')).rejects.toMatchObject({ code: 'AVATAR_SHIPPED' });
    expect(await readdir(shipped)).toEqual(['mira']);
  });

  it('removes the link, not what it leads to, where an avatar is a link', async () => {
    await symlink(join(home, 'mira'), join(own, 'linked'));
    await library.remove('linked');
    expect(await readdir(own)).toEqual(['anna', 'berta']);
    expect(await readdir(join(home, 'mira'))).toContain('avatar.json');
  });
});
