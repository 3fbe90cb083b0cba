/** Jonas's face: sculpture, skin colours, stubble, light, eyes and brows. */
import { bump, bumpPair, mix, points, profile, smoothStep } from './geometry.mjs';
import { drawCombed } from './hairs.mjs';
import { linearOf, tint } from './shading.mjs';
import { curvePath, path } from './svg.mjs';

/** Sculpture, see head.mjs and mouth.mjs. */
export const face = {
  half: points(
    '0,-192 52,-187 95,-163 122,-122 132,-74 135,-24 133,24 128,68 120,108 105,144 84,172 56,192 29,203 0,206',
  ),
  lean: 0,
  roundness: 2.7,
  chinPush: 2,
  chinY: 206,
  nose: { length: 37, bridge: 11.5, base: 17, tip: 7, tipY: 62, wings: 12.5, wingX: 24.5 },
  mouth: {
    y: 117.5,
    half: 49,
    upper: 13,
    lower: 16.5,
    lift: 4,
    fullUpper: 4.5,
    fullLower: 6,
    lightX: 0,
    gloss: 0.28,
    colors: {
      upper: '#9e584e',
      lower: '#b56f61',
      deep: '#763b34',
      line: '#4c201b',
      shadow: '#6e3d2c',
      light: '#f2c3b0',
    },
  },
  chinFold: 6.5,
  socket: 14,
  brow: 6.5,
  cheek: 8,
  apple: 4,
  hollow: 5,
  fold: 3,
  tear: 2.2,
  chin: 9,
  cleft: 0.8,
};

const skin = linearOf('#cfa288');
const blush = linearOf('#c46c5a');
const sallow = linearOf('#c8a184');
const shade = linearOf('#96604f');
const stubble = linearOf('#6b5b52');

/** Beard density 0..1: trimmed, clear of the lips and of the upper cheeks. */
const cheekLine = profile(points('0,130 18,128 48,116 62,112 84,92 108,62 126,22 140,14'));
function beard(x, y) {
  const u = Math.abs(x);
  const m = face.mouth;
  const cheeks = smoothStep(-12, 18, y - cheekLine(u));
  const moustache =
    0.66 *
    smoothStep(82, 96, y - u * 0.06) *
    smoothStep(126, 113, y) *
    smoothStep(66, 44, u) *
    (1 - 0.3 * bump(u, 0, 0, 0, 5));
  const corner = smoothStep(46, 56, u) * smoothStep(72, 60, u) * smoothStep(96, 108, y) * 0.8;
  const lips = smoothStep(
    0.96,
    1.12,
    Math.hypot(u / (m.half + 2), (y - m.y - 1) / (y < m.y ? m.upper + 3 : m.lower + 3)),
  );
  const patch = 1 - 0.4 * bumpPair(x, y, 26, m.y + 24, 12, 9);
  return Math.max(cheeks, moustache, corner) * lips * patch;
}

/** Skin colour, linear rgb, at local px. */
export function albedo(x, y) {
  let c = tint(
    skin,
    blush,
    0.3 * bumpPair(x, y, 74, 54, 28, 22) +
      0.34 * bump(x, y, 0, 62, 17, 12) +
      0.1 * bump(x, y, 0, -80, 70, 34) +
      0.2 * smoothStep(240, 330, y),
  );
  c = tint(c, shade, 0.26 * bumpPair(x, y, 57, -8, 30, 12) + 0.26 * bumpPair(x, y, 50, 20, 22, 8));
  c = tint(c, sallow, 0.3 * smoothStep(-60, -140, y));
  return tint(
    c,
    stubble,
    0.6 *
      beard(x, y) *
      smoothStep(face.chinY + 60, face.chinY, y) *
      smoothStep(face.chinY + 30, face.chinY, y + Math.abs(x) * 0.1),
  );
}

/** Soft light from the upper right, a lamp from the left. */
export const light = {
  lights: [
    { dir: [0.56, -0.66, 0.76], color: [1.5, 1.46, 1.4], shadow: 0.78, spread: 0.4, samples: 16, shine: 0.5 },
    { dir: [-0.85, -0.1, 0.5], color: [0.36, 0.25, 0.17], shine: 0.12 },
  ],
  ambient: { sky: [0.33, 0.34, 0.37], ground: [0.22, 0.17, 0.14] },
  wrap: [0.46, 0.28, 0.22],
  gloss: (x, y) =>
    (0.13 + 0.12 * bump(x, y, 0, 40, 14, 40) + 0.1 * bump(x, y, 10, -80, 60, 40)) * (1 - 0.6 * beard(x, y)),
  rim: { side: -1, amount: 0.2, color: [1, 0.66, 0.36] },
};

