import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StatusFeed } from '../../../src/api/plugin.ts';
import type { ShowStatus } from '../../../src/api/status.ts';
import { Emitter } from '../../../src/base/event.ts';
import { EventHub, type EventSocket } from '../../../src/plugins/web-panel/event-hub.ts';
import { makeStatus } from './panel-stand.ts';

/** A socket whose buffer the test fills. */
class FakeSocket implements EventSocket {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  pings = 0;
  closed: number | undefined;
  isTerminated = false;
  readonly #listeners = new Map<string, () => void>();

  on(event: string, listener: () => void): void {
    this.#listeners.set(event, listener);
  }
  emit(event: string): void {
    this.#listeners.get(event)?.();
  }
  send(text: string): void {
    this.sent.push(text);
  }
  ping(): void {
    this.pings++;
  }
  close(code: number): void {
    this.closed = code;
  }
  terminate(): void {
    this.isTerminated = true;
    this.emit('close');
  }
  get lastStatus(): Partial<ShowStatus> {
    return JSON.parse(this.sent.at(-1)!).status;
  }
}

function makeFeed() {
  const changed = new Emitter<ShowStatus>();
  const feed = { current: makeStatus(), onDidChange: changed.event };
  const say = (overrides: Partial<ShowStatus>) => {
    feed.current = { ...feed.current, ...overrides };
    changed.fire(feed.current);
  };
  return { feed, say };
}

describe('the event hub', () => {
  beforeEach(
    () =>
      void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }),
  );
  afterEach(() => void vi.useRealTimers());

  it('sends a flood of changes at most 15 times a second and ends with the newest', async () => {
    const { feed, say } = makeFeed();
    const hub = new EventHub(feed);
    const socket = new FakeSocket();
    hub.add(socket);
    const first = socket.sent.length;
    for (let ms = 0; ms < 1_000; ms += 5) {
      say({ levelDb: -60 + ms / 50 });
      await vi.advanceTimersByTimeAsync(5);
    }
    await vi.advanceTimersByTimeAsync(100);
    const count = socket.sent.length - first;
    expect(count).toBeGreaterThanOrEqual(10);
    expect(count).toBeLessThanOrEqual(15 + 1);
    expect(socket.lastStatus.levelDb).toBeCloseTo(-60 + 995 / 50);
  });

  it('says something every second while nothing changes, so that a page notices silence', async () => {
    const { feed } = makeFeed();
    const hub = new EventHub(feed);
    const socket = new FakeSocket();
    hub.add(socket);
    await vi.advanceTimersByTimeAsync(5_100);
    expect(socket.sent.slice(1)).toEqual(Array(5).fill('{"type":"status","status":{}}'));
  });

  it('passes a slow socket over, brings it up to date when it has caught up, and forgets nothing', async () => {
    const { feed, say } = makeFeed();
    const hub = new EventHub(feed);
    const slow = new FakeSocket();
    const fast = new FakeSocket();
    hub.add(slow);
    hub.add(fast);
    slow.bufferedAmount = 100_000;
    for (let step = 0; step < 20; step++) {
      say({ levelDb: -step, avatarId: step < 10 ? 'bo' : 'cy' });
      await vi.advanceTimersByTimeAsync(80);
    }
    expect(slow.sent).toHaveLength(1);
    expect(fast.sent.length).toBeGreaterThan(15);
    slow.bufferedAmount = 0;
    say({ speaking: false });
    await vi.advanceTimersByTimeAsync(80);
    expect(slow.lastStatus).toEqual({ levelDb: -19, avatarId: 'cy', speaking: false });
    expect(fast.lastStatus).toEqual({ speaking: false });
  });

  it('closes a socket that stays slow', async () => {
    const { feed } = makeFeed();
    const hub = new EventHub(feed);
    const slow = new FakeSocket();
    hub.add(slow);
    slow.bufferedAmount = 100_000;
    await vi.advanceTimersByTimeAsync(9_000);
    expect(slow.isTerminated).toBe(false);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(slow.isTerminated).toBe(true);
    expect(hub.listenerCount).toBe(0);
  });

  it('pings, and closes who does not answer', async () => {
    const { feed } = makeFeed();
    const hub = new EventHub(feed);
    const alive = new FakeSocket();
    const dead = new FakeSocket();
    hub.add(alive);
    hub.add(dead);
    await vi.advanceTimersByTimeAsync(10_100);
    alive.emit('pong');
    expect([alive.pings, dead.pings]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([alive.isTerminated, dead.isTerminated]).toEqual([false, true]);
  });

  it('tells a socket nothing before it asks and after it asked no more, and pings it all the while', async () => {
    const { feed, say } = makeFeed();
    const hub = new EventHub(feed);
    const other = new FakeSocket();
    const socket = new FakeSocket();
    hub.add(other);
    const place = hub.add(socket, { isTold: false, build: (known, now) => `${known ? 'some' : 'all'} of ${now.size}` });
    say({ levelDb: -1 });
    await vi.advanceTimersByTimeAsync(10_100);
    expect([socket.sent, socket.pings, other.sent.length > 10]).toEqual([[], 1, true]);
    socket.emit('pong');
    place.tell(true);
    await vi.advanceTimersByTimeAsync(2_000);
    const count = Object.keys(feed.current).length;
    expect(socket.sent).toEqual([`all of ${count}`, ...Array(socket.sent.length - 1).fill(`some of ${count}`)]);
    expect(socket.sent.length).toBeGreaterThan(1);
    place.tell(false);
    const sent = socket.sent.length;
    say({ levelDb: -2 });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket.sent).toHaveLength(sent);
    socket.emit('close');
    place.tell(true);
    expect(socket.sent).toHaveLength(sent);
  });

  it('says goodbye when it closes and leaves no timer behind', async () => {
    const { feed, say } = makeFeed();
    const hub = new EventHub(feed);
    const socket = new FakeSocket();
    hub.add(socket);
    const closing = hub[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(300);
    await closing;
    expect(socket.closed).toBe(1001);
    expect(socket.isTerminated).toBe(true);
    say({ levelDb: 0 });
    expect(vi.getTimerCount()).toBe(0);
    const late = new FakeSocket();
    hub.add(late);
    expect(late.isTerminated).toBe(true);
  });

  it('follows the show only while somebody listens', () => {
    const { feed } = makeFeed();
    let followers = 0;
    const counting = {
      get current() {
        return feed.current;
      },
      onDidChange: (() => {
        followers++;
        return { [Symbol.dispose]: () => void followers-- };
      }) as StatusFeed['onDidChange'],
    };
    const hub = new EventHub(counting);
    expect(followers).toBe(0);
    const sockets = [new FakeSocket(), new FakeSocket()];
    for (const socket of sockets) hub.add(socket);
    expect(followers).toBe(1);
    for (const socket of sockets) socket.emit('close');
    expect([followers, vi.getTimerCount()]).toEqual([0, 0]);
    hub.add(new FakeSocket());
    expect(followers).toBe(1);
  });
});
