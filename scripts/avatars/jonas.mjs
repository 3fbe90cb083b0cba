/** Jonas: mid-forties, fair skin, short greying hair and stubble, navy jumper, a study in the evening. Writes avatars/jonas/source.svg. */
import { writeFileSync } from 'node:fs';
import { drawNeck } from './body.mjs';
import { drawEar } from './ears.mjs';
import { drawEye } from './eyes.mjs';
import { points, seededRandom } from './geometry.mjs';
import { drawBrow } from './hairs.mjs';
import { drawClothes } from './jonas-clothes.mjs';
import { albedo, brow, drawLines, drawStubble, eyes, face, light } from './jonas-face.mjs';
import { drawShortHair } from './jonas-hair.mjs';
import { drawJonasRoom } from './jonas-room.mjs';
import { drawLips, drawNostrils } from './mouth.mjs';
import { composePicture, drawHead, headOccluder } from './picture.mjs';
import { group, linear, path } from './svg.mjs';

const neck = {
  neckHalf: 88,
  pitY: 306,
  tendon: 6,
  collarBone: 5,
  throat: 5,
  outline: points('96,90 91,150 89,190 91,216 98,240 116,260 150,276 200,290 200,444'),
};

const hairShadowPath =
  'M-150 -210L-150 60L-133 60C-128 10 -122 -40 -108 -78C-92 -112 -60 -128 0 -121C60 -128 92 -112 108 -78C120 -40 128 10 134 60L150 60L150 -210Z';

/** The shadow of the chin on the neck, darker away from the light. */
const neckShadow = () =>
  group(
    { clipPath: 'url(#neckClip)' },
    path('M-110 140L-110 214C-70 250 -40 262 0 262C50 260 86 236 112 196L112 140Z', {
      fill: 'url(#chinShade)',
      filter: 'url(#body10)',
    }),
    path('M-40 150C-60 220 -70 260 -110 310L-150 310L-130 120Z', {
      fill: '#3b1d12',
      opacity: 0.4,
      filter: 'url(#body10)',
    }),
  );

function drawEars() {
  const ear = { x: 133, top: -30, bottom: 46, out: 19, deep: '#7a3d2c' };
  return [
    drawEar(-1, { ...ear, light: '#c98a68', mid: '#b5765a', dark: '#935843', shine: '#ffc48f' }),
    drawEar(1, { ...ear, light: '#edbfa2', mid: '#dba083', dark: '#b8775d', shine: '#ffe6d4' }),
  ];
}

/** What is painted on the lit head: shadow of the hair, nostrils, lines, stubble, eyes, lips, brows. */
function drawFeatures(random) {
  const parts = [drawEye(-1, eyes), drawEye(1, { ...eyes, up: 10, seed: 81 }), drawLips(face.mouth)];
  const higher = { ...brow, points: brow.points.map(([x, y]) => [x, y - 0.8]) };
  return {
    defs: parts.map((p) => p.defs).join(''),
    body:
      path(hairShadowPath, { fill: '#3a1f15', opacity: 0.42, filter: 'url(#soft8)' }) +
      drawNostrils({ ...face.nose, dark: '#43201a', shade: '#84492f', light: '#fff0e2', shadeSide: -1 }) +
      drawLines() +
      drawStubble(random) +
      parts.map((p) => p.body).join('') +
      drawBrow(-1, brow, random) +
      drawBrow(1, higher, random),
  };
}

/** Jonas as SVG text. */
export function drawJonas() {
  const random = seededRandom(4545);
  const occluder = headOccluder(face);
  const head = drawHead(face, { ...light, albedo, blotch: 0.16, pores: 0.08 });
  const throat = drawNeck(neck, { ...light, albedo, occluder, gloss: () => 0.05, rim: undefined });
  const clothes = drawClothes(light, occluder);
  const ears = drawEars();
  const features = drawFeatures(random);
  const room = drawJonasRoom();
  const defs =
    [head, throat, clothes, ...ears, features, room].map((p) => p.defs).join('') +
    linear('chinShade', [0, 172], [0, 272], '0 #3b1d12 0.62, 0.4 #43241a 0.42, 1 #43241a 0');
  const person = [
    throat.body,
    neckShadow(),
    clothes.body,
    ears.map((e) => e.body).join(''),
    head.body(features.body),
    drawShortHair(random),
  ];
  return composePicture({ title: 'Jonas', defs, room: room.body, person });
}

writeFileSync(new URL('../../avatars/jonas/source.svg', import.meta.url), drawJonas());
