import { AVATAR_LIMITS } from '../api/avatar.ts';
import type { Rect, Size } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { DEFAULT_SIZE, type PrepareOptions } from './prepare-options.ts';

/**
 * Size of the body frames: what was asked for, else 1280x720; where the whole picture is to be kept, its own, without its
 * last column or row where that is odd.
 * @throws AppError PICTURE_TOO_LARGE where the whole picture is larger than an avatar may be.
 */
export function frameSizeFor(picture: Size, { source, size, framing }: PrepareOptions): Size {
  if (size) return size;
  if (framing !== 'whole') return DEFAULT_SIZE;
  const { maxWidth, maxHeight } = AVATAR_LIMITS;
  if (picture.width <= maxWidth && picture.height <= maxHeight) {
    return { width: picture.width & ~1, height: picture.height & ~1 };
  }
  throw new AppError(
    'PICTURE_TOO_LARGE',
    `${source} is ${picture.width}x${picture.height} pixels; an avatar has at most ${maxWidth}x${maxHeight}.`,
    { fix: 'Say a smaller size: --size 1920x1080' },
  );
}

/**
 * The part of a picture that keeps all of it in the frame: the picture itself, pixel by pixel, where it has the frame's size
 * (or a column or row more); else the smallest part of the frame's shape that holds it, in the middle, even, which reaches
 * beyond it.
 */
export function wholePart({ width, height }: Size, frame: Size): Rect {
  if ((width & ~1) === frame.width && (height & ~1) === frame.height) return { x: 0, y: 0, ...frame };
  const scale = Math.max(width / frame.width, height / frame.height);
  const part = { width: evenOf(frame.width * scale), height: evenOf(frame.height * scale) };
  return { x: evenOf((width - part.width) / 2), y: evenOf((height - part.height) / 2), ...part };
}

function evenOf(value: number): number {
  return Math.round(value / 2) * 2;
}
