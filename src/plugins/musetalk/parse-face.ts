import type { Rect, Size } from '../../api/media.ts';
import { cropForParser } from './crop-for-parser.ts';
import { type MaskMode, parsedMask } from './parsed-mask.ts';

/** Runs the face parser: Float32 `[3, 512, 512]`, normalised, to Uint8 `[512, 512]` classes. */
export type RunParser = (picture: Float32Array) => Promise<Uint8Array>;

/**
 * MuseTalk's own mask of a face, cut to its box as avatars keep it. What the feather leaves outside of the box is dropped:
 * there MuseTalk pastes the frame over itself.
 * @param frame RGB24 of `size`. @param box the face box in frame pixels.
 * @returns mask Uint8 `[box.height, box.width]`, 255 = face.
 */
export async function parseFace(
  run: RunParser,
  frame: Uint8Array,
  size: Size,
  box: Rect,
  mode: MaskMode,
): Promise<{ readonly mask: Uint8Array }> {
  const classes = await run(cropForParser(frame, size, box));
  const { crop, mask } = parsedMask(classes, box, mode);
  const cut = new Uint8Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const start = (box.y - crop.y + y) * crop.side + box.x - crop.x;
    cut.set(mask.subarray(start, start + box.width), y * box.width);
  }
  return { mask: cut };
}
