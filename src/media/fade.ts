import { sharedKernel } from './kernel-memory.ts';

/**
 * Mixes a picture with the one it follows, in place, byte by byte: I420, or a matte.
 * @param picture the new picture; becomes `before + (picture - before) * share`.
 * @param before the old picture, or one value for all of it.
 * @param share of the new picture, 0 … 1.
 */
export function fadeFrom(picture: Uint8Array, before: Uint8Array | number, share: number): void {
  const kernel = sharedKernel();
  kernel.reset();
  const to = kernel.scratchCopy(picture);
  const from = kernel.scratch(picture.length);
  if (typeof before === 'number') kernel.bytes.fill(before, from, from + picture.length);
  else kernel.bytes.set(before, from);
  kernel.exports.fadeBytes(to, from, picture.length, Math.round(Math.min(1, Math.max(0, share)) * 32_767));
  kernel.copyOut(to, picture.length, picture);
}
