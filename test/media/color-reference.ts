import type { Size } from '../../src/api/media.ts';

/** BT.601 limited range in floating point, chroma from the mean of 2x2 pixels: what the kernel is compared with. */
export function referenceRgb24ToI420(rgb: Uint8Array, { width, height }: Size): Float64Array {
  const out = new Float64Array((width * height * 3) / 2);
  const uAt = width * height;
  const vAt = uAt + uAt / 4;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = rgb.subarray((y * width + x) * 3);
      out[y * width + x] = 16 + (65.481 * r! + 128.553 * g! + 24.966 * b!) / 255;
      const chroma = (y >> 1) * (width >> 1) + (x >> 1);
      out[uAt + chroma]! += (128 + (-37.797 * r! - 74.203 * g! + 112 * b!) / 255) / 4;
      out[vAt + chroma]! += (128 + (112 * r! - 93.786 * g! - 18.214 * b!) / 255) / 4;
    }
  }
  return out;
}

/** BT.601 limited range back to RGB in floating point, chroma repeated. */
export function referenceI420ToRgb24(i420: Uint8Array, { width, height }: Size): Float64Array {
  const out = new Float64Array(width * height * 3);
  const uAt = width * height;
  const vAt = uAt + uAt / 4;
  const clamp = (value: number) => Math.min(255, Math.max(0, value));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const luma = (255 / 219) * (i420[y * width + x]! - 16);
      const chroma = (y >> 1) * (width >> 1) + (x >> 1);
      const u = i420[uAt + chroma]! - 128;
      const v = i420[vAt + chroma]! - 128;
      const at = (y * width + x) * 3;
      out[at] = clamp(luma + 1.402 * (255 / 224) * v);
      out[at + 1] = clamp(luma - 0.344136 * (255 / 224) * u - 0.714136 * (255 / 224) * v);
      out[at + 2] = clamp(luma + 1.772 * (255 / 224) * u);
    }
  }
  return out;
}
