import { existsSync, readFileSync } from 'node:fs';
import { AppError } from '../base/errors.ts';

/** An offset in the kernel's linear memory, in bytes. */
export type Pointer = number;

/** What kernel.wasm exports; the sources with their comments are in `kernel/`. */
export interface KernelExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): Pointer;
  copyRect(src: Pointer, srcStride: number, dst: Pointer, dstStride: number, width: number, height: number): void;
  rgb24ToI420(src: Pointer, width: number, height: number, y: Pointer, u: Pointer, v: Pointer): void;
  i420ToRgb24(y: Pointer, u: Pointer, v: Pointer, width: number, height: number, dst: Pointer): void;
  /** Without a matte `a` is 0. */
  i420ToRgba(y: Pointer, u: Pointer, v: Pointer, a: Pointer, width: number, height: number, dst: Pointer): void;
  i420ToYuyv(y: Pointer, u: Pointer, v: Pointer, width: number, height: number, dst: Pointer): void;
  scaleHorizontal(
    src: Pointer,
    srcStride: number,
    rows: number,
    dst: Pointer,
    dstStride: number,
    outWidth: number,
    starts: Pointer,
    weights: Pointer,
    blocks: Pointer,
    taps: number,
  ): void;
  scaleVertical(
    src: Pointer,
    srcStride: number,
    dst: Pointer,
    dstStride: number,
    width: number,
    outHeight: number,
    starts: Pointer,
    weights: Pointer,
    taps: number,
  ): void;
  halvePlane(src: Pointer, width: number, height: number, dst: Pointer): void;
  halveMask(mask: Pointer, maskStride: number, width: number, height: number, dst: Pointer, dstStride: number): void;
  /** `plane` points at the twelve 32-bit fields of `Plane` in kernel/warp.ts. */
  warpTriangles(triangles: Pointer, count: number, from: Pointer, to: Pointer, plane: Pointer): void;
  padPlane(
    src: Pointer,
    srcStride: number,
    width: number,
    height: number,
    dst: Pointer,
    dstStride: number,
    pad: number,
  ): void;
  doublePlane(src: Pointer, srcStride: number, width: number, height: number, dst: Pointer, dstStride: number): void;
  fadeBytes(dst: Pointer, from: Pointer, count: number, q15: number): void;
  coveredRows(mask: Pointer, maskStride: number, width: number, height: number): number;
  blendMasked(
    face: Pointer,
    faceStride: number,
    mask: Pointer,
    maskStride: number,
    dst: Pointer,
    dstStride: number,
    width: number,
    height: number,
  ): void;
}

const PAGE_BYTES = 65_536;
/** Slack after every buffer in bytes: whole vectors may be read and written past the end of a row. */
const SLACK_BYTES = 64;
const wasmUrl = new URL('./kernel.wasm', import.meta.url);

let compiled: WebAssembly.Module | undefined;
let shared: KernelMemory | undefined;

/**
 * One instance of the pixel kernel with its own linear memory and a bump allocator. `keep` takes memory for good;
 * `scratch` takes it until the next `reset`, which every operation calls first. Memory only grows, so nothing is
 * allocated once the largest picture has been seen. Dropping the instance gives everything back.
 */
export class KernelMemory {
  readonly exports: KernelExports;
  #bytes: Uint8Array;
  #kept: Pointer;
  #top: Pointer;

  constructor() {
    const instance = new WebAssembly.Instance(compileKernel(), { env: { abort: abortKernel } });
    this.exports = instance.exports as unknown as KernelExports;
    this.#bytes = new Uint8Array(this.exports.memory.buffer);
    this.#kept = align(this.exports.heapBase());
    this.#top = this.#kept;
  }

  /** All of the linear memory as bytes. Ask again after an allocation: growing moves it. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.exports.memory.buffer) this.#bytes = new Uint8Array(this.exports.memory.buffer);
    return this.#bytes;
  }

  /** Takes memory for the lifetime of this instance. Discards all scratch memory. */
  keep(byteLength: number): Pointer {
    this.#top = this.#kept;
    const pointer = this.scratch(byteLength);
    this.#kept = this.#top;
    return pointer;
  }

  /** Forgets all scratch memory. */
  reset(): void {
    this.#top = this.#kept;
  }

  /** Takes memory until the next {@link reset} or {@link keep}; 16-byte aligned, contents undefined. */
  scratch(byteLength: number): Pointer {
    const pointer = this.#top;
    this.#top = align(pointer + byteLength + SLACK_BYTES);
    const { memory } = this.exports;
    const missing = this.#top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
    return pointer;
  }

  /** Takes scratch memory and copies `data` into it. */
  scratchCopy(data: Uint8Array): Pointer {
    const pointer = this.scratch(data.byteLength);
    this.bytes.set(data, pointer);
    return pointer;
  }

  /** Copies `byteLength` bytes at `pointer` out to `target` at `offset`. */
  copyOut(pointer: Pointer, byteLength: number, target: Uint8Array, offset = 0): void {
    target.set(this.bytes.subarray(pointer, pointer + byteLength), offset);
  }
}

/** The instance that colour conversion and pasting share. Their calls are synchronous, so they cannot disturb each other. */
export function sharedKernel(): KernelMemory {
  shared ??= new KernelMemory();
  return shared;
}

/** @throws AppError KERNEL_MISSING when the build has not made kernel.wasm. */
function compileKernel(): WebAssembly.Module {
  if (compiled) return compiled;
  if (!existsSync(wasmUrl)) {
    throw new AppError('KERNEL_MISSING', 'The compiled pixel kernel src/media/kernel.wasm is not there.', {
      fix: 'node scripts/build.mjs --kernel',
    });
  }
  compiled = new WebAssembly.Module(readFileSync(wasmUrl));
  return compiled;
}

function abortKernel(): never {
  throw new Error('the pixel kernel aborted');
}

function align(pointer: Pointer): Pointer {
  return (pointer + 15) & ~15;
}
