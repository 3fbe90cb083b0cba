import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { seededValues } from '../../onnx/seeded.ts';

// What scripts/musetalk/make-mask-golden.py draws, drawn again: only what upstream made of it is kept.

/** What is kept of an array: a hash of its bytes, and numbers that say how far off it is. */
export interface Described {
  readonly sha256: string;
  readonly sum: number;
  readonly samples: readonly number[];
}

interface Golden {
  /** Square that the parser sees, by box. */
  readonly crops: Readonly<Record<string, Described>>;
  /** By box and mode; `crop` is left, top, right, bottom. */
  readonly masks: Readonly<Record<string, Described & { readonly crop: readonly number[] }>>;
  /** Frames with a face in them, by box. */
  readonly pasted: Readonly<Record<string, Described>>;
  /** Faces at 256x256, by box. */
  readonly faces: Readonly<Record<string, Described>>;
  /** By "60x80-123x90/filter/channels". */
  readonly pillow: Readonly<Record<string, Described>>;
  readonly opencv: Readonly<Record<string, Described>>;
  /** By the kernel's width. */
  readonly blurred: Readonly<Record<string, Described>>;
}

/** Made by Pillow 13.0, OpenCV 4.9 and MuseTalk's blending.py with scripts/musetalk/make-mask-golden.py. */
export const golden: Golden = JSON.parse(readFileSync(new URL('./golden/masks.json', import.meta.url)).toString());

export const frameSize = { width: 480, height: 360 };

/** Most squares round them reach out of the frame; that of "same" is 512 pixels wide. */
export const boxes = {
  inside: { x: 150, y: 90, width: 160, height: 180 },
  odd: { x: 3, y: 5, width: 151, height: 201 },
  corner: { x: 300, y: 100, width: 180, height: 260 },
  large: { x: 40, y: 0, width: 400, height: 360 },
  same: { x: 60, y: 10, width: 256, height: 342 },
  small: { x: 470, y: 350, width: 10, height: 10 },
};

/** Noise of 0 … 255. */
export function seededBytes(name: string, shape: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(shape.reduce((product, size) => product * size, 1));
  seededValues(name, shape).forEach((value, i) => {
    bytes[i] = Math.min(255, Math.floor((value + 1) * 128));
  });
  return bytes;
}

/** RGB24 of {@link frameSize}. */
export const drawFrame = (): Uint8Array => seededBytes('frame', [frameSize.height, frameSize.width, 3]);

const drawn = new Map<string, Uint8Array>();

/** A face of ellipses at 512x512, with specks: skin 1, nose 10, mouth 11 to 13, neck 14, hair 17. */
export function drawClasses(name: string): Uint8Array {
  const known = drawn.get(name);
  if (known) return known.slice();
  const noise = seededBytes(`${name}.speck`, [512, 512]);
  const kinds = seededBytes(`${name}.kind`, [512, 512]);
  const classes = new Uint8Array(512 * 512);
  for (let i = 0; i < classes.length; i++)
    classes[i] = noise[i]! > 252 ? kinds[i]! % 19 : classAt(i % 512, Math.floor(i / 512));
  drawn.set(name, classes);
  return classes.slice();
}

/** From the top layer to the bottom one. */
function classAt(x: number, y: number): number {
  const isInside = (cx: number, cy: number, rx: number, ry: number) =>
    (x - cx) ** 2 * ry * ry + (y - cy) ** 2 * rx * rx <= rx * rx * ry * ry;
  if (isInside(250, 412, 46, 14)) return 13;
  if (isInside(250, 396, 50, 18)) return 11;
  if (isInside(250, 392, 62, 30)) return 12;
  if (isInside(252, 300, 34, 52)) return 10;
  if (isInside(250, 280, 150, 190)) return 1;
  if (Math.abs(x - 250) < 90 && y > 380) return 14;
  return isInside(256, 200, 190, 190) ? 17 : 0;
}

/** Describes an array as the golden values are described. */
export function describeArray(array: Uint8Array | Float32Array): Described {
  let sum = 0;
  for (const value of array) sum += value;
  const places = Array.from({ length: 24 }, (_, i) => Math.floor(((i * 2 + 1) * array.length) / 48));
  return {
    sha256: createHash('sha256')
      .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
      .digest('hex'),
    sum,
    samples: places.map((place) => array[place]!),
  };
}
