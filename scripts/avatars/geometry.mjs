/**
 * Small geometry and chance: curves, smooth steps and seeded noise shared by the avatar drawings.
 * All lengths are px of the 1280x720 picture; portraits use local px with the origin between the eyes.
 */

/** Clamps x to 0..1. */
export const clamp01 = (x) => Math.min(1, Math.max(0, x));

/** Linear mix of a and b by t. */
export const mix = (a, b, t) => a + (b - a) * t;

/** Hermite step from 0 at a to 1 at b (a may be larger than b). */
export function smoothStep(a, b, x) {
  const t = clamp01((x - a) / (b - a));
  return t * t * (3 - 2 * t);
}

/** Gaussian bump of height 1 at (cx, cy) with standard deviations sx, sy. */
export const bump = (x, y, cx, cy, sx, sy = sx) => Math.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2));

/** The same bump on both sides of the face. */
export const bumpPair = (x, y, cx, cy, sx, sy = sx) => bump(x, y, cx, cy, sx, sy) + bump(x, y, -cx, cy, sx, sy);

/** Gaussian ridge of width s along the segment a-b, with round ends. */
export function ridge(x, y, [ax, ay], [bx, by], s) {
  const dx = bx - ax;
  const dy = by - ay;
  const t = clamp01(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy));
  return Math.exp(-0.5 * (((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2) / (s * s)));
}

/** Points from text: `points('0,1 2,3')` is [[0, 1], [2, 3]]; keeps long outlines readable. */
export const points = (text) => text.split(' ').map((p) => p.split(',').map(Number));

/** Seeded random numbers 0..1 (mulberry32), so that every run draws the same picture. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const latticeValue = (ix, iy, seed) => {
  let h = Math.imul(ix, 374761393) ^ Math.imul(iy, 668265263) ^ Math.imul(seed, 974634533);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 2147483648 - 1;
};

/** Smooth value noise in -1..1 with one lattice cell per unit. */
export function valueNoise(x, y, seed = 1) {
  const ix = Math.floor(x);
  const iy = Math.floor(y);
  const u = smoothStep(0, 1, x - ix);
  const v = smoothStep(0, 1, y - iy);
  const top = mix(latticeValue(ix, iy, seed), latticeValue(ix + 1, iy, seed), u);
  const low = mix(latticeValue(ix, iy + 1, seed), latticeValue(ix + 1, iy + 1, seed), u);
  return mix(top, low, v);
}

/** Piecewise cubic (monotone Hermite) function through [x, y] knots sorted by x. */
export function profile(knots) {
  const n = knots.length;
  const d = knots.slice(1).map(([x, y], i) => (y - knots[i][1]) / (x - knots[i][0]));
  const m = knots.map((_, i) =>
    i === 0 ? d[0] : i === n - 1 ? d[n - 2] : d[i - 1] * d[i] <= 0 ? 0 : (2 * d[i - 1] * d[i]) / (d[i - 1] + d[i]),
  );
  return (x) => {
    if (x <= knots[0][0]) return knots[0][1];
    if (x >= knots[n - 1][0]) return knots[n - 1][1];
    let i = 0;
    while (x > knots[i + 1][0]) i += 1;
    const h = knots[i + 1][0] - knots[i][0];
    const t = (x - knots[i][0]) / h;
    const t2 = t * t;
    const t3 = t2 * t;
    return (
      (2 * t3 - 3 * t2 + 1) * knots[i][1] +
      (t3 - 2 * t2 + t) * h * m[i] +
      (3 * t2 - 2 * t3) * knots[i + 1][1] +
      (t3 - t2) * h * m[i + 1]
    );
  };
}

/** Points on a Catmull-Rom curve through the given points, `steps` per span. */
export function sampleCurve(points, steps = 8, closed = false) {
  const n = points.length;
  const at = (i) => (closed ? points[(i + n) % n] : points[Math.min(n - 1, Math.max(0, i))]);
  const out = [];
  for (let i = 0; i < (closed ? n : n - 1); i += 1) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let k = 0; k < steps; k += 1) {
      const t = k / steps;
      out.push(
        p1.map(
          (_, c) =>
            0.5 *
            (2 * p1[c] +
              (p2[c] - p0[c]) * t +
              (2 * p0[c] - 5 * p1[c] + 4 * p2[c] - p3[c]) * t * t +
              (3 * p1[c] - p0[c] - 3 * p2[c] + p3[c]) * t ** 3),
        ),
      );
    }
  }
  if (!closed) out.push(points[n - 1]);
  return out;
}
