import { describe, expect, it } from 'vitest';
import { Clock, type Tick } from '../../src/live/clock.ts';
import { FakeTime } from '../fakes/fake-time.ts';

async function collect(clock: Clock, ticks: Tick[], signal: AbortSignal, onTick?: () => void) {
  for await (const tick of clock.ticks(signal)) {
    ticks.push(tick);
    onTick?.();
  }
}

describe('the clock', () => {
  it('beats at absolute times, so that late wake-ups do not add up', async () => {
    const time = new FakeTime();
    const abort = new AbortController();
    const ticks: Tick[] = [];
    const running = collect(new Clock(time), ticks, abort.signal, () => time.jump(7));
    await time.advance(4000);
    abort.abort();
    await running;
    expect(ticks.map((tick) => tick.dueMs)).toEqual(Array.from({ length: ticks.length }, (_, beat) => beat * 40));
    expect(ticks.length).toBeGreaterThanOrEqual(100);
  });

  it('leaves out the beats it missed and counts them, instead of catching up in a burst', async () => {
    const time = new FakeTime();
    const abort = new AbortController();
    const ticks: Tick[] = [];
    let isFirst = true;
    const running = collect(new Clock(time), ticks, abort.signal, () => {
      if (isFirst) time.jump(130);
      isFirst = false;
    });
    await time.advance(200);
    abort.abort();
    await running;
    expect(ticks[1]).toEqual({ beat: 3, dueMs: 120, lagged: 2 });
    expect(ticks[2]).toEqual({ beat: 4, dueMs: 160, lagged: 0 });
  });

  it('moves its phase by at most a fortieth of a frame a beat', async () => {
    const time = new FakeTime();
    const abort = new AbortController();
    const ticks: Tick[] = [];
    const clock = new Clock(time);
    const running = collect(clock, ticks, abort.signal, () => clock.slew(-25));
    await time.advance(400);
    abort.abort();
    await running;
    const gaps = ticks.slice(1).map((tick, i) => tick.dueMs - ticks[i]!.dueMs);
    for (const gap of gaps) expect(gap).toBeCloseTo(39, 6);
  });

  it('waits for some work as long as it is told, and no timer is left behind by work that is done', async () => {
    const time = new FakeTime();
    const clock = new Clock(time);
    expect(await clock.within(Promise.resolve('done'), 15)).toBe('done');
    await expect(clock.within(Promise.reject(new Error('broken')), 15)).rejects.toThrow('broken');
    let finish = (_: string) => {};
    const work = new Promise<string>((resolve) => {
      finish = resolve;
    });
    const [early, late] = [clock.within(work, 30), clock.within(work, 15)];
    await time.advance(20);
    finish('late');
    expect([await early, await late]).toEqual(['late', undefined]);
  });
});
