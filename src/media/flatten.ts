import type { Size } from '../api/media.ts';
import { checkPicture, planesAt } from './color.ts';
import { sharedKernel } from './kernel-memory.ts';

/** What stands behind a transparent show where transparency cannot be carried: a quiet grey, BT.601 limited range. */
const PLAIN_GROUND = { y: 110, u: 128, v: 128 } as const;

/**
 * Lays a transparent I420 picture on a plain grey, for who cannot carry its matte: what was behind the person does not
 * show. About a fifth of the time of a conversion to RGB.
 * @param alpha Uint8 `[height, width]`, 255 = person. @param out as long as `i420`; may be `i420` itself.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function flattenI420(i420: Uint8Array, alpha: Uint8Array, size: Size, out: Uint8Array): void {
  checkPicture('i420', size, i420);
  checkPicture('i420', size, out);
  const { width, height } = size;
  const kernel = sharedKernel();
  kernel.reset();
  const from = planesAt(kernel.scratchCopy(i420), size);
  const mask = kernel.scratchCopy(alpha);
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  // Whole vectors are written: rows of the smaller mask are padded.
  const halfStride = (halfWidth + 15) & ~15;
  const halfMask = kernel.scratch(halfStride * halfHeight);
  const to = planesAt(kernel.scratch(out.length), size);
  const { bytes, exports } = kernel;
  bytes.fill(PLAIN_GROUND.y, to.y, to.u);
  bytes.fill(PLAIN_GROUND.u, to.u, to.v);
  bytes.fill(PLAIN_GROUND.v, to.v, to.y + out.length);
  exports.halveMask(mask, width, width, height, halfMask, halfStride);
  exports.blendMasked(from.y, width, mask, width, to.y, width, width, height);
  exports.blendMasked(from.u, halfWidth, halfMask, halfStride, to.u, halfWidth, halfWidth, halfHeight);
  exports.blendMasked(from.v, halfWidth, halfMask, halfStride, to.v, halfWidth, halfWidth, halfHeight);
  kernel.copyOut(to.y, out.length, out);
}
