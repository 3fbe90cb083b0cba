import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { FaceLandmarks } from '../find-face.ts';

const VALUES = LANDMARK_COUNT * 3;
/** Length of packed landmarks: score and points, Float32 little endian. */
export const LANDMARK_BYTES = (1 + VALUES) * 4;

/** Landmarks as {@link LANDMARK_BYTES} bytes for the work folder; {@link unpackLandmarks} gives the very same back. */
export function packLandmarks({ points, score }: FaceLandmarks): Uint8Array {
  const view = new DataView(new ArrayBuffer(LANDMARK_BYTES));
  view.setFloat32(0, score, true);
  for (let i = 0; i < VALUES; i++) view.setFloat32(4 + i * 4, points[i]!, true);
  return new Uint8Array(view.buffer);
}

/** What {@link packLandmarks} packed. */
export function unpackLandmarks(bytes: Uint8Array): FaceLandmarks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const points = Float32Array.from({ length: VALUES }, (_, i) => view.getFloat32(4 + i * 4, true));
  return { points, score: view.getFloat32(0, true) };
}
