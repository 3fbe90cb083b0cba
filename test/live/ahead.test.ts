import { describe, expect, it } from 'vitest';
import { Ahead } from '../../src/live/ahead.ts';
import { settle } from '../fakes/fake-time.ts';

class Picture implements Disposable {
  static alive = 0;
  readonly frame: number;
  isDisposed = false;
  constructor(frame: number) {
    this.frame = frame;
    Picture.alive++;
  }
  [Symbol.dispose](): void {
    if (this.isDisposed) throw new Error(`frame ${this.frame} disposed twice`);
    this.isDisposed = true;
    Picture.alive--;
  }
}

/** A maker whose frames get finished when told. */
class Bench {
  newest = 0;
  readonly started: number[] = [];
  readonly #waiting = new Map<number, (picture: Picture) => void>();
  readonly ahead: Ahead<Picture>;

  constructor(inFlight = 1) {
    this.ahead = new Ahead({
      first: 0,
      inFlight,
      newest: () => this.newest,
      onFailure: () => {},
      make: (frame, signal) =>
        new Promise((resolve, reject) => {
          this.started.push(frame);
          this.#waiting.set(frame, resolve);
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
    });
  }

  async finish(frame: number): Promise<void> {
    this.#waiting.get(frame)?.(new Picture(frame));
    await settle();
  }
}

describe('working ahead', () => {
  it('never queues late work: frames that became old while the engine was busy are left out', async () => {
    const bench = new Bench();
    await using ahead = bench.ahead;
    await settle();
    bench.newest = 7;
    await bench.finish(0);
    expect(bench.started).toEqual([0, 7]);
    expect(ahead.dropped).toBe(6);
    await bench.finish(7);
    expect(bench.started).toEqual([0, 7, 8]);
  });

  it('shows the newest finished picture that is due, and gives older ones back', async () => {
    Picture.alive = 0;
    const bench = new Bench(3);
    {
      await using ahead = bench.ahead;
      await settle();
      await bench.finish(1);
      await bench.finish(0);
      await bench.finish(2);
      const taken = ahead.take(1);
      expect(taken?.frame).toBe(1);
      taken?.picture[Symbol.dispose]();
      expect(ahead.dropped).toBe(1);
      expect(ahead.take(1)).toBeUndefined();
      ahead.take(2)?.picture[Symbol.dispose]();
    }
    expect(Picture.alive).toBe(0);
  });

  it('throws away a picture that gets finished after a newer one was shown', async () => {
    Picture.alive = 0;
    const bench = new Bench(2);
    {
      await using ahead = bench.ahead;
      await settle();
      await bench.finish(1);
      ahead.take(5)?.picture[Symbol.dispose]();
      await bench.finish(0);
      expect(ahead.take(5)).toBeUndefined();
      expect(ahead.dropped).toBe(1);
    }
    expect(Picture.alive).toBe(0);
  });

  it('a spike does not make later frames late', async () => {
    const bench = new Bench(2);
    await using ahead = bench.ahead;
    await settle();
    bench.newest = 1;
    await bench.finish(0);
    // Frame 1 takes for ever; the other worker goes on with the newest ones.
    for (let frame = 2; frame < 10; frame++) {
      bench.newest = frame;
      await bench.finish(frame);
      const taken = ahead.take(frame);
      expect(taken?.frame).toBe(frame);
      taken?.picture[Symbol.dispose]();
    }
  });

  it('goes on after a failed frame', async () => {
    let tries = 0;
    const failures: unknown[] = [];
    await using ahead = new Ahead<Picture>({
      first: 0,
      inFlight: 1,
      newest: () => 0,
      onFailure: (thrown) => failures.push(thrown),
      make: async (frame, signal) => {
        if (tries++ === 0) throw new Error('once');
        return frame < 3
          ? new Picture(frame)
          : new Promise<Picture>((_, reject) => signal.addEventListener('abort', reject));
      },
    });
    await expect.poll(() => ahead.take(1)?.frame, { timeout: 2000 }).toBe(1);
    expect(failures).toHaveLength(1);
  });
});
