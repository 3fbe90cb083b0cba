import type { SmallAvatar } from './small-avatar.ts';

/** Frames of speech of the clip that upstream's own code was run on. */
export const CLIP_FRAMES = 10;
/** Which of its faces are kept. */
export const KEPT_FRAMES = [0, 3, 6, 9] as const;

/** Every fourth pixel of every fourth row of a face of 256x256: Uint8 [64, 64, 3]. */
export function thinned(face: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => {
    const [row, column, channel] = [Math.floor(i / 192), Math.floor((i % 192) / 3), i % 3];
    return face[(row * 4 * 256 + column * 4) * 3 + channel]!;
  });
}

/** Boxes as upstream has them: left, top, right, bottom. */
export function upstreamBoxes({ ref }: SmallAvatar): number[][] {
  return ref.manifest.faceBoxes.map(({ x, y, width, height }) => [x, y, x + width, y + height]);
}
