import type { Size } from '../api/media.ts';
import { KernelMemory, type Pointer } from './kernel-memory.ts';

/** Border repeated around every source plane, in samples, so that interpolation never reads beside it. */
const PAD = 8;
/** Fields of `Plane` in kernel/warp.ts, 4 bytes each. */
const PLANE_FIELDS = 12;

interface SourcePlane {
  /** First byte of the padded plane. */
  readonly at: Pointer;
  readonly stride: number;
  /** Sample 0, 0. */
  readonly origin: Pointer;
}

/** The matte that is warped along: source, result and the cut of it. */
interface AlphaPlane {
  readonly source: SourcePlane;
  readonly rest: Pointer;
  readonly drawn: Pointer;
  readonly cut: Pointer;
  readonly plane: Pointer;
}

/** What a {@link MeshWarp} can do beyond the plain warp. */
export interface MeshWarpOptions {
  /** Whether luma is sampled from a doubled source: nearly bicubic, for the price of doubling every new source. */
  readonly isSharp: boolean;
  /** Whether a matte is warped along with the picture. */
  readonly hasAlpha?: boolean;
}

/**
 * Warps an I420 picture through a triangle mesh inside the pixel kernel, planes separately, luma from a source of twice
 * the size (see `doublePlane`). Owns one kernel instance; nothing is allocated after the constructor.
 */
export class MeshWarp {
  readonly size: Size;
  /** Where every vertex lies in the source: Float32 `[vertexCount, 2]`, pixels of this picture. Write, then draw. */
  readonly from: Float32Array;
  /** Where every vertex goes. */
  readonly to: Float32Array;
  /** Uint16 `[count, 3]` in drawing order. May be written before a drawing: another order for another pose. */
  readonly triangles: Uint16Array;
  /** The warped picture: planes Y, U, V without padding. */
  readonly output: Uint8Array;
  readonly #kernel = new KernelMemory();
  readonly #rest: Pointer;
  readonly #drawn: Pointer;
  readonly #cut: Pointer;
  readonly #luma: SourcePlane;
  readonly #doubled: SourcePlane | undefined;
  readonly #chroma: readonly [SourcePlane, SourcePlane];
  readonly #planes: readonly [Pointer, Pointer];
  readonly #alpha: AlphaPlane | undefined;
  readonly #triangles: Pointer;
  readonly #triangleCount: number;
  readonly #fromAt: Pointer;
  readonly #toAt: Pointer;

