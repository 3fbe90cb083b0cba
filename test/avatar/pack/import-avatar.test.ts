import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkAvatar } from '../../../src/avatar/check-avatar.ts';
import { listFiles } from '../../../src/avatar/manifest-rules.ts';
import { exportAvatar } from '../../../src/avatar/pack/export-avatar.ts';
import { type ImportOptions, importAvatar } from '../../../src/avatar/pack/import-avatar.ts';
import { readManifest } from '../../../src/avatar/read-manifest.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { changeTestManifest, describeFile, type LooseManifest, writeTestAvatar } from '../write-test-avatar.ts';
import { buildZip, type ZipEnd, type ZipItem } from './build-zip.ts';

let home: string;
let sound: string;
let shelf: string;
let pack: string;
beforeAll(async () => {
  home = await makeTemporaryFolder();
  sound = await writeTestAvatar(join(home, 'sound'), 'anna');
});
beforeEach(async () => {
  shelf = join(home, 'shelf');
  pack = join(home, 'anna.musecam');
  await rm(shelf, { recursive: true, force: true });
  await mkdir(shelf);
});

/** The files of the sound avatar as a pack holds them, avatar.json first. */
async function soundItems(change: (manifest: LooseManifest) => void = () => {}): Promise<ZipItem[]> {
  const manifest = JSON.parse(await readFile(join(sound, 'avatar.json'), 'utf8')) as LooseManifest;
  const items: ZipItem[] = [];
  for (const { path } of listFiles(manifest)) items.push({ name: path, data: await readFile(join(sound, path)) });
  change(manifest);
  return [{ name: 'avatar.json', data: Buffer.from(JSON.stringify(manifest)) }, ...items];
}

async function importItems(items: readonly ZipItem[], end: ZipEnd = {}, options: Partial<ImportOptions> = {}) {
  await writeFile(pack, buildZip(items, end));
  return importAvatar(pack, { folder: shelf, ...options });
}

/** Nothing at all is left of it: neither an avatar nor a hidden folder, here or beside. */
async function expectRefused(doing: Promise<unknown>, code: string | RegExp, words = /./): Promise<void> {
  const beside = readdirSync(home).filter((name) => name !== 'anna.musecam');
  await expect(doing).rejects.toMatchObject({
    name: 'AppError',
    code: expect.stringMatching(code),
    message: expect.stringMatching(words),
  });
  expect(await readdir(shelf)).toEqual([]);
  expect((await readdir(home)).filter((name) => name !== 'anna.musecam')).toEqual(beside);
}

