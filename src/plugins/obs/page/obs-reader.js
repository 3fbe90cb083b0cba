const HEAD_BYTES = 8;
/** What a picture may be at most, in bytes: 4K with alpha. */
const MOST_BYTES = 3840 * 2160 * 4;

/** Takes the pictures, RGBA, out of the stream: each stands behind eight bytes with its length and size. */
export class PictureReader {
  #reader;
  #head = new Uint8Array(HEAD_BYTES);
  #body = new Uint8ClampedArray(0);
  #rest = new Uint8Array(0);

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  /** The next picture, valid until the one after; undefined at the end of the stream. */
  async next() {
    if (!(await this.#fill(this.#head))) return undefined;
    const head = new DataView(this.#head.buffer);
    const [length, width, height] = [head.getUint32(0, true), head.getUint16(4, true), head.getUint16(6, true)];
    if (length > MOST_BYTES || length !== width * height * 4) throw new Error('this is no stream of pictures');
    if (this.#body.length !== length) this.#body = new Uint8ClampedArray(length);
    if (!(await this.#fill(this.#body))) return undefined;
    return { width, height, data: this.#body };
  }

  async #fill(target) {
    for (let at = 0; at < target.length; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#reader.read();
        if (done) return false;
        this.#rest = value;
      }
      const count = Math.min(this.#rest.length, target.length - at);
      target.set(this.#rest.subarray(0, count), at);
      this.#rest = this.#rest.subarray(count);
      at += count;
    }
    return true;
  }
}
