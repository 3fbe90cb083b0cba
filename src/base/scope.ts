/** Anything a {@link Scope} can own. */
export type Owned = AsyncDisposable | Disposable | (() => void | Promise<void>);

/**
 * Owns what must be given back: devices, sockets, processes, listeners. Closing disposes everything in reverse order of
 * adding, each once, and throws the failure, several as one AggregateError. (Node 20 has no AsyncDisposableStack.)
 */
export class Scope implements AsyncDisposable {
  readonly #owned: Owned[] = [];
  #closing: Promise<void> | undefined;

  /** True as soon as closing has begun. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Takes ownership and hands the thing back. A closed scope disposes newcomers at once, so that nothing leaks. */
  use<T extends Owned>(thing: T): T {
    if (this.#closing) void disposeOne(thing).catch(() => {});
    else this.#owned.push(thing);
    return thing;
  }

  /** Disposes everything, newest first. Safe to call twice: both calls wait for the one closing. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (let thing = this.#owned.pop(); thing; thing = this.#owned.pop()) {
      try {
        await disposeOne(thing);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `${failures.length} thing(s) could not be closed`);
  }
}

async function disposeOne(thing: Owned): Promise<void> {
  if (typeof thing === 'function') await thing();
  else if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]();
  else thing[Symbol.dispose]();
}
