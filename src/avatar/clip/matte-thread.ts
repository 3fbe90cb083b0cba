import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AppError } from '../../base/errors.ts';
import { findNodeEntry } from '../../base/node-entry.ts';
import type { Picture } from '../picture.ts';

/** One frame for the thread. */
export interface MatteQuestion {
  readonly picture: Picture;
  readonly points: Float32Array | undefined;
  readonly isNewShot: boolean;
}

/** What the thread says to it. */
export interface MatteAnswer {
  readonly matte?: Uint8Array | undefined;
  readonly failure?: { readonly code: string | undefined; readonly message: string; readonly fix: string | undefined };
}

interface Waiting {
  settle(matte: Uint8Array | undefined): void;
  fail(thrown: unknown): void;
}

/**
 * {@link PersonMatte} in a thread of its own: while it cuts a frame, the next one is already being looked at. Networks run
 * on the thread that calls them, so without it one core would do nearly everything.
 */
export class MatteThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  /** Why there will be no more answers. */
  #failure: unknown;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', ({ matte, failure }: MatteAnswer) => {
      const waiting = this.#waiting.shift();
      if (!failure) waiting?.settle(matte);
      else waiting?.fail(errorOf(failure));
    });
    worker.on('error', (thrown) => this.#failAll(thrown));
    this.#ended = new Promise((settle) => {
      worker.once('exit', () => {
        this.#failAll(new Error('the thread for mattes ended'));
        settle();
      });
    });
  }

  static open(): MatteThread {
    const { path, execArgv } = findNodeEntry(import.meta.url, './matte-worker');
    if (execArgv.length === 0) return new MatteThread(new Worker(path));
    // From source: threads of Node 20 do not take the loader by a flag; it is registered inside.
    const api = createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs');
    const loader = pathToFileURL(api).href;
    const start = `import('${loader}').then(({ register }) => (register(), import('${pathToFileURL(path).href}')))`;
    return new MatteThread(new Worker(start, { eval: true, execArgv: [] }));
  }

  /**
   * The matte of the next frame, see PersonMatte.cut. Several may be under way; they are answered in order. The picture is
   * copied at once.
   * @throws AppError ONNX_RUNTIME_MISSING, MODEL_BROKEN.
   */
  cut(picture: Picture, points: Float32Array | undefined, isNewShot: boolean): Promise<Uint8Array | undefined> {
    const pixels = picture.pixels.slice();
    const question: MatteQuestion = { picture: { ...picture, pixels }, points, isNewShot };
    const answered = new Promise<Uint8Array | undefined>((settle, fail) => {
      if (this.#failure) fail(this.#failure);
      else this.#waiting.push({ settle, fail });
    });
    // Who waits for it hears of a failure; nobody has to at once.
    answered.catch(() => {});
    this.#worker.postMessage(question, [pixels.buffer as ArrayBuffer]);
    return answered;
  }

  /** Ends the thread after the frame it is at: one that is torn out of a network's run takes the whole process with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.postMessage('close');
    await this.#ended;
  }

  #failAll(thrown: unknown): void {
    this.#failure ??= thrown;
    for (const waiting of this.#waiting.splice(0)) waiting.fail(thrown);
  }
}

function errorOf({ code, message, fix }: NonNullable<MatteAnswer['failure']>): Error {
  return code === undefined ? new Error(message) : new AppError(code, message, fix === undefined ? {} : { fix });
}
