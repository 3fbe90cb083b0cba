import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AvatarLibrary } from '../../src/avatar/library.ts';
import type { LoadedAvatar } from '../../src/avatar/load-avatar.ts';
import { preparePhoto } from '../../src/avatar/prepare-photo.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { optionsFor, prepareDrawn } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';
import { changeTestManifest, writeTestAvatar } from './write-test-avatar.ts';

let home: string;
let shipped: string;
let own: string;
let library: AvatarLibrary;
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
  for (const name of ['library.json', 'cache']) await rm(join(home, name), { recursive: true, force: true });
  await cp(join(home, 'mira'), join(shipped, 'mira'), { recursive: true });
  for (const id of ['anna', 'berta']) await cp(join(home, id), join(own, id), { recursive: true });
  library = makeLibrary();
});

/** Ends every hold after the test. */
class TrackedLibrary extends AvatarLibrary {
  override async load(...args: Parameters<AvatarLibrary['load']>): Promise<LoadedAvatar> {
    const avatar = await super.load(...args);
    held.push(avatar);
    return avatar;
  }
}
const held: LoadedAvatar[] = [];

afterEach(async () => {
  for (const avatar of held.splice(0)) await avatar[Symbol.asyncDispose]();
});

function makeLibrary(): AvatarLibrary {
  const shelves = [
    { folder: shipped, isShipped: true },
    { folder: own, isShipped: false },
  ];
  return new TrackedLibrary(shelves, { cacheFolder: join(home, 'cache'), orderFile: join(home, 'library.json') });
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
    expect(await new AvatarLibrary(shelves, { cacheFolder: home }).list()).toEqual([]);
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

  it('can load again what failed once', async () => {
    await rm(join(own, 'anna', 'masks.bin'));
    await expect(library.load('anna')).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    await cp(join(home, 'anna', 'masks.bin'), join(own, 'anna', 'masks.bin'));
    await expect(library.load('anna')).resolves.toMatchObject({ poseCount: 1 });
  });

  it('sees an avatar that was replaced', async () => {
    await library.load('anna');
    const change = { replace: true, name: 'Another', size: { width: 640, height: 360 } };
    await preparePhoto(optionsFor(own, join(home, 'anna.png'), change));
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

describe('the order of the list', () => {
  const ids = async () => (await library.list()).map((entry) => entry.id);

  it('is kept, shipped ones among them; new ones come last', async () => {
    await library.reorder(['berta', 'mira']);
    expect(await ids()).toEqual(['berta', 'mira', 'anna']);
    await cp(join(home, 'anna'), join(own, 'carla'), { recursive: true });
    expect(await ids()).toEqual(['berta', 'mira', 'anna', 'carla']);
    await library.move('anna', 1);
    expect(await ids()).toEqual(['anna', 'berta', 'mira', 'carla']);
    await library.move('anna', 99);
    expect(await ids()).toEqual(['berta', 'mira', 'carla', 'anna']);
    library = makeLibrary();
    expect(await ids()).toEqual(['berta', 'mira', 'carla', 'anna']);
  });

  it('forgets an avatar that is removed, and follows one that is renamed', async () => {
    await library.reorder(['berta', 'anna']);
    await library.rename('anna', { newId: 'zoe' });
    expect(await ids()).toEqual(['berta', 'zoe', 'mira']);
    await library.remove('berta');
    expect(JSON.parse(await readFile(join(home, 'library.json'), 'utf8'))).toEqual({ order: ['zoe', 'mira'] });
  });

  it('refuses places and ids that are none, and does without a broken file', async () => {
    await expect(library.move('anna', 0)).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
    await expect(library.move('anna', 1.5)).rejects.toMatchObject({ code: 'BAD_ARGUMENTS' });
    await expect(library.reorder(['nobody'])).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
    await writeFile(join(home, 'library.json'), '{"order": ["../../etc", 7]');
    expect(await ids()).toEqual(['mira', 'anna', 'berta']);
  });
});

describe('renaming an avatar', () => {
  it('changes its name in place', async () => {
    const before = (await library.load('anna')).ref;
    expect(await library.rename('anna', { name: 'Anna at home' })).toMatchObject({ id: 'anna', name: 'Anna at home' });
    const after = await library.load('anna');
    expect(after.manifest.name).toBe('Anna at home');
    expect(after.ref).not.toBe(before);
    expect(await readdir(own)).toEqual(['anna', 'berta']);
  });

  it('changes its id and folder, keeping everything else in it', async () => {
    await writeFile(join(own, 'anna', 'notes.txt'), 'mine');
    expect(await library.rename('anna', { newId: 'zoe', name: 'Zoe' })).toMatchObject({ id: 'zoe', name: 'Zoe' });
    expect(await readdir(own)).toEqual(['berta', 'zoe']);
    expect(await readFile(join(own, 'zoe', 'notes.txt'), 'utf8')).toBe('mine');
    await expect(library.load('zoe')).resolves.toMatchObject({ poseCount: 1 });
    await expect(library.find('anna')).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
  });

  it('refuses what is taken, shipped, broken, or no name', async () => {
    for (const newId of ['berta', 'mira'])
      await expect(library.rename('anna', { newId })).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
    await expect(library.rename('mira', { newId: 'zoe' })).rejects.toMatchObject({ code: 'AVATAR_SHIPPED' });
    await expect(library.rename('anna', { newId: '../zoe' })).rejects.toMatchObject({ code: 'BAD_AVATAR_ID' });
    await expect(library.rename('anna', { name: '' })).rejects.toMatchObject({ code: 'BAD_AVATAR_DETAILS' });
    await writeFile(join(own, 'anna', 'avatar.json'), '{}');
    await expect(library.rename('anna', { newId: 'zoe' })).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    expect(await readdir(own)).toEqual(['anna', 'berta']);
  });
});

describe('an avatar without consent', () => {
  beforeEach(async () => {
    await changeTestManifest(join(own, 'anna'), (m) => Object.assign(m, { consent: { depicts: '', mood: 'fair' } }));
  });

  it('is listed with what to do, and does not go live', async () => {
    const fix = 'musecam avatars consent anna --depicts "…" --consent "…"';
    expect(await library.find('anna')).toMatchObject({ problemCode: 'no-consent', problemFix: fix });
    await expect(library.load('anna')).rejects.toMatchObject({ code: 'CONSENT_MISSING', fix });
  });

  it('goes live once somebody has said who is shown and who agreed', async () => {
    for (const consent of [
      { depicts: ' ', statement: 'yes' },
      { depicts: 'Anna', statement: '' },
    ])
      await expect(library.setConsent('anna', consent)).rejects.toMatchObject({ code: 'CONSENT_MISSING' });
    const entry = await library.setConsent('anna', { depicts: 'Anna', statement: 'my own face' });
    expect(entry).toMatchObject({ depicts: 'Anna' });
    expect(entry.problem).toBeUndefined();
    const { manifest } = await library.load('anna');
    expect(manifest.consent).toEqual({
      depicts: 'Anna',
      statement: 'my own face',
      date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
  });

  it('keeps the consent of shipped ones as it is', async () => {
    const consent = { depicts: 'me', statement: 'mine' };
    await expect(library.setConsent('mira', consent)).rejects.toMatchObject({ code: 'AVATAR_SHIPPED' });
  });
});

describe('what a list says of an avatar', () => {
  it('is its verdict, its frames and whether it has a matte', async () => {
    const tiny = join(own, 'tiny');
    await writeTestAvatar(own, 'tiny');
    expect(await library.find('tiny')).toMatchObject({ frameCount: 1, hasMatte: true, verdict: 'fair' });
    await changeTestManifest(tiny, (m) => Object.assign(m, { matte: undefined }));
    expect(await library.find('tiny')).toMatchObject({ hasMatte: false });
    await writeFile(join(tiny, 'report.json'), 'broken');
    expect((await library.find('tiny')).verdict).toBeUndefined();
  });

  it('does not wait for a pipe that lies where a file belongs', async (context) => {
    need(context, hasProgram('mkfifo'), 'mkfifo');
    for (const name of ['report.json', 'preview.png']) {
      await rm(join(own, 'tiny'), { recursive: true, force: true });
      const folder = await writeTestAvatar(own, 'tiny');
      await rm(join(folder, name));
      spawnSync('mkfifo', [join(folder, name)]);
      expect((await library.list()).map((entry) => entry.id)).toContain('tiny');
    }
    expect(library.previewPath('tiny')).toBeUndefined();
  });
});
