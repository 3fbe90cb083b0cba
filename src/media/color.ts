import type { Size } from '../api/media.ts';
import { frameByteLength, type PixelFormat } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { type KernelMemory, type Pointer, sharedKernel } from './kernel-memory.ts';
import { type ScaleTable, scaleTable } from './scale-table.ts';

/**
 * RGB24 to I420, BT.601 limited range (ITU-R BT.601-7), chroma from the mean of 2x2 pixels.
 * @param rgb `width * height * 3` bytes. @param out `frameByteLength('i420', size)` bytes, planes Y, U, V.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function rgb24ToI420(rgb: Uint8Array, size: Size, out: Uint8Array): void {
  checkPicture('rgb24', size, rgb);
  checkPicture('i420', size, out);
  const kernel = sharedKernel();
  kernel.reset();
  const source = kernel.scratchCopy(rgb);
  const y = kernel.scratch(out.length);
  const { u, v } = planesAt(y, size);
  kernel.exports.rgb24ToI420(source, size.width, size.height, y, u, v);
  kernel.copyOut(y, out.length, out);
}

/**
 * I420 to RGB24, BT.601 limited range, each chroma sample repeated over its 2x2 pixels.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function i420ToRgb24(i420: Uint8Array, size: Size, out: Uint8Array): void {
  checkPicture('i420', size, i420);
  checkPicture('rgb24', size, out);
  const kernel = sharedKernel();
  kernel.reset();
  const y = kernel.scratchCopy(i420);
  const { u, v } = planesAt(y, size);
  const rgb = kernel.scratch(out.length);
  kernel.exports.i420ToRgb24(y, u, v, size.width, size.height, rgb);
  kernel.copyOut(rgb, out.length, out);
}

/**
 * I420 and its matte to RGBA, BT.601 limited range, each chroma sample repeated over its 2x2 pixels; straight alpha.
 * @param alpha Uint8 `[height, width]`; undefined: opaque all over. @param out `width * height * 4` bytes.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function i420ToRgba(i420: Uint8Array, alpha: Uint8Array | undefined, size: Size, out: Uint8Array): void {
  checkPicture('i420', size, i420);
  const pixels = size.width * size.height;
  if (out.length !== pixels * 4) throw wrongPlane('An RGBA picture', size, out, pixels * 4);
  if (alpha && alpha.length !== pixels) throw wrongPlane('A matte', size, alpha, pixels);
  const kernel = sharedKernel();
  kernel.reset();
  const { y, u, v } = planesAt(kernel.scratchCopy(i420), size);
  const matte = alpha ? kernel.scratchCopy(alpha) : 0;
  const rgba = kernel.scratch(out.length);
  kernel.exports.i420ToRgba(y, u, v, matte, size.width, size.height, rgba);
  kernel.copyOut(rgba, out.length, out);
}

/**
 * I420 to YUYV (YUV 4:2:2 packed as y0 u y1 v), each chroma row used twice.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function i420ToYuyv(i420: Uint8Array, size: Size, out: Uint8Array): void {
  checkPicture('i420', size, i420);
  checkPicture('yuyv', size, out);
  const kernel = sharedKernel();
  kernel.reset();
  const y = kernel.scratchCopy(i420);
  const { u, v } = planesAt(y, size);
  const yuyv = kernel.scratch(out.length);
  kernel.exports.i420ToYuyv(y, u, v, size.width, size.height, yuyv);
  kernel.copyOut(yuyv, out.length, out);
}

/**
 * Scales an I420 picture (triangle filter: bilinear when enlarging, averaging when reducing) and converts it to RGB24:
 * the live preview. Exactly half the size takes a shorter way, the mean of 2x2.
 * @throws AppError PICTURE_SIZE_WRONG for odd sizes or buffers of another length.
 */
