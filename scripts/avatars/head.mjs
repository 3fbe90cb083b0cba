/**
 * The sculpted head: an outline and a height field in local px (origin between the eyes, y down, z to the camera).
 * Proportions follow adult averages (eye to chin about 105 mm, face width about 140 mm) at about 1.93 px per mm.
 */
import { bump, bumpPair, mix, profile, ridge, sampleCurve, smoothStep } from './geometry.mjs';

/** Closed outline polygon from right-hand half points (top to chin); slight asymmetry keeps the face human. */
export function headOutline(half, lean = 1) {
  const left = half
    .slice(1, -1)
    .reverse()
    .map(([x, y]) => [-x * (1 - 0.006 * lean), y + 0.6 * lean]);
  return sampleCurve([...half, ...left], 8, true);
}

/** Half width of the outline as a function of y. */
export function halfWidthOf(half) {
  const points = sampleCurve(half, 24).map(([x, y]) => [y, x]);
  const knots = points.filter((p, i) => i === 0 || p[0] > points[i - 1][0] + 0.02);
  return (y) => {
    if (y <= knots[0][0] || y >= knots.at(-1)[0]) return 0;
    let i = 1;
    while (knots[i][0] < y) i += 1;
    const t = (y - knots[i - 1][0]) / (knots[i][0] - knots[i - 1][0]);
    return mix(knots[i - 1][1], knots[i][1], t);
  };
}

/** Depth of the head's middle line without nose and lips. */
const middle = (f) =>
  profile([
    [-200, 0],
    [-185, 46],
    [-160, 76],
    [-120, 99],
    [-80, 108],
    [-40, 110],
    [-5, 104],
    [40, 104],
    [80, 107],
    [112, 108],
    [146, 101],
    [172, 106 + f.chinPush],
    [188, 100 + f.chinPush],
    [f.chinY - 4, 78],
    [f.chinY + 1, 40],
  ]);

/** Nose as added height: bridge and tip by a side profile, rounded wings, hollow behind the wings. */
function noseShape(f) {
  const tipY = f.nose.tipY;
  const k = f.nose.length / 35;
  const lift = profile([
    [-48, 0],
    [-26, 4],
    [-8, 6.5],
    [22, 18],
    [tipY - 14, 29],
    [tipY - 3, 33],
    [tipY + 6, 30],
    [tipY + 13, 20],
    [tipY + 20, 6],
    [tipY + 27, 0],
  ]);
  const width = profile([
    [-40, 20],
    [-12, f.nose.bridge],
    [24, f.nose.bridge + 1],
    [tipY - 12, f.nose.base - 1],
    [tipY + 4, f.nose.base],
    [tipY + 16, f.nose.base * 0.62],
    [tipY + 26, f.nose.base * 0.5],
  ]);
  return (x, y) => {
    const crest = Math.exp(-((Math.abs(x) / width(y)) ** 2.1));
    const tip = f.nose.tip * bump(x, y, 0, tipY + 1, f.nose.base * 0.62, 8);
    const wings = f.nose.wings * bumpPair(x, y, f.nose.wingX, tipY + 7, 7.5, 8);
    const behind =
      -4 * bumpPair(x, y, f.nose.wingX + 12, tipY + 8, 4.5, 10) - 3 * bumpPair(x, y, f.nose.wingX - 9, tipY - 2, 4, 7);
    return lift(y) * k * crest + tip + wings + behind;
  };
}

/** Mouth region: muzzle, philtrum, lips, corners, fold under the lip. */
function mouthHeight(x, y, f) {
  const m = f.mouth;
  const upper =
    m.fullUpper * Math.exp(-0.5 * ((y - (m.y - 8)) / 5.5) ** 2) * smoothStep(m.half + 4, m.half * 0.3, Math.abs(x));
  const lower =
    m.fullLower * Math.exp(-0.5 * ((y - (m.y + 10)) / 7) ** 2) * smoothStep(m.half, m.half * 0.25, Math.abs(x));
  const philtrum =
    -2.2 * ridge(x, y, [0, m.y - 34], [0, m.y - 19], 4) +
    1.5 * (ridge(x, y, [7, m.y - 35], [8, m.y - 18], 3) + ridge(x, y, [-7, m.y - 35], [-8, m.y - 18], 3));
  const line = -3.2 * Math.exp(-0.5 * ((y - m.y) / 2.6) ** 2) * smoothStep(m.half + 3, m.half - 12, Math.abs(x));
  return (
    8 * bump(x, y, 0, m.y - 4, 44, 30) +
    upper +
    lower +
    philtrum +
    line -
    4.5 * bumpPair(x, y, m.half + 6, m.y + 1, 8, 9) -
    f.chinFold * bump(x, y, 0, m.y + 31, 30, 8)
  );
}

/** The whole height function of a face description. */
export function headHeight(f) {
  const half = halfWidthOf(f.half);
  const depth = middle(f);
  const nose = noseShape(f);
  return (x, y) => {
    const w = Math.max(half(y), 3);
    const r = Math.min(0.985, Math.abs(x) / w);
    const base = depth(y) * (1 - r ** f.roundness) ** 0.62;
    const sockets =
      -f.socket * bumpPair(x, y, 56, -6, 30, 15) -
      f.socket * 0.75 * bumpPair(x, y, 27, -7, 9, 14) +
      7.5 * bumpPair(x, y, 59, 1, 20, 12.5);
    const brow =
      f.brow * (ridge(x, y, [22, -30], [86, -35], 11) + ridge(x, y, [-22, -30], [-86, -35], 11)) +
      f.brow * 0.3 * bump(x, y, 0, -34, 20, 13);
    const cheeks =
      f.cheek * bumpPair(x, y, 80, 40, 31, 23) +
      f.apple * bumpPair(x, y, 58, 58, 24, 22) -
      f.hollow * bumpPair(x, y, 88, 104, 22, 28);
    const folds =
      -f.fold * (ridge(x, y, [39, 66], [62, 112], 6) + ridge(x, y, [-39, 66], [-62, 112], 6)) -
      f.tear * (ridge(x, y, [34, 15], [66, 25], 6) + ridge(x, y, [-34, 15], [-66, 25], 6));
    const temples = -7 * bumpPair(x, y, 112, -50, 22, 34);
    const chin =
      f.chin * bump(x, y, 0, f.chinY - 25, 27, 17) -
      (f.cleft ?? 0) * ridge(x, y, [0, f.chinY - 30], [0, f.chinY - 12], 4);
    return base + sockets + brow + cheeks + folds + temples + chin + nose(x, y) + mouthHeight(x, y, f);
  };
}
