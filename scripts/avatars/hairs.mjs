/** Hair painted as thousands of short strokes: brows, locks, combed fields and stubble. Strokes are grouped by tone. */
import { clamp01, mix, sampleCurve, valueNoise } from './geometry.mjs';
import { curvePath, joinCurves, linePath, mixHex, num, pair, path } from './svg.mjs';

/** Colour of tone 0..1 along a ramp of hex colours. */
export function rampColor(ramp, tone) {
  const x = clamp01(tone) * (ramp.length - 1);
  const i = Math.min(ramp.length - 2, Math.floor(x));
  return mixHex(ramp[i], ramp[i + 1], x - i);
}

/** Collects strokes in tone levels and writes one path per level, dark to light. */
export function strokeBuckets(ramp, levels = 12) {
  const buckets = Array.from({ length: levels }, () => '');
  return {
    add(d, tone) {
      buckets[Math.min(levels - 1, Math.floor(clamp01(tone) * levels))] += d;
    },
    write: (props) =>
      buckets
        .map((d, i) =>
          d
            ? path(d, { fill: 'none', stroke: rampColor(ramp, (i + 0.5) / levels), strokeLinecap: 'round', ...props })
            : '',
        )
        .join(''),
  };
}

/** A hair thick at the root and thin at the tip, as filled path data. */
export function taperedHair(root, control, tip, widthPx) {
  const dx = tip[0] - root[0];
  const dy = tip[1] - root[1];
  const l = Math.hypot(dx, dy) || 1;
  const n = [(-dy / l) * widthPx * 0.5, (dx / l) * widthPx * 0.5];
  return `M${pair([root[0] + n[0], root[1] + n[1]])}Q${pair([control[0] + n[0] * 0.8, control[1] + n[1] * 0.8])} ${pair(tip)}Q${pair([control[0] - n[0] * 0.8, control[1] - n[1] * 0.8])} ${pair([root[0] - n[0], root[1] - n[1]])}Z`;
}

/**
 * A brow: b.points from the nose outwards (right-hand side), b.width(t) half height in px. Hairs stand up near the nose and
 * lie along the tail.
 */
export function drawBrow(side, b, random) {
  const curve = sampleCurve(b.points, 12);
  const at = (t) => {
    const i = Math.min(curve.length - 2, Math.floor(t * (curve.length - 1)));
    const k = t * (curve.length - 1) - i;
    return [mix(curve[i][0], curve[i + 1][0], k), mix(curve[i][1], curve[i + 1][1], k)];
  };
  const top = [];
  const low = [];
  for (let i = 1; i <= 10; i += 1) {
    const p = at(i / 10);
    const w = b.width(i / 10);
    top.push([p[0] * side, p[1] - w]);
    low.unshift([p[0] * side, p[1] + w]);
  }
  let fine = '';
  let strong = '';
  for (let k = 0; k < b.count; k += 1) {
    const t = k / b.count;
    if (random() > 0.2 + t * 5) continue;
    const s = random() * 2 - 1;
    const p = at(t);
    const q = at(Math.min(1, t + 0.06));
    const along = Math.atan2(q[1] - p[1], q[0] - p[0]);
    const turn =
      mix(-1.05, -0.12, clamp01(t * 2.1)) + (s > 0 ? -0.18 : 0.3) * clamp01(t * 1.6) + (random() - 0.5) * 0.25;
    const a = along + turn;
    const long = b.longPx * mix(0.8, 1.1, random()) * (t > 0.8 ? 0.75 : 1);
    const root = [p[0], p[1] + s * b.width(t) * 0.95];
    const tip = [root[0] + Math.cos(a) * long, root[1] + Math.sin(a) * long];
    const bend = [root[0] + Math.cos(a - 0.25) * long * 0.5, root[1] + Math.sin(a - 0.25) * long * 0.5];
    const flip = ([x, y]) => [x * side, y];
    const d = taperedHair(flip(root), flip(bend), flip(tip), b.hairPx * mix(0.7, 1.2, random()));
    if (random() < 0.5) fine += d;
    else strong += d;
  }
  return (
    path(linePath([...top, ...low], true), { fill: b.color, opacity: b.base, filter: 'url(#soft2)' }) +
    path(fine, { fill: b.colorLight ?? b.color, opacity: 0.6 }) +
    path(strong, { fill: b.color, opacity: 0.85 })
  );
}

/**
 * A lock of long hair: a dark ribbon along `points` with strands on top that make it round.
 * lock: { points, width(t) px, tone(x, y, t, s) -> 0..1, ramp, strands, strandPx, random }
 */
