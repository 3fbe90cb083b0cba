/** Mira's hair: wavy locks from a parting to the shoulders. */
import { bump, mix, points, sampleCurve, seededRandom, smoothStep } from './geometry.mjs';
import { drawLock } from './hairs.mjs';
import { curvePath, path } from './svg.mjs';

// Hair: guide curves from the parting to the tips; q = 0 frames the face, q = 1 is the silhouette.
const guides = {
  left: [
    points('32,-141 -8,-149 -56,-132 -94,-94 -113,-46 -118,8 -117,62 -115,112 -123,174 -126,234 -117,290 -114,342'),
    points(
      '18,-219 -34,-215 -86,-194 -126,-151 -149,-90 -160,-20 -168,52 -178,126 -188,204 -190,272 -183,330 -168,368',
    ),
  ],
  right: [
    points('33,-141 58,-143 88,-122 108,-88 118,-44 120,10 118,62 116,112 124,176 126,236 119,290 117,340'),
    points('18,-219 62,-213 103,-190 133,-148 151,-88 161,-20 169,50 179,128 189,206 188,272 180,328 163,364'),
  ],
};
const ramp = ['#120a07', '#20130d', '#301d14', '#452b1c', '#624027', '#87593a', '#b58560', '#d8ae88'];

function hairTone(side, q, phase) {
  const sheenAt = mix(0.2, 0.16, q) + (side > 0 ? 0.01 : 0);
  return (x, y, t, s) => {
    const round = 0.13 * (1 - s * s) - 0.06 * side * s;
    const wave = 0.15 * Math.sin(phase(y) + 1) * smoothStep(0, 110, y);
    const sheen = (side < 0 ? 0.36 : 0.22) * bump(t, 0, sheenAt, 0, 0.055) + 0.1 * bump(t, 0, sheenAt + 0.16, 0, 0.08);
    const lit =
      side < 0
        ? 0.16 * bump(x, y, -160, 60, 26, 110) + 0.12 * bump(x, y, -176, 230, 30, 60)
        : 0.1 * bump(x, y, 172, 60, 14, 120);
    const deep =
      -0.2 * smoothStep(0.5, 0, q) * smoothStep(60, 190, y) - 0.1 * smoothStep(0.06, 0, t) - (side > 0 ? 0.04 : 0);
    return 0.21 + round + wave + sheen + lit + deep + 0.1 * smoothStep(0.8, 1, t);
  };
}

function curtain(side, random) {
  const [inner, outer] = guides[side < 0 ? 'left' : 'right'];
  const locks = [];
  const count = 20;
  for (let k = 0; k < count; k += 1) {
    const q = 1 - k / (count - 1);
    const jitter = (random() - 0.5) * 1.3;
    const swing = mix(8, 15, random()) * mix(0.3, 1, smoothStep(0, 0.5, q));
    const reach = 1 - 0.12 * random();
    const phase = (y) => (y / 112) * Math.PI * 2 + q * 1.8 + jitter;
    const points = sampleCurve(
      inner.map((p, i) => [mix(p[0], outer[i][0], q), mix(p[1], outer[i][1], q)]),
      2,
    ).map(([x, y]) => [x + side * swing * Math.sin(phase(y)) * smoothStep(-50, 130, y), y * (y > 0 ? reach : 1)]);
    const fat = mix(7.5, 9.5, random());
    locks.push(
      drawLock({
        points,
        width: (t) => fat * mix(0.5, 1.3, smoothStep(0, 0.4, t)) * (1 - 0.95 * smoothStep(0.66, 0.99, t)),
        tone: hairTone(side, q, phase),
        ramp,
        strands: 130,
        wisps: 14,
        strandPx: 0.75,
        baseTone: 0.17,
        random,
      }),
    );
  }
  return locks.join('');
}

/** A soft band of window light across the crown that ties the strands together. */
function sheen() {
  const band = (points, width, opacity) =>
    path(curvePath(points), {
      fill: 'none',
      stroke: '#c99a72',
      strokeWidth: width,
      opacity,
      strokeLinecap: 'round',
      filter: 'url(#wide8)',
    });
  return (
    band(points('-112,-112 -92,-146 -64,-172 -30,-190'), 20, 0.34) +
    band(points('72,-178 98,-156 116,-128'), 16, 0.2) +
    path('M-190 -40C-196 60 -206 160 -204 300L-176 300C-176 160 -164 60 -160 -60Z', {
      fill: '#e8c9a0',
      opacity: 0.1,
      filter: 'url(#wide5)',
    })
  );
}

function flyaways(random) {
  let d = '';
  for (let k = 0; k < 46; k += 1) {
    const side = k % 2 ? 1 : -1;
    const outer = guides[side < 0 ? 'left' : 'right'][1];
    const curve = sampleCurve(outer, 8);
    const i = Math.floor(random() * (curve.length - 26));
    const push = 2 + random() * 7;
    const part = [0, 6, 12, 18].map((o, n) => [
      curve[i + o][0] + side * push * Math.sin((n / 3) * 2.4),
      curve[i + o][1] - push * 0.4,
    ]);
    d += curvePath(part);
  }
  return path(d, { fill: 'none', stroke: '#4a2d1c', strokeWidth: 0.7, opacity: 0.5 });
}

/** The hair in front of face and shoulders. */
export function drawMiraHair() {
  const random = seededRandom(2024);
  return [
    curtain(1, random),
    curtain(-1, random),
    flyaways(random),
    sheen(),
    path('M34 -136C30 -160 25 -186 19 -216', {
      fill: 'none',
      stroke: '#1c100a',
      strokeWidth: 9,
      opacity: 0.5,
      filter: 'url(#soft4)',
    }),
    path('M31.5 -137C30 -152 27 -166 24 -186C30 -168 33 -154 35 -137Z', {
      fill: '#96654a',
      opacity: 0.7,
      filter: 'url(#soft07)',
    }),
  ].join('');
}
