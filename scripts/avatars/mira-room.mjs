/** Mira's room: sage wall, window light from the left, a shelf and plants, out of focus. Canvas px. */
import { mix, seededRandom } from './geometry.mjs';
import { blurFilter, group, linear, path, radial, tag } from './svg.mjs';

const leaf = (x, y, angle, long, wide, fill) =>
  path(
    `M0 0C${long * 0.3} ${-wide} ${long * 0.8} ${-wide * 0.8} ${long} 0C${long * 0.8} ${wide * 0.8} ${long * 0.3} ${wide} 0 0Z`,
    { fill, transform: `translate(${x} ${y}) rotate(${angle})` },
  );

function plant(random) {
  let out = '';
  const greens = ['#2f5240', '#3f6b4f', '#568a62', '#7fae7c', '#264636'];
  for (let k = 0; k < 46; k += 1) {
    const angle = mix(-168, -12, random());
    const reach = mix(30, 150, random());
    const x = 1130 + Math.cos((angle * Math.PI) / 180) * reach;
    const y = 470 + Math.sin((angle * Math.PI) / 180) * reach * 1.2;
    out += leaf(
      x,
      y,
      angle + mix(-40, 40, random()),
      mix(60, 110, random()),
      mix(14, 24, random()),
      greens[Math.floor(random() * 5)],
    );
  }
  return `${out}${path('M1060 500L1200 500L1184 640L1076 640Z', { fill: '#c9b8a4' })}${path('M1150 500L1200 500L1184 640L1140 640Z', { fill: '#9d8b78' })}`;
}

function shelf(random) {
  const covers = ['#b5654a', '#d9b48a', '#3f6470', '#8aa39b', '#e4dccb', '#a8472f', '#546b5a', '#c99a4b'];
  let out =
    tag('rect', { x: 960, y: 246, width: 340, height: 14, fill: '#a98a68' }) +
    tag('rect', { x: 960, y: 260, width: 340, height: 18, fill: '#5f6b5f', opacity: 0.35 });
  let x = 985;
  while (x < 1180) {
    const w = mix(14, 30, random());
    const h = mix(80, 130, random());
    out += tag('rect', { x, y: 246 - h, width: w - 2, height: h, fill: covers[Math.floor(random() * covers.length)] });
    x += w;
  }
  return (
    out +
    tag('circle', { cx: 1226, cy: 208, r: 38, fill: '#d8cdbd' }) +
    tag('ellipse', { cx: 1238, cy: 214, rx: 24, ry: 32, fill: '#b5a794' })
  );
}

/** { defs, body } of the room. */
export function drawMiraRoom() {
  const random = seededRandom(77);
  const defs =
    linear('wallA', [0, 0], [1280, 500], '0 #dfe6da, 0.35 #c3d0c2, 1 #8ea392') +
    linear('paneA', [0, 0], [300, 0], '0 #fffdf5, 0.7 #fdf6e4, 1 #f3ead2') +
    radial('sunA', [150, 210], 640, '0 #fff7df 0.95, 0.5 #fff3d6 0.35, 1 #fff3d6 0') +
    radial('vignetteA', [640, 320], 860, '0.45 #1d2a22 0, 1 #1d2a22 0.5') +
    blurFilter('roomA', 9, [-60, -60, 1400, 840], true);
  const things = [
    tag('rect', { x: -60, y: -60, width: 1400, height: 840, fill: 'url(#wallA)' }),
    tag('rect', { x: -40, y: -40, width: 270, height: 560, fill: 'url(#paneA)' }),
    tag('rect', { x: 92, y: -40, width: 12, height: 560, fill: '#cfc7b2' }),
    tag('rect', { x: -40, y: 236, width: 270, height: 10, fill: '#d6cdb8' }),
    path('M206 -40C262 120 214 330 250 560L330 560C300 340 326 130 286 -40Z', { fill: '#f4ecdc', opacity: 0.92 }),
    path('M246 -40C286 140 246 320 276 560L296 560C270 320 300 140 268 -40Z', { fill: '#d9cfbb', opacity: 0.8 }),
    path('M-40 520H420V560H-40Z', { fill: '#e9e1cf' }),
    path('M-60 560H460C500 600 520 680 500 780H-60Z', { fill: '#b98a63', opacity: 0.75 }),
    shelf(random),
    plant(random),
  ].join('');
  const body =
    group({ filter: 'url(#roomA)' }, things) +
    tag('rect', { width: 1280, height: 720, fill: 'url(#sunA)' }) +
    tag('rect', { width: 1280, height: 720, fill: 'url(#vignetteA)' });
  return { defs, body };
}
