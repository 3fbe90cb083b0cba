import { faceTopology } from '../../src/avatar/face-topology.ts';
import type { Picture } from '../../src/avatar/picture.ts';

/**
 * Turns the face in a picture about its middle: the mesh is rotated in space and drawn again with the picture as its
 * texture, on a plain ground. So a turned head can be had from a drawn, straight one, with a known angle.
 * @param points Float32 `[478, 3]`, the face's landmarks.
 * @param yaw positive: to the right of the picture; radians.
 * @param pitch positive: downwards; radians.
 */
export function turnFace(picture: Picture, points: Float32Array, yaw: number, pitch: number): Picture {
  const middle = [0, 1, 2].map((axis) => (points[234 * 3 + axis]! + points[454 * 3 + axis]!) / 2);
  const turned = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y, z] = [0, 1, 2].map((axis) => points[i + axis]! - middle[axis]!) as [number, number, number];
    const x1 = x * Math.cos(yaw) - z * Math.sin(yaw);
    const z1 = x * Math.sin(yaw) + z * Math.cos(yaw);
    turned[i] = middle[0]! + x1;
    turned[i + 1] = middle[1]! + y * Math.cos(pitch) - z1 * Math.sin(pitch);
    turned[i + 2] = z1 * Math.cos(pitch) + y * Math.sin(pitch);
  }
  const pixels = new Uint8Array(picture.pixels.length).fill(140);
  const depth = (t: readonly number[]) => t.reduce((sum, i) => sum + turned[i * 3 + 2]!, 0);
  // Eyes and mouth are holes in the mesh: fans close them.
  const holes = [faceTopology.rightEye, faceTopology.leftEye, faceTopology.innerLips].flatMap((ring) =>
    ring.slice(2).map((point, i) => [ring[0]!, ring[i + 1]!, point]),
  );
  const triangles = [...faceTopology.triangles, ...holes].sort((a, b) => depth(b) - depth(a));
  for (const triangle of triangles) drawTriangle(picture, points, turned, triangle, pixels);
  return { ...picture, pixels };
}

function drawTriangle(
  picture: Picture,
  from: Float32Array,
  to: Float32Array,
  triangle: readonly number[],
  pixels: Uint8Array,
): void {
  const [a, b, c] = triangle.map((i) => ({ x: to[i * 3]!, y: to[i * 3 + 1]!, u: from[i * 3]!, v: from[i * 3 + 1]! }));
  if (!a || !b || !c) return;
  const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (Math.abs(area) < 1e-6) return;
  const { width, height } = picture;
  for (let y = Math.floor(Math.min(a.y, b.y, c.y)); y <= Math.max(a.y, b.y, c.y); y++)
    for (let x = Math.floor(Math.min(a.x, b.x, c.x)); x <= Math.max(a.x, b.x, c.x); x++) {
      const p = ((b.x - x - 0.5) * (c.y - y - 0.5) - (c.x - x - 0.5) * (b.y - y - 0.5)) / area;
      const q = ((c.x - x - 0.5) * (a.y - y - 0.5) - (a.x - x - 0.5) * (c.y - y - 0.5)) / area;
      const r = 1 - p - q;
      if (p < -1e-3 || q < -1e-3 || r < -1e-3 || x < 0 || y < 0 || x >= width || y >= height) continue;
      const u = Math.min(width - 1, Math.max(0, Math.floor(p * a.u + q * b.u + r * c.u)));
      const v = Math.min(height - 1, Math.max(0, Math.floor(p * a.v + q * b.v + r * c.v)));
      pixels.set(picture.pixels.subarray((v * width + u) * 3, (v * width + u) * 3 + 3), (y * width + x) * 3);
    }
}
