import type { Size } from '../../api/media.ts';

/** What stands for nothing, as in every picture editor: squares of this many pixels in two greys. */
const SQUARE_PX = 12;
const GREYS = [204, 255] as const;

/**
 * Lays a transparent picture over a checkerboard, in place, so that people see what is transparent.
 * @param rgb RGB24 of `size`. @param alpha Uint8 of `from`'s size, 255 = opaque, straight.
 */
export function layOverCheckerboard(rgb: Uint8Array, size: Size, alpha: Uint8Array, from: Size): void {
  const columns = Uint32Array.from({ length: size.width }, (_, x) => Math.floor(((x + 0.5) * from.width) / size.width));
  let at = 0;
  for (let y = 0; y < size.height; y++) {
    const row = Math.floor(((y + 0.5) * from.height) / size.height) * from.width;
    for (let x = 0; x < size.width; x++, at += 3) {
      const opacity = alpha[row + columns[x]!]!;
      if (opacity === 255) continue;
      const grey = GREYS[(Math.floor(x / SQUARE_PX) + Math.floor(y / SQUARE_PX)) & 1]! * (255 - opacity);
      for (let channel = 0; channel < 3; channel++)
        rgb[at + channel] = Math.round((rgb[at + channel]! * opacity + grey) / 255);
    }
  }
}