/** Eyes, see eyes.mjs. */
export const eyes = {
  x: 58.5,
  y: -0.5,
  inner: 28,
  outer: 25.5,
  up: 10.2,
  low: 8,
  tilt: -0.6,
  iris: 11.7,
  pupil: 4.6,
  gaze: 0,
  crease: 5,
  seed: 55,
  colors: ['#667a84', '#43565f', '#1e2a31', '#93a6ac'],
  white: '#dfd6d0',
  rim: '#c98d7c',
  caruncle: '#c98a80',
  lidShade: '#7d4a38',
  lidLight: '#edc0a4',
  creaseColor: '#6b3a2a',
  lashColor: '#2c1d16',
  lashes: 24,
  lashPx: 4.5,
  liner: 0.62,
  catch: [4.2, -4.2],
};

/** Brows, see hairs.mjs. */
export const brow = {
  points: points('25,-33 44,-37.5 66,-39.5 86,-37 101,-28'),
  width: (t) => mix(5.4, 5, t) * (1 - smoothStep(0.62, 1.02, t) * 0.75) * smoothStep(-0.3, 0.2, t),
  count: 230,
  longPx: 11,
  hairPx: 1.1,
  color: '#40322a',
  colorLight: '#75655a',
  base: 0.42,
};

/** The hairs of the stubble. */
export function drawStubble(random) {
  const field = {
    bounds: [-136, 4, 136, 206],
    ramp: ['#1f1713', '#3a2d26', '#5a4a41', '#80746b', '#b5aca4', '#ddd7d0'],
    random,
    angle: (x, y) =>
      Math.PI / 2 -
      0.5 * (x / 120) +
      (y < 112 && Math.abs(x) < 60 ? -0.5 * Math.sign(x) * smoothStep(4, 30, Math.abs(x)) : 0),
    tone: (x, y) => 0.26 + 0.26 * bump(x, y, 0, 186, 28, 18) + 0.08 * smoothStep(70, 125, Math.abs(x)),
    spread: 0.7,
  };
  return (
    drawCombed({
      ...field,
      count: 15000,
      inside: (x, y) => beard(x, y) * 0.8,
      longPx: () => 2.7,
      widthPx: 0.6,
      opacity: 0.38,
      mixed: 0.5,
      levels: 10,
    }) +
    drawCombed({
      ...field,
      count: 2600,
      inside: (x, y) => beard(x, y) ** 2 * 0.6,
      longPx: () => 3.8,
      widthPx: 0.65,
      opacity: 0.42,
      mixed: 0.7,
      levels: 10,
    })
  );
}

/** Lines of a lived-in face, all soft: eye bags, crow's feet, smile folds, forehead. */
export function drawLines() {
  const soft = (points, width, opacity, blur = 'soft1') =>
    [-1, 1]
      .map((s) =>
        path(curvePath(points.map(([x, y]) => [x * s, y])), {
          fill: 'none',
          stroke: '#7c4534',
          strokeWidth: width,
          opacity,
          strokeLinecap: 'round',
          filter: `url(#${blur})`,
        }),
      )
      .join('');
  const across = (y, w, opacity) =>
    path(
      curvePath([
        [-w, y + 3],
        [-w * 0.4, y],
        [w * 0.4, y + 0.6],
        [w, y + 4],
      ]),
      { fill: 'none', stroke: '#8a5440', strokeWidth: 3.4, opacity, strokeLinecap: 'round', filter: 'url(#soft2)' },
    );
  return (
    soft(points('38,14 50,19 66,19 78,14'), 4, 0.26, 'soft2') +
    soft(points('98,3 106,7 111,11'), 1.4, 0.16) +
    soft(points('98,-3 107,-3 113,-1'), 1.4, 0.12) +
    soft(points('40,68 52,80 60,96 64,112'), 3.4, 0.3, 'soft2') +
    soft(
      [
        [9, -22],
        [10.5, -32],
      ],
      1.6,
      0.2,
    ) +
    across(-76, 58, 0.1) +
    across(-96, 46, 0.08)
  );
}
