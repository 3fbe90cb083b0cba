import type { FacePatch, Rect, Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { checkPicture, placeTable, planesAt } from './color.ts';
import { type KernelMemory, type Pointer, sharedKernel } from './kernel-memory.ts';
import { scaleTable } from './scale-table.ts';

/**
 * Pastes a face patch into a body frame, in place; nothing outside the patch changes.
 * `i420` patches replace their rectangle. `rgb24` faces are converted, resized bilinearly to `maskBox` (by default the
 * patch's rectangle) and blended through `mask`: 0 keeps the body bit for bit, 255 replaces it.
 * @param frame I420 of `frameSize`.
 * @param mask Uint8 `[maskBox.height, maskBox.width]`, 255 = face; left out, the face replaces the whole box.
 * @throws AppError PICTURE_SIZE_WRONG or PATCH_BOX_WRONG: odd numbers, outside the frame, or buffers of another length.
 */
export function pastePatch(
  frame: Uint8Array,
  frameSize: Size,
  patch: FacePatch,
  mask?: Uint8Array,
  maskBox: Rect = patch.rect,
): void {
  checkPicture('i420', frameSize, frame);
  checkPicture(patch.format, patch.size, patch.data);
  if (patch.format === 'i420') {
    checkBox(patch.rect, frameSize);
    if (patch.size.width !== patch.rect.width || patch.size.height !== patch.rect.height)
      throw wrongBox(patch.rect, frameSize);
    replaceRect(frame, frameSize, patch.data, patch.rect);
    return;
  }
  checkBox(maskBox, frameSize);
  if (mask && mask.length !== maskBox.width * maskBox.height) {
    throw new AppError(
      'PATCH_BOX_WRONG',
      `The mask has ${mask.length} bytes for a face box of ${maskBox.width}x${maskBox.height} pixels.`,
      { fix: 'Prepare the avatar again.' },
    );
  }
  blendFace(frame, frameSize, patch, mask, maskBox);
}

/**
 * Puts a patch's matte into the matte of its frame, in place.
 * @param matte Uint8 `[frameSize.height, frameSize.width]`. @param patch Uint8 `[rect.height, rect.width]`.
 * @throws AppError PATCH_BOX_WRONG: odd numbers, outside the frame, or a buffer of another length.
 */
export function pasteMatte(matte: Uint8Array, frameSize: Size, patch: Uint8Array, rect: Rect): void {
  checkBox(rect, frameSize);
  if (patch.length !== rect.width * rect.height || matte.length !== frameSize.width * frameSize.height)
    throw wrongBox(rect, frameSize);
  copyRows(patch, 0, rect.width, matte, rect.y * frameSize.width + rect.x, frameSize.width, rect.height);
}

/** Copies the planes of an opaque rectangle row by row. */
function replaceRect(frame: Uint8Array, frameSize: Size, data: Uint8Array, rect: Rect): void {
  const from = planesAt(0, rect);
  const to = planesAt(0, frameSize);
  copyRows(data, from.y, rect.width, frame, to.y + rect.y * frameSize.width + rect.x, frameSize.width, rect.height);
  const chromaAt = (rect.y >> 1) * (frameSize.width >> 1) + (rect.x >> 1);
  const [width, stride, height] = [rect.width >> 1, frameSize.width >> 1, rect.height >> 1];
  copyRows(data, from.u, width, frame, to.u + chromaAt, stride, height);
  copyRows(data, from.v, width, frame, to.v + chromaAt, stride, height);
}

function copyRows(
  data: Uint8Array,
  from: number,
  width: number,
  frame: Uint8Array,
  to: number,
  stride: number,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const start = from + row * width;
    frame.set(data.subarray(start, start + width), to + row * stride);
  }
}

/** A plane of the frame and what to do to it. All measures in this plane's own pixels. */
interface PlaneJob {
  /** Byte offset of the plane in the frame. */
  readonly frameAt: number;
  readonly frameWidth: number;
  readonly box: Rect;
  /** The face's plane in kernel memory, without padding. */
  readonly face: Pointer;
  readonly faceSize: Size;
  /** The mask in kernel memory. */
  readonly mask: Pointer;
  readonly maskStride: number;
}