  /**
   * @param size of the picture, even. @param triangles Uint16 `[count, 3]` in drawing order.
   */
  constructor(size: Size, vertexCount: number, triangles: Uint16Array, { isSharp, hasAlpha }: MeshWarpOptions) {
    this.size = size;
    const { width, height } = size;
    const pixels = width * height;
    const kernel = this.#kernel;
    const doubled = isSharp ? { width: width * 2, height: height * 2 } : undefined;
    // The kernel reads up to seven steps of eight pixels past the end of a row: nothing of that may leave the memory.
    const guard = 64 * (size.width * 2 + 64);
    kernel.keep(guard);
    this.#rest = kernel.keep(pixels * 1.5);
    this.#drawn = kernel.keep(pixels * 1.5);
    this.#cut = kernel.keep(pixels * 1.5);
    this.#luma = this.#keepSource(size);
    this.#doubled = doubled ? this.#keepSource(doubled) : undefined;
    const half = { width: width >> 1, height: height >> 1 };
    this.#chroma = [this.#keepSource(half), this.#keepSource(half)];
    this.#alpha = hasAlpha ? this.#keepAlpha(size) : undefined;
    kernel.keep(guard);
    this.#planes = [kernel.keep(PLANE_FIELDS * 4), kernel.keep(PLANE_FIELDS * 4)];
    this.#triangles = kernel.keep(triangles.byteLength);
    this.#triangleCount = triangles.length / 3;
    this.#fromAt = kernel.keep(vertexCount * 8);
    this.#toAt = kernel.keep(vertexCount * 8);
    // Memory does not grow from here on, so views stay valid.
    const { bytes } = kernel;
    this.from = new Float32Array(bytes.buffer as ArrayBuffer, this.#fromAt, vertexCount * 2);
    this.to = new Float32Array(bytes.buffer as ArrayBuffer, this.#toAt, vertexCount * 2);
    this.output = bytes.subarray(this.#drawn, this.#drawn + pixels * 1.5);
    this.triangles = new Uint16Array(bytes.buffer as ArrayBuffer, this.#triangles, triangles.length);
    this.triangles.set(triangles);
    this.#describePlanes();
  }

  #keepSource(size: Size): SourcePlane {
    const stride = (size.width + 2 * PAD + 15) & ~15;
    const at = this.#kernel.keep(stride * (size.height + 2 * PAD));
    return { at, stride, origin: at + PAD * stride + PAD };
  }

  #keepAlpha(size: Size): AlphaPlane {
    const pixels = size.width * size.height;
    const kernel = this.#kernel;
    const source = this.#keepSource(size);
    const [rest, drawn, cut] = [kernel.keep(pixels), kernel.keep(pixels), kernel.keep(pixels)];
    return { source, rest, drawn, cut, plane: kernel.keep(PLANE_FIELDS * 4) };
  }

  #describePlanes(): void {
    const { width, height } = this.size;
    const pixels = width * height;
    const source = this.#doubled ?? this.#luma;
    const [u, v] = this.#chroma;
    const write = (at: Pointer, whole: readonly number[], scales: Readonly<Record<number, number>>) => {
      const view = new DataView(this.#kernel.bytes.buffer as ArrayBuffer, at, PLANE_FIELDS * 4);
      whole.forEach((value, index) => {
        if (index in scales) view.setFloat32(index * 4, scales[index]!, true);
        else view.setUint32(index * 4, value, true);
      });
    };
    const lumaScale = this.#doubled ? 2 : 1;
    write(this.#planes[0], [source.origin, source.stride, 0, 0, this.#drawn, width, 0, 0, width, height, 0, 0], {
      2: lumaScale,
      3: 0,
      6: 1,
      7: 0,
    });
    if (this.#alpha) {
      const { source: matte, drawn, plane } = this.#alpha;
      write(plane, [matte.origin, matte.stride, 0, 0, drawn, width, 0, 0, width, height, 0, 0], {
        2: 1,
        3: 0,
        6: 1,
        7: 0,
      });
    }
    // A chroma sample lies in the middle of its 2x2 pixels.
    const half = { 2: 0.5, 3: -0.25, 6: 0.5, 7: -0.25 };
    const drawnU = this.#drawn + pixels;
    const drawnV = drawnU + (pixels >> 2);
    write(
      this.#planes[1],
      [u.origin, u.stride, 0, 0, drawnU, width >> 1, 0, 0, width >> 1, height >> 1, v.origin, drawnV],
      half,
    );
  }

  /** Takes another source picture: I420 of `size`. @param alpha its matte, Uint8 `[height, width]`, where there is one. */
  setSource(i420: Uint8Array, alpha?: Uint8Array): void {
    const { width, height } = this.size;
    const pixels = width * height;
    const { exports, bytes } = this.#kernel;
    bytes.set(i420, this.#rest);
    exports.padPlane(this.#rest, width, width, height, this.#luma.at, this.#luma.stride, PAD);
    if (this.#doubled) {
      const { origin, stride } = this.#doubled;
      exports.doublePlane(this.#luma.origin, this.#luma.stride, width, height, origin, stride);
    }
    this.#chroma.forEach((plane, index) => {
      const at = this.#rest + pixels + index * (pixels >> 2);
      exports.padPlane(at, width >> 1, width >> 1, height >> 1, plane.at, plane.stride, PAD);
    });
    if (this.#alpha && alpha) {
      const { source, rest } = this.#alpha;
      bytes.set(alpha, rest);
      exports.padPlane(rest, width, width, height, source.at, source.stride, PAD);
    }
  }

  /** Draws all triangles that moved into {@link output}, which elsewhere equals the source. */
  draw(): void {
    const { exports, bytes } = this.#kernel;
    bytes.copyWithin(this.#drawn, this.#rest, this.#rest + this.output.length);
    for (const plane of this.#planes) {
      exports.warpTriangles(this.#triangles, this.#triangleCount, this.#fromAt, this.#toAt, plane);
    }
    if (!this.#alpha) return;
    const { rest, drawn, plane } = this.#alpha;
    bytes.copyWithin(drawn, rest, rest + (this.output.length / 3) * 2);
    exports.warpTriangles(this.#triangles, this.#triangleCount, this.#fromAt, this.#toAt, plane);
  }

  /** The same rectangle of the warped matte; undefined where there is none. Valid until the next call. */
  cutAlpha(x: number, y: number, width: number, height: number): Uint8Array | undefined {
    if (!this.#alpha) return undefined;
    const { drawn, cut } = this.#alpha;
    this.#kernel.exports.copyRect(drawn + y * this.size.width + x, this.size.width, cut, width, width, height);
    return this.#kernel.bytes.subarray(cut, cut + width * height);
  }

  /** A rectangle of {@link output} as a picture of its own, valid until the next call. All four numbers even. */
  cut(x: number, y: number, width: number, height: number): Uint8Array {
    const whole = this.size;
    const { exports, bytes } = this.#kernel;
    let from = this.#drawn;
    let to = this.#cut;
    exports.copyRect(from + y * whole.width + x, whole.width, to, width, width, height);
    from += whole.width * whole.height;
    to += width * height;
    for (let plane = 0; plane < 2; plane++) {
      const at = from + (y >> 1) * (whole.width >> 1) + (x >> 1);
      exports.copyRect(at, whole.width >> 1, to, width >> 1, width >> 1, height >> 1);
      from += (whole.width * whole.height) >> 2;
      to += (width * height) >> 2;
    }
    return bytes.subarray(this.#cut, this.#cut + width * height * 1.5);
  }
}
