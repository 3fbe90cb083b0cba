import type { Rect, Size } from '../../api/media.ts';
import { resizeAsPillow } from '../../media/pil-resize.ts';
import { PARSER_SIDE } from '../../onnx/build-face-parser.ts';
import { squareAround } from './parsed-mask.ts';

/** ImageNet's means and deviations of red, green and blue, which BiSeNet was trained with. */
const MEANS = [0.485, 0.456, 0.406];
const DEVIATIONS = [0.229, 0.224, 0.225];
/** What each byte becomes, 256 to a channel. In single precision step by step, as torchvision computes it. */
const NORMALISED = Float32Array.from({ length: 3 * 256 }, (_, i) => {
  const channel = i >> 8;
  const centred = Math.fround(Math.fround((i & 255) / 255) - Math.fround(MEANS[channel]!));
  return centred / Math.fround(DEVIATIONS[channel]!);
});

/**
 * What MuseTalk's face parser sees of a frame: the square round the face box, black beyond the frame, resized with
 * Pillow's antialiased triangle.
 * @param frame RGB24 of `size`. @param box the face box in frame pixels.
 * @returns Float32 `[3, 512, 512]`, RGB, normalised.
 */
export function cropForParser(frame: Uint8Array, size: Size, box: Rect): Float32Array {
  const crop = squareAround(box);
  const square = new Uint8Array(crop.side * crop.side * 3);
  const left = Math.max(0, crop.x);
  const right = Math.min(size.width, crop.x + crop.side);
  const bottom = Math.min(size.height, crop.y + crop.side);
  for (let y = Math.max(0, crop.y); y < bottom && right > left; y++) {
    const row = frame.subarray((y * size.width + left) * 3, (y * size.width + right) * 3);
    square.set(row, ((y - crop.y) * crop.side + left - crop.x) * 3);
  }
  const pixels = resizeAsPillow(
    square,
    { width: crop.side, height: crop.side },
    { width: PARSER_SIDE, height: PARSER_SIDE },
    'bilinear',
    3,
  );
  const plane = PARSER_SIDE * PARSER_SIDE;
  const picture = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++)
    for (let i = 0; i < plane; i++)
      picture[channel * plane + i] = NORMALISED[channel * 256 + pixels[i * 3 + channel]!]!;
  return picture;
}
