import { describe, expect, it } from 'vitest';
import type { LoadedAvatar } from '../../src/avatar/load-avatar.ts';
import { Residents } from '../../src/avatar/residents.ts';

/** Avatars that only count how often they were read and closed; each takes 10 bytes. */
class FakeShelf {
  readonly reads = new Map<string, number>();
  readonly closed: string[] = [];

  read(id: string, afterMs = 0): () => Promise<LoadedAvatar> {
    return async () => {
      this.reads.set(id, (this.reads.get(id) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      const close = async () => void this.closed.push(id);
      return { residentBytes: 10, ref: { id }, [Symbol.asyncDispose]: close } as unknown as LoadedAvatar;
    };
  }
}

describe('avatars in memory', () => {
  it('are closed once they have left and nobody holds them, and then once only', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(15);
    const anna = await residents.hold('anna', 'keep', shelf.read('anna'));
    const again = await residents.hold('anna', 'keep', shelf.read('anna'));
    const berta = await residents.hold('berta', 'keep', shelf.read('berta'));
    expect([residents.has('anna'), residents.has('berta')]).toEqual([false, true]);
    await berta[Symbol.asyncDispose]();
    await anna[Symbol.asyncDispose]();
    await anna[Symbol.asyncDispose]();
    expect(shelf.closed).toEqual([]);
    await again[Symbol.asyncDispose]();
    expect(shelf.closed).toEqual(['anna']);
    await residents[Symbol.asyncDispose]();
    expect(shelf.closed).toEqual(['anna', 'berta']);
  });

  it('are read once for all who ask at a time, and once for each background', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(1000);
    const asked = Array.from({ length: 5 }, () => residents.hold('anna', 'keep', shelf.read('anna', 5)));
    const held = await Promise.all(asked);
    const blurred = await residents.hold('anna', 'blur', shelf.read('anna'));
    await blurred[Symbol.asyncDispose]();
    expect(shelf.reads.get('anna')).toBe(2);
    await Promise.all(held.slice(1).map((one) => one[Symbol.asyncDispose]()));
    residents.release('anna');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(shelf.closed).toEqual(['anna']);
    await held[0]![Symbol.asyncDispose]();
    expect(shelf.closed).toEqual(['anna', 'anna']);
  });

  it('stay open for all who waited for the same read, even if the first lets go at once', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(1000);
    const first = residents.hold('anna', 'keep', shelf.read('anna', 5));
    const second = residents.hold('anna', 'keep', shelf.read('anna', 5));
    residents.release('anna');
    await (await first)[Symbol.asyncDispose]();
    const held = await second;
    expect(shelf.closed).toEqual([]);
    await held[Symbol.asyncDispose]();
    expect(shelf.closed).toEqual(['anna']);
  });

  it('are not kept when they were replaced or closed down while being read', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(1000);
    const replaced = residents.hold('anna', 'keep', shelf.read('anna', 5));
    await Promise.resolve();
    residents.release('anna');
    await (await replaced)[Symbol.asyncDispose]();
    const late = residents.hold('berta', 'keep', shelf.read('berta', 5));
    await residents[Symbol.asyncDispose]();
    await (await late)[Symbol.asyncDispose]();
    expect([residents.has('anna'), residents.has('berta')]).toEqual([false, false]);
    expect(shelf.closed).toEqual(['anna', 'berta']);
  });

  it('are so few that their files can be open all at once', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(1_000_000);
    for (let i = 0; i < 200; i++)
      await (await residents.hold(`a${i}`, 'keep', shelf.read(`a${i}`)))[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(shelf.closed).toEqual(Array.from({ length: 140 }, (_, i) => `a${i}`));
  });

  it('leave the way free after a read that failed', async () => {
    const shelf = new FakeShelf();
    const residents = new Residents(1000);
    const fail = () => Promise.reject(new Error('broken'));
    await expect(residents.hold('anna', 'keep', fail)).rejects.toThrow('broken');
    await residents.hold('anna', 'keep', shelf.read('anna'));
    expect(residents.has('anna')).toBe(true);
  });
});
