// RGB24 <-> I420 and YUYV, BT.601 limited range (ITU-R BT.601-7), 8-bit fixed point.
// y = (66 r + 129 g + 25 b + 128 >> 8) + 16, u = (-38 r - 74 g + 112 b + 128 >> 8) + 128,
// v = (112 r - 94 g - 18 b + 128 >> 8) + 128; chroma from the rounded mean of 2x2 pixels.

@inline
function clampByte(value: i32): u8 {
  return <u8>(value < 0 ? 0 : value > 255 ? 255 : value);
}

@inline
function lumaOf(r: v128, g: v128, b: v128): v128 {
  const sum = i16x8.add(
    i16x8.add(i16x8.mul(r, i16x8.splat(66)), i16x8.mul(g, i16x8.splat(129))),
    i16x8.add(i16x8.mul(b, i16x8.splat(25)), i16x8.splat(128)),
  );
  return i16x8.add(i16x8.shr_u(sum, 8), i16x8.splat(16));
}

@inline
function storeLuma(r: v128, g: v128, b: v128, to: usize): void {
  const low = lumaOf(i16x8.extend_low_i8x16_u(r), i16x8.extend_low_i8x16_u(g), i16x8.extend_low_i8x16_u(b));
  const high = lumaOf(i16x8.extend_high_i8x16_u(r), i16x8.extend_high_i8x16_u(g), i16x8.extend_high_i8x16_u(b));
  v128.store(to, i8x16.narrow_i16x8_u(low, high));
}

/** Rounded mean of eight 2x2 blocks of two rows of sixteen bytes. */
@inline
function meanOfBlocks(top: v128, bottom: v128): v128 {
  const sum = i16x8.add(i16x8.extadd_pairwise_i8x16_u(top), i16x8.extadd_pairwise_i8x16_u(bottom));
  return i16x8.shr_u(i16x8.add(sum, i16x8.splat(2)), 2);
}

@inline
function chromaOf(r: v128, g: v128, b: v128, kr: i16, kg: i16, kb: i16): v128 {
  const sum = i16x8.add(
    i16x8.add(i16x8.mul(r, i16x8.splat(kr)), i16x8.mul(g, i16x8.splat(kg))),
    i16x8.add(i16x8.mul(b, i16x8.splat(kb)), i16x8.splat(128)),
  );
  return i16x8.add(i16x8.shr_s(sum, 8), i16x8.splat(128));
}

