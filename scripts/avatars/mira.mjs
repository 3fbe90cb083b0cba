/** Mira: about thirty, warm brown skin, dark wavy hair, mustard jumper, a bright room with plants. Writes avatars/mira/source.svg. */
import { writeFileSync } from 'node:fs';
import { drawNeck } from './body.mjs';
import { drawEye } from './eyes.mjs';
import { points, seededRandom } from './geometry.mjs';
import { drawBrow } from './hairs.mjs';
import { drawJumper } from './mira-clothes.mjs';
import { albedo, brow, eyes, face, light } from './mira-face.mjs';
import { drawMiraHair } from './mira-hair.mjs';
import { drawMiraRoom } from './mira-room.mjs';
import { drawLips, drawNostrils } from './mouth.mjs';
import { composePicture, drawHead, headOccluder } from './picture.mjs';
import { group, linear, path } from './svg.mjs';

const neck = {
  neckHalf: 74,
  pitY: 300,
  tendon: 7,
  collarBone: 8,
  throat: 1.5,
  outline: points('78,90 76,150 75,190 77,220 85,243 103,261 132,273 170,282 220,300 220,432'),
};

const backHairPath =
  'M-120 -150C-176 -80 -172 60 -178 140C-192 220 -186 300 -160 346C-110 330 -90 300 -70 250L70 250C90 300 110 330 158 344C186 300 190 220 178 140C172 60 178 -80 120 -150Z';
const hairShadowPath =
  'M-150 -200L-150 150C-124 100 -113 30 -104 -46C-88 -96 -40 -132 32 -138C66 -132 90 -104 104 -52C113 0 116 60 140 150L150 -200Z';
const hairOnClothPath =
  'M-196 150C-206 250 -196 330 -150 374C-112 360 -110 300 -112 250ZM196 150C206 250 200 330 152 374C112 360 116 300 118 250Z';

/** The shadow of chin and hair on the neck. */
const neckShadow = () =>
  group(
    { clipPath: 'url(#neckClip)' },
    path('M-92 140L-92 196C-60 236 -30 252 14 254C56 252 80 236 96 210L96 140Z', {
      fill: 'url(#chinShade)',
      filter: 'url(#body10)',
    }),
    path('M30 150C46 210 60 250 90 300L140 300L120 140Z', { fill: '#34140a', opacity: 0.35, filter: 'url(#body10)' }),
  );

/** What is painted on the lit head: shadow of the hair, nostrils, eyes, lips, brows. */
function drawFeatures(random) {
  const parts = [drawEye(-1, eyes), drawEye(1, { ...eyes, up: 11.3, seed: 31 }), drawLips(face.mouth)];
  const higher = { ...brow, points: brow.points.map(([x, y]) => [x, y + 0.8]) };
  return {
    defs: parts.map((p) => p.defs).join(''),
    body:
      path(hairShadowPath, { fill: '#2c120a', opacity: 0.5, filter: 'url(#soft8)' }) +
      drawNostrils({ ...face.nose, dark: '#2e120c', shade: '#6d3a27', light: '#ffe2c8', shadeSide: 1 }) +
      parts.map((p) => p.body).join('') +
      drawBrow(-1, brow, random) +
      drawBrow(1, higher, random),
  };
}

/** Mira as SVG text. */
export function drawMira() {
  const occluder = headOccluder(face);
  const head = drawHead(face, { ...light, albedo, blotch: 0.1, pores: 0.07 });
  const throat = drawNeck(neck, { ...light, albedo, occluder, gloss: () => 0.07, rim: undefined });
  const jumper = drawJumper(light, occluder);
  const features = drawFeatures(seededRandom(2024));
  const room = drawMiraRoom();
  const defs =
    [head, throat, jumper, features, room].map((p) => p.defs).join('') +
    linear('backHair', [-190, 0], [190, 60], '0 #33201a, 0.3 #1c110c, 0.7 #120a07, 1 #23140d') +
    linear('chinShade', [0, 168], [0, 262], '0 #34140a 0.78, 0.4 #3c1a0e 0.55, 1 #3c1a0e 0');
  const person = [
    path(backHairPath, { fill: 'url(#backHair)' }),
    throat.body,
    neckShadow(),
    jumper.body,
    path(hairOnClothPath, { fill: '#2a1405', opacity: 0.5, filter: 'url(#body10)' }),
    head.body(features.body),
    path('M33 -137C29 -160 24 -184 20 -204', {
      fill: 'none',
      stroke: '#7a4a30',
      strokeWidth: 3,
      filter: 'url(#soft07)',
    }),
    drawMiraHair(),
  ];
  return composePicture({ title: 'Mira', defs, room: room.body, person });
}

writeFileSync(new URL('../../avatars/mira/source.svg', import.meta.url), drawMira());
