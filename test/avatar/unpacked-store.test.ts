import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Append, UnpackedStore } from '../../src/avatar/unpacked-store.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = join(await makeTemporaryFolder(), 'unpacked');
});

const filled =
  (byte: number, bytes = 1000) =>
  async (append: Append) =>
    append(new Uint8Array(bytes).fill(byte));
const never = async () => {
  throw new Error('it was there already');
};
/** What is there, marks of use left out. */
const names = async () => (await readdir(folder)).filter((name) => !name.includes('.use-')).sort();

async function makeOld(name: string, secondsAgo: number): Promise<void> {
  const when = new Date(Date.now() - secondsAgo * 1000);
  await utimes(join(folder, name), when, when);
}

describe('the store of unpacked files', () => {
  it('makes a file once and uses it again, in another process, too', async () => {
    const store = new UnpackedStore(folder);
    const first = await store.take('a', 1000, filled(7));
    const second = await new UnpackedStore(folder).take('a', 1000, never);
    for (const { handle, path } of [first, second]) {
      expect((await handle.stat()).size).toBe(1000);
      expect((await readFile(path))[999]).toBe(7);
    }
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('makes a file anew that has another length than it should', async () => {
    const store = new UnpackedStore(folder);
    await (await store.take('a', 1000, filled(7)))[Symbol.asyncDispose]();
    await truncate(join(folder, 'a'), 500);
    await using again = await store.take('a', 1000, filled(8));
    expect((await readFile(again.path))[0]).toBe(8);
  });

  it('leaves nothing of a file that could not be made', async () => {
    const store = new UnpackedStore(folder);
    const half = async (append: Append) => {
      await append(new Uint8Array(500));
      throw new Error('no more');
    };
    await expect(store.take('a', 1000, half)).rejects.toThrow('no more');
    await expect(store.take('a', 1000, filled(1, 999))).rejects.toThrow('999 bytes');
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets the ones used longest ago go when it is full, and none that is held', async () => {
    const store = new UnpackedStore(folder, { maxBytes: 3500, freeBytes: async () => 1e12 });
    await using _held = await store.take('held', 1000, filled(1));
    for (const name of ['old', 'new']) await (await store.take(name, 1000, filled(2)))[Symbol.asyncDispose]();
    await makeOld('held', 900);
    await makeOld('old', 600);
    await makeOld('new', 300);
    await (await store.take('another', 1000, filled(3)))[Symbol.asyncDispose]();
    expect(await names()).toEqual(['another', 'held', 'new']);
  });

  it('counts using a file as using it', async () => {
    const store = new UnpackedStore(folder, { maxBytes: 2500, freeBytes: async () => 1e12 });
    for (const name of ['a', 'b']) await (await store.take(name, 1000, filled(2)))[Symbol.asyncDispose]();
    await makeOld('a', 900);
    await makeOld('b', 300);
    await (await store.take('a', 1000, never))[Symbol.asyncDispose]();
    await (await store.take('c', 1000, filled(3)))[Symbol.asyncDispose]();
    expect(await names()).toEqual(['a', 'c']);
  });

  it('keeps what another living process holds, and forgets what a dead one held or was writing', async () => {
    await mkdir(folder);
    const living = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    const dead = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));
    try {
      await writeFile(join(folder, 'theirs'), new Uint8Array(1000));
      await writeFile(join(folder, `theirs.use-${living.pid}-0123abcd`), '');
      await writeFile(join(folder, 'nobodys'), new Uint8Array(1000));
      await writeFile(join(folder, `nobodys.use-${dead}-0123abcd`), '');
      await writeFile(join(folder, `half.part-${dead}-0123abcd`), new Uint8Array(800));
      const store = new UnpackedStore(folder, { maxBytes: 2000, freeBytes: async () => 1e12 });
      await (await store.take('mine', 1000, filled(1)))[Symbol.asyncDispose]();
      expect(await names()).toEqual(['mine', 'theirs']);
      expect(await readdir(folder)).toHaveLength(3);
    } finally {
      living.kill();
    }
  });

  it('says how much is missing when the disk is full, after letting everything go that may', async () => {
    let free = 50_000_000;
    const store = new UnpackedStore(folder, { freeBytes: async () => free });
    await mkdir(folder);
    await writeFile(join(folder, 'old'), new Uint8Array(1000));
    await expect(store.take('a', 40_000_000, filled(1))).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('40 MB are needed'),
      fix: expect.stringContaining('Free some space'),
    });
    expect(await readdir(folder)).toEqual([]);
    free = 200_000_000;
    await using made = await store.take('a', 1000, filled(1));
    expect(made.bytes).toBe(1000);
  });

  it('says so when the disk gets full on the way, and leaves nothing', async (context) => {
    need(context, process.platform === 'linux' && process.getuid?.() === 0, 'root on Linux');
    need(context, hasProgram('mount'), 'mount');
    await mkdir(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    try {
      const store = new UnpackedStore(folder, { freeBytes: async () => 1e12 });
      await expect(store.take('a', 2_000_000, filled(1, 2_000_000))).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(await readdir(folder)).toEqual([]);
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it('says which folder cannot be written to', async () => {
    await writeFile(folder, 'a file where a folder should be');
    await expect(new UnpackedStore(folder).take('a', 10, filled(1, 10))).rejects.toMatchObject({
      code: 'FOLDER_NOT_WRITABLE',
      message: expect.stringContaining(folder),
    });
  });
});
