// Separable scaling of 8-bit planes with tables made by src/media/scale-table.ts: for every output position the first source
// position (u16) and `taps` weights (u16) that add up to 256. Sums stay below 65536, so sixteen bits are enough. `blocks` holds
// the same weights by eights: for every eight outputs the first weight of each, then the second of each, …

/** Scales rows: `rows` rows of `src` to `outWidth` bytes each. */
export function scaleHorizontal(
  src: usize, srcStride: i32, rows: i32, dst: usize, dstStride: i32, outWidth: i32,
  starts: usize, weights: usize, blocks: usize, taps: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const from = src + <usize>(row * srcStride), to = dst + <usize>(row * dstStride);
    if (taps == 2) scaleRowBy2(from, to, outWidth, starts, weights);
    else scaleRowBy8(from, to, outWidth, starts, weights, blocks, taps);
  }
}

function scaleRow(from: usize, to: usize, outWidth: i32, starts: usize, weights: usize, taps: i32): void {
  for (let x = 0; x < outWidth; x++) {
    const p = from + <usize>load<u16>(starts + (x << 1));
    let w = weights + <usize>((x * taps) << 1), sum = 128;
    for (let tap = 0; tap < taps; tap++) {
      sum += <i32>load<u8>(p + tap) * <i32>load<u16>(w);
      w += 2;
    }
    store<u8>(to + x, <u8>(sum >> 8));
  }
}

// Bytes of 32 at eight places; a place beyond 15 finds nothing in the first half, one below 16 nothing in the second.
@inline
function pickOf32(first: v128, second: v128, places: v128): v128 {
  const far = i8x16.sub(places, i8x16.splat(16));
  return i16x8.extend_low_i8x16_u(v128.or(i8x16.swizzle(first, places), i8x16.swizzle(second, far)));
}

/** Any number of taps: eight outputs at once wherever their sources lie within 32 bytes (reductions to about a third). */
function scaleRowBy8(from: usize, to: usize, outWidth: i32, starts: usize, weights: usize, blocks: usize, taps: i32): void {
  let x = 0;
  for (; x + 8 <= outWidth; x += 8) {
    const s = starts + (x << 1);
    const base = load<u16>(s);
    if (<i32>load<u16>(s, 14) - <i32>base + taps > 32) {
      scaleRow(from, to + x, 8, s, weights + <usize>((x * taps) << 1), taps);
      continue;
    }
    const offsets = i16x8.sub(v128.load(s), i16x8.splat(base));
    let places = i8x16.narrow_i16x8_u(offsets, offsets);
    const first = v128.load(from + base), second = v128.load(from + base, 16);
    let w = blocks + <usize>((x * taps) << 1), sum = i16x8.splat(128);
    for (let tap = 0; tap < taps; tap++) {
      sum = i16x8.add(sum, i16x8.mul(pickOf32(first, second, places), v128.load(w)));
      places = i8x16.add(places, i8x16.splat(1));
      w += 16;
    }
    const bytesOut = i16x8.shr_u(sum, 8);
    v128.store64_lane(to + x, i8x16.narrow_i16x8_u(bytesOut, bytesOut), 0);
  }
  if (x < outWidth) scaleRow(from, to + x, outWidth - x, starts + (x << 1), weights + <usize>((x * taps) << 1), taps);
}

/** Two taps: eight outputs at once wherever their sources lie within sixteen bytes (any enlargement does). */
function scaleRowBy2(from: usize, to: usize, outWidth: i32, starts: usize, weights: usize): void {
  let x = 0;
  for (; x + 8 <= outWidth; x += 8) {
    const s = starts + (x << 1), w = weights + (x << 2);
    const base = load<u16>(s);
    if (load<u16>(s, 14) - base > 14) break;
    const offsets = i16x8.sub(v128.load(s), i16x8.splat(base));
    const first = i8x16.narrow_i16x8_u(offsets, offsets);
    const bytes = v128.load(from + base);
    const a = i16x8.extend_low_i8x16_u(i8x16.swizzle(bytes, first));
    const b = i16x8.extend_low_i8x16_u(i8x16.swizzle(bytes, i8x16.add(first, i8x16.splat(1))));
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    const wa = i16x8.shuffle(w0, w1, 0, 2, 4, 6, 8, 10, 12, 14), wb = i16x8.shuffle(w0, w1, 1, 3, 5, 7, 9, 11, 13, 15);
    const sum = i16x8.add(i16x8.add(i16x8.mul(a, wa), i16x8.mul(b, wb)), i16x8.splat(128));
    const bytesOut = i16x8.shr_u(sum, 8);
    v128.store64_lane(to + x, i8x16.narrow_i16x8_u(bytesOut, bytesOut), 0);
  }
  if (x < outWidth) scaleRow(from, to + x, outWidth - x, starts + (x << 1), weights + (x << 2), 2);
}

/** Scales columns: `outHeight` rows of `width` bytes. Reads and writes whole vectors: strides padded to 16. */
export function scaleVertical(
  src: usize, srcStride: i32, dst: usize, dstStride: i32, width: i32, outHeight: i32,
  starts: usize, weights: usize, taps: i32,
): void {
  for (let row = 0; row < outHeight; row++) {
    const from = src + <usize>(<i32>load<u16>(starts + (row << 1)) * srcStride), to = dst + <usize>(row * dstStride);
    const w = weights + <usize>((row * taps) << 1);
    for (let x = 0; x < width; x += 16) {
      let low = i16x8.splat(128), high = i16x8.splat(128);
      let p = from + x;
      for (let tap = 0; tap < taps; tap++) {
        const weight = v128.load16_splat(w + (tap << 1)), bytes = v128.load(p);
        low = i16x8.add(low, i16x8.mul(i16x8.extend_low_i8x16_u(bytes), weight));
        high = i16x8.add(high, i16x8.mul(i16x8.extend_high_i8x16_u(bytes), weight));
        p += srcStride;
      }
      v128.store(to + x, i8x16.narrow_i16x8_u(i16x8.shr_u(low, 8), i16x8.shr_u(high, 8)));
    }
  }
}

/** Rounded mean of 2x2 blocks: a plane of half the width and height. Writes whole vectors: `dst` needs 16 bytes of slack. */
export function halvePlane(src: usize, width: i32, height: i32, dst: usize): void {
  const outWidth = width >> 1;
  for (let row = 0; row < height >> 1; row++) {
    const top = src + <usize>((row << 1) * width), to = dst + <usize>(row * outWidth);
    for (let x = 0; x < outWidth; x += 8) {
      const p = top + (x << 1);
      const sum = i16x8.add(i16x8.extadd_pairwise_i8x16_u(v128.load(p)), i16x8.extadd_pairwise_i8x16_u(v128.load(p + width)));
      const mean = i16x8.shr_u(i16x8.add(sum, i16x8.splat(2)), 2);
      v128.store64_lane(to + x, i8x16.narrow_i16x8_u(mean, mean), 0);
    }
  }
}
