/**
 * The last stretch of the show's sound, by position, until the pictures it belongs to have come. Fixed memory: what is
 * older than the capacity is forgotten, and what never came reads as silence.
 */
export class SoundTrack {
  readonly #ring: Float32Array;
  /** Positions kept: `#from` up to but without `#end`, in samples since the show began. */
  #from = 0;
  #end = 0;

  /** @param capacity how many samples are kept. */
  constructor(capacity: number) {
    this.#ring = new Float32Array(capacity);
  }

  /** One past the newest sample, in samples since the show began. */
  get end(): number {
    return this.#end;
  }

  /** Adds sound that follows what is there. A gap becomes silence; what was there already is left as it is. */
  put(samples: Float32Array, start: number): void {
    const capacity = this.#ring.length;
    if (this.#end === this.#from || start - this.#end >= capacity) {
      this.#from = start;
      this.#end = start;
    }
    if (start > this.#end) this.#write(undefined, this.#end, start);
    const end = start + samples.length;
    if (end <= this.#end) return;
    const first = Math.max(this.#end, end - capacity);
    this.#write(samples.subarray(first - start), first, end);
  }

  /** Copies out what stood from `start` on; silence where there is nothing. */
  read(start: number, out: Float32Array): void {
    out.fill(0);
    const first = Math.max(start, this.#from);
    const end = Math.min(start + out.length, this.#end);
    for (let position = first; position < end; ) {
      const at = this.#place(position);
      const count = Math.min(end - position, this.#ring.length - at);
      out.set(this.#ring.subarray(at, at + count), position - start);
      position += count;
    }
  }

  /** Writes [first, end), at most the capacity; without samples: silence. */
  #write(samples: Float32Array | undefined, first: number, end: number): void {
    for (let position = first; position < end; ) {
      const at = this.#place(position);
      const count = Math.min(end - position, this.#ring.length - at);
      if (samples) this.#ring.set(samples.subarray(position - first, position - first + count), at);
      else this.#ring.fill(0, at, at + count);
      position += count;
    }
    this.#end = end;
    this.#from = Math.max(this.#from, end - this.#ring.length);
  }

  #place(position: number): number {
    const capacity = this.#ring.length;
    return ((position % capacity) + capacity) % capacity;
  }
}
