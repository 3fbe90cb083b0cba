import type { Rect } from '../../api/media.ts';

/** Brightness of a part of a picture: Uint8 `[height, width]`, BT.601 luma over the full range. */
export interface LumaPart {
  readonly rect: Rect;
  readonly luma: Uint8Array;
}

/** How crisp a part of a picture is. */
export interface EdgeBlur {
  /**
   * Standard deviation of the Gaussian that would blur a perfect edge as the crisp edges here are blurred, in pixels; with
   * the 1/3 px² of variance that reading slopes from pixels two apart adds.
   */
  readonly blurPx: number;
  /** Standard deviation of the grain on smooth ground, in luma steps of 255. */
  readonly noise: number;
}

/** Blur that is reported where there is no edge to measure at all. */
export const NO_EDGE_BLUR_PX = 12;
/** The second blur, by which the first is measured, in pixels. Wider: steadier with grain; narrower: finer edges count. */
const SECOND_BLUR_PX = 1.2;
const REACH = 4;
/** Only the strongest slopes are edges; this share of all. */
const EDGE_SHARE = 0.03;
/** An edge must rise by this many times the grain. */
const EDGE_OVER_NOISE = 5;
/** The crisp ones among the edges: a quarter of them are crisper still. Shading and skin folds are soft by themselves. */
const CRISP_QUANTILE = 0.25;
/** Beyond this blur or grain a part is looked at in half its size, unless that is smaller than {@link LEAST_SIDE} pixels. */
const MOST_BLUR_PX = 1.8;
const MOST_NOISE = 2.5;
const LEAST_SIDE = 40;
/** What looking at half the size adds to the variance of the blur: 4/3 - 1/3 for slopes, 1/3 for the mean of two, in px². */
const HALVING_VARIANCE = 4 / 3;
/** Less edges than this are chance. */
const MIN_EDGES = 12;
/** Finest blur that can be told apart: the picture's own pixels, in pixels. */
const LEAST_BLUR_PX = 0.3;

const WEIGHTS = gaussian();

/**
 * Measures blur by blurring once more: where a Gaussian of s2 makes an edge's slope R times flatter, the edge had been
 * blurred by s2 / sqrt(R² - 1) before. Contrast cancels out, so dark and pale faces are measured alike.
 * Formula: S. Zhuo and T. Sim, "Defocus map estimation from a single image", 2011; here along rows and columns only.
 */
export function measureEdgeBlur(part: LumaPart): EdgeBlur {
  const noise = measureNoise(part);
  return { blurPx: Math.min(NO_EDGE_BLUR_PX, measureBlur(part, noise)), noise };
}

/** The blur in pixels; soft or grainy parts are measured at half their size, where both shrink to what can be measured. */
function measureBlur(part: LumaPart, noise: number): number {
  const { width, height } = part.rect;
  const isDivisible = Math.min(width, height) >= 2 * LEAST_SIDE;
  // What halving adds stays in here: fine detail that drowns in grain is lost, and counts as blur.
  if (isDivisible && noise > MOST_NOISE) return measureHalved(part);
  const blurs = [
    ...blursAlong(part.luma, width, height, 1, width, noise),
    ...blursAlong(part.luma, height, width, width, 1, noise),
  ].sort((a, b) => a - b);
  if (blurs.length < MIN_EDGES) return NO_EDGE_BLUR_PX;
  const blur = blurs[Math.floor(blurs.length * CRISP_QUANTILE)]!;
  if (!isDivisible || blur <= MOST_BLUR_PX) return blur;
  return Math.max(blur, Math.sqrt(Math.max(0, measureHalved(part) ** 2 - HALVING_VARIANCE)));
}

function measureHalved({ rect, luma }: LumaPart): number {
  const half = { ...rect, width: rect.width >> 1, height: rect.height >> 1 };
  const halved = new Uint8Array(half.width * half.height);
  for (let y = 0, to = 0; y < half.height; y++)
    for (let x = 0; x < half.width; x++) {
      const at = 2 * y * rect.width + 2 * x;
      halved[to++] = (luma[at]! + luma[at + 1]! + luma[at + rect.width]! + luma[at + rect.width + 1]! + 2) >> 2;
    }
  const part = { rect: half, luma: halved };
  return 2 * measureBlur(part, measureNoise(part));
}

/**
 * The blur of every strong edge that crosses `lines` lines of `length` values; values lie `step` apart, lines `stride`.
 */
