import type { Rect, Size } from '../api/media.ts';
import { type Photo, renderPixels, sharpOf } from './decode-photo.ts';
import type { Picture } from './picture.ts';

/** Cuts a part out of a photo at the frame's size. Beyond the photo's edges its edge goes on, blurred and darkened. */
export async function cutFrame(photo: Photo, part: Rect, frame: Size): Promise<Picture> {
  const left = Math.max(0, part.x);
  const top = Math.max(0, part.y);
  const right = Math.min(photo.width, part.x + part.width);
  const bottom = Math.min(photo.height, part.y + part.height);
  const scale = frame.width / part.width;
  const x0 = Math.round((left - part.x) * scale);
  const y0 = Math.round((top - part.y) * scale);
  const shown: Rect = {
    x: x0,
    y: y0,
    width: Math.min(frame.width, Math.round((right - part.x) * scale)) - x0,
    height: Math.min(frame.height, Math.round((bottom - part.y) * scale)) - y0,
  };
  const visible = await photo.cut({ x: left, y: top, width: right - left, height: bottom - top }, shown);
  return shown.width === frame.width && shown.height === frame.height ? visible : extend(visible, shown, frame);
}

/** Blur of what is filled in (sigma), width of the seam and reach of the darkening, as shares of the frame's width. */
const BLUR_SHARE = 0.035;
const SEAM_SHARE = 0.02;
const DARKENING_SHARE = 0.2;
/** How dark the far sides become. */
const FAR_LIGHT = 0.6;

async function extend(visible: Picture, shown: Rect, frame: Size): Promise<Picture> {
  const missing = {
    left: shown.x,
    top: shown.y,
    right: frame.width - shown.x - shown.width,
    bottom: frame.height - shown.y - shown.height,
  };
  const wide = await renderPixels(sharpOf(visible).extend({ ...missing, extendWith: 'copy' }));
  const ground = await renderPixels(sharpOf(wide).blur(Math.max(1, frame.width * BLUR_SHARE)));
  const seam = frame.width * SEAM_SHARE;
  const reach = frame.width * DARKENING_SHARE;
  const across = distancesOutside(frame.width, missing.left, missing.right);
  const down = distancesOutside(frame.height, missing.top, missing.bottom);
  const { pixels } = wide;
  let at = 0;
  for (let y = 0; y < frame.height; y++)
    for (let x = 0; x < frame.width; x++) {
      const outside = Math.max(across[x]!, down[y]!);
      const share = smoothStep((outside + seam) / seam);
      const light = share * (1 - (1 - FAR_LIGHT) * smoothStep(outside / reach));
      for (const end = at + 3; at < end; at++) pixels[at] = pixels[at]! * (1 - share) + ground.pixels[at]! * light;
    }
  return wide;
}

/**
 * How far each position along an axis lies outside the photo, in pixels; negative inside. A side where nothing is missing
 * does not count.
 */
function distancesOutside(length: number, missingBefore: number, missingAfter: number): Float32Array {
  return Float32Array.from({ length }, (_, i) =>
    Math.max(
      missingBefore > 0 ? missingBefore - i : -Infinity,
      missingAfter > 0 ? i - (length - 1 - missingAfter) : -Infinity,
    ),
  );
}

function smoothStep(value: number): number {
  const t = Math.min(1, Math.max(0, value));
  return t * t * (3 - 2 * t);
}
