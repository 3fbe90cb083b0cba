/** Jonas's study in the evening: slate wall, a warm lamp on the left, shelf and print on the right, out of focus. Canvas px. */
import { mix, seededRandom } from './geometry.mjs';
import { blurFilter, group, linear, path, radial, tag } from './svg.mjs';

function bookRow(x0, x1, base, random) {
  const covers = ['#7d4a3a', '#b98d5e', '#40606b', '#8b9a94', '#cbb99b', '#5c2f2a', '#3f5148', '#a5763c', '#27313b'];
  let out = '';
  for (let x = x0; x < x1; ) {
    const w = mix(13, 27, random());
    const h = mix(62, 98, random());
    out += tag('rect', {
      x,
      y: base - h,
      width: w - 1.5,
      height: h,
      fill: covers[Math.floor(random() * covers.length)],
    });
    x += w;
  }
  return out;
}

/** { defs, body } of the room. */
export function drawJonasRoom() {
  const random = seededRandom(19);
  const defs =
    linear('wallB', [0, 0], [1280, 300], '0 #6a6a64, 0.4 #566068, 1 #3c4850') +
    radial('lampB', [176, 250], 520, '0 #ffd79a 0.85, 0.35 #f0a95c 0.4, 1 #e08a40 0') +
    linear('shadeB', [0, 150], [0, 300], '0 #ffe9c4, 0.6 #ffd696, 1 #f5b566') +
    radial('vignetteB', [640, 330], 860, '0.4 #0c1116 0, 1 #0c1116 0.62') +
    radial('haloB', [700, 240], 430, '0 #a9b8c0 0.42, 1 #a9b8c0 0') +
    blurFilter('roomB', 9, [-60, -60, 1400, 840], true);
  const things = [
    tag('rect', { x: -60, y: -60, width: 1400, height: 840, fill: 'url(#wallB)' }),
    tag('rect', { x: -60, y: -60, width: 1400, height: 840, fill: 'url(#haloB)' }),
    tag('rect', { x: -60, y: 470, width: 480, height: 320, fill: '#5b402c' }),
    tag('rect', { x: -60, y: 462, width: 496, height: 16, fill: '#8c6540' }),
    bookRow(286, 392, 462, random),
    tag('rect', { x: -60, y: -60, width: 1400, height: 840, fill: 'url(#lampB)' }),
    tag('rect', { x: 170, y: 300, width: 12, height: 150, fill: '#3a2f26' }),
    tag('ellipse', { cx: 176, cy: 458, rx: 46, ry: 12, fill: '#332a22' }),
    path('M112 300L134 160H218L240 300Z', { fill: 'url(#shadeB)' }),
    tag('rect', { x: 948, y: 330, width: 400, height: 14, fill: '#7b5a3c' }),
    tag('rect', { x: 948, y: 344, width: 400, height: 16, fill: '#20282d', opacity: 0.5 }),
    bookRow(1010, 1150, 330, random),
    tag('rect', { x: 948, y: 520, width: 400, height: 14, fill: '#6d5036' }),
    tag('rect', { x: 948, y: 534, width: 400, height: 16, fill: '#20282d', opacity: 0.5 }),
    bookRow(1090, 1290, 520, random),
    tag('circle', { cx: 1020, cy: 486, r: 33, fill: '#9aa6a4' }),
    tag('rect', { x: 1016, y: 60, width: 190, height: 150, fill: '#e2d8c4' }),
    tag('rect', { x: 1028, y: 72, width: 166, height: 126, fill: '#59737c' }),
    path('M1028 198V150L1082 112L1130 156L1158 136L1194 168V198Z', { fill: '#c98f56' }),
    tag('circle', { cx: 1150, cy: 104, r: 14, fill: '#ecd9a8' }),
    path(
      'M1190 330C1186 290 1160 280 1176 250C1196 262 1200 290 1204 306C1206 276 1222 258 1246 254C1250 286 1226 300 1220 330Z',
      { fill: '#4d6b4e' },
    ),
  ].join('');
  const body =
    group({ filter: 'url(#roomB)' }, things) + tag('rect', { width: 1280, height: 720, fill: 'url(#vignetteB)' });
  return { defs, body };
}
