/** Where a head is: a similarity that takes the reference shape to the picture. */
export interface HeadPlace {
  /** Middle of the still landmarks, in pixels. */
  readonly x: number;
  readonly y: number;
  /** Clockwise, in radians. */
  readonly angle: number;
  /** Size relative to the reference. */
  readonly scale: number;
}

/**
 * Landmarks that keep their place on the skull while a face speaks and blinks: forehead, temples, ridge and root of the
 * nose, cheekbones; in mirrored pairs. The corners of the eyes do not: the mesh moves them by pixels in a blink.
 */
export const STILL_LANDMARKS: readonly number[] = [
  ...[9, 151, 168, 6, 197, 195, 5],
  ...[108, 337, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356],
  ...[117, 346, 50, 280, 116, 345, 98, 327],
];

/**
 * The least-squares similarity from a reference shape to points (Umeyama 1991, in the plane).
 * @param reference x, y of the still landmarks, their mean at 0, 0.
 * @param points Float32 `[478, 3]`.
 */
export function placeOf(reference: Float64Array, points: Float32Array): HeadPlace {
  const count = STILL_LANDMARKS.length;
  let x = 0;
  let y = 0;
  for (const landmark of STILL_LANDMARKS) {
    x += points[landmark * 3]! / count;
    y += points[landmark * 3 + 1]! / count;
  }
  let along = 0;
  let across = 0;
  let square = 0;
  STILL_LANDMARKS.forEach((landmark, i) => {
    const u = reference[i * 2]!;
    const v = reference[i * 2 + 1]!;
    const px = points[landmark * 3]! - x;
    const py = points[landmark * 3 + 1]! - y;
    along += u * px + v * py;
    across += u * py - v * px;
    square += u * u + v * v;
  });
  return { x, y, angle: Math.atan2(across, along), scale: Math.hypot(along, across) / square };
}

/**
 * The mean shape of the still landmarks over some frames, x and y, round 0, 0, of the mean size.
 * @param frames Float32 `[478, 3]` each, at least one.
 */
export function referenceOf(frames: readonly Float32Array[]): Float64Array {
  const first = frames[0]!;
  const origin = placeOf(new Float64Array(STILL_LANDMARKS.length * 2).fill(1), first);
  let reference = Float64Array.from({ length: STILL_LANDMARKS.length * 2 }, (_, i) => {
    const value = first[STILL_LANDMARKS[i >> 1]! * 3 + (i & 1)]!;
    return value - (i & 1 ? origin.y : origin.x);
  });
  // The first alignment is to one frame's shape, the second to the mean.
  for (let pass = 0; pass < 2; pass++) {
    const sum = new Float64Array(reference.length);
    let scale = 0;
    for (const points of frames) {
      const place = placeOf(reference, points);
      scale += place.scale / frames.length;
      STILL_LANDMARKS.forEach((landmark, i) => {
        const [u, v] = toReference(place, points[landmark * 3]!, points[landmark * 3 + 1]!);
        sum[i * 2]! += u / frames.length;
        sum[i * 2 + 1]! += v / frames.length;
      });
    }
    reference = sum.map((value) => value * scale);
  }
  return reference;
}

/** A point of the picture in the reference shape's coordinates. */
export function toReference({ x, y, angle, scale }: HeadPlace, px: number, py: number): [number, number] {
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  return [cos * (px - x) + sin * (py - y), cos * (py - y) - sin * (px - x)];
}

/** A point of the reference shape in the picture. */
export function fromReference({ x, y, angle, scale }: HeadPlace, u: number, v: number): [number, number] {
  const cos = Math.cos(angle) * scale;
  const sin = Math.sin(angle) * scale;
  return [x + cos * u - sin * v, y + sin * u + cos * v];
}