// Sixteen packed RGB pixels in three vectors, taken apart.
@inline
function redOf(a: v128, b: v128, c: v128): v128 {
  const t = i8x16.shuffle(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
  return i8x16.shuffle(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
}
@inline
function greenOf(a: v128, b: v128, c: v128): v128 {
  const t = i8x16.shuffle(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
  return i8x16.shuffle(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
}
@inline
function blueOf(a: v128, b: v128, c: v128): v128 {
  const t = i8x16.shuffle(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
  return i8x16.shuffle(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
}

/** Converts two rows of one 2x2 block; the tail of {@link rgb24ToI420} for widths that are no multiple of 16. */
function convertBlock(src: usize, stride: usize, y: usize, yStride: usize, u: usize, v: usize): void {
  let red = 2, green = 2, blue = 2;
  for (let k: usize = 0; k < 4; k++) {
    const p = src + (k & 1) * 3 + (k >> 1) * stride;
    const r = <i32>load<u8>(p), g = <i32>load<u8>(p, 1), b = <i32>load<u8>(p, 2);
    store<u8>(y + (k & 1) + (k >> 1) * yStride, <u8>(((66 * r + 129 * g + 25 * b + 128) >> 8) + 16));
    red += r;
    green += g;
    blue += b;
  }
  red >>= 2;
  green >>= 2;
  blue >>= 2;
  store<u8>(u, <u8>(((-38 * red - 74 * green + 112 * blue + 128) >> 8) + 128));
  store<u8>(v, <u8>(((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128));
}

/** Packed RGB to planes of the same size. Width and height even; planes without padding. */
export function rgb24ToI420(src: usize, width: i32, height: i32, y: usize, u: usize, v: usize): void {
  const stride = <usize>width * 3, yStride = <usize>width, cStride = <usize>(width >> 1);
  const wide = width & ~15;
  for (let row: usize = 0; row < <usize>height; row += 2) {
    let p = src + row * stride, yTo = y + row * yStride;
    let uTo = u + (row >> 1) * cStride, vTo = v + (row >> 1) * cStride;
    for (let x = 0; x < wide; x += 16) {
      const a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32);
      const q = p + stride;
      const d = v128.load(q), e = v128.load(q, 16), f = v128.load(q, 32);
      const r0 = redOf(a, b, c), g0 = greenOf(a, b, c), b0 = blueOf(a, b, c);
      const r1 = redOf(d, e, f), g1 = greenOf(d, e, f), b1 = blueOf(d, e, f);
      storeLuma(r0, g0, b0, yTo);
      storeLuma(r1, g1, b1, yTo + yStride);
      const red = meanOfBlocks(r0, r1), green = meanOfBlocks(g0, g1), blue = meanOfBlocks(b0, b1);
      const us = chromaOf(red, green, blue, -38, -74, 112), vs = chromaOf(red, green, blue, 112, -94, -18);
      v128.store64_lane(uTo, i8x16.narrow_i16x8_u(us, us), 0);
      v128.store64_lane(vTo, i8x16.narrow_i16x8_u(vs, vs), 0);
      p += 48;
      yTo += 16;
      uTo += 8;
      vTo += 8;
    }
    for (let x = wide; x < width; x += 2) {
      convertBlock(p, stride, yTo, yStride, uTo, vTo);
      p += 6;
      yTo += 2;
      uTo++;
      vTo++;
    }
  }
}

// Four pixels of one channel: (298 y' + k c' + 128) >> 8 by pairs, where pairs holds y', c' alternating.
@inline
function channelOf(low: v128, high: v128, factors: v128): v128 {
  const half = i32x4.splat(128);
  const a = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(low, factors), half), 8);
  const b = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(high, factors), half), 8);
  return i16x8.narrow_i32x4_s(a, b);
}

@inline
function greenChannelOf(yuLow: v128, yuHigh: v128, vLow: v128, vHigh: v128): v128 {
  const yu = i16x8(298, -100, 298, -100, 298, -100, 298, -100), v1 = i16x8(-208, 128, -208, 128, -208, 128, -208, 128);
  const a = i32x4.add(i32x4.dot_i16x8_s(yuLow, yu), i32x4.dot_i16x8_s(vLow, v1));
  const b = i32x4.add(i32x4.dot_i16x8_s(yuHigh, yu), i32x4.dot_i16x8_s(vHigh, v1));
  return i16x8.narrow_i32x4_s(i32x4.shr_s(a, 8), i32x4.shr_s(b, 8));
}

/** Planes to packed RGB of the same size, chroma repeated. Width and height even. */
export function i420ToRgb24(y: usize, u: usize, v: usize, width: i32, height: i32, dst: usize): void {
  const wide = width & ~15, cWidth = width >> 1;
  const redBy = i16x8(298, 409, 298, 409, 298, 409, 298, 409), blueBy = i16x8(298, 516, 298, 516, 298, 516, 298, 516);
  const one = i16x8.splat(1), black = i16x8.splat(16), grey = i16x8.splat(128);
  for (let row = 0; row < height; row++) {
    const yRow = y + <usize>(row * width), uRow = u + <usize>((row >> 1) * cWidth), vRow = v + <usize>((row >> 1) * cWidth);
    let to = dst + <usize>(row * width * 3);
    for (let x = 0; x < wide; x += 16) {
      const luma = v128.load(yRow + x);
      const us = i16x8.sub(i16x8.extend_low_i8x16_u(v128.load64_zero(uRow + (x >> 1))), grey);
      const vs = i16x8.sub(i16x8.extend_low_i8x16_u(v128.load64_zero(vRow + (x >> 1))), grey);
      const y0 = i16x8.sub(i16x8.extend_low_i8x16_u(luma), black), y1 = i16x8.sub(i16x8.extend_high_i8x16_u(luma), black);
      const u0 = i16x8.shuffle(us, us, 0, 0, 1, 1, 2, 2, 3, 3), u1 = i16x8.shuffle(us, us, 4, 4, 5, 5, 6, 6, 7, 7);
      const v0 = i16x8.shuffle(vs, vs, 0, 0, 1, 1, 2, 2, 3, 3), v1 = i16x8.shuffle(vs, vs, 4, 4, 5, 5, 6, 6, 7, 7);
      const yv0 = i16x8.shuffle(y0, v0, 0, 8, 1, 9, 2, 10, 3, 11), yv1 = i16x8.shuffle(y0, v0, 4, 12, 5, 13, 6, 14, 7, 15);
      const yv2 = i16x8.shuffle(y1, v1, 0, 8, 1, 9, 2, 10, 3, 11), yv3 = i16x8.shuffle(y1, v1, 4, 12, 5, 13, 6, 14, 7, 15);
      const yu0 = i16x8.shuffle(y0, u0, 0, 8, 1, 9, 2, 10, 3, 11), yu1 = i16x8.shuffle(y0, u0, 4, 12, 5, 13, 6, 14, 7, 15);
      const yu2 = i16x8.shuffle(y1, u1, 0, 8, 1, 9, 2, 10, 3, 11), yu3 = i16x8.shuffle(y1, u1, 4, 12, 5, 13, 6, 14, 7, 15);
      const w0 = i16x8.shuffle(v0, one, 0, 8, 1, 9, 2, 10, 3, 11), w1 = i16x8.shuffle(v0, one, 4, 12, 5, 13, 6, 14, 7, 15);
      const w2 = i16x8.shuffle(v1, one, 0, 8, 1, 9, 2, 10, 3, 11), w3 = i16x8.shuffle(v1, one, 4, 12, 5, 13, 6, 14, 7, 15);
      const r = i8x16.narrow_i16x8_u(channelOf(yv0, yv1, redBy), channelOf(yv2, yv3, redBy));
      const g = i8x16.narrow_i16x8_u(greenChannelOf(yu0, yu1, w0, w1), greenChannelOf(yu2, yu3, w2, w3));
      const b = i8x16.narrow_i16x8_u(channelOf(yu0, yu1, blueBy), channelOf(yu2, yu3, blueBy));
      const rg0 = i8x16.shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
      const rg1 = i8x16.shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
      const rg2 = i8x16.shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
      v128.store(to, i8x16.shuffle(rg0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
      v128.store(to, i8x16.shuffle(rg1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
      v128.store(to, i8x16.shuffle(rg2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
      to += 48;
    }
    for (let x = wide; x < width; x++) {
      const luma = 298 * (<i32>load<u8>(yRow + x) - 16);
      const cu = <i32>load<u8>(uRow + (x >> 1)) - 128, cv = <i32>load<u8>(vRow + (x >> 1)) - 128;
      store<u8>(to, clampByte((luma + 409 * cv + 128) >> 8));
      store<u8>(to, clampByte((luma - 100 * cu - 208 * cv + 128) >> 8), 1);
      store<u8>(to, clampByte((luma + 516 * cu + 128) >> 8), 2);
      to += 3;
    }
  }
}

/** Planes to YUYV (YUV 4:2:2 packed: y0 u y1 v), chroma rows repeated. Width and height even. */
export function i420ToYuyv(y: usize, u: usize, v: usize, width: i32, height: i32, dst: usize): void {
  const wide = width & ~15, cWidth = width >> 1;
  for (let row = 0; row < height; row++) {
    const yRow = y + <usize>(row * width), uRow = u + <usize>((row >> 1) * cWidth), vRow = v + <usize>((row >> 1) * cWidth);
    const to = dst + <usize>(row * width * 2);
    for (let x = 0; x < wide; x += 16) {
      const luma = v128.load(yRow + x), us = v128.load64_zero(uRow + (x >> 1)), vs = v128.load64_zero(vRow + (x >> 1));
      const uv = i8x16.shuffle(us, vs, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      v128.store(to + (x << 1), i8x16.shuffle(luma, uv, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
      v128.store(to + (x << 1), i8x16.shuffle(luma, uv, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
    }
    for (let x = wide; x < width; x += 2) {
      const p = to + (x << 1);
      store<u8>(p, load<u8>(yRow + x));
      store<u8>(p, load<u8>(uRow + (x >> 1)), 1);
      store<u8>(p, load<u8>(yRow + x, 1), 2);
      store<u8>(p, load<u8>(vRow + (x >> 1)), 3);
    }
  }
}

/**
 * Planes to packed RGBA of the same size, chroma repeated, straight alpha. `a` is the matte's plane; 0: opaque all over.
 * Width and height even.
 */
export function i420ToRgba(y: usize, u: usize, v: usize, a: usize, width: i32, height: i32, dst: usize): void {
  const wide = width & ~15, cWidth = width >> 1;
  const redBy = i16x8(298, 409, 298, 409, 298, 409, 298, 409), blueBy = i16x8(298, 516, 298, 516, 298, 516, 298, 516);
  const one = i16x8.splat(1), black = i16x8.splat(16), grey = i16x8.splat(128), opaque = i8x16.splat(-1);
  for (let row = 0; row < height; row++) {
    const yRow = y + <usize>(row * width), uRow = u + <usize>((row >> 1) * cWidth), vRow = v + <usize>((row >> 1) * cWidth);
    const aRow = a + <usize>(row * width);
    let to = dst + <usize>(row * width * 4);
    for (let x = 0; x < wide; x += 16) {
      const luma = v128.load(yRow + x);
      const us = i16x8.sub(i16x8.extend_low_i8x16_u(v128.load64_zero(uRow + (x >> 1))), grey);
      const vs = i16x8.sub(i16x8.extend_low_i8x16_u(v128.load64_zero(vRow + (x >> 1))), grey);
      const y0 = i16x8.sub(i16x8.extend_low_i8x16_u(luma), black), y1 = i16x8.sub(i16x8.extend_high_i8x16_u(luma), black);
      const u0 = i16x8.shuffle(us, us, 0, 0, 1, 1, 2, 2, 3, 3), u1 = i16x8.shuffle(us, us, 4, 4, 5, 5, 6, 6, 7, 7);
      const v0 = i16x8.shuffle(vs, vs, 0, 0, 1, 1, 2, 2, 3, 3), v1 = i16x8.shuffle(vs, vs, 4, 4, 5, 5, 6, 6, 7, 7);
      const yv0 = i16x8.shuffle(y0, v0, 0, 8, 1, 9, 2, 10, 3, 11), yv1 = i16x8.shuffle(y0, v0, 4, 12, 5, 13, 6, 14, 7, 15);
      const yv2 = i16x8.shuffle(y1, v1, 0, 8, 1, 9, 2, 10, 3, 11), yv3 = i16x8.shuffle(y1, v1, 4, 12, 5, 13, 6, 14, 7, 15);
      const yu0 = i16x8.shuffle(y0, u0, 0, 8, 1, 9, 2, 10, 3, 11), yu1 = i16x8.shuffle(y0, u0, 4, 12, 5, 13, 6, 14, 7, 15);
      const yu2 = i16x8.shuffle(y1, u1, 0, 8, 1, 9, 2, 10, 3, 11), yu3 = i16x8.shuffle(y1, u1, 4, 12, 5, 13, 6, 14, 7, 15);
      const w0 = i16x8.shuffle(v0, one, 0, 8, 1, 9, 2, 10, 3, 11), w1 = i16x8.shuffle(v0, one, 4, 12, 5, 13, 6, 14, 7, 15);
      const w2 = i16x8.shuffle(v1, one, 0, 8, 1, 9, 2, 10, 3, 11), w3 = i16x8.shuffle(v1, one, 4, 12, 5, 13, 6, 14, 7, 15);
      const r = i8x16.narrow_i16x8_u(channelOf(yv0, yv1, redBy), channelOf(yv2, yv3, redBy));
      const g = i8x16.narrow_i16x8_u(greenChannelOf(yu0, yu1, w0, w1), greenChannelOf(yu2, yu3, w2, w3));
      const b = i8x16.narrow_i16x8_u(channelOf(yu0, yu1, blueBy), channelOf(yu2, yu3, blueBy));
      const alpha = a == 0 ? opaque : v128.load(aRow + x);
      const rg0 = i8x16.shuffle(r, g, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const rg1 = i8x16.shuffle(r, g, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const ba0 = i8x16.shuffle(b, alpha, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const ba1 = i8x16.shuffle(b, alpha, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      v128.store(to, i16x8.shuffle(rg0, ba0, 0, 8, 1, 9, 2, 10, 3, 11));
      v128.store(to, i16x8.shuffle(rg0, ba0, 4, 12, 5, 13, 6, 14, 7, 15), 16);
      v128.store(to, i16x8.shuffle(rg1, ba1, 0, 8, 1, 9, 2, 10, 3, 11), 32);
      v128.store(to, i16x8.shuffle(rg1, ba1, 4, 12, 5, 13, 6, 14, 7, 15), 48);
      to += 64;
    }
    for (let x = wide; x < width; x++) {
      const luma = 298 * (<i32>load<u8>(yRow + x) - 16);
      const cu = <i32>load<u8>(uRow + (x >> 1)) - 128, cv = <i32>load<u8>(vRow + (x >> 1)) - 128;
      store<u8>(to, clampByte((luma + 409 * cv + 128) >> 8));
      store<u8>(to, clampByte((luma - 100 * cu - 208 * cv + 128) >> 8), 1);
      store<u8>(to, clampByte((luma + 516 * cu + 128) >> 8), 2);
      store<u8>(to, a == 0 ? 255 : load<u8>(aRow + x), 3);
      to += 4;
    }
  }
}
