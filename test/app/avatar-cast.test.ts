import { beforeAll, describe, expect, it } from 'vitest';
import type { AvatarRef } from '../../src/api/avatar.ts';
import { AvatarCast } from '../../src/app/avatar-cast.ts';
import type { ResidentAvatar } from '../../src/app/resident-avatar.ts';
import { AvatarLibrary } from '../../src/avatar/library.ts';
import { silentLog } from '../../src/base/log.ts';
import { makeFlatAvatar } from '../avatar/make-flat-avatar.ts';
import { makeTemporaryFolder } from '../avatar/temporary-folder.ts';
import { countOpenFiles } from './swap-stand.ts';

const SIZE = { width: 320, height: 180 };
const ids = ['a', 'b', 'c', 'd', 'e'];

/** An engine that notes what it holds, and can be slow or refuse. */
class NotedFace {
  readonly held = new Set<string>();
  readonly refused = new Set<string>();
  readonly slow = new Map<string, Promise<void>>();

  async load({ id }: AvatarRef): Promise<void> {
    await this.slow.get(id);
    if (this.refused.has(id)) throw new Error(`${id} does not suit`);
    this.held.add(id);
  }

  async unload(id: string): Promise<void> {
    this.held.delete(id);
  }
}

let shelf: string;
let cacheFolder: string;
/** What one of these avatars counts for, in bytes. */
let bytesOfOne: number;
beforeAll(async () => {
  shelf = await makeTemporaryFolder();
  cacheFolder = await makeTemporaryFolder();
  for (const id of ids) await makeFlatAvatar(shelf, id, SIZE, 100);
  await using opened = await openCast(1e9);
  bytesOfOne = opened.cast.residentBytes;
});

async function openCast(memoryBytes: number) {
  const face = new NotedFace();
  const library = new AvatarLibrary([{ folder: shelf, isShipped: false }], { cacheFolder });
  const options = { library, face, log: silentLog, cacheFolder, memoryBytes, background: 'keep' };
  const { cast, first } = await AvatarCast.open(options, 'a');
  const onAir: ResidentAvatar[] = [first];
  cast.onPutOn((avatar) => onAir.push(avatar));
  const residents = () => cast.summaries.filter(({ isResident }) => isResident).map(({ id }) => id);
  const dispose = () => cast[Symbol.asyncDispose]();
  return { cast, face, onAir, residents, [Symbol.asyncDispose]: dispose };
}

describe('the cast of avatars', () => {
  it('lets those used longest ago go when memory is short, from the engine, too', async () => {
    await using opened = await openCast(bytesOfOne * 3.5);
    const { cast, face, residents } = opened;
    for (const id of ['b', 'c', 'b', 'd']) await cast.use(id);
    expect(residents()).toEqual(['b', 'c', 'd']);
    await expect.poll(() => [...face.held].sort()).toEqual(['b', 'c', 'd']);
    await cast.use('e');
    expect(residents()).toEqual(['b', 'd', 'e']);
  });

  it('never lets the one on air go, nor the one that is wanted, however little memory there is', async () => {
    await using opened = await openCast(1);
    const { cast, face, residents, onAir } = opened;
    expect(residents()).toEqual(['a']);
    let letIn = () => {};
    face.slow.set(
      'b',
      new Promise((resolve) => {
        letIn = resolve;
      }),
    );
    const using = cast.use('b');
    await expect.poll(residents).toEqual(['a', 'b']);
    expect(onAir.at(-1)!.avatarId).toBe('a');
    letIn();
    await using;
    expect(onAir.at(-1)!.avatarId).toBe('b');
    await cast.use('c');
    expect(residents()).toEqual(['c']);
    expect([...face.held]).toEqual(['c']);
  });

  it('keeps one that a frame is being made of readable until that frame is done', async () => {
    await using opened = await openCast(1);
    const { cast, face, onAir } = opened;
    const before = onAir[0]!;
    const frame = before.hold();
    await cast.use('b');
    await cast.use('c');
    const picture = new Uint8Array(320 * 180 * 1.5);
    await before.pose(0).readBody(picture);
    expect(picture[0]).toBe(102);
    expect(face.held.has('a')).toBe(true);
    frame[Symbol.dispose]();
    await expect.poll(() => face.held.has('a')).toBe(false);
  });

  it('brings others ahead only as far as memory goes', async () => {
    await using opened = await openCast(bytesOfOne * 2.5);
    const { cast, face, residents } = opened;
    await cast.bringAhead(new AbortController().signal);
    expect(residents()).toEqual(['a', 'b']);
    await expect.poll(() => [...face.held].sort()).toEqual(['a', 'b']);
    await using roomy = await openCast(1e9);
    await roomy.cast.bringAhead(new AbortController().signal);
    expect(roomy.residents()).toEqual(ids);
  });

  it('puts on what was wished for last, whichever is ready first', async () => {
    await using opened = await openCast(1e9);
    const { cast, face, onAir } = opened;
    let letIn = () => {};
    face.slow.set(
      'b',
      new Promise((resolve) => {
        letIn = resolve;
      }),
    );
    const slow = cast.use('b');
    await cast.use('c');
    letIn();
    await slow;
    expect(onAir.map(({ avatarId }) => avatarId)).toEqual(['a', 'c']);
    expect(cast.currentId).toBe('c');
  });

  it('stays with what is on when the engine refuses another one', async () => {
    await using opened = await openCast(1e9);
    const { cast, face, onAir } = opened;
    face.refused.add('b');
    await expect(cast.use('b')).rejects.toThrow('does not suit');
    expect(cast.currentId).toBe('a');
    expect(onAir).toHaveLength(1);
    await expect(cast.use('nobody')).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
  });

  it('closes every file in the end', async () => {
    const before = countOpenFiles();
    {
      await using opened = await openCast(bytesOfOne * 2.5);
      for (const id of [...ids, ...ids]) await opened.cast.use(id);
    }
    expect(countOpenFiles()).toBe(before);
  });
});
