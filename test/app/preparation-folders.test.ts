import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { avatarManifestSchema } from '../../src/api/avatar.ts';
import { moveAvatar, readReport } from '../../src/app/preparation-folders.ts';
import { need } from '../fakes/need.ts';

const folders: string[] = [];
const makeFolder = (parent: string) => {
  const folder = mkdtempSync(join(parent, 'musecam-move-'));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeAvatar(parent: string): string {
  const avatar = join(parent, 'me');
  mkdirSync(join(avatar, 'body'), { recursive: true });
  writeFileSync(join(avatar, 'avatar.json'), '{}');
  writeFileSync(join(avatar, 'body', '0000.webp'), 'picture');
  return avatar;
}

describe('an accepted avatar', () => {
  it('moves to its place whole', async () => {
    const folder = makeFolder(tmpdir());
    await moveAvatar(makeAvatar(folder), join(folder, 'avatars', 'me'));
    expect(readdirSync(join(folder, 'avatars'), { recursive: true }).map(String).sort()).toEqual([
      'me',
      join('me', 'avatar.json'),
      join('me', 'body'),
      join('me', 'body', '0000.webp'),
    ]);
    expect(existsSync(join(folder, 'me'))).toBe(false);
  });

  it('moves to another disk too, and leaves nothing half-done beside its place', async (context) => {
    const shared = '/dev/shm';
    const isOther = existsSync(shared) && statSync(shared).dev !== statSync(tmpdir()).dev;
    need(context, isOther, 'a second file system at /dev/shm');
    const to = makeFolder(shared);
    const from = makeAvatar(makeFolder(tmpdir()));
    await moveAvatar(from, join(to, 'me'));
    expect(readFileSync(join(to, 'me', 'body', '0000.webp'), 'utf8')).toBe('picture');
    await expect(moveAvatar(from, join(to, 'me'))).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
    expect(readdirSync(to)).toEqual(['me']);
  });

  it('never replaces what is there', async () => {
    const folder = makeFolder(tmpdir());
    for (const make of [
      (path: string) => mkdirSync(join(path, 'x'), { recursive: true }),
      (path: string) => writeFileSync(path, 'x'),
    ]) {
      const to = join(makeFolder(folder), 'me');
      make(to);
      await expect(moveAvatar(makeAvatar(folder), to)).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
      expect(existsSync(join(folder, 'me', 'avatar.json'))).toBe(true);
    }
  });
});

describe('a quality report', () => {
  const mira = new URL('../../avatars/mira/avatar.json', import.meta.url);
  const manifest = avatarManifestSchema.parse(JSON.parse(readFileSync(mira, 'utf8')));
  const file = { path: 'report.json', bytes: 100, sha256: '0'.repeat(64) };
  const sound = { verdict: 'good', frames: { total: 1, usable: 1 }, measures: [] };

  it.each([
    ['is read', JSON.stringify(sound), { report: sound }],
    ['that is no JSON is none', '{', {}],
    ['of another shape is none', '{"verdict":"splendid"}', {}],
  ])('%s', async (_title, text, expected) => {
    const folder = makeFolder(tmpdir());
    writeFileSync(join(folder, 'report.json'), text);
    expect(await readReport(folder, { ...manifest, report: file })).toEqual(expected);
  });

  it('that is missing is none', async () => {
    const { report: _report, ...without } = manifest;
    expect(await readReport('/nonexistent', without)).toEqual({});
    expect(await readReport('/nonexistent', { ...manifest, report: file })).toEqual({});
  });
});
