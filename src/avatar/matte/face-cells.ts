import type { Size } from '../../api/media.ts';
import { landmarkAt } from '../face-box.ts';
import { faceTopology } from '../face-topology.ts';
import type { Point } from '../picture.ts';

/** The oval is drawn in by this share: its landmarks may lie a few pixels beyond the cheek. */
const INSET = 0.06;

/** The middle of a face: the mean of its outline, in pixels. */
export function middleOf(points: Float32Array): Point {
  const outline = faceTopology.faceOval;
  let x = 0;
  let y = 0;
  for (const landmark of outline) {
    x += points[landmark * 3]! / outline.length;
    y += points[landmark * 3 + 1]! / outline.length;
  }
  return { x, y };
}

/**
 * Marks the cells whose middle lies in the face's outline, a little drawn in.
 * @param points Float32 `[478, 3]` in pixels of the picture. @param face Uint8 `[height, width]`; 1 = face.
 * @returns how many cells are marked.
 */
export function markFace(points: Float32Array, picture: Size, grid: Size, face: Uint8Array): number {
  const middle = middleOf(points);
  const across = grid.width / picture.width;
  const down = grid.height / picture.height;
  const polygon = faceTopology.faceOval.map((landmark) => {
    const { x, y } = landmarkAt(points, landmark);
    return {
      x: (middle.x + (x - middle.x) * (1 - INSET)) * across,
      y: (middle.y + (y - middle.y) * (1 - INSET)) * down,
    };
  });
  let count = 0;
  for (let row = 0; row < grid.height; row++) {
    const crossings = crossingsAt(polygon, row + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil(crossings[i]! - 0.5));
      const end = Math.min(grid.width, Math.ceil(crossings[i + 1]! - 0.5));
      for (let column = first; column < end; column++) face[row * grid.width + column] = 1;
      count += Math.max(0, end - first);
    }
  }
  return count;
}

/** Where a level line crosses a polygon's edges, from left to right. */
function crossingsAt(polygon: readonly Point[], y: number): number[] {
  const crossings: number[] = [];
  polygon.forEach((from, i) => {
    const to = polygon[(i + 1) % polygon.length]!;
    if (from.y <= y !== to.y <= y) crossings.push(from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x));
  });
  return crossings.sort((a, b) => a - b);
}
