/** Mira's clothes: a mustard jumper with a wide ribbed neck. */
import { drawCloth, knitTexture, ribbedBand } from './body.mjs';
import { points } from './geometry.mjs';
import { clothLight } from './picture.mjs';
import { linearOf } from './shading.mjs';
import { joinCurves, linear } from './svg.mjs';

const collarOuter = points('-137,262 -130,296 -104,334 -56,362 0,371 56,362 104,334 130,296 137,262');
const collarInner = points('-115,265 -110,288 -88,319 -47,342 0,349 47,342 88,319 110,288 115,265');

const jumper = {
  bounds: [-420, 240, 420, 446],
  outline: joinCurves(
    points('-392,440 -382,404 -352,362 -292,322 -212,288 -137,262'),
    collarOuter,
    points('137,262 214,288 294,322 354,362 384,404 394,440'),
  ),
  shoulderY: (x) => 206 + x * 0.37 + Math.max(0, x - 280) ** 2 * 0.008,
  seam: points('236,290 252,330 262,380 264,450'),
  seamDark: '#4a2d08',
  seamLight: '#ffe0a0',
  depth: 62,
  roundPx: 36,
  noise: 2.6,
  folds: [
    [-262, 450, -176, 330, 12, 11],
    [-300, 450, -236, 336, 10, -10],
    [250, 450, 172, 335, 12, 10],
    [300, 450, 232, 345, 10, -10],
    [-120, 450, -76, 372, 14, 8],
    [-60, 450, -20, 396, 12, -5],
    [112, 450, 80, 378, 14, 8],
    [60, 450, 30, 400, 12, -5],
    [-352, 450, -318, 366, 12, 8],
    [346, 450, 314, 362, 12, 8],
  ],
};

/** The jumper: { defs, body }. */
export function drawJumper(light, occluder) {
  const wool = linearOf('#a67629');
  const knit = {
    bounds: [-430, 230, 430, 440],
    columnPx: 7.5,
    rowPx: 5.5,
    dark: '#4a2d08',
    light: '#f4d08a',
    opacity: 0.3,
  };
  const texture = knitTexture({ ...knit, drape: (x) => Math.abs(x) * 0.26, inside: (_x, y) => y > 240 && y < 436 });
  const cloth = drawCloth('wool', { ...jumper, texture }, { ...clothLight(light), albedo: () => wool, occluder });
  const rib = { count: 92, dark: '#5b3605', light: '#ffdc86', fill: 'url(#collarFill)', shade: '#4a2a05' };
  return {
    defs: cloth.defs + linear('collarFill', [-140, 300], [140, 330], '0 #d6a245, 0.45 #bd8730, 1 #8d6220'),
    body: cloth.body + ribbedBand(collarOuter, collarInner, rib),
  };
}
