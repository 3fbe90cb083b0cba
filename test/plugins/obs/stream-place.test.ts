import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStream } from './stream-stand.ts';

const SIZE = { width: 64, height: 36 } as const;

describe('the address of the stream', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-place-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is the same after a restart, and kept for this user alone', async () => {
    const placePath = join(folder, 'deeper', 'stream.json');
    const addresses: string[] = [];
    for (let start = 0; start < 2; start++) {
      await using stream = await openStream(SIZE, { placePath });
      addresses.push(stream.address);
    }
    expect(addresses[1]).toBe(addresses[0]);
    expect((await stat(placePath)).mode & 0o077).toBe(0);
  });

  it('is another one, with another key, while another show has the port; that one keeps its place', async () => {
    const placePath = join(folder, 'two.json');
    await using first = await openStream(SIZE, { placePath });
    const kept = await readFile(placePath, 'utf8');
    await using second = await openStream(SIZE, { placePath });
    const [a, b] = [new URL(first.address), new URL(second.address)];
    expect(b.port).not.toBe(a.port);
    expect(b.searchParams.get('key')).not.toBe(a.searchParams.get('key'));
    expect(await readFile(placePath, 'utf8')).toBe(kept);
  });

  it('is a new one where what was kept makes no sense', async () => {
    const placePath = join(folder, 'broken.json');
    for (const text of [
      '',
      '{',
      '{"port":80,"key":"short"}',
      '{"port":99999,"key":"01234567890123456789012345678901"}',
    ]) {
      await writeFile(placePath, text);
      await using stream = await openStream(SIZE, { placePath });
      expect(JSON.parse(await readFile(placePath, 'utf8'))).toEqual({
        port: Number(new URL(stream.address).port),
        key: new URL(stream.address).searchParams.get('key'),
      });
    }
  });
});
