import { faceTopology } from '../face-topology.ts';

/** Landmarks of the mesh; irises are not connected to it. */
const MESH_LANDMARKS = 468;
const neighbours = Array.from({ length: MESH_LANDMARKS }, () => new Set<number>());
for (const triangle of faceTopology.triangles)
  for (const from of triangle) for (const to of triangle) neighbours[from]!.add(to);

/** Mesh landmarks that are at most `rings` edges away from some. */
export function landmarksAround(from: Iterable<number>, rings: number): Set<number> {
  let reached = new Set(from);
  for (let ring = 0; ring < rings; ring++) reached = new Set([...reached].flatMap((i) => [i, ...neighbours[i]!]));
  return reached;
}
