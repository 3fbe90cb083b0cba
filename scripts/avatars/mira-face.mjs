/** Mira's face: sculpture, skin colours, light, eyes and brows. */
import { bump, bumpPair, mix, points, smoothStep } from './geometry.mjs';
import { linearOf, tint } from './shading.mjs';

/** Sculpture, see head.mjs and mouth.mjs. */
export const face = {
  half: points(
    '0,-196 50,-190 90,-166 116,-124 127,-74 130,-22 127,22 118,66 105.5,104 88,138 66,166 44,185 24,195 0,198.5',
  ),
  lean: 0.2,
  roundness: 2.55,
  chinPush: 1,
  chinY: 198.5,
  nose: { length: 32, bridge: 10.5, base: 15.5, tip: 7, tipY: 60, wings: 11, wingX: 21.5 },
  mouth: {
    y: 113.5,
    half: 49,
    upper: 14,
    lower: 19.5,
    lift: 4.5,
    fullUpper: 5.5,
    fullLower: 8,
    lightX: -1,
    gloss: 0.5,
    colors: {
      upper: '#a24f48',
      lower: '#b9645a',
      deep: '#7c342f',
      line: '#4f1a19',
      shadow: '#5d2c1c',
      light: '#f0b5a2',
    },
  },
  chinFold: 5.5,
  socket: 12,
  brow: 3.5,
  cheek: 8,
  apple: 5,
  hollow: 3,
  fold: 1.6,
  tear: 1.3,
  chin: 8,
};

const skin = linearOf('#a87658');
const blush = linearOf('#ac5443');
const olive = linearOf('#966a4c');
const plum = linearOf('#7d4a3c');

/** Skin colour, linear rgb, at local px. */
export function albedo(x, y) {
  let c = tint(
    skin,
    blush,
    0.34 * bumpPair(x, y, 72, 56, 30, 22) + 0.22 * bump(x, y, 0, 60, 15, 10) + 0.12 * bump(x, y, 0, 178, 24, 14),
  );
  c = tint(
    c,
    plum,
    0.3 * bumpPair(x, y, 58, -8, 30, 12) + 0.22 * bumpPair(x, y, 48, 18, 20, 7) + 0.16 * bump(x, y, 0, 134, 60, 22),
  );
  return tint(c, olive, 0.35 * smoothStep(-60, -150, y) + 0.3 * smoothStep(150, 230, y));
}

/** Window light from the upper left, a warm bounce from the right. */
export const light = {
  lights: [
    { dir: [-0.58, -0.7, 0.74], color: [1.74, 1.68, 1.58], shadow: 0.8, spread: 0.4, samples: 16, shine: 0.55 },
    { dir: [0.85, -0.12, 0.52], color: [0.34, 0.25, 0.19], shine: 0.1 },
  ],
  ambient: { sky: [0.42, 0.42, 0.43], ground: [0.26, 0.2, 0.15] },
  wrap: [0.46, 0.28, 0.2],
  gloss: (x, y) => 0.15 + 0.12 * bump(x, y, 0, 40, 14, 40) + 0.08 * bump(x, y, 0, -90, 60, 40),
  rim: { side: 1, amount: 0.04, color: [1, 0.82, 0.62] },
};

/** Eyes, see eyes.mjs. */
export const eyes = {
  x: 58,
  y: -0.5,
  inner: 28.5,
  outer: 26,
  up: 11.6,
  low: 7.6,
  tilt: -1.8,
  iris: 12.2,
  pupil: 5.2,
  gaze: 0,
  crease: 7,
  seed: 12,
  colors: ['#5c3a20', '#3a2112', '#160a05', '#9a6434'],
  white: '#ddd2c9',
  rim: '#b77a66',
  caruncle: '#c08074',
  lidShade: '#5e3122',
  lidLight: '#e3ac86',
  creaseColor: '#4d2417',
  lashColor: '#1a0f0b',
  lashes: 30,
  lashPx: 8,
  liner: 1,
  catch: [-4.2, -4.2],
};

/** Brows, see hairs.mjs. */
export const brow = {
  points: points('25,-38 45,-43.5 66,-46.5 84,-43.5 98,-34'),
  width: (t) => mix(4.6, 4.2, t) * (1 - smoothStep(0.55, 1.02, t) * 0.86) * smoothStep(-0.22, 0.2, t),
  count: 210,
  longPx: 10,
  hairPx: 1,
  color: '#2a1a12',
  colorLight: '#4a3022',
  base: 0.55,
};
