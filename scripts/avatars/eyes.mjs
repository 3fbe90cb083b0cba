/** Eyes: lids, iris, lashes and creases, drawn around the centre of the pupil; side -1 is the viewer's left. */
import { mix, seededRandom } from './geometry.mjs';
import { clip, curvePath, group, joinCurves, linear, linePath, mixHex, pair, path, radial, tag } from './svg.mjs';

/** Lid curves in canvas-local px; e.inner and e.outer are the half lengths of the eye, e.up and e.low its openings. */
function lidCurves(side, e) {
  const at = (u, v) => [e.x * side + u * side, e.y + v];
  const upper = [
    at(-e.inner, 4.6),
    at(-e.inner + 5, 0.6),
    at(-e.inner * 0.58, -e.up * 0.62),
    at(-2, -e.up),
    at(e.outer * 0.45, -e.up * 0.86),
    at(e.outer * 0.8, -e.up * 0.4),
    at(e.outer, e.tilt),
  ];
  const lower = [
    at(e.outer, e.tilt),
    at(e.outer * 0.72, e.low * 0.62),
    at(e.outer * 0.3, e.low),
    at(-3, e.low * 0.94),
    at(-e.inner * 0.6, e.low * 0.72),
    at(-e.inner, 4.6),
  ];
  return { at, upper, lower };
}

function irisArt(id, cx, cy, e) {
  const random = seededRandom(e.seed);
  const r = e.iris;
  const fibres = Array.from({ length: 70 }, (_, i) => {
    const a = (i / 70) * Math.PI * 2 + random() * 0.08;
    const from = r * (0.4 + random() * 0.12);
    const to = r * (0.7 + random() * 0.24);
    return `M${pair([cx + Math.cos(a) * from, cy + Math.sin(a) * from])}L${pair([cx + Math.cos(a) * to, cy + Math.sin(a) * to])}`;
  }).join('');
  const defs =
    radial(`${id}Iris`, [cx, cy], r, [
      [0, e.colors[1]],
      [0.42, e.colors[1]],
      [0.62, e.colors[0]],
      [0.84, e.colors[1]],
      [0.95, e.colors[2]],
      [1, e.colors[2], 0.55],
    ]) +
    radial(`${id}Glow`, [cx + 2.5, cy + r * 0.62], r * 0.8, [
      [0, e.colors[3], 0.8],
      [1, e.colors[3], 0],
    ]);
  const body =
    tag('circle', { cx, cy, r, fill: `url(#${id}Iris)` }) +
    path(fibres, { stroke: e.colors[3], strokeWidth: 0.5, opacity: 0.5 }) +
    tag('circle', { cx, cy, r, fill: `url(#${id}Glow)` }) +
    tag('circle', { cx, cy, r: e.pupil, fill: '#0b0706' });
  return { defs, body };
}

/** Height of a lid's edge at u px from the pupil, px below the eye's middle. */
function lidEdge(e, u, upper) {
  const k = u < 0 ? -u / e.inner : u / e.outer;
  const ends = (u > 0 ? e.tilt : 3) * k ** 2;
  return upper ? -e.up * (1 - k ** 2.1) + ends - 0.6 : e.low * (1 - k ** 2.3) + ends + 0.4;
}

/** Lashes as tapered hairs; the outer ones are longer and swing outwards. */
function lashes(at, side, e, upper) {
  const random = seededRandom(e.seed + (upper ? 5 : 9));
  const n = upper ? e.lashes : Math.round(e.lashes * 0.6);
  let d = '';
  for (let i = 0; i < n; i += 1) {
    const t = (i + 0.4 + random() * 0.4) / n;
    const u = mix(-e.inner * 0.72, e.outer * 0.99, t);
    const v = lidEdge(e, u, upper);
    const long = (upper ? e.lashPx : e.lashPx * 0.36) * (0.3 + 0.85 * t) * (0.8 + random() * 0.35);
    const lean = mix(-0.25, 0.95, t) + (random() - 0.5) * 0.2;
    const dy = upper ? -1 : 1;
    const tip = at(u + lean * long, v + dy * long * (1 - 0.35 * t));
    const mid = at(u + lean * long * 0.35, v + dy * long * 0.34 - (upper ? -0.5 : 0));
    const a = at(u - 0.5, v);
    const b = at(u + 0.5, v);
    d += `M${pair(a)}Q${pair(mid)} ${pair(tip)}Q${pair([mid[0] + 0.4 * side, mid[1]])} ${pair(b)}Z`;
  }
  return d;
}

