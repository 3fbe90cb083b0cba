/** Jonas's clothes: navy V-neck jumper over a pale blue shirt. */
import { drawCloth, knitTexture, ribbedBand } from './body.mjs';
import { points } from './geometry.mjs';
import { clothLight } from './picture.mjs';
import { linearOf } from './shading.mjs';
import { curvePath, joinCurves, linear, path } from './svg.mjs';

// Outer and inner edge of the V neck.
const veeOuter = points('-136,245 -129,280 -104,326 -56,372 -8,412 0,417 8,412 56,372 104,326 129,280 136,245');
const veeInner = points('-113,238 -107,270 -86,312 -44,354 -5,388 0,391 5,388 44,354 86,312 107,270 113,238');

const jumper = {
  bounds: [-450, 230, 450, 446],
  outline: joinCurves(
    points('-440,446 -430,402 -396,352 -332,314 -240,284 -136,245'),
    veeOuter,
    points('136,245 242,284 334,314 398,352 432,402 442,446'),
  ),
  shoulderY: (x) => 194 + x * 0.36 + Math.max(0, x - 310) ** 2 * 0.007,
  depth: 66,
  roundPx: 40,
  seam: points('286,292 300,336 306,386 304,450'),
  seamDark: '#060b14',
  seamLight: '#8ea6c4',
  noise: 5,
  folds: [
    [-290, 450, -206, 322, 13, 11],
    [-330, 450, -262, 330, 10, -10],
    [286, 450, 204, 325, 13, 11],
    [332, 450, 262, 334, 10, -10],
    [-140, 450, -96, 378, 13, 7],
    [136, 450, 98, 380, 13, 7],
    [-398, 450, -360, 362, 12, 8],
    [396, 450, 362, 364, 12, 8],
  ],
};

/** Shirt collar under the jumper: two leaves and the open front. */
function drawShirt() {
  const leaf = (s) => {
    const at = (x, y) => [s * x, y];
    const shape =
      curvePath([at(90, 216), at(103, 234), at(124, 258)]) +
      curvePath([at(118, 290), at(98, 330), at(70, 372)]).replace('M', 'L') +
      curvePath([at(44, 352), at(20, 336), at(0, 326)]).replace('M', 'L') +
      curvePath([at(34, 306), at(66, 276), at(84, 246), at(90, 216)]).replace('M', 'L');
    const edge = curvePath([at(0, 326), at(34, 306), at(66, 276), at(84, 246), at(90, 216)]);
    return (
      path(edge, { fill: 'none', stroke: '#3a1f14', strokeWidth: 14, opacity: 0.4, filter: 'url(#body5)' }) +
      path(`${shape}Z`, { fill: `url(#leaf${s < 0 ? 'R' : 'L'})` }) +
      path(curvePath([at(14, 326), at(40, 310), at(72, 281), at(90, 250), at(94, 226)]), {
        fill: 'none',
        stroke: '#f6fafd',
        strokeWidth: 2,
        opacity: 0.4,
        filter: 'url(#body05)',
      }) +
      path(curvePath([at(14, 334), at(38, 319), at(68, 290), at(90, 262), at(102, 246)]), {
        fill: 'none',
        stroke: '#5d7488',
        strokeWidth: 0.9,
        opacity: 0.5,
        filter: 'url(#body05)',
      }) +
      path(curvePath([at(108, 262), at(96, 300), at(66, 350)]), {
        fill: 'none',
        stroke: '#50687c',
        strokeWidth: 14,
        opacity: 0.3,
        filter: 'url(#body5)',
      })
    );
  };
  return (
    path('M-60 340L0 322L60 340L30 400H-30Z', { fill: '#a9bccb' }) +
    path('M0 328L3 400', { stroke: '#5d7488', strokeWidth: 1.4, opacity: 0.6, filter: 'url(#body05)' }) +
    leaf(-1) +
    leaf(1)
  );
}

/** Shirt and jumper: { defs, body }. */
export function drawClothes(light, occluder) {
  const wool = linearOf('#233149');
  const knit = {
    bounds: [-460, 220, 460, 440],
    columnPx: 5.5,
    rowPx: 4.4,
    dark: '#0b1420',
    light: '#8ea6c4',
    opacity: 0.16,
  };
  const texture = knitTexture({ ...knit, drape: (x) => Math.abs(x) * 0.24, inside: (_x, y) => y > 230 && y < 436 });
  const scene = clothLight(light, { side: -1, amount: 0.06, color: [1, 0.7, 0.42] });
  const cloth = drawCloth('wool', { ...jumper, texture }, { ...scene, albedo: () => wool, occluder });
  const rib = { count: 120, dark: '#0b1420', light: '#7f97b5', fill: 'url(#collarFill)', shade: '#060b12' };
  return {
    defs:
      cloth.defs +
      linear('leafR', [-120, 230], [-20, 350], '0 #8fa5b8, 0.5 #b4c6d4, 1 #c3d2de') +
      linear('leafL', [120, 230], [20, 350], '0 #c9d8e3, 0.5 #dfe9f0, 1 #c3d3df') +
      linear('collarFill', [-140, 300], [140, 330], '0 #1c2839, 0.55 #263650, 1 #34486a'),
    body:
      drawShirt() +
      cloth.body +
      ribbedBand(veeOuter, veeInner, rib) +
      path('M0 391V417', { stroke: '#060b12', strokeWidth: 1.6, opacity: 0.6, filter: 'url(#body05)' }),
  };
}
