import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreparationDetails } from '../../src/api/plugin.ts';
import { Preparations, type PreparationsOptions } from '../../src/app/preparations.ts';
import { realDisk } from '../../src/app/receive-upload.ts';
import type { PreparationRequest, PreparationRunner } from '../../src/app/run-preparation.ts';
import { AppError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { findPaths } from '../../src/base/paths.ts';
import { makeHome } from '../fakes/cli.ts';

const mira = fileURLToPath(new URL('../../avatars/mira/', import.meta.url));
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
const never = new AbortController().signal;

/** "Prepares" by copying a shipped avatar under the new id. */
const copyMira: PreparationRunner = async ({ avatarId, into, source }, onProgress) => {
  expect(existsSync(source)).toBe(true);
  onProgress({ step: 'Copying', fraction: 0.5, secondsLeft: 1 });
  const folder = join(into, avatarId);
  await cp(mira, folder, { recursive: true });
  const manifest = JSON.parse(await readFile(join(folder, 'avatar.json'), 'utf8'));
  await writeFile(join(folder, 'avatar.json'), JSON.stringify({ ...manifest, id: avatarId }));
};

/** Prepares only when the test says so. */
class HeldRunner {
  readonly started: PreparationRequest[] = [];
  readonly #release: (() => void)[] = [];
  readonly run: PreparationRunner = async (request, onProgress, signal) => {
    this.started.push(request);
    await new Promise<void>((resolve, reject) => {
      this.#release.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    await copyMira(request, onProgress, signal);
  };
  release(): void {
    this.#release.shift()!();
  }
}

async function* piecesOf(bytes: Uint8Array, pieceBytes = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

describe('the desk for new avatars', () => {
  let home: ReturnType<typeof makeHome>;
  const desks: Preparations[] = [];
  let uploads: string;
  let avatars: string;
  beforeEach(() => {
    home = makeHome();
    uploads = join(home.path, 'data', 'uploads');
    avatars = join(home.path, 'data', 'avatars');
  });
  afterEach(async () => {
    for (const desk of desks.splice(0)) await desk[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  const library = {
    list: async () => [
      { id: 'mira', isShipped: true },
      ...(existsSync(avatars) ? readdirSync(avatars).map((id) => ({ id, isShipped: false })) : []),
    ],
  };

  async function openDesk(options: Partial<PreparationsOptions> = {}): Promise<Preparations> {
    const paths = findPaths(home.env);
    const desk = await Preparations.open({ paths, log: silentLog, library, run: copyMira, ...options });
    desks.push(desk);
    return desk;
  }

  const detailsOf = (changes: Partial<PreparationDetails> = {}): PreparationDetails => ({
    fileName: 'me.jpg',
    bytes: JPEG.length,
    avatarId: 'me',
    name: 'Me',
    depicts: 'Anna',
    consent: 'my own face',
    ...changes,
  });
  const take = (desk: Preparations, changes?: Partial<PreparationDetails>, body = piecesOf(JPEG)) =>
    desk.take(detailsOf(changes), body, never);
  const whenReady = (desk: Preparations, id: string) =>
    vi.waitFor(() => expect(desk.status.find((job) => job.id === id)?.state).toBe('ready'), 10_000);
  const filesLeft = () => (existsSync(uploads) ? readdirSync(uploads, { recursive: true }) : []);

  it('takes a file in, prepares it, shows its pictures, and makes it an avatar when it is accepted', async () => {
    const desk = await openDesk();
    const states = new Set<string>();
    desk.onDidChange(() => void states.add(desk.status[0] ? `${desk.status[0].state} ${desk.status[0].step}` : ''));
    const id = await take(desk);
    await whenReady(desk, id);
    expect([...states]).toEqual([
      'uploading Uploading',
      'preparing Waiting for its turn',
      'preparing Starting',
      'preparing Copying',
      'ready Ready',
    ]);
    expect(readFileSync(desk.picture(id, 'preview')!).length).toBeGreaterThan(1000);
    expect(existsSync(avatars)).toBe(false);
    expect(await desk.accept(id)).toBe('me');
    expect(JSON.parse(readFileSync(join(avatars, 'me', 'avatar.json'), 'utf8'))).toMatchObject({ id: 'me' });
    expect([desk.status, filesLeft(), desk.picture(id, 'preview')]).toEqual([[], [], undefined]);
  });

  it('removes everything of what is discarded, in every state', async () => {
    const held = new HeldRunner();
    const desk = await openDesk({ run: held.run });
    const first = await take(desk);
    const second = await take(desk, { avatarId: 'second' });
    const ending = { ...detailsOf({ avatarId: 'third' }) };
    const third = desk.take(ending, endless(), never);
    const outcome = expect(third).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await vi.waitFor(() =>
      expect(desk.status.map((job) => job.state)).toEqual(['preparing', 'preparing', 'uploading']),
    );
    await vi.waitFor(() => expect(held.started).toHaveLength(1));
    await desk.discard(desk.status[2]!.id);
    await outcome;
    await desk.discard(second);
    await desk.discard(first);
    expect([desk.status, filesLeft(), held.started.length]).toEqual([[], [], 1]);
    const ready = await take(desk);
    await vi.waitFor(() => expect(held.started).toHaveLength(2));
    // The one that was called off has left its place in the row.
    held.release();
    held.release();
    await whenReady(desk, ready);
    await desk.discard(ready);
    expect([desk.status, filesLeft()]).toEqual([[], []]);
    await expect(desk.discard(ready)).rejects.toMatchObject({ code: 'NO_SUCH_PREPARATION' });
  });

  it('prepares one at a time, in the order of coming', async () => {
    const held = new HeldRunner();
    const desk = await openDesk({ run: held.run });
    const ids = [await take(desk), await take(desk, { avatarId: 'second' })];
    await vi.waitFor(() => expect(held.started.map(({ avatarId }) => avatarId)).toEqual(['me']));
    expect(desk.status.map((job) => job.step)).toEqual(['Starting', 'Waiting for its turn']);
    held.release();
    await whenReady(desk, ids[0]!);
    await vi.waitFor(() => expect(held.started.map(({ avatarId }) => avatarId)).toEqual(['me', 'second']));
    held.release();
    await whenReady(desk, ids[1]!);
  });

  it('refuses what is not said, does not fit, or is taken, before a byte is read', async () => {
    const desk = await openDesk({ maxBytes: 1000 });
    await take(desk, { avatarId: 'there' });
    mkdirSync(join(avatars, 'mine'), { recursive: true });
    const refused: [Partial<PreparationDetails>, string][] = [
      [{ consent: ' ' }, 'CONSENT_MISSING'],
      [{ depicts: '' }, 'CONSENT_MISSING'],
      [{ avatarId: '../me' }, 'BAD_AVATAR_ID'],
      [{ avatarId: 'Me' }, 'BAD_AVATAR_ID'],
      [{ avatarId: '' }, 'BAD_AVATAR_ID'],
      [{ name: '  ' }, 'BAD_AVATAR_DETAILS'],
      [{ name: 'x'.repeat(101) }, 'BAD_AVATAR_DETAILS'],
      [{ consent: 'x'.repeat(1001) }, 'BAD_AVATAR_DETAILS'],
      [{ bytes: 1001 }, 'UPLOAD_TOO_LARGE'],
      [{ bytes: 0 }, 'UPLOAD_INCOMPLETE'],
      [{ bytes: Number.NaN }, 'UPLOAD_INCOMPLETE'],
      [{ avatarId: 'mira' }, 'AVATAR_EXISTS'],
      [{ avatarId: 'mine' }, 'AVATAR_EXISTS'],
      [{ avatarId: 'there' }, 'AVATAR_EXISTS'],
    ];
    for (const [changes, code] of refused) {
      let isRead = false;
      const body = (async function* () {
        isRead = true;
        yield JPEG;
      })();
      const outcome = await take(desk, changes, body).catch((thrown: AppError) => thrown.code);
      expect([changes, outcome, isRead]).toEqual([changes, code, false]);
    }
  });

  it('refuses what is neither photo nor clip at its first bytes, whatever it is called', async () => {
    const desk = await openDesk();
    const kinds = {
      html: '<!doctype html><script>alert(1)</script>',
      svg: '<svg xmlns="http://www.w3.org/2000/svg"/>',
      program: '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0',
      playlist: '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\nfile:///etc/passwd',
      concat: "ffconcat version 1.0\nfile '/etc/passwd'",
      zip: 'PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0',
      heic: '\0\0\0\x18ftypheic\0\0\0\0mif1heic',
      short: 'abc',
      wave: 'RIFF\0\0\0\0WAVEfmt \0\0\0\0',
    };
    for (const [kind, text] of Object.entries(kinds)) {
      const bytes = Buffer.from(text, 'latin1');
      let pieces = 0;
      const body = (async function* () {
        for (const piece of [bytes, Buffer.alloc(1_000_000)]) {
          pieces++;
          yield piece;
        }
      })();
      const changes = { bytes: bytes.length < 16 ? bytes.length : bytes.length + 1_000_000 };
      const whole = bytes.length < 16 ? piecesOf(bytes) : body;
      const outcome = await take(desk, changes, whole).catch((thrown: AppError) => thrown.code);
      expect([kind, outcome]).toEqual([kind, 'UPLOAD_TYPE']);
      expect(pieces).toBeLessThanOrEqual(1);
    }
    expect([desk.status, filesLeft()]).toEqual([[], []]);
  });

  it('refuses a file that is longer or shorter than announced, and keeps nothing of it', async () => {
    const desk = await openDesk();
    for (const bytes of [JPEG.length - 1, JPEG.length + 1, JPEG.length * 2]) {
      await expect(take(desk, { bytes })).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    }
    expect([desk.status, filesLeft()]).toEqual([[], []]);
    await whenReady(desk, await take(desk));
  });

  it('keeps nothing of an upload that is broken off', async () => {
    const desk = await openDesk();
    const abort = new AbortController();
    const taking = desk.take(detailsOf(), endless(), abort.signal);
    const outcome = expect(taking).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    await vi.waitFor(() => expect(filesLeft().some((path) => String(path).endsWith('source'))).toBe(true));
    abort.abort(new AppError('UPLOAD_INCOMPLETE', 'Broken off.'));
    await outcome;
    expect([desk.status, filesLeft()]).toEqual([[], []]);
  });

  it('says that the disk is full, before and in the middle', async () => {
    const small = await openDesk({ disk: { ...realDisk, freeBytes: async () => 256_000_000 } });
    await expect(take(small)).rejects.toMatchObject({ code: 'DISK_FULL' });
    const full = await openDesk({
      disk: {
        ...realDisk,
        async create(path) {
          const file = await realDisk.create(path);
          const fail = async () => {
            throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
          };
          return { write: fail, close: () => file.close() };
        },
      },
    });
    await expect(take(full)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect([full.status, filesLeft()]).toEqual([[], []]);
  });

  it('counts what other uploads are going to need', async () => {
    const desk = await openDesk({ disk: { ...realDisk, freeBytes: async () => 256_000_000 + 1_500 } });
    const abort = new AbortController();
    const first = desk.take(detailsOf({ bytes: 1_000 }), endless(), abort.signal).catch(() => {});
    await vi.waitFor(() => expect(desk.status).toHaveLength(1));
    await expect(take(desk, { avatarId: 'second', bytes: 1_000 })).rejects.toMatchObject({ code: 'DISK_FULL' });
    abort.abort(new AppError('UPLOAD_INCOMPLETE', 'Broken off.'));
    await first;
    await expect(take(desk, { avatarId: 'second', bytes: 1_000 })).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  });

  it('never uses the name of the file as a path', async () => {
    const held = new HeldRunner();
    const desk = await openDesk({ run: held.run });
    const names = {
      '../../../etc/cron.d/x.jpg': 'x.jpg',
      'C:\\Users\\a\\me.png': 'me.png',
      '..': '..',
      'a\u0000b\u202egpj.jpg': 'abgpj.jpg',
      '/': 'file',
    };
    for (const [at, fileName] of Object.keys(names).entries()) await take(desk, { fileName, avatarId: `me-${at}` });
    expect(desk.status.map((job) => job.fileName)).toEqual(Object.values(names));
    const files = filesLeft()
      .map(String)
      .filter((path) => statSync(join(uploads, path)).isFile());
    expect(files).toHaveLength(5);
    for (const path of files) expect(path).toMatch(/^\d+-[0-9a-f]{16}\/source$/);
    expect(readdirSync(join(home.path, 'data'))).toEqual(['uploads']);
  });

  it('takes eight at a time and no more', async () => {
    const held = new HeldRunner();
    const desk = await openDesk({ run: held.run });
    for (let i = 0; i < 8; i++) await take(desk, { avatarId: `me-${i}` });
    await expect(take(desk)).rejects.toMatchObject({ code: 'PREPARATIONS_FULL' });
    await desk.discard(desk.status[7]!.id);
    await take(desk);
  });

  it('shows why a preparation failed until it is discarded, and goes on with the next', async () => {
    const run: PreparationRunner = async (request, ...others) => {
      if (request.avatarId !== 'me') return copyMira(request, ...others);
      throw new AppError('NO_FACE', `No face was found in ${request.source}.`, { fix: 'Use another photo.' });
    };
    const desk = await openDesk({ run });
    const failed = await take(desk);
    const other = await take(desk, { avatarId: 'other' });
    await whenReady(desk, other);
    const error = { code: 'NO_FACE', message: 'No face was found in me.jpg.', fix: 'Use another photo.' };
    expect(desk.status[0]).toMatchObject({ id: failed, state: 'failed', error });
    expect(filesLeft().some((path) => String(path).includes(failed))).toBe(false);
    await expect(desk.accept(failed)).rejects.toMatchObject({ code: 'PREPARATION_NOT_READY' });
    await desk.discard(failed);
    expect(desk.status).toHaveLength(1);
  });

  it('does not accept what was changed after it was prepared, nor an id that was taken meanwhile', async () => {
    const desk = await openDesk();
    const id = await take(desk);
    await whenReady(desk, id);
    mkdirSync(join(avatars, 'me'), { recursive: true });
    writeFileSync(join(avatars, 'me', 'mine'), 'mine');
    await expect(desk.accept(id)).rejects.toMatchObject({ code: 'AVATAR_EXISTS' });
    expect(readdirSync(join(avatars, 'me'))).toEqual(['mine']);
    writeFileSync(desk.picture(id, 'preview')!, 'changed');
    await expect(desk.accept(id)).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    expect(desk.status[0]).toMatchObject({ id, state: 'ready' });
  });

  it('does not believe a preparation that says it is done', async () => {
    const desk = await openDesk({ run: async () => {} });
    await take(desk);
    await vi.waitFor(() => expect(desk.status[0]).toMatchObject({ state: 'failed', error: { code: 'AVATAR_BROKEN' } }));
  });

  it('ends and removes everything when the show ends', async () => {
    const held = new HeldRunner();
    const desk = await openDesk({ run: held.run });
    await take(desk);
    await take(desk, { avatarId: 'second' });
    const outcome = expect(desk.take(detailsOf({ avatarId: 'third' }), endless(), never)).rejects.toThrow();
    await vi.waitFor(() => expect(desk.status).toHaveLength(3));
    await desk[Symbol.asyncDispose]();
    await outcome;
    expect([desk.status, filesLeft()]).toEqual([[], []]);
    await expect(take(desk)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('clears away what killed shows have left, and nothing of those that live', async () => {
    const names = {
      dead: '4194304-0123456789abcdef',
      alive: `${process.ppid}-0123456789abcdef`,
      before: `${process.pid}-0123456789abcdef`,
      own: `${process.pid}-fedcba9876543210`,
      foreign: 'something-else',
    };
    for (const name of Object.values(names)) mkdirSync(join(uploads, name, 'ready'), { recursive: true });
    const longAgo = new Date(Date.now() - 1e9);
    utimesSync(join(uploads, names.before), longAgo, longAgo);
    await openDesk();
    expect(readdirSync(uploads).sort()).toEqual([names.alive, names.own, names.foreign].sort());
  });
});

/** A photo that never ends. */
async function* endless(): AsyncGenerator<Uint8Array> {
  yield JPEG;
  await new Promise(() => {});
}
