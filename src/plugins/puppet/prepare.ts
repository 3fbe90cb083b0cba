import type { PreparedFace } from '../../api/avatar.ts';
import { LANDMARK_COUNT } from '../../api/avatar.ts';
import type { Size } from '../../api/media.ts';
import { findEdgeShifts } from './edge-snap.ts';
import { LEFT_EYE, lidRingOf, RIGHT_EYE } from './face-points.ts';
import { workOutFields } from './fields.ts';
import { encodeFields, type FaceLooks, FIELDS_VERSION, FRAME_NUMBERS, type PuppetFields } from './fields-file.ts';
import { placeVertices, VERTEX_COUNT } from './mesh.ts';
import { MouthFrame } from './mouth-frame.ts';

/** Path of the engine's file inside an avatar's folder. */
export const FIELDS_PATH = 'puppet/fields.bin';

/** Cheeks and forehead, where skin is skin. */
const SKIN_POINTS = [50, 280, 205, 425, 101, 330];
const LIP_POINTS = [72, 302, 85, 315, 16];

/** Works out an avatar's fields: edges found in the first frame, mesh of every frame, moves of every control. */
export async function prepareFields(face: PreparedFace, signal: AbortSignal): Promise<PuppetFields> {
  signal.throwIfAborted();
  const size = { width: face.width, height: face.height };
  const pixels = await face.pixels(0);
  const shifts = findEdgeShifts(landmarksOf(face, 0), pixels, size);
  const positions = new Float32Array(face.frameCount * VERTEX_COUNT * 2);
  const frames = new Float32Array(face.frameCount * FRAME_NUMBERS);
  let fields: Float32Array | undefined;
  for (let index = 0; index < face.frameCount; index++) {
    signal.throwIfAborted();
    const { landmarks, frame } = snapped(landmarksOf(face, index), shifts);
    const vertices = placeVertices(landmarks, size);
    keepInside(vertices, size);
    positions.set(vertices, index * VERTEX_COUNT * 2);
    const { across, down } = frame;
    frames.set([frame.x, frame.y, across.x, across.y, down.x, down.y], index * FRAME_NUMBERS);
    fields ??= workOutFields(landmarks, vertices, size);
  }
  const looks = measureLooks(landmarksOf(face, 0), pixels, size);
  return { ...size, frameCount: face.frameCount, looks, positions, frames, fields: fields! };
}

/** The same as files, as the engine contract wants them. */
export async function prepareFiles(
  face: PreparedFace,
  signal: AbortSignal,
): Promise<{ version: number; files: ReadonlyMap<string, Uint8Array> }> {
  const fields = await prepareFields(face, signal);
  return { version: FIELDS_VERSION, files: new Map([[FIELDS_PATH, encodeFields(fields)]]) };
}

function landmarksOf(face: PreparedFace, index: number): Float32Array {
  const numbers = LANDMARK_COUNT * 3;
  return face.landmarks.subarray(index * numbers, (index + 1) * numbers);
}

/** Landmarks with their edges moved, and the mouth coordinates they were moved in. */
function snapped(landmarks: Float32Array, shifts: Float32Array): { landmarks: Float32Array; frame: MouthFrame } {
  const before = new MouthFrame(landmarks);
  const moved = landmarks.slice();
  for (let point = 0; point < LANDMARK_COUNT; point++) {
    const [u, v] = [shifts[point * 2]!, shifts[point * 2 + 1]!];
    moved[point * 3] = moved[point * 3]! + u * before.across.x + v * before.down.x;
    moved[point * 3 + 1] = moved[point * 3 + 1]! + u * before.across.y + v * before.down.y;
  }
  return { landmarks: moved, frame: new MouthFrame(moved) };
}

function keepInside(vertices: Float32Array, size: Size): void {
  for (let at = 0; at < vertices.length; at += 2) {
    vertices[at] = Math.min(size.width - 1, Math.max(0, vertices[at]!));
    vertices[at + 1] = Math.min(size.height - 1, Math.max(0, vertices[at + 1]!));
  }
}

function measureLooks(landmarks: Float32Array, pixels: Uint8Array, size: Size): FaceLooks {
  const colourAt = (x: number, y: number): [number, number, number] => {
    const column = Math.min(size.width - 1, Math.max(0, Math.round(x)));
    const row = Math.min(size.height - 1, Math.max(0, Math.round(y)));
    const at = (row * size.width + column) * 3;
    return [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
  };
  const meanAround = (points: readonly number[]): [number, number, number] => {
    const sum: [number, number, number] = [0, 0, 0];
    for (const point of points) {
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          colourAt(landmarks[point * 3]! + dx, landmarks[point * 3 + 1]! + dy).forEach((value, channel) => {
            sum[channel] = sum[channel]! + value / (25 * points.length);
          });
        }
      }
    }
    return sum;
  };
  return { skin: meanAround(SKIN_POINTS), lip: meanAround(LIP_POINTS), eyeWhite: eyeWhiteOf(landmarks, colourAt) };
}

/** The 85th percentile of luma between the lids. */
function eyeWhiteOf(landmarks: Float32Array, colourAt: (x: number, y: number) => [number, number, number]): number {
  const lumas: number[] = [];
  for (const eye of [RIGHT_EYE, LEFT_EYE]) {
    const [cx, cy] = [landmarks[eye.iris[0]! * 3]!, landmarks[eye.iris[0]! * 3 + 1]!];
    for (const lid of lidRingOf(eye)) {
      for (const share of [0.55, 0.65, 0.75, 0.85]) {
        const [x, y] = [landmarks[lid * 3]!, landmarks[lid * 3 + 1]!];
        const [r, g, b] = colourAt(cx + (x - cx) * share, cy + (y - cy) * share);
        lumas.push(0.299 * r + 0.587 * g + 0.114 * b);
      }
    }
  }
  lumas.sort((a, b) => a - b);
  return lumas[Math.floor(lumas.length * 0.85)]!;
}