export function drawLock(lock) {
  const { random } = lock;
  const curve = sampleCurve(lock.points, 10);
  const n = curve.length;
  const normals = curve.map((_, i) => {
    const a = curve[Math.max(0, i - 1)];
    const b = curve[Math.min(n - 1, i + 1)];
    const l = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    return [-(b[1] - a[1]) / l, (b[0] - a[0]) / l];
  });
  const at = (i, s) => {
    const w = lock.width(i / (n - 1)) * s;
    return [curve[i][0] + normals[i][0] * w, curve[i][1] + normals[i][1] * w];
  };
  const edge = (s) =>
    curve
      .map((_, i) => i)
      .filter((i) => i % 4 === 0 || i === n - 1)
      .map((i) => at(i, s));
  let out = path(joinCurves(edge(0.94), edge(-0.94).reverse()), {
    fill: rampColor(lock.ramp, lock.baseTone ?? 0.18),
  });
  const thick = strokeBuckets(lock.ramp, 12);
  const thin = strokeBuckets(lock.ramp, 12);
  for (let k = 0; k < lock.strands; k += 1) {
    const s = random() + random() - 1 > 0 ? random() : -random();
    const drift = (random() - 0.5) * 0.35;
    const from = Math.floor(random() * n * 0.86);
    const to = Math.min(n - 1, from + Math.round(n * mix(0.12, 0.34, random())));
    if (to - from < 5) continue;
    const step = Math.max(3, Math.round((to - from) / 5));
    const points = [];
    for (let i = from; i <= to; i += step)
      points.push(at(i, Math.max(-0.96, Math.min(0.96, s + (drift * (i - from)) / (to - from)))));
    const mid = Math.floor((from + to) / 2);
    const [x, y] = at(mid, s);
    const tone = lock.tone(x, y, mid / (n - 1), s) + (random() - 0.5) * 0.2;
    (random() < 0.45 ? thick : thin).add(curvePath(points), tone);
  }
  for (let k = 0; k < (lock.wisps ?? 0); k += 1) {
    const i = Math.floor(n * mix(0.68, 0.9, random()));
    const s = (random() * 2 - 1) * 1.1;
    const root = at(i, s);
    const last = at(n - 1, 0);
    const tip = [last[0] + (random() - 0.5) * 20, last[1] + (random() - 0.55) * 30];
    const bend = at(Math.min(n - 1, Math.round((i + n) / 2)), s * 2.2 + (random() - 0.5) * 2);
    out += path(taperedHair(root, bend, tip, mix(1.6, 3.6, random())), {
      fill: rampColor(lock.ramp, lock.tone(root[0], root[1], 0.9, s) + (random() - 0.5) * 0.16),
      opacity: 0.9,
    });
  }
  out +=
    thick.write({ strokeWidth: lock.strandPx * 1.7, strokeOpacity: 0.75 }) +
    thin.write({ strokeWidth: lock.strandPx * 0.8, strokeOpacity: 0.8 });
  return out;
}

/**
 * Short strokes combed along a direction field inside a region.
 * field: { bounds, count, inside(x,y) -> 0..1 density, angle(x,y) rad, longPx(x,y), tone(x,y), ramp, widthPx, bend, random }
 */
export function drawCombed(field) {
  const { random, bounds } = field;
  const strokes = strokeBuckets(field.ramp, field.levels ?? 14);
  for (let k = 0; k < field.count; k += 1) {
    const x = mix(bounds[0], bounds[2], random());
    const y = mix(bounds[1], bounds[3], random());
    if (random() > field.inside(x, y)) continue;
    const long = field.longPx(x, y) * mix(0.6, 1.2, random());
    const a = field.angle(x, y) + (random() - 0.5) * (field.spread ?? 0.35);
    const b = a + (field.bend ?? 0) + (random() - 0.5) * 0.3;
    const mid = [x + Math.cos(a) * long * 0.5, y + Math.sin(a) * long * 0.5];
    const tip = [mid[0] + Math.cos(b) * long * 0.5, mid[1] + Math.sin(b) * long * 0.5];
    const clump = valueNoise(x / (field.clumpPx ?? 9), y / (field.clumpPx ?? 9), 7) * (field.clump ?? 0.12);
    strokes.add(
      `M${pair([x, y])}Q${pair(mid)} ${pair(tip)}`,
      field.tone(x, y) + clump + (random() - 0.5) * (field.mixed ?? 0.25),
    );
  }
  return strokes.write({ strokeWidth: num(field.widthPx, 2), strokeOpacity: field.opacity ?? 0.8 });
}
