const CR = 13;
const LF = 10;

/**
 * Takes a `multipart/x-mixed-replace` body apart into its pictures, whatever pieces it arrives in.
 * @param onPicture called with each JPEG as a Blob.
 */
export class MotionJpegParser {
  #pieces = [];
  #heldBytes = 0;
  #neededBytes;
  #head = '';
  #onPicture;

  constructor(onPicture) {
    this.#onPicture = onPicture;
  }

  /** Takes the next bytes of the stream. */
  push(bytes) {
    let at = 0;
    while (at < bytes.length) {
      at = this.#neededBytes === undefined ? this.#readHead(bytes, at) : this.#readBody(bytes, at);
    }
  }

  /** Reads header lines up to the empty one that follows Content-Length. */
  #readHead(bytes, from) {
    for (let at = from; at < bytes.length; at++) {
      if (bytes[at] !== CR) this.#head += String.fromCharCode(bytes[at]);
      if (bytes[at] !== LF || !this.#head.endsWith('\n\n')) continue;
      const length = /content-length: *(\d+)/i.exec(this.#head)?.[1];
      this.#head = '';
      if (length === undefined) continue;
      this.#neededBytes = Number(length);
      return at + 1;
    }
    return bytes.length;
  }

  #readBody(bytes, from) {
    const piece = bytes.subarray(from, from + this.#neededBytes - this.#heldBytes);
    this.#pieces.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes === this.#neededBytes) {
      this.#onPicture(new Blob(this.#pieces, { type: 'image/jpeg' }));
      this.#pieces = [];
      this.#heldBytes = 0;
      this.#neededBytes = undefined;
    }
    return from + piece.length;
  }
}
