import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { WorkFolder, workKey } from '../../../src/avatar/clip/work-folder.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

let parent: string;
beforeEach(async () => {
  parent = await makeTemporaryFolder();
});

describe('the work folder', () => {
  it('keeps results for the next run, until the work is done', async () => {
    {
      await using work = await WorkFolder.open(parent, 'key', false);
      expect(await work.read('a.json')).toBeUndefined();
      await work.write('a.json', '{"a":1}');
    }
    const again = await WorkFolder.open(parent, 'key', false);
    expect(String(await again.read('a.json'))).toBe('{"a":1}');
    expect(await again.has('a.json')).toBe(true);
    await again.remove();
    expect(await readdir(parent)).toEqual([]);
  });

  it('forgets everything when it is told to', async () => {
    {
      await using work = await WorkFolder.open(parent, 'key', false);
      await work.write('a.json', '1');
    }
    await using fresh = await WorkFolder.open(parent, 'key', true);
    expect(await fresh.has('a.json')).toBe(false);
  });

  it('knows nothing of a result that was not finished', async () => {
    await using work = await WorkFolder.open(parent, 'key', false);
    await writeFile(work.fileAt('body.mp4.part'), 'half');
    expect(await work.has('body.mp4')).toBe(false);
    await work.finish('body.mp4');
    expect(await work.has('body.mp4')).toBe(true);
  });

  it('cuts off what a killed run left half-written', async () => {
    {
      await using work = await WorkFolder.open(parent, 'key', false);
      const records = await work.openRecords('r.bin', 4);
      await records.append(Uint8Array.of(1, 2, 3, 4));
      await records.append(Uint8Array.of(5, 6, 7, 8));
      await writeFile(work.fileAt('r.bin'), Uint8Array.of(9, 9), { flag: 'a' });
    }
    await using work = await WorkFolder.open(parent, 'key', false);
    const records = await work.openRecords('r.bin', 4);
    expect(records.count).toBe(2);
    expect([...(await records.read(1))]).toEqual([5, 6, 7, 8]);
    await records.append(Uint8Array.of(1, 1, 1, 1));
    expect((await readFile(work.fileAt('r.bin'))).length).toBe(12);
    await records.cut(1);
    expect(records.count).toBe(1);
    expect((await readFile(work.fileAt('r.bin'))).length).toBe(4);
  });

  it('gives a second one who wants the same work a folder of his own', async () => {
    await using first = await WorkFolder.open(parent, 'key', false);
    await using second = await WorkFolder.open(parent, 'key', false);
    expect(second.path).not.toBe(first.path);
  });

  it('is free again when who worked in it was killed', async () => {
    const path = join(parent, 'key');
    await mkdir(path);
    // No process has this number: it is larger than any that is given out.
    await writeFile(join(path, 'lock'), '999999999');
    await using work = await WorkFolder.open(parent, 'key', false);
    expect(work.path).toBe(path);
  });

  it('takes away what nobody came back to for a week', async () => {
    const old = join(parent, 'old');
    const recent = join(parent, 'recent');
    for (const [path, days] of [
      [old, 8],
      [recent, 6],
    ] as const) {
      await mkdir(path);
      const time = new Date(Date.now() - days * 24 * 3600 * 1000);
      await utimes(path, time, time);
    }
    await using _ = await WorkFolder.open(parent, 'key', false);
    expect((await readdir(parent)).sort()).toEqual(['key', 'recent']);
  });
});

describe('the name of a piece of work', () => {
  it('changes with the source and with what is asked', async () => {
    const source = join(parent, 'clip.mp4');
    await writeFile(source, 'one');
    const key = await workKey(source, { size: 1 });
    expect(await workKey(source, { size: 1 })).toBe(key);
    expect(await workKey(source, { size: 2 })).not.toBe(key);
    await writeFile(source, 'other');
    expect(await workKey(source, { size: 1 })).not.toBe(key);
  });

  it('changes with any picture of a folder', async () => {
    const source = join(parent, 'pictures');
    await mkdir(source);
    await writeFile(join(source, '1.png'), 'one');
    const key = await workKey(source, {});
    await writeFile(join(source, '1.png'), 'another');
    expect(await workKey(source, {})).not.toBe(key);
  });
});
