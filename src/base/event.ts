/** An event is a function: call it with a listener, dispose what it returns to stop listening. Facts only, past tense. */
export type Event<T> = (listener: (fact: T) => void) => Disposable;

/** The owner's side of an {@link Event}: `fire` tells every listener, and one that throws does not stop the rest. */
export class Emitter<T> implements Disposable {
  readonly #listeners = new Set<(fact: T) => void>();
  readonly #onListenerError: (thrown: unknown) => void;

  /** @param onListenerError told what a listener threw; by default the error is dropped, the engine must not stop for it. */
  constructor(onListenerError: (thrown: unknown) => void = () => {}) {
    this.#onListenerError = onListenerError;
  }

  readonly event: Event<T> = (listener) => {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  };

  fire(fact: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(fact);
      } catch (thrown) {
        this.#onListenerError(thrown);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
  }
}