describe('importing a pack', () => {
  it('brings back what was exported, byte for byte, and says how large it is', async () => {
    await exportAvatar(sound, pack, { replace: true });
    const { manifest, folder, bytes } = await importAvatar(pack, { folder: shelf });
    expect(folder).toBe(join(shelf, 'anna'));
    expect(manifest.consent.statement).toBe('drawn for the tests of this repository');
    expect(await checkAvatar(folder)).toMatchObject({ ok: true });
    const files = listFiles(manifest);
    expect(bytes).toBe(files.reduce((sum, file) => sum + file.bytes, 0));
    for (const { path } of files)
      expect(Buffer.compare(await readFile(join(folder, path)), await readFile(join(sound, path)))).toBe(0);
    expect(await readdir(shelf)).toEqual(['anna']);
  });

  it('brings back a clip', async (context) => {
    need(context, hasProgram('ffmpeg') && hasProgram('ffprobe'), 'ffmpeg and ffprobe');
    const clip = await writeTestAvatar(join(home, 'sound'), 'clip', 6);
    await exportAvatar(clip, pack, { replace: true });
    await importAvatar(pack, { folder: shelf });
    expect(await checkAvatar(join(shelf, 'clip'))).toMatchObject({ ok: true, manifest: { frameCount: 6 } });
  });

  it('gives it another id, and refuses ids that are taken', async () => {
    await importItems(await soundItems());
    await expect(importItems(await soundItems())).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
    await importItems(await soundItems(), {}, { id: 'berta' });
    expect(await checkAvatar(join(shelf, 'berta'))).toMatchObject({ ok: true, manifest: { id: 'berta' } });
    const reserved = { reservedIds: ['anna'], replace: true };
    await expect(importItems(await soundItems(), {}, reserved)).rejects.toMatchObject({
      code: 'AVATAR_EXISTS',
      fix: expect.not.stringContaining('--replace'),
    });
    await expect(importItems(await soundItems(), {}, { id: '../berta' })).rejects.toMatchObject({
      code: 'BAD_AVATAR_ID',
    });
    expect(await readdir(shelf)).toEqual(['anna', 'berta']);
  });

  it('replaces an avatar when told to, and keeps it when the pack is broken', async () => {
    await importItems(await soundItems());
    const renamed = await soundItems((m) => Object.assign(m, { name: 'Another' }));
    await importItems(renamed, {}, { replace: true });
    expect(await readManifest(join(shelf, 'anna'))).toMatchObject({ name: 'Another' });
    const broken = await soundItems((m) => Object.assign(m.masks, { sha256: '0'.repeat(64) }));
    await expect(importItems(broken, {}, { replace: true })).rejects.toMatchObject({ code: 'PACK_BROKEN' });
    expect(await readManifest(join(shelf, 'anna'))).toMatchObject({ name: 'Another' });
    expect(await readdir(shelf)).toEqual(['anna']);
  });

  it('keeps what it does not know in avatar.json', async () => {
    await importItems(await soundItems((m) => Object.assign(m, { mood: 'fair' })));
    expect(JSON.parse(await readFile(join(shelf, 'anna', 'avatar.json'), 'utf8'))).toMatchObject({ mood: 'fair' });
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const reason = new Error('enough');
    await writeFile(pack, buildZip(await soundItems()));
    await expect(importAvatar(pack, { folder: shelf, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const onProgress = () => abort.abort(reason);
    await expect(importAvatar(pack, { folder: shelf, signal: abort.signal, onProgress })).rejects.toBe(reason);
    expect(await readdir(shelf)).toEqual([]);
  });

  it('says when there is no such file, or a folder in its place', async () => {
    await expectRefused(importAvatar(join(home, 'none.musecam'), { folder: shelf }), 'PACK_MISSING');
    await expectRefused(importAvatar(home, { folder: shelf }), 'PACK_BROKEN', /not a file/);
  });
});

const SECRET = Buffer.from('written where it may not be');
const zip64Field = (...sizes: number[]) => {
  const field = Buffer.alloc(4 + 8 * sizes.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * sizes.length, 2);
  for (const [i, size] of sizes.entries()) field.writeBigUInt64LE(BigInt(size), 4 + 8 * i);
  return field;
};

describe('a hostile pack', () => {
  it.each([
    '../secret',
    '../../secret',
    'body/../../secret',
    '/tmp/secret',
    '//host/secret',
    '..\\secret',
    'C:\\secret',
    'C:secret',
    'secret\0.webp',
    'body/',
    '.',
    '..',
    '',
    './secret',
    'secret ',
    'sec\u0301ret',
    '\u2024\u2024/secret',
    '\u202etxt.webp',
    'secret\uff0f..',
    `${'a/'.repeat(150)}secret`,
  ])('is refused for a file called %j', async (name) => {
    const items = [...(await soundItems()), { name, data: SECRET }];
    await expectRefused(importItems(items), 'PACK_UNSAFE', /name|plain file/);
    const named = await soundItems((m) => Object.assign(m.sheet!, describeFile(name, SECRET)));
    await expectRefused(importItems([...named.slice(0, -1), { name, data: SECRET }]), /^PACK_/);
  });

  it('is refused for a name that is not text', async () => {
    const items = [...(await soundItems()), { name: Buffer.from([0xc0, 0xae, 0xc0, 0xae, 0x2f]), data: SECRET }];
    await expectRefused(importItems(items), 'PACK_UNSAFE');
  });

  it('is refused for a file that avatar.json does not name', async () => {
    const items = [...(await soundItems()), { name: 'extra.webp', data: SECRET }];
    await expectRefused(importItems(items), 'PACK_UNSAFE', /does not name/);
  });

  it('is refused for names that are there twice, or differ in case only', async () => {
    const items = await soundItems();
    await expectRefused(importItems([...items, items[1]!]), 'PACK_UNSAFE', /twice/);
    await expectRefused(importItems([...items, { ...items[1]!, name: 'Body/0000.WEBP' }]), 'PACK_UNSAFE', /twice/);
    await expectRefused(importItems([...items, { ...items[0]!, name: 'AVATAR.json' }]), 'PACK_UNSAFE', /twice/);
  });

  it.each<[string, NonNullable<ZipItem['says']>, string]>([
    ['a symbolic link', { attributes: 0o120777 * 65_536 }, 'PACK_UNSAFE'],
    ['a folder', { attributes: 0o40755 * 65_536 }, 'PACK_UNSAFE'],
    ['a folder of DOS', { attributes: 0x10 }, 'PACK_UNSAFE'],
    ['a device', { attributes: 0o60600 * 65_536 }, 'PACK_UNSAFE'],
    ['a pipe', { attributes: 0o10600 * 65_536 }, 'PACK_UNSAFE'],
    ['encrypted', { flags: 1, packed: 4012, method: 8 }, 'PACK_UNSAFE'],
    ['strongly encrypted', { flags: 0x41 }, 'PACK_BROKEN'],
    ['masked', { flags: 0x2000 }, 'PACK_UNSAFE'],
    ['packed with an unknown method', { method: 12 }, 'PACK_UNSAFE'],
    ['longer than the whole pack', { packed: 1e9, method: 8 }, '^PACK_'],
    ['shorter than it is', { unpacked: 10, method: 8 }, '^PACK_'],
    ['of a length that only ZIP64 can say', { unpacked: 0xffffffff, extra: zip64Field(2 ** 62) }, '^PACK_'],
    ['of the right length said by ZIP64', { extra: zip64Field(4000, 4000) }, 'PACK_UNSAFE'],
    ['at a place beyond the end', { at: 0xfffffff0 }, '^PACK_'],
    ['at a place that only ZIP64 can say', { at: 0xffffffff, extra: zip64Field(2 ** 60) }, '^PACK_'],
    ['with a second name', { extra: Buffer.from([0x75, 0x70, 1, 0, 0]) }, 'PACK_UNSAFE'],
    ['with fields that end nowhere', { extra: Buffer.from([0x55, 0x54, 0xff, 0xff]) }, 'PACK_BROKEN'],
  ])('is refused for a file that is %s', async (_, says, code) => {
    const items = await soundItems();
    const last = items.at(-1)!;
    await expectRefused(importItems([...items.slice(0, -1), { ...last, says }]), new RegExp(code));
  });

  it('is refused for files that share their bytes', async () => {
    const items = await soundItems();
    const shared = { ...items[2]!, says: { at: 0 } };
    await expectRefused(importItems([...items.slice(0, 2), shared, ...items.slice(3)]), 'PACK_UNSAFE', /shares/);
  });

  it('is refused for a file with two names', async () => {
    const items = await soundItems();
    const forged = { ...items[2]!, localName: '../secret' };
    await expectRefused(importItems([...items.slice(0, 2), forged, ...items.slice(3)]), 'PACK_UNSAFE', /differently/);
  });

  it.each<[string, ZipEnd, string]>([
    ['counts more files than there are', { count: 60_000 }, 'PACK_UNSAFE'],
    ['counts one file more', { count: 10 }, 'PACK_BROKEN'],
    ['counts fewer files', { count: 3 }, '^PACK_'],
    ['counts none', { count: 0 }, 'PACK_BROKEN'],
    ['has a comment', { comment: 'hello' }, 'PACK_BROKEN'],
    ['is one of several disks', { disk: 1 }, 'PACK_UNSAFE'],
    ['has its directory elsewhere', { directoryAt: 3 }, 'PACK_BROKEN'],
    ['ends in ZIP64', { before: Buffer.concat([Buffer.from('PK\x06\x07'), Buffer.alloc(16)]) }, 'PACK_UNSAFE'],
  ])('is refused when it %s', async (_, end, code) => {
    await expectRefused(importItems(await soundItems(), end), new RegExp(code));
  });

  it('is refused at every length it can be cut to', async () => {
    const whole = buildZip(await soundItems());
    for (let length = 0; length < whole.length; length += 97) {
      await writeFile(pack, whole.subarray(0, length));
      await expectRefused(importAvatar(pack, { folder: shelf }), 'PACK_BROKEN');
    }
  });

  it('is refused when avatar.json does not come first, or not at all', async () => {
    const [first, ...rest] = await soundItems();
    await expectRefused(importItems([...rest, first!]), 'PACK_BROKEN', /begin with avatar\.json/);
    await expectRefused(importItems(rest), 'PACK_BROKEN', /begin with avatar\.json/);
    await expectRefused(importItems([]), 'PACK_BROKEN', /begin with avatar\.json/);
  });

  it('is refused when a bit of avatar.json was turned', async () => {
    const bytes = buildZip(await soundItems());
    const at = bytes.indexOf('Anna');
    bytes[at] = 'H'.charCodeAt(0);
    await writeFile(pack, bytes);
    await expectRefused(importAvatar(pack, { folder: shelf }), 'PACK_BROKEN', /avatar\.json is damaged/);
  });

  it('is refused when a file is missing, has another length, or was changed', async () => {
    const items = await soundItems();
    await expectRefused(importItems(items.slice(0, -1)), 'PACK_BROKEN', /missing/);
    const [last, others] = [items.at(-1)!, items.slice(0, -1)];
    await expectRefused(importItems([...others, { ...last, data: SECRET }]), 'PACK_BROKEN', /bytes/);
    const changed = Buffer.from(last.data);
    changed[7]! ^= 1;
    await expectRefused(importItems([...others, { ...last, data: changed }]), 'PACK_BROKEN', /not what avatar\.json/);
  });

  it('never unpacks more than it says: lengths that lie, and what is too much for its size', async () => {
    const items = await soundItems();
    const [last, others] = [items.at(-1)!, items.slice(0, -1)];
    const bomb = Buffer.alloc(60_000_000);
    const lying = { ...last, data: bomb, deflate: true, says: { unpacked: last.data.length } };
    await expectRefused(importItems([...others, lying]), 'PACK_BROKEN', /more of it than the pack says/);
    const honest = await soundItems((m) =>
      Object.assign(m.engines.puppet!.files[0]!, describeFile('puppet/fields.bin', bomb)),
    );
    const full = [...honest.slice(0, -1), { ...last, data: bomb, deflate: true }];
    await expectRefused(importItems(full), 'PACK_UNSAFE', /would unpack to 60\d{6}/);
  });

  it('is refused for an avatar.json of five megabytes, before it is unpacked', async () => {
    const [, ...rest] = await soundItems();
    const long = { name: 'avatar.json', data: Buffer.alloc(5_000_000, ' '), deflate: true };
    await expectRefused(importItems([long, ...rest]), 'PACK_BROKEN', /5000000 bytes/);
  });

  it.each<[string, string, (m: LooseManifest) => void]>([
    ['was made by a newer version', 'AVATAR_TOO_NEW', (m) => Object.assign(m, { schemaVersion: 3, body: 'new' })],
    ['has no consent', 'CONSENT_MISSING', (m) => Object.assign(m, { consent: undefined })],
    ['has an empty consent', 'CONSENT_MISSING', (m) => Object.assign(m.consent, { statement: '' })],
    ['has a box at a negative place', 'PACK_BROKEN', (m) => Object.assign(m.faceBoxes[0]!, { x: -2 })],
    ['has a box outside', 'PACK_BROKEN', (m) => Object.assign(m.faceBoxes[0]!, { x: 120 })],
    ['has huge pictures', 'PACK_BROKEN', (m) => Object.assign(m, { width: 100_000 })],
    ['has pictures of another size than it says', 'PACK_BROKEN', (m) => Object.assign(m, { width: 256 })],
    ['has a million frames', 'PACK_BROKEN', (m) => Object.assign(m, { frameCount: 1_000_000 })],
    ['has an id with a path in it', 'PACK_BROKEN', (m) => Object.assign(m, { id: '../anna' })],
    ['names a file outside', 'PACK_BROKEN', (m) => Object.assign(m.sheet!, { path: '../sheet.webp' })],
    ['names a file of another system', 'PACK_BROKEN', (m) => Object.assign(m.sheet!, { path: 'C:\\sheet.webp' })],
    ['needs gigabytes', 'PACK_BROKEN', (m) => Object.assign(m.sheet!, { bytes: 3_999_999_999 })],
  ])('is refused when its avatar %s', async (_, code, change) => {
    await expectRefused(importItems(await soundItems(change)), code);
  });

  it('is refused for landmarks that are not numbers', async () => {
    const landmarks = await readFile(join(sound, 'landmarks.f32'));
    landmarks.writeFloatLE(Number.NaN, 400);
    const items = await soundItems((m) => Object.assign(m.landmarks, describeFile('landmarks.f32', landmarks)));
    const forged = items.map((item) => (item.name === 'landmarks.f32' ? { ...item, data: landmarks } : item));
    await expectRefused(importItems(forged), 'PACK_BROKEN', /landmark/);
  });

  it('follows no link that lies where the avatar goes', async () => {
    const outside = join(home, 'outside');
    await mkdir(outside, { recursive: true });
    await symlink(outside, join(shelf, 'anna'));
    await importItems(await soundItems(), {}, { replace: true });
    expect(await readdir(outside)).toEqual([]);
    expect(await checkAvatar(join(shelf, 'anna'))).toMatchObject({ ok: true });
  });
});

describe('exporting an avatar', () => {
  it('gives the same bytes every time, avatar.json first, and leaves out what is not named', async () => {
    await exportAvatar(sound, pack, { replace: true });
    const first = await readFile(pack);
    await writeFile(join(sound, 'notes.txt'), 'not part of it');
    await exportAvatar(sound, pack, { replace: true });
    await rm(join(sound, 'notes.txt'));
    expect(Buffer.compare(await readFile(pack), first)).toBe(0);
    expect(first.subarray(30, 41).toString()).toBe('avatar.json');
    expect(first.includes('notes.txt')).toBe(false);
  });

  it('writes over nothing unless told to, and leaves nothing half-made', async () => {
    await writeFile(pack, 'mine');
    await expect(exportAvatar(sound, pack)).rejects.toMatchObject({ code: 'PACK_EXISTS' });
    expect(await readFile(pack, 'utf8')).toBe('mine');
    const nowhere = join(home, 'nowhere', 'anna.musecam');
    await expect(exportAvatar(sound, nowhere)).rejects.toMatchObject({ code: 'PACK_NOT_WRITABLE' });
    expect((await readdir(home)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('packs no avatar that is broken or lacks consent', async () => {
    const broken = await writeTestAvatar(join(home, 'broken'), 'anna');
    await changeTestManifest(broken, (m) => Object.assign(m, { consent: undefined }));
    await expect(exportAvatar(broken, pack, { replace: true })).rejects.toMatchObject({ code: 'CONSENT_MISSING' });
    await rm(join(broken, 'avatar.json'));
    await expect(exportAvatar(broken, pack, { replace: true })).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
  });
});
