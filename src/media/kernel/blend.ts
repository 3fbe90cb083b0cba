// Alpha blending of one plane through an 8-bit mask: dst += (face - dst) * mask / 255, exact at 0 and at 255.

/** Rounded mean of 2x2 mask pixels, with a padded stride: the mask of the chroma planes. */
export function halveMask(mask: usize, maskStride: i32, width: i32, height: i32, dst: usize, dstStride: i32): void {
  for (let row = 0; row < height >> 1; row++) {
    const top = mask + <usize>((row << 1) * maskStride), to = dst + <usize>(row * dstStride);
    for (let x = 0; x < width >> 1; x += 8) {
      const p = top + (x << 1);
      const sum = i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(p)), i16x8.extadd_pairwise_i8x16_u(v128.load(p + maskStride)));
      const mean = i16x8.shr_u(i16x8.add(sum, i16x8.splat(2)), 2);
      v128.store64_lane(to + x, i8x16.narrow_i16x8_u(mean, mean), 0);
    }
  }
}

// (face - dst) * mask / 255 as a rounding 15-bit product: mask * 128.5 is 32767 at 255.
@inline
function blend(dst: v128, face: v128, mask: v128): v128 {
  const weight = i16x8.add(i16x8.shl(mask, 7), i16x8.shr_u(mask, 1));
  return i16x8.add(dst, i16x8.q15mulr_sat_s(i16x8.sub(face, dst), weight));
}

/** Blends `face` into `dst` where `mask` says so. The tail of a row that is no multiple of 16 is done byte by byte. */
export function blendMasked(
  face: usize, faceStride: i32, mask: usize, maskStride: i32, dst: usize, dstStride: i32, width: i32, height: i32,
): void {
  const wide = width & ~15;
  for (let row = 0; row < height; row++) {
    const f = face + <usize>(row * faceStride), m = mask + <usize>(row * maskStride), d = dst + <usize>(row * dstStride);
    for (let x = 0; x < wide; x += 16) {
      const weights = v128.load(m + x);
      if (!v128.any_true(weights)) continue;
      const faces = v128.load(f + x), bytes = v128.load(d + x);
      const low = blend(i16x8.extend_low_i8x16_u(bytes), i16x8.extend_low_i8x16_u(faces), i16x8.extend_low_i8x16_u(weights));
      const high = blend(i16x8.extend_high_i8x16_u(bytes), i16x8.extend_high_i8x16_u(faces), i16x8.extend_high_i8x16_u(weights));
      v128.store(d + x, i8x16.narrow_i16x8_u(low, high));
    }
    for (let x = wide; x < width; x++) {
      const weight = <i32>load<u8>(m + x), bottom = <i32>load<u8>(d + x);
      const q15 = (weight << 7) + (weight >> 1);
      store<u8>(d + x, <u8>(bottom + (((<i32>load<u8>(f + x) - bottom) * q15 + 16384) >> 15)));
    }
  }
}

/**
 * Fades one picture into another: `dst` becomes from + (dst - from) * q15 / 32768, q15 = 0 … 32767. Whole vectors are read
 * and written.
 */
export function fadeBytes(dst: usize, from: usize, count: i32, q15: i32): void {
  const weight = i16x8.splat(<i16>q15);
  for (let at = 0; at < count; at += 16) {
    const old = v128.load(from + at), now = v128.load(dst + at);
    const lowOld = i16x8.extend_low_i8x16_u(old), highOld = i16x8.extend_high_i8x16_u(old);
    const low = i16x8.q15mulr_sat_s(i16x8.sub(i16x8.extend_low_i8x16_u(now), lowOld), weight);
    const high = i16x8.q15mulr_sat_s(i16x8.sub(i16x8.extend_high_i8x16_u(now), highOld), weight);
    v128.store(dst + at, i8x16.narrow_i16x8_u(i16x8.add(lowOld, low), i16x8.add(highOld, high)));
  }
}

/** The rows of a padded mask that are not all zero: the first in the upper 16 bits, one past the last in the lower. */
export function coveredRows(mask: usize, stride: i32, width: i32, height: i32): i32 {
  let first = 0;
  while (first < height && !isCovered(mask + <usize>(first * stride), width)) first++;
  let end = height;
  while (end > first && !isCovered(mask + <usize>((end - 1) * stride), width)) end--;
  return (first << 16) | end;
}

function isCovered(row: usize, width: i32): bool {
  const wide = width & ~15;
  for (let x = 0; x < wide; x += 16) if (v128.any_true(v128.load(row + x))) return true;
  for (let x = wide; x < width; x++) if (load<u8>(row + x)) return true;
  return false;
}
