import { CANVAS, drawLayer, type Layer } from './layers.ts';

/** Left edge, top and width of each finger, px of the canvas. */
const FINGERS = [
  [556, 392, 40],
  [600, 366, 42],
  [646, 362, 42],
  [692, 380, 38],
] as const;

/** A hand held flat before the mouth, seen from its back, with a sleeve: a layer of the canvas's size. */
export function drawHand(): Promise<Layer> {
  const fingers = FINGERS.map(
    ([x, y, width]) =>
      `<rect x="${x}" y="${y}" width="${width}" height="170" rx="${width / 2}" fill="url(#skin)" stroke="#8a5a46" stroke-width="2"/>` +
      `<path d="M${x + 9} ${y + 58}q${width / 2 - 9} 7 ${width - 18} 0" stroke="#9c6650" stroke-width="2" fill="none"/>` +
      `<rect x="${x + 9}" y="${y + 6}" width="${width - 18}" height="20" rx="9" fill="#e9c0ae"/>`,
  ).join('');
  return drawLayer(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${CANVAS.width}" height="${CANVAS.height}">` +
      '<defs><linearGradient id="skin" x1="0" x2="1" y1="0" y2="1"><stop offset="0" stop-color="#d9a48a"/>' +
      '<stop offset="1" stop-color="#a8705a"/></linearGradient></defs>' +
      '<path d="M560 640L540 900H760L736 640Z" fill="#2d3c50"/>' +
      `${fingers}<path d="M554 500Q548 620 570 680H726Q748 600 732 490Q690 470 640 476Q590 470 554 500Z" fill="url(#skin)"/>` +
      '<path d="M560 540Q500 520 520 470Q536 462 552 490L580 560Z" fill="url(#skin)" stroke="#8a5a46" stroke-width="2"/>' +
      '</svg>',
  );
}
