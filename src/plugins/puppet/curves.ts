/** 0 up to `from`, 1 from `to` on, an S-shaped cubic between; `from` may be the larger one. */
export function smoothstep(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** A Gaussian bell: 1 at 0, 1/e at `width`. */
export function bell(x: number, width: number): number {
  return Math.exp(-((x / width) ** 2));
}

/** Linear interpolation over points with rising u; beyond the ends, the end's value. */
export function interpolate(points: readonly { readonly u: number; readonly v: number }[], u: number): number {
  if (u <= points[0]!.u) return points[0]!.v;
  for (let index = 1; index < points.length; index++) {
    const right = points[index]!;
    if (u > right.u) continue;
    const left = points[index - 1]!;
    const share = (u - left.u) / Math.max(1e-9, right.u - left.u);
    return left.v * (1 - share) + right.v * share;
  }
  return points.at(-1)!.v;
}
