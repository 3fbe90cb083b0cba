/** Turns s16le bytes as they come, cut anywhere, into samples. */
export class PcmDecoder {
  /** The first byte of a sample whose second has not come yet; -1 for none. */
  #odd = -1;

  /** Samples, -1 … 1, that are whole by now; possibly none. */
  decode(bytes: Buffer): Float32Array {
    const offset = this.#odd >= 0 ? 1 : 0;
    const samples = new Float32Array((bytes.length + offset) >> 1);
    if (samples.length > 0 && offset === 1) samples[0] = (((bytes[0]! << 24) >> 16) | this.#odd) / 32_768;
    for (let i = offset; i < samples.length; i++) samples[i] = bytes.readInt16LE(2 * i - offset) / 32_768;
    if (bytes.length > 0) this.#odd = (bytes.length + offset) % 2 === 1 ? bytes[bytes.length - 1]! : -1;
    return samples;
  }
}