export function scaleI420ToRgb24(i420: Uint8Array, size: Size, outSize: Size, out: Uint8Array): void {
  checkPicture('i420', size, i420);
  checkPicture('rgb24', outSize, out);
  const kernel = sharedKernel();
  kernel.reset();
  const from = planesAt(kernel.scratchCopy(i420), size);
  const to = planesAt(kernel.scratch(frameByteLength('i420', outSize)), outSize);
  scalePlane(kernel, from.y, size, to.y, outSize);
  scalePlane(kernel, from.u, halfOf(size), to.u, halfOf(outSize));
  scalePlane(kernel, from.v, halfOf(size), to.v, halfOf(outSize));
  const rgb = kernel.scratch(out.length);
  kernel.exports.i420ToRgb24(to.y, to.u, to.v, outSize.width, outSize.height, rgb);
  kernel.copyOut(rgb, out.length, out);
}

/** Where the planes of an I420 picture lie that begins at `y`. */
export function planesAt(y: Pointer, size: Size): { readonly y: Pointer; readonly u: Pointer; readonly v: Pointer } {
  const pixels = size.width * size.height;
  return { y, u: y + pixels, v: y + pixels + (pixels >> 2) };
}

/** @throws AppError PICTURE_SIZE_WRONG unless the size is even, not empty and fits the buffer. */
export function checkPicture(format: PixelFormat, size: Size, data: Uint8Array): void {
  const { width, height } = size;
  const isEven = Number.isInteger(width / 2) && Number.isInteger(height / 2);
  if (isEven && width > 0 && height > 0 && data.length === frameByteLength(format, size)) return;
  throw new AppError(
    'PICTURE_SIZE_WRONG',
    `A ${format} picture of ${width}x${height} pixels in ${data.length} bytes: width and height must be even and the ` +
      `data ${isEven ? frameByteLength(format, size) : 'of the right length'}${isEven ? ' bytes' : ''}.`,
    { fix: 'Use pictures whose width and height are even numbers, without padding.' },
  );
}

function wrongPlane(what: string, { width, height }: Size, { length }: Uint8Array, wanted: number): AppError {
  const message = `${what} of ${width}x${height} pixels has ${length} bytes in place of ${wanted}.`;
  return new AppError('PICTURE_SIZE_WRONG', message, { fix: 'Use pictures without padding.' });
}

/**
 * Scales one plane. The triangle filter is as wide as the reduction: bilinear when enlarging, a mean when reducing.
 * @param outStride bytes from one row of the result to the next; default: no padding.
 */
export function scalePlane(
  kernel: KernelMemory,
  from: Pointer,
  size: Size,
  to: Pointer,
  outSize: Size,
  outStride = outSize.width,
): void {
  const { exports } = kernel;
  if (size.width === outSize.width && size.height === outSize.height) {
    exports.copyRect(from, size.width, to, outStride, size.width, size.height);
    return;
  }
  if (size.width === outSize.width * 2 && size.height === outSize.height * 2 && outStride === outSize.width) {
    exports.halvePlane(from, size.width, size.height, to);
    return;
  }
  const across = placeTable(kernel, scaleTable(size.width, outSize.width));
  const down = placeTable(kernel, scaleTable(size.height, outSize.height));
  const stride = (size.width + 15) & ~15;
  const rows = stride === size.width ? from : kernel.scratch(stride * size.height);
  const squeezed = kernel.scratch(stride * outSize.height);
  if (rows !== from) exports.copyRect(from, size.width, rows, stride, size.width, size.height);
  exports.scaleVertical(
    rows,
    stride,
    squeezed,
    stride,
    size.width,
    outSize.height,
    down.starts,
    down.weights,
    down.taps,
  );
  exports.scaleHorizontal(
    squeezed,
    stride,
    outSize.height,
    to,
    outStride,
    outSize.width,
    across.starts,
    across.weights,
    across.blocks,
    across.taps,
  );
}

/** Copies a table into scratch memory. */
export function placeTable(
  kernel: KernelMemory,
  table: ScaleTable,
): { readonly starts: Pointer; readonly weights: Pointer; readonly blocks: Pointer; readonly taps: number } {
  return {
    starts: kernel.scratchCopy(table.starts),
    weights: kernel.scratchCopy(table.weights),
    blocks: kernel.scratchCopy(table.blocks),
    taps: table.taps,
  };
}

/** Size of the chroma planes. */
export function halfOf(size: Size): Size {
  return { width: size.width >> 1, height: size.height >> 1 };
}
