import { CANVAS, type Layer, ORIGIN, type Person } from './layers.ts';

/** Distance of the grid's points, px: fine enough for the nose. */
const STEP = 4;
/** The back of the head: a dome this deep, hair down to `neck`, px below the eyes, and skin from there to `bottom`. */
const BACK = { depth: 118, top: -212, neck: 84, bottom: 176 } as const;
const NAPE = [176, 118, 92] as const;
/** Below this alpha nothing is drawn. */
const MIN_ALPHA = 110;

/** A point of the head's relief with what is painted there. */
interface Vertex {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Place in the texture, px of the canvas. */
  readonly u: number;
  readonly v: number;
}

/**
 * Turns a drawn head in space: the drawing is the texture of the relief it was lit with, closed by a dome of hair behind.
 * @param texture the head looking straight ahead, {@link animateFace}.
 * @param yaw to the right of the picture, radians. @param pitch downwards.
 * @returns the turned head, where it was.
 */
export function turnHead(person: Person, texture: Layer, yaw: number, pitch: number): Layer {
  const target = {
    pixels: new Uint8Array(CANVAS.width * CANVAS.height * 4),
    depth: new Float32Array(CANVAS.width * CANVAS.height).fill(-1e9),
  };
  const turn = ({ x, y, z, u, v }: Vertex): Vertex => {
    const x1 = x * Math.cos(yaw) + z * Math.sin(yaw);
    const z1 = z * Math.cos(yaw) - x * Math.sin(yaw);
    // The head nods round the neck's joint.
    const y1 = y - 90;
    return {
      x: x1 + ORIGIN.x,
      y: y1 * Math.cos(pitch) + z1 * Math.sin(pitch) + 90 + ORIGIN.y,
      z: z1 * Math.cos(pitch) - y1 * Math.sin(pitch),
      u,
      v,
    };
  };
  const front = gridOf(person, (x, y) => person.sculpture.depthAt(x, y));
  drawGrid(
    front.map((row) => row.map(turn)),
    target,
    (u, v) => readPixel(texture, u, v),
  );
  if (Math.abs(yaw) > 0.05) {
    const back = gridOf(person, (x, y) => backDepth(x, y));
    drawGrid(
      back.map((row) => row.map(turn)),
      target,
      (u, v) => backColour(person, u - ORIGIN.x, v - ORIGIN.y),
    );
  }
  return { ...CANVAS, pixels: target.pixels };
}

function gridOf({ bounds }: Person, depthAt: (x: number, y: number) => number): Vertex[][] {
  const [left, top, right, bottom] = bounds;
  const rows: Vertex[][] = [];
  for (let y = top; y <= bottom; y += STEP) {
    const row: Vertex[] = [];
    for (let x = left; x <= right; x += STEP) row.push({ x, y, z: depthAt(x, y), u: x + ORIGIN.x, v: y + ORIGIN.y });
    rows.push(row);
  }
  return rows;
}

/** How far the dome of the back of the head bulges, 0 … 1; undefined outside it. */
function domeAt(x: number, y: number): number | undefined {
  const middle = (BACK.top + BACK.bottom) / 2;
  const round = 1 - (x / 134) ** 2 - Math.abs((y - middle) / ((BACK.bottom - BACK.top) / 2)) ** 3;
  return round > 0 ? Math.sqrt(round) : undefined;
}

function backDepth(x: number, y: number): number {
  return -BACK.depth * (domeAt(x, y) ?? 0);
}

function backColour({ hair }: Person, x: number, y: number): readonly [number, number, number, number] {
  const dome = domeAt(x, y);
  if (dome === undefined) return [0, 0, 0, 0];
  const isHair = y < BACK.neck + 5 * Math.sin(x / 3);
  const strand = isHair ? 0.09 * Math.sin(y * 1.7 + 4 * Math.sin(x * 0.3)) : 0;
  const shade = 0.8 + 0.25 * dome + strand;
  const [r, g, b] = isHair ? hair : NAPE;
  return [r * shade, g * shade, b * shade, 255];
}

type ReadColour = (u: number, v: number) => readonly [number, number, number, number];

function drawGrid(
  rows: readonly (readonly Vertex[])[],
  target: { pixels: Uint8Array; depth: Float32Array },
  read: ReadColour,
): void {
  for (let j = 0; j + 1 < rows.length; j++)
    for (let i = 0; i + 1 < rows[j]!.length; i++) {
      const [a, b, c, d] = [rows[j]![i]!, rows[j]![i + 1]!, rows[j + 1]![i]!, rows[j + 1]![i + 1]!];
      drawTriangle(a, b, c, target, read);
      drawTriangle(b, d, c, target, read);
    }
}

function drawTriangle(
  a: Vertex,
  b: Vertex,
  c: Vertex,
  { pixels, depth }: { pixels: Uint8Array; depth: Float32Array },
  read: ReadColour,
): void {
  const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (Math.abs(area) < 1e-6) return;
  const left = Math.max(0, Math.floor(Math.min(a.x, b.x, c.x)));
  const right = Math.min(CANVAS.width - 1, Math.ceil(Math.max(a.x, b.x, c.x)));
  const top = Math.max(0, Math.floor(Math.min(a.y, b.y, c.y)));
  const bottom = Math.min(CANVAS.height - 1, Math.ceil(Math.max(a.y, b.y, c.y)));
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const p = ((b.x - x - 0.5) * (c.y - y - 0.5) - (c.x - x - 0.5) * (b.y - y - 0.5)) / area;
      const q = ((c.x - x - 0.5) * (a.y - y - 0.5) - (a.x - x - 0.5) * (c.y - y - 0.5)) / area;
      const r = 1 - p - q;
      if (p < -1e-3 || q < -1e-3 || r < -1e-3) continue;
      const z = p * a.z + q * b.z + r * c.z;
      const at = y * CANVAS.width + x;
      if (z <= depth[at]!) continue;
      const colour = read(p * a.u + q * b.u + r * c.u, p * a.v + q * b.v + r * c.v);
      if (colour[3] < MIN_ALPHA) continue;
      depth[at] = z;
      pixels.set(colour, at * 4);
    }
}

function readPixel({ pixels }: Layer, u: number, v: number): readonly [number, number, number, number] {
  const x = Math.min(CANVAS.width - 2, Math.max(0, Math.floor(u - 0.5)));
  const y = Math.min(CANVAS.height - 2, Math.max(0, Math.floor(v - 0.5)));
  const fx = Math.max(0, u - 0.5 - x);
  const fy = Math.max(0, v - 0.5 - y);
  const at = (y * CANVAS.width + x) * 4;
  const below = at + CANVAS.width * 4;
  const mix = (channel: number) =>
    (pixels[at + channel]! * (1 - fx) + pixels[at + 4 + channel]! * fx) * (1 - fy) +
    (pixels[below + channel]! * (1 - fx) + pixels[below + 4 + channel]! * fx) * fy;
  return [mix(0), mix(1), mix(2), mix(3)];
}
