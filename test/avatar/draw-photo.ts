import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';

/** The drawn face of the tests, 600x720, transparent ground. */
const FACE_SVG = fileURLToPath(new URL('../fixtures/faces/face.svg', import.meta.url));
/**
 * Where things are in the drawing, in pixels of it, by landmark: what the detector ought to find. Centres of the irises,
 * corners of the mouth, middle of the line between the lips.
 */
export const DRAWN_TRUTH: ReadonlyMap<number, readonly [number, number]> = new Map([
  [468, [218, 299]],
  [473, [382, 299]],
  [61, [234, 474]],
  [291, [366, 474]],
  [13, [300, 479]],
]);
/** Size of the drawing in pixels. */
export const DRAWN_SIZE = { width: 600, height: 720 };
/** Share of the drawing's height from the top of the forehead (landmark 10) to the chin (152). */
export const FACE_SHARE = 393 / 720;

/** A face in a photo: left and top of the drawing and its height, in pixels. */
export interface DrawnFace {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** Draws a photo with any number of faces on a plain wall. */
export async function drawPhoto(width: number, height: number, faces: readonly DrawnFace[]): Promise<Sharp> {
  const layers = await Promise.all(
    faces.map(async (face) => ({
      // A piece that reaches over the edge is cut to what is seen: sharp takes no layer larger than the picture.
      input: await cutToPicture(face, width, height),
      left: Math.max(0, face.x),
      top: Math.max(0, face.y),
    })),
  );
  const wall = sharp({ create: { width, height, channels: 3, background: '#9aa6ae' }, limitInputPixels: false });
  return sharp(await wall.composite(layers).removeAlpha().png({ compressionLevel: 1 }).toBuffer());
}

async function cutToPicture(face: DrawnFace, width: number, height: number): Promise<Buffer> {
  const density = Math.max(72, (72 * face.height) / DRAWN_SIZE.height);
  const drawn = await sharp(FACE_SVG, { density })
    .resize({ height: face.height })
    .png()
    .toBuffer({ resolveWithObject: true });
  const left = Math.max(0, -face.x);
  const top = Math.max(0, -face.y);
  return sharp(drawn.data)
    .extract({
      left,
      top,
      width: Math.min(drawn.info.width - left, width - Math.max(0, face.x)),
      height: Math.min(drawn.info.height - top, height - Math.max(0, face.y)),
    })
    .png()
    .toBuffer();
}
