import type { Rect, Size } from '../../api/media.ts';
import { resizeAsOpencv } from '../../media/opencv-resize.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import type { ParsedMask } from './parsed-mask.ts';

/** A generated face and where it goes. */
export interface ExactPatch {
  /** RGB24 `[256, 256, 3]`. */
  readonly face: Uint8Array;
  /** The face box in frame pixels; may reach out of the frame. */
  readonly box: Rect;
  /** The mask and the square it covers, which may reach out of the frame. */
  readonly mask: ParsedMask;
}

/**
 * Pastes a face into a frame exactly as MuseTalk does, in place: bilinear as OpenCV resizes, mixed in RGB through the mask
 * as Pillow pastes, (frame (255 - a) + face a + 128), t + t / 256, over 256. The live show pastes I420 instead
 * (media/paste.ts); this is what it is measured by.
 * @param frame RGB24 of `size`.
 */
export function pasteExact(frame: Uint8Array, size: Size, { face, box, mask: { crop, mask } }: ExactPatch): void {
  const { x, y, side } = crop;
  pasteThrough(frame, size, { face, box, mask, area: { x, y, width: side, height: side } });
}

/** The same through a mask over any rectangle: Uint8 `[area.height, area.width]`. */
export function pasteThrough(
  frame: Uint8Array,
  size: Size,
  { face, box, mask, area }: { face: Uint8Array; box: Rect; mask: Uint8Array; area: Rect },
): void {
  const left = Math.max(0, box.x, area.x);
  const right = Math.min(size.width, box.x + box.width, area.x + area.width);
  let top = Math.max(0, box.y, area.y);
  let bottom = Math.min(size.height, box.y + box.height, area.y + area.height);
  const isEmpty = (y: number) => {
    const row = (y - area.y) * area.width - area.x;
    return mask.subarray(row + left, row + right).every((alpha) => alpha === 0);
  };
  // MuseTalk's masks leave the upper half alone: it need not be resized.
  while (top < bottom && isEmpty(top)) top++;
  while (top < bottom && isEmpty(bottom - 1)) bottom--;
  if (left >= right || top >= bottom) return;
  const rows = { start: top - box.y, end: bottom - box.y };
  const resized = resizeAsOpencv(face, { width: FACE_SIDE, height: FACE_SIDE }, box, 'linear', 3, rows);
  // Elsewhere in the crop the mask would mix the frame with itself.
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const alpha = mask[(y - area.y) * area.width + x - area.x]!;
      if (alpha === 0) continue;
      const to = (y * size.width + x) * 3;
      const from = ((y - box.y) * box.width + x - box.x) * 3;
      for (let channel = 0; channel < 3; channel++)
        frame[to + channel] = mixBytes(frame[to + channel]!, resized[from + channel]!, alpha);
    }
}

/** Mixes as Pillow does: the same as rounding the quotient by 255. */
function mixBytes(under: number, over: number, alpha: number): number {
  const sum = under * (255 - alpha) + over * alpha + 128;
  return (sum + (sum >> 8)) >> 8;
}
