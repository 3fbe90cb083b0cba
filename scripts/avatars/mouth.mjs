/** Closed, relaxed lips over the sculpted mouth: tint, soft lip line, creases and light; and the nostrils. */
import { mix, seededRandom } from './geometry.mjs';
import { clip, curvePath, group, joinCurves, linear, pair, path, tag } from './svg.mjs';

const mirrored = (right) => [
  ...right
    .slice(1)
    .reverse()
    .map(([x, y]) => [-x, y]),
  ...right,
];

/** Contours of the lips in local px from the mouth description m (y, half, upper, lower heights, lift of the corners). */
export function lipContours(m) {
  const corner = [m.half, m.y - m.lift + 0.5];
  const top = mirrored([
    [0, m.y - m.upper + 3.4],
    [5, m.y - m.upper + 1.3],
    [11, m.y - m.upper],
    [20, m.y - m.upper * 0.83],
    [34, m.y - m.upper * 0.46 - m.lift * 0.3],
    [m.half - 4, m.y - m.lift - 1.4],
    corner,
  ]);
  const line = mirrored([
    [0, m.y + 1.5],
    [7, m.y + 0.9],
    [15, m.y - 0.1],
    [27, m.y + 0.9],
    [38, m.y - m.lift * 0.3 + 0.5],
    corner,
  ]);
  const low = mirrored([
    [0, m.y + m.lower],
    [12, m.y + m.lower * 0.98],
    [24, m.y + m.lower * 0.82],
    [35, m.y + m.lower * 0.46],
    [m.half - 4, m.y + 1.2 - m.lift * 0.6],
    corner,
  ]);
  return { top, line, low };
}

function lipCreases(m, seed) {
  const random = seededRandom(seed);
  let d = '';
  for (let i = 0; i < 46; i += 1) {
    const x = (random() * 2 - 1) * m.half * 0.82;
    const k = 1 - (x / m.half) ** 2;
    const lower = i % 3 !== 0;
    const y0 = m.y + (lower ? 3 + random() * 4 : -3);
    const y1 = y0 + (lower ? 1 : -1) * (lower ? m.lower * 0.6 : m.upper * 0.5) * k * mix(0.4, 1, random());
    d += `M${pair([x, y0])}Q${pair([x * 1.03, (y0 + y1) / 2])} ${pair([x * 1.08, y1])}`;
  }
  return d;
}

/** The lips: { defs, body }. */
export function drawLips(m) {
  const { top, line, low } = lipContours(m);
  const whole = joinCurves(top, [...low].reverse());
  const upper = joinCurves(top, [...line].reverse());
  const lower = joinCurves(line, [...low].reverse());
  const defs =
    clip('lipClip', whole) +
    linear(
      'lipUpper',
      [0, m.y - m.upper],
      [0, m.y + 2],
      [
        [0, m.colors.upper, 0.62],
        [0.6, m.colors.upper, 0.85],
        [1, m.colors.deep, 0.92],
      ],
    ) +
    linear(
      'lipLower',
      [0, m.y],
      [0, m.y + m.lower],
      [
        [0, m.colors.deep, 0.85],
        [0.22, m.colors.lower, 0.85],
        [0.7, m.colors.lower, 0.8],
        [1, m.colors.lower, 0.6],
      ],
    );
  const shadowX = m.lightX * -3;
  const body =
    tag('ellipse', {
      cx: shadowX,
      cy: m.y + m.lower + 6,
      rx: m.half * 0.58,
      ry: 5,
      fill: m.colors.shadow,
      opacity: 0.34,
      filter: 'url(#lip4)',
    }) +
    [-1, 1]
      .map((s) =>
        tag('ellipse', {
          cx: s * (m.half + 2.5),
          cy: m.y - m.lift + 1.5,
          rx: 4.5,
          ry: 4,
          fill: m.colors.shadow,
          opacity: 0.36,
          filter: 'url(#lip2)',
        }),
      )
      .join('') +
    group({ filter: 'url(#lip07)' }, path(upper, { fill: 'url(#lipUpper)' }), path(lower, { fill: 'url(#lipLower)' })) +
    group(
      { clipPath: 'url(#lipClip)' },
      path(lipCreases(m, 41), {
        fill: 'none',
        stroke: m.colors.deep,
        strokeWidth: 0.8,
        opacity: 0.22,
        filter: 'url(#lip03)',
      }),
      tag('ellipse', {
        cx: m.lightX * 8,
        cy: m.y + m.lower * 0.5,
        rx: m.half * 0.36,
        ry: m.lower * 0.17,
        fill: m.colors.light,
        opacity: m.gloss,
        filter: 'url(#lip2)',
      }),
      tag('ellipse', {
        cx: m.lightX * 12,
        cy: m.y + m.lower * 0.46,
        rx: m.half * 0.13,
        ry: 1.2,
        fill: '#fff',
        opacity: m.gloss * 0.7,
        filter: 'url(#lip1)',
      }),
      path(curvePath(top.slice(2, -2).map(([x, y]) => [x, y + 1.4])), {
        fill: 'none',
        stroke: m.colors.light,
        strokeWidth: 1.4,
        opacity: 0.3,
        filter: 'url(#lip1)',
      }),
    ) +
    path(curvePath(line), {
      fill: 'none',
      stroke: m.colors.line,
      strokeWidth: 3.2,
      opacity: 0.3,
      filter: 'url(#lip1)',
    }) +
    path(curvePath(line), {
      fill: 'none',
      stroke: m.colors.line,
      strokeWidth: 1.3,
      opacity: 0.85,
      strokeLinecap: 'round',
      filter: 'url(#lip05)',
    });
  return { defs, body };
}

/** Nostrils, edges of the wings and the light on the tip. */
export function drawNostrils(n) {
  const side = (s) => {
    const at = (u, v) => [u * s, n.tipY + v];
    const hole = curvePath([at(7, 14.6), at(11, 12.2), at(16, 11.8), at(21, 14.4), at(17, 15.9), at(11, 16)], true);
    const wing = curvePath([at(n.wingX + 6, 3), at(n.wingX + 8.5, 8.5), at(n.wingX + 6, 14.5), at(n.wingX - 1, 17)]);
    return (
      path(curvePath([at(2, 18), at(10, 16.6), at(19, 17), at(n.wingX + 4, 16)]), {
        fill: 'none',
        stroke: n.dark,
        strokeWidth: 4.5,
        opacity: 0.3,
        filter: 'url(#lip2)',
      }) +
      path(hole, { fill: n.dark, opacity: 0.6, filter: 'url(#lip1)' }) +
      path(curvePath([at(9, 13.6), at(12, 12.6), at(17, 12.8), at(20, 14.6)]), {
        fill: 'none',
        stroke: n.dark,
        strokeWidth: 1.4,
        opacity: 0.5,
        strokeLinecap: 'round',
        filter: 'url(#lip05)',
      }) +
      path(wing, {
        fill: 'none',
        stroke: n.shade,
        strokeWidth: 3.4,
        opacity: s === n.shadeSide ? 0.42 : 0.26,
        strokeLinecap: 'round',
        filter: 'url(#lip2)',
      })
    );
  };
  const glow = (x, y, rx, ry, opacity) =>
    tag('ellipse', { cx: x * -n.shadeSide, cy: n.tipY + y, rx, ry, fill: n.light, opacity, filter: 'url(#lip2)' });
  return side(-1) + side(1) + glow(3, -1, 6.5, 5, 0.42) + glow(3.5, -2.5, 2.4, 1.8, 0.5) + glow(3, -30, 3.2, 20, 0.2);
}
