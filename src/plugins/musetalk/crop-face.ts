import type { Rect, Size } from '../../api/media.ts';
import { resizeAsOpencv } from '../../media/opencv-resize.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';

/** A face as the VAE's encoder takes it. */
export interface FaceCrops {
  /** Float32 `[3, 256, 256]`, RGB of -1 … 1. */
  readonly reference: Float32Array;
  /** The same with rows 128 … 255 black (-1): the half that MuseTalk draws. */
  readonly masked: Float32Array;
}

const BLACK = -1;

/**
 * Cuts the face out of a frame as MuseTalk does: the box stretched to 256x256 with OpenCV's Lanczos filter, which does not
 * widen for large faces. Byte for byte what cv2 makes; then x / 127.5 - 1.
 * @param pixels RGB24 of `size`. @param box in frame pixels; what lies outside of the frame is cut off.
 * @throws RangeError when nothing is left of the box.
 */
export function cropFace(pixels: Uint8Array, size: Size, box: Rect): FaceCrops {
  const left = Math.max(0, box.x);
  const top = Math.max(0, box.y);
  const width = Math.min(size.width, box.x + box.width) - left;
  const height = Math.min(size.height, box.y + box.height) - top;
  if (!(width > 0 && height > 0)) throw new RangeError('The face box lies outside of the frame.');
  const cut = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * size.width + left) * 3;
    cut.set(pixels.subarray(start, start + width * 3), y * width * 3);
  }
  const face = resizeAsOpencv(cut, { width, height }, { width: FACE_SIDE, height: FACE_SIDE }, 'lanczos4');
  const plane = FACE_SIDE * FACE_SIDE;
  const reference = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < plane; i++) reference[channel * plane + i] = face[i * 3 + channel]! / 127.5 - 1;
  const masked = reference.slice();
  for (let channel = 0; channel < 3; channel++) masked.fill(BLACK, (channel + 0.5) * plane, (channel + 1) * plane);
  return { reference, masked };
}
