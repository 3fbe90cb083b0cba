/** How a head is turned, in degrees; all zero = straight into the camera. */
export interface HeadPose {
  /** Positive: the person looks to the right of the picture. */
  readonly yawDegrees: number;
  /** Positive: the person looks down. */
  readonly pitchDegrees: number;
  /** Positive: the head leans clockwise in the picture. */
  readonly rollDegrees: number;
}

/** Landmarks that mirror each other: outer and inner eye corners, cheekbones, jaw, mouth corners. */
const MIRRORED: readonly (readonly [number, number])[] = [
  [33, 263],
  [133, 362],
  [234, 454],
  [172, 397],
  [61, 291],
];
/**
 * The line from the top of the forehead to the chin leans forward by about this much, as the mesh sees it, in a face that
 * looks straight ahead: the middle of what it says of frontal faces, drawn and rendered (4 … 13).
 */
const UPRIGHT_PITCH_DEGREES = 8;
/** The mesh flattens turned heads: heads turned by 15 … 50 degrees (test/avatar/turn-face.ts) came out at 0.7 … 0.85 of it. */
const YAW_FLATTENING = 0.8;
const DEGREES = 180 / Math.PI;

/**
 * How a head is turned, from its landmarks (Float32 `[478, 3]`): the slope in depth of lines that would lie flat in a
 * face that looks straight ahead. Good to about five degrees, enough to refuse what the warp cannot do.
 */
export function measureHeadPose(points: Float32Array): HeadPose {
  let across = 0;
  let down = 0;
  let depth = 0;
  for (const [right, left] of MIRRORED) {
    across += points[left * 3]! - points[right * 3]!;
    down += points[left * 3 + 1]! - points[right * 3 + 1]!;
    depth += points[left * 3 + 2]! - points[right * 3 + 2]!;
  }
  const length = Math.hypot(...[0, 1].map((axis) => points[152 * 3 + axis]! - points[10 * 3 + axis]!));
  const lean = points[152 * 3 + 2]! - points[10 * 3 + 2]!;
  return {
    yawDegrees: (Math.atan2(depth, Math.hypot(across, down)) * DEGREES) / YAW_FLATTENING,
    pitchDegrees: Math.atan2(lean, length) * DEGREES - UPRIGHT_PITCH_DEGREES,
    rollDegrees: Math.atan2(down, across) * DEGREES,
  };
}
