import type { Rect, Size } from '../api/media.ts';

/** Share of the frame's height a face (hairline to chin) shall take: as somebody at arm's length from a webcam. */
const FACE_SHARE = 0.42;
/** A face may grow to this share when that avoids sides that the photo does not have. */
const FACE_SHARE_WITHOUT_SIDES = 0.52;
/** The most a face may take; beyond it even the photo's own edge at the top is extended. */
const MAX_FACE_SHARE = 0.62;
/** Where the middle of the face shall be, from the top. */
const FACE_MIDDLE = 0.48;
/** A picture that is framed like a webcam's already is kept as it is: share of the height that the face takes. */
const KEPT_FACE_SHARE = { least: 0.25, most: 0.62 };

/**
 * Chooses the part of a photo that frames a face like a webcam. The part has the frame's shape; where the photo ends
 * sooner it reaches beyond it (negative or too large coordinates), and cut-frame.ts fills in.
 * @param face the face's box in the photo: hairline to chin, ear to ear.
 */
export function chooseFrame(photo: { width: number; height: number }, face: Rect, frame: Size): Rect {
  const aspect = frame.width / frame.height;
  if (isFramed(photo, face, aspect)) return { x: 0, y: 0, width: photo.width, height: photo.height };
  const height = Math.min(
    face.height / FACE_SHARE,
    Math.max(photo.width / aspect, face.height / FACE_SHARE_WITHOUT_SIDES),
    Math.max(photo.height, face.height / MAX_FACE_SHARE),
  );
  const width = height * aspect;
  const x = keepInside(face.x + face.width / 2 - width / 2, width, photo.width);
  const y = face.y + face.height / 2 - height * FACE_MIDDLE;
  return {
    x: Math.round(x),
    // What is missing above is filled in above: the shoulders shall reach the lower edge.
    y: Math.round(height > photo.height ? photo.height - height : keepInside(y, height, photo.height)),
    width: Math.round(width),
    height: Math.round(height),
  };
}

function isFramed(photo: { width: number; height: number }, face: Rect, aspect: number): boolean {
  const share = face.height / photo.height;
  const middle = (face.x + face.width / 2) / photo.width;
  return (
    Math.abs(photo.width / photo.height / aspect - 1) < 0.02 &&
    share >= KEPT_FACE_SHARE.least &&
    share <= KEPT_FACE_SHARE.most &&
    Math.abs(middle - 0.5) < 0.2 &&
    face.y > 0
  );
}

/** Moves a stretch so that it lies inside 0 … length, or, where it is the longer one, covers it. */
function keepInside(start: number, stretch: number, length: number): number {
  const [least, most] = stretch <= length ? [0, length - stretch] : [length - stretch, 0];
  return Math.min(most, Math.max(least, start));
}
