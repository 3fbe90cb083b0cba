import type { Rect } from '../../api/media.ts';
import { blurAsOpencv } from '../../media/opencv-blur.ts';
import { resizeAsPillow } from '../../media/pil-resize.ts';
import { PARSER_SIDE } from '../../onnx/build-face-parser.ts';
import { type CheekWidths, jawSkin } from './skin-region.ts';

/** Which parts of a face the mask lets through: MuseTalk 1.5 takes `jaw`, its 1.0 `raw`; `neck` adds the neck. */
export type MaskMode = 'jaw' | 'raw' | 'neck';

/** A square of frame pixels round a face; it may reach out of the frame. */
export interface SquareCrop {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** A mask over a square crop. */
export interface ParsedMask {
  readonly crop: SquareCrop;
  /** Uint8 `[crop.side, crop.side]`, 255 = face. */
  readonly mask: Uint8Array;
}

/** Classes of CelebAMask-HQ in the order of face-parsing.PyTorch. */
const SKIN = 1;
const NOSE = 10;
const INNER_MOUTH = 11;
const LOWER_LIP = 13;
const NECK = 14;
/** The crop's side over the box's longer one. */
const EXPANSION = 1.5;
/** Width of the feather's kernel as a share of the crop's side, in MuseTalk's live script. */
const FEATHER_SHARE = 0.1;
const CHEEKS: CheekWidths = { left: 90, right: 90 };

/**
 * The square that MuseTalk cuts out round a face: 1.5 times the box's longer side, rounded down to an even number.
 * @param box in frame pixels, whole numbers. @throws RangeError for a box of three pixels or less.
 */
export function squareAround(box: Rect): SquareCrop {
  const longer = Math.max(box.width, box.height);
  const half = Math.floor(Math.floor(longer / 2) * EXPANSION);
  // So that the box always lies within the square.
  if (!(longer > 0 && 2 * half >= longer))
    throw new RangeError(`A face box of ${box.width}x${box.height} pixels holds no face.`);
  const x = Math.floor(box.x + box.width / 2) - half;
  const y = Math.floor(box.y + box.height / 2) - half;
  return { x, y, side: 2 * half };
}

/**
 * MuseTalk's mask from a parsed face: the classes of a mode, enlarged to the crop, inside the face box, without its upper
 * half, feathered. Bit for bit what upstream's get_image_prepare_material makes (Pillow's cubic, OpenCV's blur).
 * @param classes Uint8 `[512, 512]` of the crop round `box` ({@link squareAround}), classes of CelebAMask-HQ.
 * @param cheeks upstream's scripts ask for 90 and 90; only `jaw` knows them.
 */
export function parsedMask(classes: Uint8Array, box: Rect, mode: MaskMode, cheeks: CheekWidths = CHEEKS): ParsedMask {
  const crop = squareAround(box);
  const { side } = crop;
  const size = { width: side, height: side };
  const chosen = chooseClasses(classes, mode, cheeks);
  const enlarged = resizeAsPillow(chosen, { width: PARSER_SIDE, height: PARSER_SIDE }, size, 'bicubic');
  const kept = new Uint8Array(side * side);
  const left = Math.max(0, box.x - crop.x);
  const right = Math.min(side, box.x - crop.x + box.width);
  const bottom = Math.min(side, box.y - crop.y + box.height);
  for (let y = Math.max(side / 2, box.y - crop.y); y < bottom; y++)
    kept.set(enlarged.subarray(y * side + left, y * side + right), y * side + left);
  const kernelSize = Math.floor((FEATHER_SHARE * side) / 2) * 2 + 1;
  return { crop, mask: blurAsOpencv(kept, size, kernelSize) };
}

/** 255 where a pixel's class belongs to the mask, before it is enlarged. */
function chooseClasses(classes: Uint8Array, mode: MaskMode, cheeks: CheekWidths): Uint8Array {
  if (classes.length !== PARSER_SIDE * PARSER_SIDE)
    throw new RangeError(`A class map has ${classes.length} bytes instead of ${PARSER_SIDE * PARSER_SIDE}.`);
  const isMouth = (kind: number) => kind >= INNER_MOUTH && kind <= LOWER_LIP;
  if (mode !== 'jaw')
    return classes.map((kind) => (kind === SKIN || isMouth(kind) || (mode === 'neck' && kind === NECK) ? 255 : 0));
  const skin = jawSkin(
    classes.map((kind) => (kind === SKIN ? 1 : 0)),
    cheeks,
  );
  return classes.map((kind, i) => ((skin[i] === 1 && kind !== NOSE) || isMouth(kind) ? 255 : 0));
}
