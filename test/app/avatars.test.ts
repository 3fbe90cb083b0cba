import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeTestManifest, writeTestAvatar } from '../avatar/write-test-avatar.ts';
import { makeHome, runCli } from '../fakes/cli.ts';

const home = makeHome();
const shelf = join(home.path, 'data', 'avatars');
const pack = join(home.path, 'anna.musecam');
beforeAll(async () => {
  await writeTestAvatar(shelf, 'anna');
});
afterAll(() => home[Symbol.dispose]());

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['avatars', ...args], home.env);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

async function fail(...args: string[]): Promise<string> {
  const { code, stderr } = await runCli(['avatars', ...args], home.env);
  expect(code).toBe(1);
  return stderr;
}

describe('musecam avatars', () => {
  it('lists them with their place, length and verdict', async () => {
    expect(await run('list')).toMatch(/3 +anna +Anna +128x128 +still +fair +yours +shows invented/);
    const [, , anna] = JSON.parse(await run('list', '--json')) as object[];
    expect(anna).toMatchObject({ id: 'anna', frameCount: 1, hasMatte: true, verdict: 'fair' });
  });

  it('shows one with its report, its size on disk and its contact sheet', async () => {
    const text = await run('show', 'anna');
    expect(text).toMatch(/^ {2}! Usable; could be better$/m);
    expect(text).toMatch(/matte +yes/);
    expect(text).toMatch(/on disk +0\.0 MB/);
    expect(text).toContain(join(shelf, 'anna', 'sheet.webp'));
    const facts = JSON.parse(await run('show', 'anna', '--json'));
    expect(facts).toMatchObject({ id: 'anna', report: { verdict: 'fair' }, bytesOnDisk: expect.any(Number) });
  });

  it('changes the order', async () => {
    expect(await run('move', 'anna', '1')).toMatch(/^1\. anna\n2\. /);
    expect(JSON.parse(await run('move', 'anna', '2', '--json'))[1]).toBe('anna');
    expect(await fail('move', 'anna', '0')).toContain('BAD_ARGUMENTS');
  });

  it('exports one and imports it under another id, saying what was agreed', async () => {
    expect(await run('export', 'anna', pack)).toContain(pack);
    expect(await fail('export', 'anna', pack)).toContain('PACK_EXISTS');
    await run('export', 'anna', pack, '--replace');
    expect(await fail('import', pack)).toMatch(/AVATAR_EXISTS[\s\S]*--id anna-2, or replace it: --replace/);
    const { code, stdout } = await runCli(['avatars', 'import', pack, '--id', 'berta'], home.env);
    expect(code).toBe(0);
    expect(stdout).toContain('drawn for the tests of this repository');
    expect(await run('check', 'berta')).toContain('in order');
  });

  it('refuses a file that is no pack, and keeps nothing of it', async () => {
    const before = await readdir(shelf);
    await writeFile(join(home.path, 'no.musecam'), 'no pack');
    expect(await fail('import', join(home.path, 'no.musecam'))).toContain('PACK_BROKEN');
    expect(await fail('import', join(home.path, 'none.musecam'))).toContain('PACK_MISSING');
    expect(await fail('import', pack, '--id', 'mira', '--replace')).toMatch(/AVATAR_EXISTS/);
    expect(await readdir(shelf)).toEqual(before);
  });

  it('renames one of yours, and says what to type when nothing is asked for', async () => {
    await writeTestAvatar(shelf, 'carla');
    expect(await run('rename', 'carla', '--id', 'zoe', '--name', 'Zoe')).toContain('carla is now zoe, "Zoe"');
    await expect(access(join(shelf, 'carla'))).rejects.toThrow();
    expect(await fail('rename', 'zoe')).toContain('BAD_ARGUMENTS');
    expect(await fail('rename', 'mira', '--name', 'Mine')).toContain('AVATAR_SHIPPED');
  });

  it('asks for the consent that is missing, and notes it', async () => {
    const folder = await writeTestAvatar(shelf, 'dora');
    await changeTestManifest(folder, (m) => Object.assign(m, { consent: undefined }));
    expect(await run('list')).toMatch(/dora.*does not say who is shown/);
    const said = await fail('show', 'dora');
    expect(said).toContain('CONSENT_MISSING');
    expect(said).toContain('avatars consent dora --depicts');
    expect(await fail('export', 'dora', join(home.path, 'dora.musecam'))).toContain('CONSENT_MISSING');
    await run('consent', 'dora', '--depicts', 'Dora', '--consent', 'my own face');
    const { consent } = JSON.parse(await readFile(join(folder, 'avatar.json'), 'utf8'));
    expect(consent).toMatchObject({ depicts: 'Dora', statement: 'my own face' });
    expect(await run('show', 'dora')).toMatch(/shows +Dora/);
  });

  it('removes one of yours', async () => {
    await writeTestAvatar(shelf, 'emma');
    expect(await run('remove', 'emma')).toContain('Removed emma');
    expect(await fail('show', 'emma')).toContain('NO_SUCH_AVATAR');
  });
});
