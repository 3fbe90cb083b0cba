import type { Control } from './controls.ts';
import { bell, smoothstep } from './curves.ts';
import type { Face, Move, Vertex } from './face-description.ts';
import { RING_VERTICES_AT } from './mesh.ts';

/** How much a vertex goes with the head: the neck bends instead of moving along. */
function headShare({ v, off, hold }: Vertex, { chinV }: Face): number {
  return hold * (1 - 0.85 * smoothstep(chinV * 0.9, chinV + 2.4, v) * bell(off, 3.2));
}

function browMove({ index, v }: Vertex, { browV, foreheadV }: Face): Move {
  if (index >= RING_VERTICES_AT) return [0, 0];
  const fadeToHair = smoothstep(foreheadV, foreheadV * 0.86, v);
  return [0, -0.16 * bell(v - browV, v > browV ? 0.42 : 0.75) * fadeToHair];
}

/** How every control of head, brows and shoulders moves a vertex. */
export const HEAD_MOVES: Partial<Record<Control, (vertex: Vertex, face: Face) => Move>> = {
  headX: (vertex, face) => [headShare(vertex, face), 0],
  headY: (vertex, face) => [0, headShare(vertex, face)],
  roll: (vertex, face) => {
    const share = headShare(vertex, face);
    return [-(vertex.v - face.neckV) * share, vertex.u * share];
  },
  yaw: (vertex, face) => [vertex.depth * headShare(vertex, face), 0],
  pitch: (vertex, face) => [0, vertex.depth * headShare(vertex, face)],
  brow: browMove,
  breath: ({ v, hold }, { chinV }) => [0, -0.1 * hold * (0.3 + 0.7 * smoothstep(chinV * 0.7, chinV + 1.3, v))],
};
