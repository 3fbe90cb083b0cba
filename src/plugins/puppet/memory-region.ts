import type { Rect, Size } from '../../api/media.ts';
import type { RegionSource } from './region-reader.ts';

/** The region of pictures that are in memory already: for tests and previews. */
export class MemoryRegion implements RegionSource {
  picture: Uint8Array;
  alpha: Uint8Array | undefined;
  readonly #size: Size;
  readonly #region: Size;
  readonly #bodies: readonly Uint8Array[];
  readonly #alphas: readonly Uint8Array[] | undefined;

  /** @param bodies I420 of `size`. @param alphas their mattes. @param region size of what is read of each. */
  constructor(size: Size, region: Size, bodies: readonly Uint8Array[], alphas?: readonly Uint8Array[]) {
    this.#size = size;
    this.#region = region;
    this.#bodies = bodies;
    this.#alphas = alphas;
    this.picture = new Uint8Array(0);
  }

  read(frame: number, x: number, y: number): void {
    const rect = { x, y, width: this.#region.width, height: this.#region.height };
    this.picture = cutPlanes(this.#bodies[frame]!, this.#size, rect, [1, 2, 2]);
    this.alpha = this.#alphas ? cutPlanes(this.#alphas[frame]!, this.#size, rect, [1]) : undefined;
  }

  fetch(): void {}

  async settled(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A rectangle of a picture's planes as a picture of its own. @param scales picture pixels per sample, plane by plane. */
function cutPlanes(whole: Uint8Array, size: Size, rect: Rect, scales: readonly number[]): Uint8Array {
  const out = new Uint8Array(scales.reduce((sum, scale) => sum + (rect.width / scale) * (rect.height / scale), 0));
  let [from, to] = [0, 0];
  for (const scale of scales) {
    const [stride, width] = [size.width / scale, rect.width / scale];
    for (let row = 0; row < rect.height / scale; row++) {
      const at = from + (rect.y / scale + row) * stride + rect.x / scale;
      out.set(whole.subarray(at, at + width), to);
      to += width;
    }
    from += stride * (size.height / scale);
  }
  return out;
}
