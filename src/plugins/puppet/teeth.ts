import { smoothstep } from './curves.ts';

/** A painted row of teeth, sampled while a mouth is drawn. */
export interface TeethRow {
  readonly width: number;
  readonly height: number;
  /** Texels per half mouth width. */
  readonly scale: number;
  /** Left and top edge in half mouth widths; v counts from the tips of the middle teeth, down being positive. */
  readonly left: number;
  readonly top: number;
  /** Brightness 0 … 1 `[height, width]`, as a share of the brightness of white. */
  readonly shade: Float32Array;
  /** Cover 0 … 1 `[height, width]`. */
  readonly cover: Float32Array;
  /** Share of gum 0 … 1 `[height, width]`. */
  readonly gum: Float32Array;
}

/** One tooth from the middle outwards: seen width and length in half mouth widths (25 mm), and how its tip sits. */
interface Tooth {
  readonly width: number;
  readonly length: number;
  /** How much shorter than the middle teeth it ends. */
  readonly raised: number;
  /** 0 flat … 1 pointed. */
  readonly pointed: number;
}

// Mean crown measures in mm over 25, narrowed towards the sides as the arch turns away.
const UPPER: readonly Tooth[] = [
  { width: 0.31, length: 0.4, raised: 0, pointed: 0.12 },
  { width: 0.24, length: 0.35, raised: 0.028, pointed: 0.22 },
  { width: 0.22, length: 0.38, raised: 0.012, pointed: 0.7 },
  { width: 0.16, length: 0.32, raised: 0.04, pointed: 0.5 },
  { width: 0.11, length: 0.28, raised: 0.05, pointed: 0.4 },
  { width: 0.08, length: 0.26, raised: 0.06, pointed: 0.3 },
];
const LOWER: readonly Tooth[] = [
  { width: 0.2, length: 0.34, raised: 0.004, pointed: 0.1 },
  { width: 0.215, length: 0.34, raised: 0, pointed: 0.14 },
  { width: 0.21, length: 0.38, raised: -0.01, pointed: 0.6 },
  { width: 0.16, length: 0.3, raised: 0.02, pointed: 0.4 },
  { width: 0.12, length: 0.28, raised: 0.03, pointed: 0.3 },
];

const REACH_U = 1.12;
const MARGIN_V = 0.1;
const LENGTH_V = 0.52;

/**
 * Paints the upper or lower row. Teeth bulge (brighter in the middle), meet in soft dark lines, are a little translucent at
 * the tip, and the arch turns them into the shade sideways.
 * @param scale texels per half mouth width. @param seed makes no two avatars' teeth alike: widths and tips by some percent.
 */
export function paintTeeth(which: 'upper' | 'lower', scale: number, seed: number): TeethRow {
  const teeth = (which === 'upper' ? UPPER : LOWER).map((tooth, index) => ({
    ...tooth,
    width: tooth.width * (1 + 0.05 * wobble(seed, index)),
    raised: tooth.raised + 0.007 * wobble(seed, index + 20),
  }));
  const width = Math.ceil(2 * REACH_U * scale) + 2;
  const height = Math.ceil((LENGTH_V + MARGIN_V) * scale) + 2;
  const isUpper = which === 'upper';
  const row = {
    width,
    height,
    scale,
    left: -REACH_U,
    top: isUpper ? -LENGTH_V : -MARGIN_V,
    shade: new Float32Array(width * height),
    cover: new Float32Array(width * height),
    gum: new Float32Array(width * height),
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = row.left + x / scale;
      // Distance from the tips towards the gums.
      const fromTip = (row.top + y / scale) * (isUpper ? -1 : 1);
      const texel = paintTexel(teeth, u, fromTip, isUpper, 1 / scale);
      row.shade[y * width + x] = texel.shade;
      row.cover[y * width + x] = texel.cover;
      row.gum[y * width + x] = texel.gum;
    }
  }
  return row;
}

function paintTexel(
  teeth: readonly Tooth[],
  u: number,
  fromTip: number,
  isUpper: boolean,
  pixel: number,
): { shade: number; cover: number; gum: number } {
  const side = Math.abs(u);
  let start = 0;
  for (const tooth of teeth) {
    const end = start + tooth.width;
    if (side > end) {
      start = end;
      continue;
    }
    const across = ((side - start) / tooth.width) * 2 - 1;
    // The row follows the smile: tips rise towards the sides.
    const arc = (isUpper ? 0.06 : 0.03) * side * side;
    const corner = 0.035 * Math.abs(across) ** 5 + 0.05 * tooth.pointed * Math.abs(across) ** 1.6;
    const inside = fromTip - tooth.raised - arc - corner;
    const soft = Math.max(0.012, pixel);
    const cover = smoothstep(-soft, soft, inside) * smoothstep(1.1, 0.98, side);
    const seam = 1 - 0.34 * smoothstep(0.82, 1, Math.abs(across)) * smoothstep(0, 0.06, inside);
    const bulge = 1 - 0.1 * across * across;
    const tip = 0.9 + 0.1 * smoothstep(0, 0.07, inside);
    const gum = smoothstep(tooth.length - 0.03, tooth.length + 0.03, inside + 0.05 * across * across);
    const turn = 1 - 0.52 * Math.min(1, side / 1.05) ** 2.4;
    return { shade: seam * bulge * tip * turn * (isUpper ? 1 : 0.86), cover, gum };
  }
  return { shade: 0.3, cover: 0, gum: 0 };
}

/** -1 … 1, the same for the same numbers. */
function wobble(seed: number, index: number): number {
  const mixed = Math.imul((seed ^ (index * 0x9e3779b9)) >>> 0, 0x85ebca6b) >>> 0;
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2_147_483_648 - 1;
}
