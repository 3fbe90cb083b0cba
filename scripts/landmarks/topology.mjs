/**
 * Writes src/avatar/models/face-topology.json: which landmarks form which part of the face.
 *
 *   node topology.mjs PACKAGES_FOLDER
 *
 * PACKAGES_FOLDER is a node_modules with @mediapipe/tasks-vision (Apache-2.0). Triangles and contours are worked out from
 * its constants; the order in which the attention heads name their points is MediaPipe's and is written down below.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The package expects a browser's global.
globalThis.self = globalThis;
const { FaceLandmarker } = createRequire(join(process.argv[2], 'x.js'))('@mediapipe/tasks-vision');

/** Three edges in a row are one triangle. */
function trianglesOf(edges) {
  const triangles = [];
  for (let i = 0; i < edges.length; i += 3) {
    const corners = new Set(edges.slice(i, i + 3).flatMap(({ start, end }) => [start, end]));
    if (corners.size !== 3) throw new Error(`edges ${i} to ${i + 2} are no triangle`);
    triangles.push([...corners]);
  }
  return triangles;
}

/** The points of a closed contour in order, beginning at `first` and going on to `second`. */
function ringOf(edges, first, second) {
  const neighbours = new Map();
  const link = (a, b) => neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
  for (const { start, end } of edges) {
    link(start, end);
    link(end, start);
  }
  const ring = [first, second];
  for (;;) {
    const next = [...neighbours.get(ring.at(-1))].find((point) => !ring.includes(point));
    if (next === undefined) break;
    ring.push(next);
  }
  if (ring.length !== neighbours.size) throw new Error(`${ring.length} of ${neighbours.size} points form the ring`);
  return ring;
}

/** Lips: the contour edges hold two rings, outer and inner; told apart by which points are connected. */
function connectedRing(edges, first, second) {
  const reached = new Set([first]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const { start, end } of edges)
      if (reached.has(start) !== reached.has(end)) {
        reached.add(start).add(end);
        grew = true;
      }
  }
  return ringOf(
    edges.filter(({ start }) => reached.has(start)),
    first,
    second,
  );
}

// Order of the points in the attention heads' outputs (MediaPipe's refinement lists): contours from the inside out.
const lips = [
  [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409],
  [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415],
  [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408],
  [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407],
].flat();
const rightEye = [
  [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],
  [130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190],
  [226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189],
  [35, 124, 46, 53, 52, 65],
  [143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193],
].flat();
const leftEye = [
  [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398],
  [359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414],
  [446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413],
  [265, 353, 276, 283, 282, 295],
  [372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417],
].flat();

const { FACE_LANDMARKS_LIPS: lipEdges } = FaceLandmarker;
const topology = {
  note: 'Written by scripts/landmarks/topology.mjs. Right and left are the person’s. From MediaPipe, Apache-2.0.',
  triangles: trianglesOf(FaceLandmarker.FACE_LANDMARKS_TESSELATION),
  faceOval: ringOf(FaceLandmarker.FACE_LANDMARKS_FACE_OVAL, 10, 338),
  outerLips: connectedRing(lipEdges, 61, 146),
  innerLips: connectedRing(lipEdges, 78, 95),
  rightEye: ringOf(FaceLandmarker.FACE_LANDMARKS_RIGHT_EYE, 33, 7),
  leftEye: ringOf(FaceLandmarker.FACE_LANDMARKS_LEFT_EYE, 263, 249),
  rightIris: [468, 469, 470, 471, 472],
  leftIris: [473, 474, 475, 476, 477],
  refinedLips: lips,
  refinedRightEye: rightEye,
  refinedLeftEye: leftEye,
};
const lines = Object.entries(topology).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
const target = fileURLToPath(new URL('../../src/avatar/models/face-topology.json', import.meta.url));
writeFileSync(target, `{\n${lines.join(',\n')}\n}\n`);
console.log(target, topology.triangles.length, 'triangles');
