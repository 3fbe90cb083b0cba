// The pixel kernel: AssemblyScript, compiled to src/media/kernel.wasm by scripts/build.mjs. Pointers are offsets in linear
// memory; every buffer is allocated by src/media/kernel-memory.ts with 16 bytes of slack, so that whole vectors may be
// read past the end of a row.
export { i420ToRgb24, i420ToRgba, i420ToYuyv, rgb24ToI420 } from './color';
export { blendMasked, coveredRows, fadeBytes, halveMask } from './blend';
export { doublePlane, padPlane, warpTriangles } from './warp';
export { halvePlane, scaleHorizontal, scaleVertical } from './scale';

/** Where the program's own data ends and the allocator may begin. */
export function heapBase(): usize {
  return __heap_base;
}

/** Copies a rectangle between two planes. Widths and strides in bytes. */
export function copyRect(src: usize, srcStride: i32, dst: usize, dstStride: i32, width: i32, height: i32): void {
  for (let row = 0; row < height; row++) {
    memory.copy(dst + <usize>(row * dstStride), src + <usize>(row * srcStride), <usize>width);
  }
}
