/** Jonas's short greying hair. */
import { bump, mix, points, profile, ridge, smoothStep, valueNoise } from './geometry.mjs';
import { drawCombed } from './hairs.mjs';
import { joinCurves, path } from './svg.mjs';

// Short hair: hairline height and silhouette over x; strokes are combed from a parting on the viewer's left.
const hairline = profile(
  points(
    '-140,34 -130,30 -120,-12 -115,-62 -103,-96 -80,-122 -46,-131 0,-123 46,-131 81,-122 104,-96 116,-62 121,-12 131,30 140,34',
  ),
);
const crown = profile(
  points('-147,-10 -143,-70 -132,-124 -110,-170 -76,-201 -30,-219 20,-224 70,-211 110,-177 134,-128 143,-70 147,-10'),
);
const ramp = ['#1d1916', '#2e2824', '#453d37', '#615850', '#81776e', '#a59c93', '#c9c2ba', '#e4dfd8'];

const sideEdge = profile(points('-230,148 -120,143 -70,140 -40,137 -26,134 -12,130 24,129'));
const hairInside = (x, y) =>
  smoothStep(5, -9, y - hairline(x) + valueNoise(x / 6, 3, 21) * 5) *
  smoothStep(-2, 8, y - crown(x)) *
  smoothStep(2, -5, Math.abs(x) - sideEdge(y)) *
  smoothStep(30, 6, y);

function hairAngle(x, y) {
  // A ragged parting: hairs beside it fall to either side.
  const across = x + 13 * valueNoise(x / 1.7, y / 1.7, 5) * smoothStep(-130, -160, y);
  const s = across < -66 ? -1 : 1;
  // Along the silhouette: right-down on the right, left-down on the left.
  const slope = Math.atan2(crown(x + s * 6) - crown(x), 6);
  const along = s > 0 ? slope : Math.PI - slope;
  const down = s > 0 ? 1.4 : Math.PI - 1.4;
  const sides = smoothStep(92, 126, Math.abs(x)) * smoothStep(-170, -110, y);
  const rim = Math.max(smoothStep(34, 8, y - crown(x)) * 0.85, smoothStep(84, 122, Math.abs(x)) * 0.8);
  const lift = smoothStep(-190, -118, y);
  const over =
    s < 0
      ? Math.PI - mix(-0.7, 0.75, smoothStep(-66, -112, x))
      : mix(mix(-0.2, -1.0, lift), mix(0.6, -0.1, lift), smoothStep(-40, 100, x));
  const top = mix(over, along, rim) + 0.22 * valueNoise(x / 24, y / 24, 31);
  return mix(top, down, sides);
}

function hairTone(x, y) {
  const temple = 0.2 * smoothStep(92, 128, Math.abs(x)) * smoothStep(-150, -70, y);
  const lit =
    0.24 * bump(x, y, 46, -186, 50, 22) + 0.14 * bump(x, y, 132, -100, 18, 40) + 0.12 * bump(x, y, -60, -176, 40, 22);
  const root = -0.06 * smoothStep(-24, 0, y - hairline(x));
  const part = -0.09 * ridge(x, y, [-68, -126], [-62, -190], 5);
  const clumps = 0.12 * valueNoise((x + y * 0.5) / 9, (y - x * 0.4) / 26, 17);
  return 0.3 + temple + lit + root + part + clumps;
}

/** The hair on top and at the sides, in front of head and ears. */
export function drawShortHair(random) {
  const base = [];
  const low = [];
  for (let x = -140; x <= 140; x += 8) {
    base.push([x * 0.975, crown(x) + 6]);
    // Further from the face than the hairline, so that only strokes meet the skin.
    const away = 1 + 13 / Math.hypot(x, hairline(x) + 10);
    low.unshift([
      Math.max(-132, Math.min(132, x * away * 0.975)),
      Math.max(crown(x) + 7, Math.min(hairline(x) * away, -40)),
    ]);
  }
  const field = {
    bounds: [-154, -230, 154, 34],
    inside: hairInside,
    angle: hairAngle,
    tone: hairTone,
    ramp,
    random,
    spread: 0.26,
    longPx: (x, y) =>
      mix(24, 9, smoothStep(88, 124, Math.abs(x)) * smoothStep(-170, -110, y)) * (y > hairline(x) - 10 ? 0.7 : 1),
  };
  const solid = joinCurves(base, low);
  return (
    path(solid, { fill: '#3a332d', filter: 'url(#soft1)' }) +
    drawCombed({ ...field, count: 5200, widthPx: 1.7, bend: 0.3, opacity: 0.55, mixed: 0.2 }) +
    drawCombed({
      ...field,
      count: 6500,
      widthPx: 0.85,
      bend: 0.3,
      opacity: 0.75,
      mixed: 0.34,
      tone: (x, y) => hairTone(x, y) + 0.05,
    })
  );
}