/** One eye: { defs, body }. The eye filters of picture.mjs must exist in the picture. */
export function drawEye(side, e) {
  const id = `eye${side < 0 ? 'R' : 'L'}`;
  const { at, upper, lower } = lidCurves(side, e);
  const open = joinCurves(upper, lower);
  const [cx, cy] = at(e.gaze ?? 0, -0.8);
  const iris = irisArt(id, cx, cy, e);
  const shift = (points, dy, dx = 0) => points.map(([x, y]) => [x + dx * side, y + dy]);
  const crease = [
    at(-e.inner + 3, -3),
    at(-e.inner * 0.62, -e.up * 0.72 - e.crease * 0.72),
    at(-2, -e.up - e.crease),
    at(e.outer * 0.5, -e.up * 0.9 - e.crease * 0.92),
    at(e.outer * 0.9, -e.up * 0.4 - e.crease * 0.7),
    at(e.outer + 6, -1),
  ];
  const lashTop = upper.map(([x, y], i) => [x, y - [0.3, 0.8, 1.7, 2.3, 2.7, 2.6, 0.6][i] * e.liner]);
  const lashLine = joinCurves(lashTop, [...upper].reverse());
  const wing = at(e.outer + 2.5, e.tilt - 1.2);
  const defs =
    clip(`${id}Open`, open) +
    iris.defs +
    linear(`${id}White`, at(-e.inner, 0), at(e.outer, 0), [
      [0, mixHex(e.white, e.rim, 0.45)],
      [0.25, e.white],
      [0.75, e.white],
      [1, mixHex(e.white, e.rim, 0.5)],
    ]) +
    linear(
      `${id}Lid`,
      [0, e.y - e.up - e.crease],
      [0, e.y - e.up * 0.5],
      [
        [0, e.lidShade, 0.5],
        [0.35, e.lidLight, 0.12],
        [0.75, e.lidLight, 0.3],
        [1, e.lidShade, 0.35],
      ],
    );
  const body =
    path(joinCurves(crease, [...upper].reverse()), {
      fill: `url(#${id}Lid)`,
      filter: 'url(#eye1)',
    }) +
    path(curvePath(crease), {
      fill: 'none',
      stroke: e.creaseColor,
      strokeWidth: 3.4,
      opacity: 0.42,
      filter: 'url(#eye2)',
    }) +
    path(curvePath(crease), {
      fill: 'none',
      stroke: e.creaseColor,
      strokeWidth: 1.2,
      opacity: 0.6,
      strokeLinecap: 'round',
      filter: 'url(#eye05)',
    }) +
    path(curvePath(shift(lower, 2)), {
      fill: 'none',
      stroke: e.rim,
      strokeWidth: 3,
      opacity: 0.4,
      filter: 'url(#eye1)',
    }) +
    group(
      { clipPath: `url(#${id}Open)` },
      path(open, { fill: `url(#${id}White)` }),
      iris.body,
      path(joinCurves(shift(upper, -3), [...shift(upper, 4.4)].reverse()), {
        fill: '#2a130c',
        opacity: 0.62,
        filter: 'url(#eye1)',
      }),
      path(curvePath(shift(upper, 3.5)), {
        fill: 'none',
        stroke: '#3a1d14',
        strokeWidth: 6,
        opacity: 0.28,
        filter: 'url(#eye2)',
      }),
      path(curvePath(shift(lower, -0.2)), {
        fill: 'none',
        stroke: e.rim,
        strokeWidth: 3.2,
        opacity: 0.8,
        filter: 'url(#eye05)',
      }),
      tag('ellipse', {
        cx: at(-e.inner + 3, 3)[0],
        cy: e.y + 4.2,
        rx: 4.6,
        ry: 3.2,
        fill: e.caruncle,
        opacity: 0.85,
        filter: 'url(#eye05)',
      }),
      path(curvePath(shift(lower.slice(1), -1.6)), {
        fill: 'none',
        stroke: '#fff',
        strokeWidth: 0.7,
        opacity: 0.4,
        filter: 'url(#eye05)',
      }),
      tag('rect', {
        x: cx + e.catch[0] - 2.6,
        y: cy + e.catch[1] - 2.6,
        width: 5.2,
        height: 4.8,
        rx: 1.5,
        fill: '#fff',
        opacity: 0.95,
        filter: 'url(#eye03)',
      }),
      tag('circle', {
        cx: cx - e.catch[0] * 1.1,
        cy: cy - e.catch[1] * 1.05,
        r: 1.6,
        fill: '#dfeaf0',
        opacity: 0.45,
        filter: 'url(#eye05)',
      }),
    ) +
    path(lashLine, { fill: e.lashColor, opacity: 0.92, filter: 'url(#eye03)' }) +
    path(linePath([upper.at(-1), wing]), {
      stroke: e.lashColor,
      strokeWidth: 1.1,
      strokeLinecap: 'round',
      opacity: 0.55,
      filter: 'url(#eye05)',
    }) +
    path(lashes(at, side, e, true), { fill: e.lashColor, opacity: 0.85 }) +
    path(lashes(at, side, e, false), { fill: e.lashColor, opacity: 0.4 });
  return { defs, body };
}
