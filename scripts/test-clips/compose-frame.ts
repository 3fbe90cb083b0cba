import { CANVAS, type Layer } from './layers.ts';

/** Where a layer is put: turned and scaled round a point of the canvas, then moved. */
export interface Placing {
  readonly about: { readonly x: number; readonly y: number };
  /** px of the canvas. */
  readonly moveX: number;
  readonly moveY: number;
  readonly scale: number;
  /** Clockwise, radians. */
  readonly angle: number;
}

/** A placing that leaves everything where it is. */
export const IN_PLACE: Placing = { about: { x: 640, y: 720 }, moveX: 0, moveY: 0, scale: 1, angle: 0 };

/** A picture of the canvas's size in the making, RGB. */
export type Canvas = Float32Array;

/** An empty canvas with a layer that covers all of it. */
export function startFrame({ pixels }: Layer): Canvas {
  const canvas = new Float32Array(CANVAS.width * CANVAS.height * 3);
  for (let i = 0, at = 0; at < canvas.length; i += 4, at += 3)
    for (let channel = 0; channel < 3; channel++) canvas[at + channel] = pixels[i + channel]!;
  return canvas;
}

/** Draws a layer over the canvas; `outer` is applied after `inner` (the head on the neck, then the whole person). */
export function drawOver(canvas: Canvas, layer: Layer, outer: Placing, inner: Placing = IN_PLACE): void {
  const source = (x: number, y: number) => undo(inner, ...undo(outer, x, y));
  // Both placings are affine: three points say all.
  const [u0, v0] = source(0.5, 0.5);
  const [ux, vx] = source(1.5, 0.5);
  const [uy, vy] = source(0.5, 1.5);
  for (let y = 0; y < CANVAS.height; y++)
    for (let x = 0; x < CANVAS.width; x++) {
      const u = u0 + (ux - u0) * x + (uy - u0) * y;
      const v = v0 + (vx - v0) * x + (vy - v0) * y;
      blend(canvas, (y * CANVAS.width + x) * 3, layer, u - 0.5, v - 0.5);
    }
}

function undo({ about, moveX, moveY, scale, angle }: Placing, x: number, y: number): [number, number] {
  const dx = x - about.x - moveX;
  const dy = y - about.y - moveY;
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  return [about.x + cos * dx + sin * dy, about.y + cos * dy - sin * dx];
}

/** Bilinear, colours weighted by their alpha. */
function blend(canvas: Canvas, at: number, { width, height, pixels }: Layer, u: number, v: number): void {
  if (u < 0 || v < 0 || u >= width - 1) return;
  // Shoulders go on below the drawing when a person leans.
  const down = Math.min(v, height - 1.001);
  const x = Math.floor(u);
  const y = Math.floor(down);
  const fx = u - x;
  const fy = down - y;
  const from = (y * width + x) * 4;
  let red = 0;
  let green = 0;
  let blue = 0;
  let alpha = 0;
  for (let corner = 0; corner < 4; corner++) {
    const i = from + (corner & 1) * 4 + (corner >> 1) * width * 4;
    const weight = (corner & 1 ? fx : 1 - fx) * (corner >> 1 ? fy : 1 - fy) * (pixels[i + 3]! / 255);
    if (weight === 0) continue;
    red += pixels[i]! * weight;
    green += pixels[i + 1]! * weight;
    blue += pixels[i + 2]! * weight;
    alpha += weight;
  }
  if (alpha === 0) return;
  canvas[at] = canvas[at]! * (1 - alpha) + red;
  canvas[at + 1] = canvas[at + 1]! * (1 - alpha) + green;
  canvas[at + 2] = canvas[at + 2]! * (1 - alpha) + blue;
}

/** Half the size, with the grain of a camera: RGB24. */
export function finishFrame(canvas: Canvas, random: () => number, grain: number): Uint8Array {
  const width = CANVAS.width / 2;
  const height = CANVAS.height / 2;
  const stride = CANVAS.width * 3;
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = y * 2 * stride + x * 6;
      // The sum of three even numbers is near enough to a normal one: deviation 0.5.
      const noise = (random() + random() + random() - 1.5) * 2 * grain;
      for (let channel = 0; channel < 3; channel++) {
        const i = from + channel;
        const mean = (canvas[i]! + canvas[i + 3]! + canvas[i + stride]! + canvas[i + stride + 3]!) / 4;
        out[(y * width + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round(mean + noise)));
      }
    }
  return out;
}
