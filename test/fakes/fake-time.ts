import type { TimeSource } from '../../src/live/clock.ts';

/** A clock turned by hand: `advance` wakes sleepers in order, as if their timers were exact. */
export class FakeTime implements TimeSource {
  #now = 0;
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleepUntil(atMs: number, signal: AbortSignal): Promise<void> {
    if (atMs <= this.#now || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        at: atMs,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Lets time pass; between wake-ups everything that is ready to run runs. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) break;
      this.#now = next.at;
      next.wake();
    }
    this.#now = until;
    await settle();
  }

  /** Time passes while the process is busy: nobody is woken in between. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
