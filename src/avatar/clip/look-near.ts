import type { Rect } from '../../api/media.ts';
import { boundsOf } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import type { FaceFinder, FaceLandmarks } from '../find-face.ts';
import type { Picture } from '../picture.ts';

/** The mesh looks at a square of 1.5 times the face's longer side; half its diagonal, as a share of the face's diagonal. */
const REACH = 0.92;
/** The part begins on multiples of this, so that its halved copies are those of the whole picture. */
const ALIGNMENT_PX = 8;

/**
 * One look of the mesh from the landmarks of the frame before (or of the same face in a smaller picture, scaled). Only the
 * part round the face is touched: halving all of a large picture would cost as much as the network.
 * @param start Float32 `[478, 3]`, pixels of the picture.
 */
export async function lookNear(finder: FaceFinder, picture: Picture, start: Float32Array): Promise<FaceLandmarks> {
  const part = partAround(picture, start);
  if (!part) return { points: start, score: 0 };
  const found = await finder.landmarks(cutPart(picture, part), { points: shift(start, -part.x, -part.y), score: 1 });
  return { points: shift(found.points, part.x, part.y), score: found.score };
}

/** Landmarks moved by some pixels, as a copy. */
function shift(points: Float32Array, x: number, y: number): Float32Array {
  const moved = new Float32Array(points);
  for (let i = 0; i < moved.length; i += 3) {
    moved[i]! += x;
    moved[i + 1]! += y;
  }
  return moved;
}

/** The part of the picture the mesh can see from these landmarks; undefined where they lie outside altogether. */
function partAround(picture: Picture, points: Float32Array): Rect | undefined {
  const face = boundsOf(points, faceTopology.faceOval);
  const reach = Math.hypot(face.width, face.height) * REACH;
  const x = face.x + face.width / 2;
  const y = face.y + face.height / 2;
  const left = Math.floor(Math.max(0, x - reach) / ALIGNMENT_PX) * ALIGNMENT_PX;
  const top = Math.floor(Math.max(0, y - reach) / ALIGNMENT_PX) * ALIGNMENT_PX;
  const width = Math.min(picture.width, Math.ceil(x + reach)) - left;
  const height = Math.min(picture.height, Math.ceil(y + reach)) - top;
  return width >= 2 && height >= 2 ? { x: left, y: top, width, height } : undefined;
}

function cutPart({ width, pixels }: Picture, part: Rect): Picture {
  const cut = new Uint8Array(part.width * part.height * 3);
  for (let row = 0; row < part.height; row++) {
    const from = ((part.y + row) * width + part.x) * 3;
    cut.set(pixels.subarray(from, from + part.width * 3), row * part.width * 3);
  }
  return { width: part.width, height: part.height, pixels: cut };
}
