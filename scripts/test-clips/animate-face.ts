import { CANVAS, type Layer, ORIGIN, type Person, type Sculpture } from './layers.ts';

/** What a face does in one frame. */
export interface Expression {
  /** Lower lip below where it rests, px of the canvas: 0 … 26. */
  readonly openPx: number;
  /** 0 open eyes … 1 closed. */
  readonly blink: number;
}

/** Colours inside the mouth, RGB. */
const INSIDE = [58, 22, 24] as const;
const TEETH = [214, 204, 192] as const;
const LASH = [30, 20, 16] as const;
/** How far the chin goes when the lip goes by 1. */
const CHIN_SHARE = 0.55;
const REACH = { across: 96, below: 30 } as const;

/** The head with its mouth open and its eyes closed as far as wanted: the drawing is shifted, not drawn again. */
export function animateFace({ head, sculpture }: Person, expression: Expression): Layer {
  const pixels = head.pixels.slice();
  if (expression.openPx > 0.2) openMouth(head, sculpture, expression.openPx, pixels);
  if (expression.blink > 0.02)
    for (const side of [-1, 1]) closeEye(head, sculpture.eyes, side, expression.blink, pixels);
  return { ...head, pixels };
}

/** Below the line between the lips everything moves down, less towards the chin; what opens is dark, with teeth above. */
function openMouth(head: Layer, { mouth, chinY }: Sculpture, openPx: number, pixels: Uint8Array): void {
  for (let x = -REACH.across; x <= REACH.across; x++) {
    const u = Math.min(1, Math.abs(x) / mouth.half);
    const lip = openPx * (1 - u * u) ** 0.7;
    const fade = 1 - smoothStep(50, REACH.across, Math.abs(x));
    const chin = openPx * CHIN_SHARE * fade;
    for (let y = Math.floor(mouth.y); y < chinY + REACH.below; y++) {
      const t = Math.min(1, Math.max(0, (y - mouth.y) / (chinY - mouth.y)));
      const below = y - mouth.y - lip;
      if (below < 0 && u < 1) writePixel(pixels, x, y, y - mouth.y < Math.min(7, lip * 0.45) ? TEETH : INSIDE);
      else copyPixel(head, pixels, x, y, x, y - (lip + (chin - lip) * smoothStep(0, 1, t)));
    }
  }
}

/** The upper lid comes down: skin from above the eye, with the lashes at its edge. */
function closeEye(head: Layer, eyes: Sculpture['eyes'], side: number, blink: number, pixels: Uint8Array): void {
  for (let u = -eyes.inner; u <= eyes.outer; u++) {
    const k = u < 0 ? -u / eyes.inner : u / eyes.outer;
    const top = eyes.y - (eyes.up + 1.5) * (1 - k ** 2.1);
    const low = eyes.y + (eyes.low + 1) * (1 - k ** 2.3) + 3 * k * k;
    const edge = top + (low - top) * blink;
    const x = Math.round(side * (eyes.x + u));
    for (let y = Math.floor(top - 3); y <= edge; y++) {
      if (edge - y < 2.2) writePixel(pixels, x, y, LASH);
      else copyPixel(head, pixels, x, y, x, eyes.y - eyes.up - 6 + ((y - top) / Math.max(1, edge - top)) * 3);
    }
  }
}

function writePixel(pixels: Uint8Array, x: number, y: number, [r, g, b]: readonly [number, number, number]): void {
  const at = indexOf(x, y);
  pixels[at] = r;
  pixels[at + 1] = g;
  pixels[at + 2] = b;
  pixels[at + 3] = 255;
}

/** Linear between two rows: shifts are of parts of a pixel. */
function copyPixel(head: Layer, pixels: Uint8Array, x: number, y: number, fromX: number, fromY: number): void {
  const row = Math.floor(fromY);
  const upper = indexOf(fromX, row);
  const lower = indexOf(fromX, row + 1);
  const at = indexOf(x, y);
  for (let channel = 0; channel < 4; channel++)
    pixels[at + channel] =
      head.pixels[upper + channel]! * (1 - fromY + row) + head.pixels[lower + channel]! * (fromY - row);
}

function indexOf(x: number, y: number): number {
  return ((y + ORIGIN.y) * CANVAS.width + x + ORIGIN.x) * 4;
}

function smoothStep(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}
