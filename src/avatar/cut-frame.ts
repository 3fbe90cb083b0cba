import type { Rect, Size } from '../api/media.ts';
import { type Photo, renderPixels, sharpOf } from './decode-photo.ts';
import { BLUR_SHARE, fadeEdges } from './edge-fade.ts';
import type { Picture } from './picture.ts';

/** Which part of a picture is seen in a frame, and where. */
export interface VisiblePart {
  /** In pixels of the picture, inside it. */
  readonly visible: Rect;
  /** In pixels of the frame. */
  readonly shown: Rect;
}

/** Cuts a part out of a photo at the frame's size. Beyond the photo's edges its edge goes on, blurred and darkened. */
export async function cutFrame(photo: Photo, part: Rect, frame: Size): Promise<Picture> {
  const { visible, shown } = placePart(photo, part, frame);
  const seen = await photo.cut(visible, shown);
  return shown.width === frame.width && shown.height === frame.height ? seen : extend(seen, shown, frame);
}

/** Where the picture is seen when `part`, which may reach beyond it, fills the frame. */
export function placePart(picture: Size, part: Rect, frame: Size): VisiblePart {
  const left = Math.max(0, part.x);
  const top = Math.max(0, part.y);
  const right = Math.min(picture.width, part.x + part.width);
  const bottom = Math.min(picture.height, part.y + part.height);
  const scale = frame.width / part.width;
  const x = Math.round((left - part.x) * scale);
  const y = Math.round((top - part.y) * scale);
  return {
    visible: { x: left, y: top, width: right - left, height: bottom - top },
    shown: {
      x,
      y,
      width: Math.min(frame.width, Math.round((right - part.x) * scale)) - x,
      height: Math.min(frame.height, Math.round((bottom - part.y) * scale)) - y,
    },
  };
}

async function extend(visible: Picture, shown: Rect, frame: Size): Promise<Picture> {
  const missing = {
    left: shown.x,
    top: shown.y,
    right: frame.width - shown.x - shown.width,
    bottom: frame.height - shown.y - shown.height,
  };
  const wide = await renderPixels(sharpOf(visible).extend({ ...missing, extendWith: 'copy' }));
  const ground = await renderPixels(sharpOf(wide).blur(Math.max(1, frame.width * BLUR_SHARE)));
  const { across, down } = fadeEdges(frame, shown);
  const { pixels } = wide;
  let at = 0;
  for (let y = 0; y < frame.height; y++)
    for (let x = 0; x < frame.width; x++) {
      const share = Math.max(across.share[x]!, down.share[y]!);
      const light = share * Math.min(across.light[x]!, down.light[y]!);
      for (const end = at + 3; at < end; at++) pixels[at] = pixels[at]! * (1 - share) + ground.pixels[at]! * light;
    }
  return wide;
}