function blendFace(
  frame: Uint8Array,
  frameSize: Size,
  patch: FacePatch,
  mask: Uint8Array | undefined,
  box: Rect,
): void {
  const kernel = sharedKernel();
  kernel.reset();
  const maskStride = pad(box.width);
  const maskAt = placeMask(kernel, mask, box, maskStride);
  const rows = coveredRows(kernel, maskAt, maskStride, box);
  if (rows.first >= rows.end) return;
  const rgb = kernel.scratchCopy(patch.data);
  const face = planesAt(kernel.scratch((patch.data.length >> 1) + 16), patch.size);
  kernel.exports.rgb24ToI420(rgb, patch.size.width, patch.size.height, face.y, face.u, face.v);
  const chromaMaskStride = pad(box.width >> 1);
  const chromaMaskAt = kernel.scratch(chromaMaskStride * (box.height >> 1));
  kernel.exports.halveMask(maskAt, maskStride, box.width, box.height, chromaMaskAt, chromaMaskStride);

  const planes = planesAt(0, frameSize);
  const chroma = { faceSize: half(patch.size), mask: chromaMaskAt, maskStride: chromaMaskStride };
  const chromaBox = { x: box.x >> 1, y: box.y >> 1, ...half(box) };
  const chromaWidth = frameSize.width >> 1;
  blendPlane(
    kernel,
    frame,
    {
      frameAt: planes.y,
      frameWidth: frameSize.width,
      box,
      face: face.y,
      faceSize: patch.size,
      mask: maskAt,
      maskStride,
    },
    rows,
  );
  const chromaRows = { first: rows.first >> 1, end: (rows.end + 1) >> 1 };
  blendPlane(
    kernel,
    frame,
    { frameAt: planes.u, frameWidth: chromaWidth, box: chromaBox, face: face.u, ...chroma },
    chromaRows,
  );
  blendPlane(
    kernel,
    frame,
    { frameAt: planes.v, frameWidth: chromaWidth, box: chromaBox, face: face.v, ...chroma },
    chromaRows,
  );
}

interface RowRange {
  readonly first: number;
  readonly end: number;
}

/**
 * Resizes the face's plane and blends the rows the mask covers. The frame's rows go through kernel memory as one band
 * of whole rows: one large copy is cheaper than hundreds of small ones, and bytes beside the box return unchanged.
 */
function blendPlane(kernel: KernelMemory, frame: Uint8Array, job: PlaneJob, rows: RowRange): void {
  const { box, faceSize, frameWidth } = job;
  const { exports } = kernel;
  const stride = pad(box.width);
  const across = placeTable(kernel, scaleTable(faceSize.width, box.width));
  const down = placeTable(kernel, scaleTable(faceSize.height, box.height));
  const wide = kernel.scratch(stride * faceSize.height);
  const resized = kernel.scratch(stride * box.height);
  const count = rows.end - rows.first;
  exports.scaleHorizontal(
    job.face,
    faceSize.width,
    faceSize.height,
    wide,
    stride,
    box.width,
    across.starts,
    across.weights,
    across.blocks,
    across.taps,
  );
  exports.scaleVertical(
    wide,
    stride,
    resized,
    stride,
    box.width,
    count,
    down.starts + rows.first * 2,
    down.weights + rows.first * down.taps * 2,
    down.taps,
  );
  const bandAt = job.frameAt + (box.y + rows.first) * frameWidth;
  const bandBytes = count * frameWidth;
  const band = kernel.scratchCopy(frame.subarray(bandAt, bandAt + bandBytes));
  const mask = job.mask + rows.first * job.maskStride;
  exports.blendMasked(resized, stride, mask, job.maskStride, band + box.x, frameWidth, box.width, count);
  kernel.copyOut(band, bandBytes, frame, bandAt);
}

/** Copies the mask into kernel memory with padded rows; without one, full cover. */
function placeMask(kernel: KernelMemory, mask: Uint8Array | undefined, box: Rect, stride: number): Pointer {
  const padded = kernel.scratch(stride * box.height);
  if (mask) kernel.exports.copyRect(kernel.scratchCopy(mask), box.width, padded, stride, box.width, box.height);
  else kernel.bytes.fill(255, padded, padded + stride * box.height);
  return padded;
}

/** The rows in which the mask is not all zero; even, so that chroma rows are whole. Jaw masks leave the upper half alone. */
function coveredRows(kernel: KernelMemory, mask: Pointer, stride: number, box: Rect): RowRange {
  const packed = kernel.exports.coveredRows(mask, stride, box.width, box.height);
  return { first: (packed >> 16) & ~1, end: ((packed & 0xffff) + 1) & ~1 };
}

/** @throws AppError PATCH_BOX_WRONG unless the box is even, not empty and inside the frame. */
function checkBox(box: Rect, frame: Size): void {
  const isEven = [box.x, box.y, box.width, box.height].every((value) => Number.isInteger(value / 2));
  const isInside = box.x >= 0 && box.y >= 0 && box.x + box.width <= frame.width && box.y + box.height <= frame.height;
  if (!isEven || !isInside || box.width < 2 || box.height < 2) throw wrongBox(box, frame);
}

function wrongBox(box: Rect, frame: Size): AppError {
  return new AppError(
    'PATCH_BOX_WRONG',
    `A face patch at ${box.x},${box.y} of ${box.width}x${box.height} pixels does not fit a frame of ` +
      `${frame.width}x${frame.height}: all numbers must be even, the patch inside the frame, its data of that size.`,
    { fix: 'Prepare the avatar again.' },
  );
}

function half(size: Size): Size {
  return { width: size.width >> 1, height: size.height >> 1 };
}

function pad(width: number): number {
  return (width + 15) & ~15;
}
