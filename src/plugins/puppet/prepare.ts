import type { PreparedFace } from '../../api/avatar.ts';
import { LANDMARK_COUNT } from '../../api/avatar.ts';
import { findEdgeShifts } from './edge-snap.ts';
import { workOutFields } from './fields.ts';
import { encodeFields, FIELDS_VERSION, type PuppetFields, quantisePositions } from './fields-file.ts';
import { measureLooks } from './measure-looks.ts';
import { keepInside, placeVertices } from './mesh.ts';
import { MouthFrame } from './mouth-frame.ts';
import { prepareClip } from './prepare-clip.ts';

/** Path of the engine's file inside an avatar's folder. */
export const FIELDS_PATH = 'puppet/fields.bin';

/**
 * Works out an avatar's fields. A still keeps its mouth as it is at rest; of a clip, every frame's mouth is brought to the
 * clip's shut one first.
 */
export async function prepareFields(face: PreparedFace, signal: AbortSignal): Promise<PuppetFields> {
  signal.throwIfAborted();
  return face.frameCount > 1 ? await prepareClip(face, signal) : await prepareStill(face);
}

/** The same as files, as the engine contract wants them. */
export async function prepareFiles(
  face: PreparedFace,
  signal: AbortSignal,
): Promise<{ version: number; files: ReadonlyMap<string, Uint8Array> }> {
  const fields = await prepareFields(face, signal);
  return { version: FIELDS_VERSION, files: new Map([[FIELDS_PATH, await encodeFields(fields)]]) };
}

async function prepareStill(face: PreparedFace): Promise<PuppetFields> {
  const size = { width: face.width, height: face.height };
  const pixels = await face.pixels(0);
  const found = face.landmarks.subarray(0, LANDMARK_COUNT * 3);
  const { landmarks, frame } = snapped(found, findEdgeShifts(found, pixels, size));
  const vertices = placeVertices(landmarks, size);
  keepInside(vertices, size);
  const { across, down } = frame;
  return {
    ...size,
    frameCount: 1,
    looks: measureLooks(found, pixels, size),
    positions: quantisePositions(vertices, size),
    shut: new Int16Array(0),
    frames: Float32Array.of(frame.x, frame.y, across.x, across.y, down.x, down.y, 1, 0),
    fields: workOutFields(landmarks, vertices, size),
  };
}

/** Landmarks with their edges moved, and the mouth coordinates of the result. */
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
