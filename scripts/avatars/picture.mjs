/** Puts room, person and finish together as one 1280x720 SVG. */

import { headHeight, headOutline } from './head.mjs';
import { lightSurface, scanLines } from './shading.mjs';
import { blurFilter, clip, group, linePath, tag } from './svg.mjs';

/** Canvas position of the point between the eyes, px. */
export const ORIGIN = [640, 290];

// Filter regions [x, y, w, h] in local px: the smaller, the faster the rendering.
const FACE_REGION = [-165, -232, 330, 450];
const EYE_REGION = [-115, -50, 230, 90];
const LIP_REGION = [-85, 50, 170, 110];
const BODY_REGION = [-480, 90, 960, 370];
const PERSON_REGION = [-480, -240, 960, 700];

const blurSet = (name, deviations, region) =>
  deviations.map((s) => blurFilter(`${name}${String(s).replace('.', '')}`, s, region)).join('');

const filters = () =>
  blurSet('soft', [0.5, 0.7, 1, 2, 4, 8], FACE_REGION) +
  blurSet('eye', [0.3, 0.5, 1, 2], EYE_REGION) +
  blurSet('lip', [0.3, 0.5, 0.7, 1, 2, 4], LIP_REGION) +
  blurSet('body', [0.5, 2, 5, 10], BODY_REGION) +
  blurSet('wide', [5, 8], PERSON_REGION) +
  blurFilter('lines', '1.1 1.6', PERSON_REGION, true) +
  `<filter id="pores" filterUnits="userSpaceOnUse" x="-200" y="-230" width="400" height="660" color-interpolation-filters="sRGB"><feTurbulence type="fractalNoise" baseFrequency=".42" numOctaves="3" seed="4"/><feColorMatrix values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1.5 0 0 0 -.62"/><feComposite in2="SourceGraphic" operator="in"/></filter>` +
  `<filter id="blotch" filterUnits="userSpaceOnUse" x="-200" y="-230" width="400" height="460" color-interpolation-filters="sRGB"><feTurbulence type="fractalNoise" baseFrequency=".035" numOctaves="3" seed="9"/><feColorMatrix values="0 0 0 0 .72 0 0 0 0 .22 0 0 0 0 .16 1.6 0 0 0 -.62"/><feComposite in2="SourceGraphic" operator="in"/></filter>` +
  `<filter id="grain" filterUnits="userSpaceOnUse" x="0" y="0" width="1280" height="720" color-interpolation-filters="sRGB"><feTurbulence type="fractalNoise" baseFrequency=".8" numOctaves="2" seed="2"/><feColorMatrix values="0 0 0 0 .5 0 0 0 0 .5 0 0 0 0 .5 .9 0 0 0 -.33"/></filter>`;

/** The lit skin of the head, clipped to its outline, with faint pores and redness: { defs, body }. */
export function drawHead(face, scene) {
  const bounds = [-140, -200, 140, face.chinY + 5];
  const lit = lightSurface({ ...scene, height: headHeight(face), bounds, step: 2 });
  const lines = scanLines('skin', lit, bounds);
  const outline = linePath(headOutline(face.half, face.lean), true);
  return {
    defs: lines.defs + clip('headClip', outline),
    body: (over) =>
      group(
        { clipPath: 'url(#headClip)' },
        group({ filter: 'url(#lines)' }, lines.body),
        tag('path', { d: outline, fill: '#000', filter: 'url(#blotch)', opacity: scene.blotch ?? 0.18 }),
        tag('path', { d: outline, fill: '#000', filter: 'url(#pores)', opacity: scene.pores ?? 0.16 }),
        over,
      ),
  };
}

/** What casts shadows on neck and clothes: the head's height inside its outline, nothing elsewhere. */
export function headOccluder(face) {
  const height = headHeight(face);
  const halfWidthPx = Math.max(...face.half.map(([x]) => x)) + 3;
  return (x, y) => (y < face.chinY && Math.abs(x) < halfWidthPx ? height(x, y) : -999);
}

/** Light on cloth: the portrait's own, without shine. */
export const clothLight = (light, rim) => ({ ...light, wrap: [0.3, 0.28, 0.25], gloss: () => 0, rim, cavity: 1.2 });

/** The SVG text. room is in canvas px; person is in local px. */
export function composePicture({ title, defs, room, person, finish = '' }) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" viewBox="0 0 1280 720"><title>${title}</title>`,
    `<defs>${filters()}${defs}</defs>`,
    group({ id: 'room' }, room),
    group({ id: 'person', transform: `translate(${ORIGIN[0]} ${ORIGIN[1]})` }, person),
    finish,
    '<rect width="1280" height="720" filter="url(#grain)" opacity=".16"/>',
    '</svg>\n',
  ].join('\n');
}
