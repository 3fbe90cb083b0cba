import { frameByteLength, type Rect, type Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { checkPicture, halfOf, planesAt, scalePlane } from './color.ts';
import { sharedKernel } from './kernel-memory.ts';

/** Black in BT.601 limited range. */
const BLACK = { luma: 16, chroma: 128 } as const;

/** Where a picture goes in a frame of another shape: as large as fits, in the middle, all numbers even. */
export function fitInside(picture: Size, frame: Size): Rect {
  const scale = Math.min(frame.width / picture.width, frame.height / picture.height);
  const even = (length: number, most: number) => Math.min(most, Math.max(2, Math.round((length * scale) / 2) * 2));
  const [width, height] = [even(picture.width, frame.width), even(picture.height, frame.height)];
  return { x: ((frame.width - width) >> 2) * 2, y: ((frame.height - height) >> 2) * 2, width, height };
}

/**
 * Scales an I420 picture into a frame of another size, with black bars where the shapes differ. Bilinear when enlarging,
 * a weighted mean when reducing, so that fine lines do not shimmer.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function letterbox(picture: Uint8Array, size: Size, frame: Uint8Array, frameSize: Size): void {
  checkPicture('i420', size, picture);
  checkPicture('i420', frameSize, frame);
  const kernel = sharedKernel();
  kernel.reset();
  const place = fitInside(size, frameSize);
  const from = planesAt(kernel.scratchCopy(picture), size);
  const to = planesAt(kernel.scratch(frameByteLength('i420', frameSize)), frameSize);
  const hasBars = place.width < frameSize.width || place.height < frameSize.height;
  if (hasBars) {
    kernel.bytes.fill(BLACK.luma, to.y, to.u);
    kernel.bytes.fill(BLACK.chroma, to.u, to.y + frame.length);
  }
  const stride = frameSize.width;
  scalePlane(kernel, from.y, size, to.y + place.y * stride + place.x, place, stride);
  const chromaAt = (place.y >> 1) * (stride >> 1) + (place.x >> 1);
  const [half, halfPlace] = [halfOf(size), halfOf(place)];
  scalePlane(kernel, from.u, half, to.u + chromaAt, halfPlace, stride >> 1);
  scalePlane(kernel, from.v, half, to.v + chromaAt, halfPlace, stride >> 1);
  kernel.copyOut(to.y, frame.length, frame);
}

/**
 * The same for a matte (Uint8 `[height, width]`): the bars are transparent.
 * @throws AppError PICTURE_SIZE_WRONG for buffers of another length.
 */
export function letterboxMatte(matte: Uint8Array, size: Size, frame: Uint8Array, frameSize: Size): void {
  for (const [bytes, { width, height }] of [[matte, size] as const, [frame, frameSize] as const]) {
    if (bytes.length === width * height) continue;
    throw new AppError('PICTURE_SIZE_WRONG', `A matte of ${width}x${height} pixels has ${bytes.length} bytes.`);
  }
  const kernel = sharedKernel();
  kernel.reset();
  const place = fitInside(size, frameSize);
  const from = kernel.scratchCopy(matte);
  const to = kernel.scratch(frame.length);
  kernel.bytes.fill(0, to, to + frame.length);
  scalePlane(kernel, from, size, to + place.y * frameSize.width + place.x, place, frameSize.width);
  kernel.copyOut(to, frame.length, frame);
}
