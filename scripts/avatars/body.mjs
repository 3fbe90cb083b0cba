/** Neck, collar bones and clothes: lit surfaces below the head, in the same local px. */
import { bump, bumpPair, mix, profile, ridge, smoothStep, valueNoise } from './geometry.mjs';
import { lightSurface, scanLines } from './shading.mjs';
import { clip, curvePath, group, joinCurves, num, pair, path } from './svg.mjs';

const mirroredOutline = (right) => [
  ...right,
  ...right
    .slice()
    .reverse()
    .map(([x, y]) => [-x, y]),
];

/** Height of neck and upper chest; b: { neckHalf, neckTopY, pitY, tendon, collarBone }. */
export function neckHeight(b) {
  const half = profile([
    [90, b.neckHalf + 4],
    [b.pitY - 110, b.neckHalf],
    [b.pitY - 60, b.neckHalf + 5],
    [b.pitY - 30, b.neckHalf + 34],
    [b.pitY, b.neckHalf + 120],
    [b.pitY + 40, b.neckHalf + 260],
  ]);
  return (x, y) => {
    const r = Math.min(0.985, Math.abs(x) / half(y));
    const round = 74 * (1 - r ** 2.2) ** 0.55;
    const chest = 62 - (x / 330) ** 2 * 60 + (y - b.pitY) * 0.22;
    const z = mix(round, chest, smoothStep(b.pitY - 46, b.pitY + 16, y));
    const tendons =
      b.tendon *
      (ridge(x, y, [b.neckHalf * 0.86, b.pitY - 150], [15, b.pitY - 6], 9) +
        ridge(x, y, [-b.neckHalf * 0.86, b.pitY - 150], [-15, b.pitY - 6], 9));
    const bones =
      b.collarBone *
      (ridge(x, y, [24, b.pitY + 7], [190, b.pitY - 16], 7.5) +
        ridge(x, y, [-24, b.pitY + 7], [-190, b.pitY - 16], 7.5));
    const hollows = -b.collarBone * 1.1 * bumpPair(x, y, 92, b.pitY - 16, 40, 11);
    const throat = (b.throat ?? 2) * bump(x, y, 0, b.pitY - 74, 10, 16);
    return z - 48 + tendons + bones + hollows + throat - 9 * bump(x, y, 0, b.pitY + 2, 12, 11);
  };
}

/** Skin of neck and chest inside the outline: { defs, body }. scene carries lights, albedo and the occluder. */
export function drawNeck(b, scene) {
  const w = b.outline.reduce((m, [x]) => Math.max(m, x), 0) + 4;
  const bounds = [-w, 100, w, 444];
  const lit = lightSurface({ ...scene, height: neckHeight(b), bounds, step: 3, soften: 2 });
  const lines = scanLines('neck', lit, bounds, { rowPx: 4, columnPx: 5 });
  return {
    defs: lines.defs + clip('neckClip', curvePath(mirroredOutline(b.outline), true)),
    body: group({ clipPath: 'url(#neckClip)' }, group({ filter: 'url(#lines)' }, lines.body)),
  };
}

/** Cloth folds as ridges plus low noise; g.folds: [x0, y0, x1, y1, width, height] each. */
export function clothHeight(g) {
  return (x, y) => {
    const top = g.shoulderY(Math.abs(x));
    const edge = Math.max(0, y - top);
    const body = g.depth * (1 - Math.exp(-edge / g.roundPx)) - (x / 400) ** 2 * 70 + edge * 0.1;
    let folds = 0;
    for (const [x0, y0, x1, y1, s, h] of g.folds) folds += h * ridge(x, y, [x0, y0], [x1, y1], s);
    return (
      body -
      40 +
      folds +
      g.noise * (valueNoise(x / 46 + y / 140, y / 70 - x / 200, 3) + 0.5 * valueNoise(x / 22, y / 34, 5))
    );
  };
}

/** Armhole seams: a soft valley with a lit edge beside it. */
function seams(g) {
  return [-1, 1]
    .map((s) => {
      const line = curvePath(g.seam.map(([x, y]) => [s * x, y]));
      const lit = curvePath(g.seam.map(([x, y]) => [s * (x - 4), y + 1]));
      return (
        path(line, { fill: 'none', stroke: g.seamDark, strokeWidth: 7, opacity: 0.4, filter: 'url(#body2)' }) +
        path(line, { fill: 'none', stroke: g.seamDark, strokeWidth: 1.4, opacity: 0.5 }) +
        path(lit, { fill: 'none', stroke: g.seamLight, strokeWidth: 3, opacity: 0.22, filter: 'url(#body2)' })
      );
    })
    .join('');
}

