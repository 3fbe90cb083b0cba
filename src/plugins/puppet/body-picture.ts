import sharp from 'sharp';
import type { Rect, Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { rgb24ToI420 } from '../../media/color.ts';

/**
 * Reads a rectangle of a body picture as I420.
 * @throws AppError PUPPET_BODY_BROKEN when it cannot be read or has another size than the avatar.
 */
export async function readRegion(path: string, size: Size, region: Rect): Promise<Uint8Array> {
  const { data, info } = await sharp(path)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw bodyBroken(path, 'it cannot be read', cause);
    });
  if (info.width !== size.width || info.height !== size.height || info.channels !== 3) {
    throw bodyBroken(path, `it has ${info.width}x${info.height} pixels instead of ${size.width}x${size.height}`);
  }
  const i420 = new Uint8Array(size.width * size.height * 1.5);
  rgb24ToI420(data, size, i420);
  return cutI420(i420, size, region);
}

/** A rectangle of an I420 picture as a picture of its own. */
export function cutI420(i420: Uint8Array, size: Size, rect: Rect): Uint8Array {
  const out = new Uint8Array(rect.width * rect.height * 1.5);
  let [from, to] = [0, 0];
  for (const scale of [1, 2, 2]) {
    const [stride, width] = [size.width / scale, rect.width / scale];
    for (let row = 0; row < rect.height / scale; row++) {
      const at = from + (rect.y / scale + row) * stride + rect.x / scale;
      out.set(i420.subarray(at, at + width), to);
      to += width;
    }
    from += stride * (size.height / scale);
  }
  return out;
}

function bodyBroken(path: string, why: string, cause?: unknown): AppError {
  return new AppError('PUPPET_BODY_BROKEN', `The body picture ${path} cannot be used: ${why}.`, {
    fix: 'Prepare the avatar again: musecam prepare PHOTO --id ID',
    cause,
  });
}
