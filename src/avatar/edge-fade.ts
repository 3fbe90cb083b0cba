import type { Rect, Size } from '../api/media.ts';

/** Blur of what is filled in (sigma), width of the seam and reach of the darkening, as shares of the frame's width. */
export const BLUR_SHARE = 0.035;
const SEAM_SHARE = 0.05;
const DARKENING_SHARE = 0.2;
/** How dark the far sides become. */
const FAR_LIGHT = 0.6;

/** How a frame goes on beyond the picture that is shown in it, along one axis; one value per position. */
export interface EdgeFade {
  /** Share of the filled-in ground, 0 well inside the picture, 1 outside: of a pixel's two axes the larger counts. */
  readonly share: Float32Array;
  /** Light of the ground: of a pixel's two axes the smaller counts. */
  readonly light: Float32Array;
}

/** Seam and darkening for a frame in which a picture takes the rectangle `shown`. */
export function fadeEdges(frame: Size, shown: Rect): { readonly across: EdgeFade; readonly down: EdgeFade } {
  const fade = (outside: Float32Array): EdgeFade => ({
    share: outside.map((distance) => smoothStep((distance + seam) / seam)),
    light: outside.map((distance) => 1 - (1 - FAR_LIGHT) * smoothStep(distance / reach)),
  });
  const seam = frame.width * SEAM_SHARE;
  const reach = frame.width * DARKENING_SHARE;
  return {
    across: fade(distancesOutside(frame.width, shown.x, frame.width - shown.x - shown.width)),
    down: fade(distancesOutside(frame.height, shown.y, frame.height - shown.y - shown.height)),
  };
}

/**
 * How far each position along an axis lies outside the picture, in pixels; negative inside. A side where nothing is
 * missing does not count.
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
