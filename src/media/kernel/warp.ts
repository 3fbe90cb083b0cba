// Texture-mapped triangles on 8-bit planes: the puppet engine's mesh warp. Vertices are f32 pairs in luma pixels of the
// patch; a plane samples them at `x * scale + bias`, so that one mesh serves luma (1, 0), its doubled source (2, 0) and
// chroma (0.5, -0.25: a chroma sample lies in the middle of 2x2 pixels).

/** Triangles whose corners all moved less than this many pixels are left as the body has them. */
const STILL_PX: f32 = 1.0 / 64.0;

/** Everything one plane needs. Filled once per avatar, read per frame; see `WarpPlane` in warp-plane.ts. */
@unmanaged
class Plane {
  src: usize;
  srcStride: i32;
  srcScale: f32;
  srcBias: f32;
  dst: usize;
  dstStride: i32;
  dstScale: f32;
  dstBias: f32;
  width: i32;
  height: i32;
  /** A second source and target that share all coordinates (V beside U); 0 when there is none. */
  src2: usize;
  dst2: usize;
}

/**
 * Draws `count` triangles. A pixel on an edge two triangles share is drawn by exactly one of them (rows and columns half
 * open, edges evaluated from their upper end), so there are neither gaps nor double work.
 */
export function warpTriangles(triangles: usize, count: i32, from: usize, to: usize, plane: usize): void {
  const p = changetype<Plane>(plane);
  for (let index = 0; index < count; index++) {
    const corner = triangles + <usize>(index * 6);
    const i = <usize>load<u16>(corner) << 3, j = <usize>load<u16>(corner, 2) << 3, k = <usize>load<u16>(corner, 4) << 3;
    if (isStill(from, to, i) && isStill(from, to, j) && isStill(from, to, k)) continue;
    warpTriangle(p, from, to, i, j, k);
  }
}

@inline
function isStill(from: usize, to: usize, at: usize): bool {
  return abs(load<f32>(to + at) - load<f32>(from + at)) < STILL_PX && abs(load<f32>(to + at, 4) - load<f32>(from + at, 4)) < STILL_PX;
}

function warpTriangle(p: Plane, from: usize, to: usize, i: usize, j: usize, k: usize): void {
  // Sort by y (then x), so that shared edges are computed alike from both sides.
  let t: usize;
  if (isBelow(to, i, j)) { t = i; i = j; j = t; }
  if (isBelow(to, j, k)) { t = j; j = k; k = t; }
  if (isBelow(to, i, j)) { t = i; i = j; j = t; }
  const s = p.dstScale, o = p.dstBias;
  const ax = load<f32>(to + i) * s + o, ay = load<f32>(to + i, 4) * s + o;
  const bx = load<f32>(to + j) * s + o, by = load<f32>(to + j, 4) * s + o;
  const cx = load<f32>(to + k) * s + o, cy = load<f32>(to + k, 4) * s + o;
  const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
  if (abs(area) < <f32>0.01) return;
  const q = p.srcScale, r = p.srcBias;
  const px = load<f32>(from + i) * q + r, py = load<f32>(from + i, 4) * q + r;
  const ux = load<f32>(from + j) * q + r - px, uy = load<f32>(from + j, 4) * q + r - py;
  const vx = load<f32>(from + k) * q + r - px, vy = load<f32>(from + k, 4) * q + r - py;
  const inverse = <f32>1.0 / area;
  const xx = (ux * (cy - ay) - vx * (by - ay)) * inverse, xy = (vx * (bx - ax) - ux * (cx - ax)) * inverse;
  const yx = (uy * (cy - ay) - vy * (by - ay)) * inverse, yy = (vy * (bx - ax) - uy * (cx - ax)) * inverse;
  const stepX = toFixed(limit(xx)), stepY = toFixed(limit(yx));
  const top = <i32>ceil(ay), middle = <i32>ceil(by), bottom = <i32>ceil(cy);
  const slopeLong = slopeOf(ax, ay, cx, cy);
  let long = toFixed(ax + (<f32>top - ay) * slopeLong);
  const longStep = toFixed(slopeLong);
  for (let half = 0; half < 2; half++) {
    const from = half ? middle : top, end = half ? bottom : middle;
    const startX = half ? bx : ax, startY = half ? by : ay;
    const slope = half ? slopeOf(bx, by, cx, cy) : slopeOf(ax, ay, bx, by);
    let short = toFixed(startX + (<f32>from - startY) * slope);
    const shortStep = toFixed(slope);
    for (let y = from; y < end; y++) {
      const left = max(0, (min(long, short) + 65535) >> 16), right = min(p.width, (max(long, short) + 65535) >> 16);
      if (left < right && <u32>y < <u32>p.height) {
        const dx = <f32>left - ax, dy = <f32>y - ay;
        const sx = toFixed(px + xx * dx + xy * dy), sy = toFixed(py + yx * dx + yy * dy);
        span(p, sx, sy, stepX, stepY, p.dst + <usize>(y * p.dstStride + left), right - left);
      }
      long += longStep;
      short += shortStep;
    }
  }
}

