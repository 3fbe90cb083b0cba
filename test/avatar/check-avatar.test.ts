import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AvatarManifest } from '../../src/api/avatar.ts';
import { checkAvatar } from '../../src/avatar/check-avatar.ts';
import { loadAvatar } from '../../src/avatar/load-avatar.ts';
import { prepareDrawn } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

/** A manifest whose parts may be replaced by anything at all. */
type Loose = Record<string, unknown> & AvatarManifest;

let home: string;
let sound: string;
let avatar: string;
beforeAll(async () => {
  home = await makeTemporaryFolder();
  sound = await prepareDrawn(join(home), 'anna');
});
beforeEach(async () => {
  const shelf = join(home, 'shelf');
  await rm(shelf, { recursive: true, force: true });
  avatar = join(shelf, 'anna');
  await cp(sound, avatar, { recursive: true });
});

async function changeManifest(change: (manifest: Loose) => void): Promise<void> {
  const path = join(avatar, 'avatar.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Loose;
  change(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

/** Puts other bytes under a file of the manifest, with the right size and hash: only what they mean is wrong. */
async function forgeFile(pick: (manifest: Loose) => { path: string }, data: Uint8Array): Promise<void> {
  await changeManifest((manifest) => {
    const sha256 = createHash('sha256').update(data).digest('hex');
    Object.assign(pick(manifest), { bytes: data.byteLength, sha256 });
  });
  const manifest = JSON.parse(await readFile(join(avatar, 'avatar.json'), 'utf8')) as Loose;
  await writeFile(join(avatar, pick(manifest).path), data);
}

async function codes(): Promise<string[]> {
  const { ok, problems } = await checkAvatar(avatar);
  expect(ok).toBe(problems.length === 0);
  for (const problem of problems) expect(problem.fix.length).toBeGreaterThan(5);
  return problems.map((problem) => problem.code);
}

describe('the check of an avatar', () => {
  it('passes a sound one, also with keys it does not know', async () => {
    expect(await codes()).toEqual([]);
    await changeManifest((manifest) => Object.assign(manifest, { mood: 'fair' }));
    expect(await codes()).toEqual([]);
  });

  it('says when there is no folder, no avatar.json, or no JSON in it', async () => {
    expect((await checkAvatar(join(home, 'nothing'))).problems[0]).toMatchObject({ code: 'no-manifest' });
    await writeFile(join(avatar, 'avatar.json'), '{ "id": ');
    expect(await codes()).toEqual(['bad-json']);
    await rm(join(avatar, 'avatar.json'));
    expect(await codes()).toEqual(['no-manifest']);
  });

  it('does not read an avatar.json of five megabytes, or one behind a link', async () => {
    await writeFile(join(avatar, 'avatar.json'), ' '.repeat(5_000_000));
    expect(await codes()).toEqual(['manifest-too-large']);
    await rm(join(avatar, 'avatar.json'));
    await symlink(join(sound, 'avatar.json'), join(avatar, 'avatar.json'));
    expect(await codes()).toEqual(['not-a-file']);
  });

  it('refuses a newer format in words', async () => {
    await changeManifest((manifest) => Object.assign(manifest, { schemaVersion: 3, faceBoxes: 'elsewhere now' }));
    const { problems } = await checkAvatar(avatar);
    expect(problems).toEqual([
      { code: 'newer-version', message: expect.stringContaining('format 3'), fix: 'Update MuseCam' },
    ]);
  });

  it.each(['../../secret', '/etc/passwd', 'body/../../secret', './masks.bin', 'C:\\secret', 'a\0b'])(
    'refuses the path %j',
    async (path) => {
      await changeManifest((manifest) => Object.assign(manifest.masks, { path }));
      expect(await codes()).toEqual(['bad-manifest']);
    },
  );

  it('refuses links out of the folder: a file, and a folder on the way', async () => {
    const outside = join(home, 'outside');
    await mkdir(outside, { recursive: true });
    await rename(join(avatar, 'masks.bin'), join(outside, 'masks.bin'));
    await symlink(join(outside, 'masks.bin'), join(avatar, 'masks.bin'));
    expect(await codes()).toEqual(['link']);
    await rm(join(outside, 'body'), { recursive: true, force: true });
    await rename(join(avatar, 'body'), join(outside, 'body'));
    await symlink(join(outside, 'body'), join(avatar, 'body'));
    expect(await codes()).toEqual(['link', 'link']);
  });

  it('passes an avatar whose folder itself lies behind a link', async () => {
    const link = join(home, 'shelf', 'linked');
    await symlink(join(home, 'shelf'), link);
    expect((await checkAvatar(join(link, 'anna'))).ok).toBe(true);
  });

  it('finds a changed file, a shortened one, and one that is missing, all at once', async () => {
    const masks = await readFile(join(avatar, 'masks.bin'));
    masks[100]! ^= 1;
    await writeFile(join(avatar, 'masks.bin'), masks);
    await truncate(join(avatar, 'landmarks.f32'), 100);
    await rm(join(avatar, 'preview.png'));
    expect((await codes()).sort()).toEqual(['missing-file', 'wrong-hash', 'wrong-size']);
  });

  it('finds a mask that is too short even where its hash is right', async () => {
    await forgeFile((manifest) => manifest.masks, new Uint8Array(1000));
    expect(await codes()).toEqual(['wrong-length']);
  });

  it.each([
    ['not a number', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['far outside', 1e6],
  ])('finds a landmark that is %s', async (_, value) => {
    const bytes = await readFile(join(avatar, 'landmarks.f32'));
    bytes.writeFloatLE(value, 13 * 12 + 4);
    await forgeFile((manifest) => manifest.landmarks, bytes);
    const { problems } = await checkAvatar(avatar);
    expect(problems).toEqual([
      expect.objectContaining({ code: 'bad-landmarks', message: expect.stringContaining('landmark 13') }),
    ]);
  });

  it.each([
    ['a negative box', (m: Loose) => Object.assign(m.faceBoxes[0]!, { x: -2 })],
    ['an odd box', (m: Loose) => Object.assign(m.faceBoxes[0]!, { width: 33 })],
    ['a box of no size', (m: Loose) => Object.assign(m.faceBoxes[0]!, { height: 0 })],
    ['huge dimensions', (m: Loose) => Object.assign(m, { width: 100_000 })],
    ['a million frames', (m: Loose) => Object.assign(m, { frameCount: 1_000_000 })],
    ['another frame rate', (m: Loose) => Object.assign(m, { framesPerSecond: 30 })],
    ['a hash that is none', (m: Loose) => Object.assign(m.masks, { sha256: 'abc' })],
    ['an id with a path in it', (m: Loose) => Object.assign(m, { id: '../anna' })],
    ['a consent that is none', (m: Loose) => Object.assign(m, { consent: { depicts: 7, statement: 'yes', date: '' } })],
    ['null', (m: Loose) => Object.assign(m, { body: null })],
  ])('refuses %s', async (_, change) => {
    await changeManifest(change);
    expect(new Set(await codes())).toEqual(new Set(['bad-manifest']));
  });

  it('finds a box that reaches out of the frame', async () => {
    await changeManifest((m) => Object.assign(m.faceBoxes[0]!, { x: 600 }));
    expect(await codes()).toEqual(['box-outside']);
  });

  it('finds counts that do not agree', async () => {
    await changeManifest((m) => Object.assign(m, { frameCount: 3, motion: 'ping-pong' }));
    expect(new Set(await codes())).toEqual(new Set(['wrong-count', 'wrong-length']));
    await changeManifest((m) => Object.assign(m, { motion: 'still' }));
    // Body, boxes, motion; and the matte where the photo got one.
    expect((await codes()).filter((code) => code === 'wrong-count').length).toBeGreaterThanOrEqual(3);
  });

  it('refuses frames that would fill the memory, without reading them', async () => {
    await changeManifest((m) => {
      const frameCount = 15_000;
      const body = Array.from({ length: frameCount }, () => m.body[0]!);
      const faceBoxes = Array.from({ length: frameCount }, () => m.faceBoxes[0]!);
      Object.assign(m, { frameCount, body, faceBoxes, motion: 'loop', width: 3840, height: 2160 });
    });
    expect(await codes()).toContain('too-large');
  });

  it('finds a body picture of another size, of another format, and one that is none', async () => {
    const grey = sharp({ create: { width: 320, height: 180, channels: 3, background: '#777' } });
    await forgeFile((m) => m.body[0]!, await grey.clone().webp().toBuffer());
    expect(await codes()).toEqual(['wrong-picture-size']);
    await forgeFile(
      (m) => m.body[0]!,
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"/>'),
    );
    expect(await codes()).toEqual(['bad-picture']);
    await forgeFile((m) => m.body[0]!, Buffer.from('no picture'));
    expect(await codes()).toEqual(['bad-picture']);
  });

  it('finds an avatar under another name', async () => {
    await rename(avatar, join(home, 'shelf', 'berta'));
    expect((await checkAvatar(join(home, 'shelf', 'berta'))).problems).toMatchObject([{ code: 'wrong-id' }]);
  });

  it('writes nothing', async () => {
    const before = await readdir(avatar, { recursive: true });
    await changeManifest((m) => Object.assign(m, { frameCount: 2 }));
    await checkAvatar(avatar);
    expect(await readdir(avatar, { recursive: true })).toEqual(before);
  });
});

describe('loading a broken avatar', () => {
  it('fails with the first problem and says how many there are', async () => {
    await rm(join(avatar, 'preview.png'));
    await rm(join(avatar, 'masks.bin'));
    await expect(loadAvatar(avatar, { cacheFolder: join(home, 'cache') })).rejects.toMatchObject({
      name: 'AppError',
      code: 'AVATAR_BROKEN',
      message: expect.stringMatching(/masks\.bin is missing\. \(and 1 more\)/),
    });
  });

  it('fails when a body picture breaks off in the middle', async () => {
    const whole = await readFile(join(avatar, 'body', '0000.webp'));
    await forgeFile((m) => m.body[0]!, whole.subarray(0, whole.length - 2000));
    await expect(loadAvatar(avatar, { cacheFolder: join(home, 'cache') })).rejects.toMatchObject({
      code: 'AVATAR_BROKEN',
    });
  });
});
