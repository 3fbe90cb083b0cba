import type { Size } from '../../api/media.ts';
import { CONTROLS } from './controls.ts';
import { EyeFields } from './eye-fields.ts';
import { describeFace } from './face-description.ts';
import { LEFT_EYE, RIGHT_EYE } from './face-points.ts';
import { HEAD_MOVES } from './head-fields.ts';
import { VERTEX_COUNT } from './mesh.ts';
import { MOUTH_MOVES } from './mouth-fields.ts';

/**
 * Where every vertex goes for every control at weight 1, in mouth coordinates: Float32
 * `[CONTROLS.length, VERTEX_COUNT, 2]`. Linear: a frame is the rest plus the weighted sum.
 * @param landmarks Float32 `[478, 3]`, edges already snapped. @param positions Float32 `[VERTEX_COUNT, 2]`.
 */
export function workOutFields(landmarks: Float32Array, positions: Float32Array, size: Size): Float32Array {
  const face = describeFace(landmarks, positions, size);
  const fields = new Float32Array(CONTROLS.length * VERTEX_COUNT * 2);
  CONTROLS.forEach((control, order) => {
    const field = fields.subarray(order * VERTEX_COUNT * 2, (order + 1) * VERTEX_COUNT * 2);
    const move = MOUTH_MOVES[control] ?? HEAD_MOVES[control];
    for (const vertex of face.vertices) {
      const [u, v] = move?.(vertex, face) ?? [0, 0];
      field[vertex.index * 2] = u;
      field[vertex.index * 2 + 1] = v;
    }
  });
  const eyes = new EyeFields(landmarks, fields);
  eyes.add(RIGHT_EYE, 'blinkRight');
  eyes.add(LEFT_EYE, 'blinkLeft');
  return fields;
}