@inline
function toFixed(value: f32): i32 {
  return <i32>nearest(max(<f32>-32000.0, min(<f32>32000.0, value)) * 65536.0);
}

/** Columns per row from the upper to the lower end of an edge. */
@inline
function slopeOf(ax: f32, ay: f32, bx: f32, by: f32): f32 {
  return by > ay ? max(<f32>-16000.0, min(<f32>16000.0, (bx - ax) / (by - ay))) : <f32>0;
}

// Slivers have huge steps; rows are read up to seven pixels past their end, which must stay inside the guarded memory.
@inline
function limit(step: f32): f32 {
  return max(<f32>-8.0, min(<f32>8.0, step));
}

@inline
function isBelow(to: usize, i: usize, j: usize): bool {
  const a = load<f32>(to + i, 4), b = load<f32>(to + j, 4);
  return a > b || (a == b && load<f32>(to + i) > load<f32>(to + j));
}

@inline
function gather(src: usize, low: v128, high: v128): v128 {
  let pairs = v128.load16_lane(src + i32x4.extract_lane(low, 0), i16x8.splat(0), 0);
  pairs = v128.load16_lane(src + i32x4.extract_lane(low, 1), pairs, 1);
  pairs = v128.load16_lane(src + i32x4.extract_lane(low, 2), pairs, 2);
  pairs = v128.load16_lane(src + i32x4.extract_lane(low, 3), pairs, 3);
  pairs = v128.load16_lane(src + i32x4.extract_lane(high, 0), pairs, 4);
  pairs = v128.load16_lane(src + i32x4.extract_lane(high, 1), pairs, 5);
  pairs = v128.load16_lane(src + i32x4.extract_lane(high, 2), pairs, 6);
  return v128.load16_lane(src + i32x4.extract_lane(high, 3), pairs, 7);
}

// Eight pairs of neighbours mixed by fx / 256: values times 128.
@inline
function mixPairs(left: v128, right: v128, fx: v128): v128 {
  return i16x8.shr_u(i16x8.add(i16x8.shl(left, 8), i16x8.mul(i16x8.sub(right, left), fx)), 1);
}

@inline
function mixRows(top: v128, bottom: v128, fy: v128): v128 {
  const mixed = i16x8.add(top, i16x8.q15mulr_sat_s(i16x8.sub(bottom, top), i16x8.shl(fy, 7)));
  const bytes = i16x8.shr_u(i16x8.add(mixed, i16x8.splat(64)), 7);
  return i8x16.narrow_i16x8_u(bytes, bytes);
}

/** Eight samples from anywhere: `low` and `high` are their offsets. */
@inline
function sampleAnywhere(src: usize, stride: i32, low: v128, high: v128, fx: v128, fy: v128): v128 {
  const byte = i16x8.splat(255);
  const top = gather(src, low, high), bottom = gather(src + stride, low, high);
  return mixRows(
    mixPairs(v128.and(top, byte), i16x8.shr_u(top, 8), fx),
    mixPairs(v128.and(bottom, byte), i16x8.shr_u(bottom, 8), fx),
    fy,
  );
}

// Bytes of 32 at eight places; a place beyond 15 finds nothing in the first half, one below 16 nothing in the second.
@inline
function pick(first: v128, second: v128, places: v128): v128 {
  const far = i8x16.sub(places, i8x16.splat(16));
  return i16x8.extend_low_i8x16_u(v128.or(i8x16.swizzle(first, places), i8x16.swizzle(second, far)));
}

/** Eight samples from one row, within 32 bytes of `p`: two loads a row instead of eight. */
@inline
function sampleRow(p: usize, stride: i32, places: v128, fx: v128, fy: v128): v128 {
  const next = i8x16.add(places, i8x16.splat(1));
  const a = v128.load(p), b = v128.load(p, 16), c = v128.load(p + stride), d = v128.load(p + stride, 16);
  return mixRows(mixPairs(pick(a, b, places), pick(a, b, next), fx), mixPairs(pick(c, d, places), pick(c, d, next), fx), fy);
}

/** Stores the first `n` of eight bytes and leaves the others as they are; without a branch that could be guessed wrongly. */
@inline
function storeFirst(dst: usize, bytes: v128, n: i32): void {
  const isOurs = i8x16.lt_s(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>min(n, 16)));
  v128.store64_lane(dst, v128.bitselect(bytes, v128.load64_zero(dst), isOurs), 0);
}