/** A garment: lit cloth inside the outline, then whatever texture is handed in. */
export function drawCloth(id, g, scene) {
  const bounds = g.bounds;
  const lit = lightSurface({ ...scene, height: clothHeight(g), bounds, step: 4, soften: 1 });
  const lines = scanLines(id, lit, bounds, { rowPx: 4, columnPx: 6 });
  return {
    defs: lines.defs + clip(`${id}Clip`, g.outline),
    body: group(
      { clipPath: `url(#${id}Clip)` },
      group({ filter: 'url(#lines)' }, lines.body),
      g.texture ?? '',
      seams(g),
    ),
  };
}

/**
 * Knit: columns of V stitches that follow the slope of the shoulders and a gentle drape.
 * k: { bounds, columnPx, rowPx, dark, light, drape(x, y) -> dy }
 */
export function knitTexture(k) {
  const [x0, y0, x1, y1] = k.bounds;
  let dark = '';
  let left = '';
  let right = '';
  for (let x = x0; x < x1; x += k.columnPx) {
    for (let y = y0; y < y1; y += k.rowPx) {
      const cx = x + k.columnPx / 2 + valueNoise(x / 40, y / 60, 11) * 1.6;
      const cy = y + k.drape(x, y) + valueNoise(x / 30, y / 30, 13) * 0.8;
      const w = k.columnPx / 2;
      if (!k.inside(cx, cy)) continue;
      dark += `M${pair([cx - w, cy - k.rowPx * 0.7])}v${num(k.rowPx * 0.9)}`;
      left += `M${pair([cx - w * 0.72, cy - k.rowPx * 0.45])}l${num(w * 0.5)} ${num(k.rowPx * 0.72)}`;
      right += `M${pair([cx + w * 0.72, cy - k.rowPx * 0.45])}l${num(-w * 0.5)} ${num(k.rowPx * 0.72)}`;
    }
  }
  const leg = { fill: 'none', strokeWidth: k.columnPx * 0.3, strokeLinecap: 'round' };
  return (
    path(dark, { fill: 'none', stroke: k.dark, strokeWidth: 1.6, opacity: k.opacity * 0.9 }) +
    path(left, { ...leg, stroke: k.light, opacity: k.opacity }) +
    path(right, { ...leg, stroke: k.light, opacity: k.opacity * 0.6 })
  );
}

/** A ribbed band between two curves given as equally long point lists. */
export function ribbedBand(outer, inner, { count, dark, light, fill, shade }) {
  const shape = joinCurves(outer, [...inner].reverse());
  const at = (points, t) => {
    const x = t * (points.length - 1);
    const i = Math.min(points.length - 2, Math.floor(x));
    return [mix(points[i][0], points[i + 1][0], x - i), mix(points[i][1], points[i + 1][1], x - i)];
  };
  let darkRibs = '';
  let lightRibs = '';
  for (let i = 0; i <= count; i += 1) {
    darkRibs += `M${pair(at(outer, i / count))}L${pair(at(inner, i / count))}`;
    const t = Math.min(1, (i + 0.45) / count);
    lightRibs += `M${pair(at(outer, t))}L${pair(at(inner, t))}`;
  }
  return (
    path(shape, { fill }) +
    path(darkRibs, { stroke: dark, strokeWidth: 1.5, opacity: 0.3, filter: 'url(#body05)' }) +
    path(lightRibs, { stroke: light, strokeWidth: 1.4, opacity: 0.4, filter: 'url(#body05)' }) +
    path(curvePath(inner), { fill: 'none', stroke: shade, strokeWidth: 5, opacity: 0.4, filter: 'url(#body2)' }) +
    path(curvePath(outer), { fill: 'none', stroke: shade, strokeWidth: 4, opacity: 0.5, filter: 'url(#body2)' }) +
    path(curvePath(inner), { fill: 'none', stroke: light, strokeWidth: 1, opacity: 0.35, filter: 'url(#body05)' })
  );
}
