import type { StatusFeed } from '../api/plugin.ts';
import type { ShowStatus } from '../api/status.ts';
import { Emitter } from '../base/event.ts';

/** How often the status is published while somebody listens, in ms: smooth enough for a level meter. */
const PUBLISH_EVERY_MS = 66;

/** The show's state as plain data: computed when asked, published while somebody listens. */
export class StatusBoard implements StatusFeed, Disposable {
  readonly #changed = new Emitter<ShowStatus>();
  readonly #look: () => ShowStatus;
  #listeners = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(look: () => ShowStatus) {
    this.#look = look;
  }

  get current(): ShowStatus {
    return this.#look();
  }

  readonly onDidChange: StatusFeed['onDidChange'] = (listener) => {
    const listening = this.#changed.event(listener);
    this.#listeners++;
    this.#timer ??= setTimeout(() => this.#publish(), PUBLISH_EVERY_MS);
    let isListening = true;
    return {
      [Symbol.dispose]: () => {
        if (!isListening) return;
        isListening = false;
        this.#listeners--;
        listening[Symbol.dispose]();
      },
    };
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#changed[Symbol.dispose]();
  }

  #publish(): void {
    this.#timer = undefined;
    if (this.#listeners === 0) return;
    this.#changed.fire(this.#look());
    this.#timer = setTimeout(() => this.#publish(), PUBLISH_EVERY_MS);
  }
}
