/** Names for the MediaPipe face mesh points this engine steers. Right and left are the person's; lists run right to left. */

/** Inner edge of the upper lip from the right corner to the left one. */
export const UPPER_INNER = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308] as const;
/** Inner edge of the lower lip; the corners are the upper lip's. */
export const LOWER_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308] as const;
/** Rows of the upper lip from the inside out, corners left out. */
export const UPPER_LIP_ROWS = [
  [191, 80, 81, 82, 13, 312, 311, 310, 415],
  [183, 42, 41, 38, 12, 268, 271, 272, 407],
  [184, 74, 73, 72, 11, 302, 303, 304, 408],
  [185, 40, 39, 37, 0, 267, 269, 270, 409],
] as const;
/** Rows of the lower lip from the inside out, corners left out. */
export const LOWER_LIP_ROWS = [
  [95, 88, 178, 87, 14, 317, 402, 318, 324],
  [96, 89, 179, 86, 15, 316, 403, 319, 325],
  [77, 90, 180, 85, 16, 315, 404, 320, 307],
  [146, 91, 181, 84, 17, 314, 405, 321, 375],
] as const;
/** The corners of all four rows, right and left. */
export const LIP_CORNERS = [78, 62, 76, 61, 308, 292, 306, 291] as const;

/** The face's outline, clockwise in the picture from the middle of the forehead. */
export const FACE_OVAL = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
  172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
] as const;

/** The points of one eye, outer corner to inner corner. */
export interface EyePoints {
  /** The upper lid's edge without the corners. */
  readonly upper: readonly number[];
  readonly lower: readonly number[];
  /** The fold above the upper lid, one point for each of `upper`. */
  readonly fold: readonly number[];
  /** Under the brow, one point for each of `upper`. */
  readonly socket: readonly number[];
  readonly outer: number;
  readonly inner: number;
  /** Centre of the iris, then its right, top, left and bottom (MediaPipe's order). */
  readonly iris: readonly number[];
  readonly brow: readonly number[];
}

/** The person's right eye: left in the picture. */
export const RIGHT_EYE: EyePoints = {
  upper: [246, 161, 160, 159, 158, 157, 173],
  lower: [7, 163, 144, 145, 153, 154, 155],
  fold: [247, 30, 29, 27, 28, 56, 190],
  socket: [113, 225, 224, 223, 222, 221, 189],
  outer: 33,
  inner: 133,
  iris: [468, 469, 470, 471, 472],
  brow: [70, 63, 105, 66, 107, 55, 65, 52, 53, 46],
};

/** The person's left eye: right in the picture. */
export const LEFT_EYE: EyePoints = {
  upper: [466, 388, 387, 386, 385, 384, 398],
  lower: [249, 390, 373, 374, 380, 381, 382],
  fold: [467, 260, 259, 257, 258, 286, 414],
  socket: [342, 445, 444, 443, 442, 441, 413],
  outer: 263,
  inner: 362,
  iris: [473, 474, 475, 476, 477],
  brow: [300, 293, 334, 296, 336, 285, 295, 282, 283, 276],
};

/** The lid's edge as a closed ring: outer corner, lower lid, inner corner, upper lid backwards. */
export function lidRingOf(eye: EyePoints): number[] {
  return [eye.outer, ...eye.lower, eye.inner, ...eye.upper.toReversed()];
}

/** Single points by what they are. */
export const POINT = {
  noseTip: 1,
  underNose: 2,
  noseBridge: 168,
  forehead: 10,
  chin: 152,
  rightSide: 234,
  leftSide: 454,
  rightMouthCorner: 61,
  leftMouthCorner: 291,
  upperLipMiddle: 13,
} as const;