/** One row of a triangle, eight pixels at a time, bilinear; positions are 16.16 fixed point. */
@inline
function span(p: Plane, sx: i32, sy: i32, stepX: i32, stepY: i32, dst: usize, n: i32): void {
  // A fraction within 1/512 of a whole pixel is that pixel: an undisplaced triangle copies bit for bit.
  let x = sx + 128, y = sy + 128;
  const rampX = i32x4(0, stepX, 2 * stepX, 3 * stepX), rampY = i32x4(0, stepY, 2 * stepY, 3 * stepY);
  const fourX = i32x4.splat(4 * stepX), fourY = i32x4.splat(4 * stepY);
  const fraction = i32x4.splat(255);
  for (; n > 0; n -= 8) {
    const x0 = i32x4.add(i32x4.splat(x), rampX), y0 = i32x4.add(i32x4.splat(y), rampY);
    const x1 = i32x4.add(x0, fourX), y1 = i32x4.add(y0, fourY);
    const fx = i16x8.narrow_i32x4_u(v128.and(i32x4.shr_s(x0, 8), fraction), v128.and(i32x4.shr_s(x1, 8), fraction));
    const fy = i16x8.narrow_i32x4_u(v128.and(i32x4.shr_s(y0, 8), fraction), v128.and(i32x4.shr_s(y1, 8), fraction));
    const row = y >> 16, column = x >> 16;
    const reach = ((x + 7 * stepX) >> 16) - column;
    if ((y + 7 * stepY) >> 16 == row && stepX >= 0 && reach <= 30) {
      const first = i32x4.splat(column);
      const places16 = i16x8.narrow_i32x4_s(i32x4.sub(i32x4.shr_s(x0, 16), first), i32x4.sub(i32x4.shr_s(x1, 16), first));
      const places = i8x16.narrow_i16x8_u(places16, places16);
      const at = row * p.srcStride + column;
      storeFirst(dst, sampleRow(p.src + at, p.srcStride, places, fx, fy), n);
      if (p.src2) storeFirst(dst + (p.dst2 - p.dst), sampleRow(p.src2 + at, p.srcStride, places, fx, fy), n);
    } else {
      const stride = i32x4.splat(p.srcStride);
      const low = i32x4.add(i32x4.mul(i32x4.shr_s(y0, 16), stride), i32x4.shr_s(x0, 16));
      const high = i32x4.add(i32x4.mul(i32x4.shr_s(y1, 16), stride), i32x4.shr_s(x1, 16));
      storeFirst(dst, sampleAnywhere(p.src, p.srcStride, low, high, fx, fy), n);
      if (p.src2) storeFirst(dst + (p.dst2 - p.dst), sampleAnywhere(p.src2, p.srcStride, low, high, fx, fy), n);
    }
    dst += 8;
    x += 8 * stepX;
    y += 8 * stepY;
  }
}

/**
 * Copies a rectangle into a padded plane, its border repeated `pad` times on every side.
 * `dst` points at the padded plane's first byte.
 */
export function padPlane(src: usize, srcStride: i32, width: i32, height: i32, dst: usize, dstStride: i32, pad: i32): void {
  for (let row = -pad; row < height + pad; row++) {
    const from = src + <usize>(min(height - 1, max(0, row)) * srcStride), to = dst + <usize>((row + pad) * dstStride);
    memory.fill(to, load<u8>(from), pad);
    memory.copy(to + pad, from, width);
    memory.fill(to + pad + width, load<u8>(from + width - 1), pad);
  }
}

@inline
function halfSample(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32): u8 {
  const value = (a - 5 * b + 20 * c + 20 * d - 5 * e + f + 16) >> 5;
  return <u8>min(255, max(0, value));
}

/**
 * Doubles a plane: every sample stays, those between are interpolated with the six-tap half-sample filter of
 * ITU-T H.264 (1, -5, 20, 20, -5, 1)/32. Sampling the result bilinearly is nearly bicubic at the price of bilinear.
 * `src` points into a plane padded by at least 3; `dst` gets (2 width) x (2 height) samples.
 */
export function doublePlane(src: usize, srcStride: i32, width: i32, height: i32, dst: usize, dstStride: i32): void {
  for (let row = 0; row < height; row++) {
    const from = src + <usize>(row * srcStride), to = dst + <usize>(2 * row * dstStride);
    for (let x = 0; x < width; x++) {
      const p = from + x;
      store<u8>(to + 2 * x, load<u8>(p));
      store<u8>(to + 2 * x + 1, halfSample(load<u8>(p - 2), load<u8>(p - 1), load<u8>(p), load<u8>(p, 1), load<u8>(p, 2), load<u8>(p, 3)));
    }
  }
  const step = 2 * dstStride;
  for (let row = 0; row < height; row++) {
    const c = dst + <usize>(row * step), to = c + dstStride;
    const b = row > 0 ? c - step : c, a = row > 1 ? b - step : b;
    const d = row < height - 1 ? c + step : c, e = row < height - 2 ? d + step : d, f = row < height - 3 ? e + step : e;
    for (let x = 0; x < 2 * width; x++) {
      store<u8>(to + x, halfSample(load<u8>(a + x), load<u8>(b + x), load<u8>(c + x), load<u8>(d + x), load<u8>(e + x), load<u8>(f + x)));
    }
  }
}
