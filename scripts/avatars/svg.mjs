/** Writing SVG text: numbers, paths, gradients, filters and groups as short strings. */

/** A number with at most `digits` decimals and no trailing zeros. */
export const num = (x, digits = 1) => {
  const text = x.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '').replace(/^-0$/, '0') : text;
};

/** `x y` of a point. */
export const pair = (p, digits = 1) => `${num(p[0], digits)} ${num(p[1], digits)}`;

/** Joins numbers with as few separators as SVG allows. */
const joinNumbers = (values) =>
  values.map((v) => num(v)).reduce((text, v) => (text === '' || v.startsWith('-') ? text + v : `${text} ${v}`), '');

/** Path data of a Catmull-Rom curve through the points, as relative cubic Beziers (rounded without drift). */
export function curvePath(points, closed = false) {
  const n = points.length;
  const round = (v) => Math.round(v * 10) / 10;
  const at = (i) => (closed ? points[(i + n) % n] : points[Math.min(n - 1, Math.max(0, i))]);
  let from = points[0].map(round);
  let d = `M${joinNumbers(from)}`;
  for (let i = 0; i < (closed ? n : n - 1); i += 1) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const to = p2.map(round);
    const a = [p1[0] + (p2[0] - p0[0]) / 6 - from[0], p1[1] + (p2[1] - p0[1]) / 6 - from[1]];
    const b = [p2[0] - (p3[0] - p1[0]) / 6 - from[0], p2[1] - (p3[1] - p1[1]) / 6 - from[1]];
    d += `c${joinNumbers([...a, ...b, to[0] - from[0], to[1] - from[1]])}`;
    from = to;
  }
  return closed ? `${d}Z` : d;
}

/** One outline from several curves, each joined to the next by a straight line; closed. */
export const joinCurves = (...parts) =>
  `${parts.map((p, i) => (i ? curvePath(p).replace('M', 'L') : curvePath(p))).join('')}Z`;

/** Path data of straight lines. */
export const linePath = (points, closed = false) => `M${points.map((p) => pair(p)).join('L')}${closed ? 'Z' : ''}`;

const attributes = (props) =>
  Object.entries(props)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => ` ${k.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}="${typeof v === 'number' ? num(v, 3) : v}"`)
    .join('');

/** One element; camelCase keys become dashed attributes. */
export const tag = (name, props = {}, body) =>
  `<${name}${attributes(props)}${body === undefined ? '/>' : `>${body}</${name}>`}`;

/** A group. */
export const group = (props, ...body) => tag('g', props, body.flat().join(''));

/** A path element. */
export const path = (d, props) => tag('path', { d, ...props });

/** Stops as [offset, color, opacity?] lists, or as text: `0 #fff, 1 #000 0.5`. */
const stopList = (stops) => (typeof stops === 'string' ? stops.split(', ').map((t) => t.split(' ')) : stops);

const stopTags = (stops) =>
  stopList(stops)
    .map(([offset, color, opacity]) => tag('stop', { offset, 'stop-color': color, 'stop-opacity': opacity }))
    .join('');

/** Linear gradient in user space from a to b; stops: see stopList. */
export const linear = (id, a, b, stops) =>
  `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${num(a[0])}" y1="${num(a[1])}" x2="${num(b[0])}" y2="${num(b[1])}">${stopTags(stops)}</linearGradient>`;

/** Radial gradient in user space. */
export const radial = (id, c, r, stops) =>
  `<radialGradient id="${id}" gradientUnits="userSpaceOnUse" cx="${num(c[0])}" cy="${num(c[1])}" r="${num(r)}">${stopTags(stops)}</radialGradient>`;

/** Gaussian blur filter `id`, standard deviation in px, on a region widened by 20 %, or the region [x, y, w, h] in user space; opaque blurs keep full alpha at the picture's edges. */
export const blurFilter = (id, deviation, region, opaque = false) => {
  const where = region
    ? `filterUnits="userSpaceOnUse" x="${region[0]}" y="${region[1]}" width="${region[2]}" height="${region[3]}"`
    : 'x="-20%" y="-20%" width="140%" height="140%"';
  return `<filter id="${id}" ${where} color-interpolation-filters="sRGB"><feGaussianBlur stdDeviation="${deviation}"/>${opaque ? '<feComponentTransfer><feFuncA type="linear" slope="0" intercept="1"/></feComponentTransfer>' : ''}</filter>`;
};

/** Clip path `id` of path data. */
export const clip = (id, d) => `<clipPath id="${id}"><path d="${d}"/></clipPath>`;

/** #rrggbb from 0..255 channels. */
export const hex = (rgb) =>
  `#${rgb
    .map((v) =>
      Math.min(255, Math.max(0, Math.round(v)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;

/** 0..255 channels from #rrggbb. */
export const rgbOf = (text) => [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16));

/** Mix of two #rrggbb colours. */
export const mixHex = (a, b, t) => hex(rgbOf(a).map((v, i) => v + (rgbOf(b)[i] - v) * t));
