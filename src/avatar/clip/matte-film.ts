import type { Size } from '../../api/media.ts';
import { Scope } from '../../base/scope.ts';
import type { Picture } from '../picture.ts';
import { BodyEncoder } from './encode-body.ts';
import { MatteThread } from './matte-thread.ts';

/** Frames that may be with the thread at once: one that it works on, one that waits. */
const MOST_UNDER_WAY = 2;
/** In more frames than this share of all the matte would be a guess: none is better. */
const MAX_UNSURE_SHARE = 0.1;

/** Films the matte of a clip: frames go to the thread that cuts them out, and what comes back is encoded, in order. */
export class MatteFilm implements AsyncDisposable {
  readonly #scope: Scope;
  readonly #thread: MatteThread;
  readonly #encoder: BodyEncoder;
  readonly #underWay: Promise<Uint8Array | undefined>[] = [];
  #last: Uint8Array;
  #count = 0;
  #unsureCount = 0;

  private constructor(scope: Scope, thread: MatteThread, encoder: BodyEncoder, size: Size) {
    this.#scope = scope;
    this.#thread = thread;
    this.#encoder = encoder;
    // Until the first frame in which a person can be told from the background, everything is person.
    this.#last = new Uint8Array(size.width * size.height).fill(255);
  }

  /** @param path of the file to write. @throws AppError FFMPEG_MISSING. */
  static async open(path: string, size: Size, signal: AbortSignal): Promise<MatteFilm> {
    const scope = new Scope();
    try {
      const encoder = scope.use(await BodyEncoder.open(path, size, 'grey', signal));
      return new MatteFilm(scope, scope.use(MatteThread.open()), encoder, size);
    } catch (thrown) {
      await scope.close();
      throw thrown;
    }
  }

  /** Adds a frame; it may be changed when this resolves. @param points undefined where no face is seen. */
  async add(picture: Picture, points: Float32Array | undefined): Promise<void> {
    this.#underWay.push(this.#thread.cut(picture, points, this.#count++ === 0));
    if (this.#underWay.length > MOST_UNDER_WAY) await this.#encodeNext();
  }

  /** Encodes what is left and writes the file's end. @returns whether person and background could be told apart. */
  async finish(signal: AbortSignal): Promise<boolean> {
    while (this.#underWay.length > 0) await this.#encodeNext();
    await this.#encoder.finish(signal);
    return this.#unsureCount <= this.#count * MAX_UNSURE_SHARE;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.close();
  }

  async #encodeNext(): Promise<void> {
    const matte = await this.#underWay.shift();
    if (matte) this.#last = matte;
    else this.#unsureCount++;
    await this.#encoder.addGrey(this.#last);
  }
}
