/**
 * Lays a track of 16-bit numbers out so that it packs well: every number as its difference from the same one a frame
 * before (modulo 2^16), small ones of either sign as small numbers, then all low bytes and all high bytes.
 * @param track `[frames, perFrame]`. @returns `track.byteLength` bytes.
 */
export function splitTrack(track: Uint16Array | Int16Array, perFrame: number): Uint8Array {
  const count = track.length;
  const bytes = new Uint8Array(count * 2);
  for (let at = 0; at < count; at++) {
    const before = at < perFrame ? 0 : track[at - perFrame]!;
    const difference = ((track[at]! - before) << 16) >> 16;
    const folded = (difference << 1) ^ (difference >> 31);
    bytes[at] = folded & 255;
    bytes[count + at] = (folded >> 8) & 255;
  }
  return bytes;
}

/** The way back: fills `track` from `track.byteLength` bytes of {@link splitTrack}. Any bytes give some track. */
export function joinTrack(bytes: Uint8Array, track: Uint16Array | Int16Array, perFrame: number): void {
  const count = track.length;
  for (let at = 0; at < count; at++) {
    const folded = bytes[at]! | (bytes[count + at]! << 8);
    const difference = (folded >> 1) ^ -(folded & 1);
    track[at] = (at < perFrame ? 0 : track[at - perFrame]!) + difference;
  }
}