function blursAlong(
  luma: Uint8Array,
  length: number,
  lines: number,
  step: number,
  stride: number,
  noise: number,
): number[] {
  const least = Math.max(EDGE_OVER_NOISE * noise, 4, strongSlope(luma, length, lines, step, stride));
  const blurs: number[] = [];
  for (let line = 1; line < lines - 1; line++)
    for (let i = REACH + 1; i < length - REACH - 1; i++) {
      const at = line * stride + i * step;
      const slope = luma[at + step]! - luma[at - step]!;
      if (Math.abs(slope) < least || !isCrest(luma, at, step, stride, Math.abs(slope))) continue;
      const blur = blurAt(luma, at, step, slope);
      if (blur !== undefined) blurs.push(blur);
    }
  return blurs;
}

/** Whether this is the steepest place of an edge that runs across the line: aslant it would look wider than it is. */
function isCrest(luma: Uint8Array, at: number, step: number, stride: number, steep: number): boolean {
  const before = Math.abs(luma[at]! - luma[at - 2 * step]!);
  const after = Math.abs(luma[at + 2 * step]! - luma[at]!);
  const across = Math.abs(luma[at + stride]! - luma[at - stride]!);
  return steep >= before && steep > after && steep >= 2 * across;
}

function blurAt(luma: Uint8Array, at: number, step: number, slope: number): number | undefined {
  let flatter = 0;
  for (let k = -REACH; k <= REACH; k++) {
    const place = at + k * step;
    flatter += WEIGHTS[k + REACH]! * (luma[place + step]! - luma[place - step]!);
  }
  const ratio = slope / flatter;
  // A slope that turns round or does not get flatter is no single edge.
  if (!(ratio > 1.0001)) return undefined;
  return Math.max(LEAST_BLUR_PX, SECOND_BLUR_PX / Math.sqrt(ratio * ratio - 1));
}

/** The slope that only {@link EDGE_SHARE} of all places exceed. */
function strongSlope(luma: Uint8Array, length: number, lines: number, step: number, stride: number): number {
  const counts = new Uint32Array(256);
  let all = 0;
  for (let line = 1; line < lines - 1; line += 2)
    for (let i = REACH + 1; i < length - REACH - 1; i++) {
      const at = line * stride + i * step;
      counts[Math.abs(luma[at + step]! - luma[at - step]!)]!++;
      all++;
    }
  let above = 0;
  for (let slope = 255; slope > 0; slope--) {
    above += counts[slope]!;
    if (above > all * EDGE_SHARE) return slope;
  }
  return 1;
}

/** Side of the squares in which grain is measured, in pixels. */
const NOISE_SIDE = 8;

/**
 * Grain: what is left when edges and slopes are taken out, on the smoothest quarter of the part.
 * Formula: J. Immerkær, "Fast noise variance estimation", 1996.
 */
function measureNoise({ rect, luma }: LumaPart): number {
  const levels: number[] = [];
  for (let top = 1; top + NOISE_SIDE < rect.height; top += NOISE_SIDE * 2)
    for (let left = 1; left + NOISE_SIDE < rect.width; left += NOISE_SIDE) {
      let sum = 0;
      for (let y = top; y < top + NOISE_SIDE; y++)
        for (let x = left; x < left + NOISE_SIDE; x++) sum += Math.abs(grainAt(luma, y * rect.width + x, rect.width));
      levels.push(sum);
    }
  if (levels.length === 0) return 0;
  levels.sort((a, b) => a - b);
  const quiet = levels[levels.length >> 2]! / (NOISE_SIDE * NOISE_SIDE);
  return (Math.sqrt(Math.PI / 2) * quiet) / 6;
}

function grainAt(luma: Uint8Array, at: number, width: number): number {
  const [above, below] = [at - width, at + width];
  return (
    luma[above - 1]! -
    2 * luma[above]! +
    luma[above + 1]! -
    2 * luma[at - 1]! +
    4 * luma[at]! -
    2 * luma[at + 1]! +
    luma[below - 1]! -
    2 * luma[below]! +
    luma[below + 1]!
  );
}

/** Weights of the second blur; they sum to 1. */
function gaussian(): Float64Array {
  const weights = Float64Array.from({ length: 2 * REACH + 1 }, (_, i) =>
    Math.exp(-((i - REACH) ** 2) / (2 * SECOND_BLUR_PX ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
