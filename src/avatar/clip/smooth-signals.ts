import { fitLocally, localFitWeights } from './local-fit.ts';

/** How long a fit is believed. */
export interface Trust {
  readonly full: number;
  readonly until: number;
}

/** Half widths of the fits, in frames: the longest looks a second wide. */
const HALF_WIDTHS = [3, 6, 12];
/**
 * A longer fit is taken fully while it is off by no more than noise explains (the mean square over what noise would give),
 * and less and less above: at `until` nothing is left of it.
 */
export const CALM_TRUST: Trust = { full: 2, until: 8 };
/** The same for what moves quickly and for a reason: lips, lids, irises. */
export const QUICK_TRUST: Trust = { full: 1.4, until: 3.5 };
/** Third differences of white noise have this many times its variance. */
const THIRD_DIFFERENCE_GAIN = 20;
/** The median of absolute values, as a share of the standard deviation, for a normal distribution. */
const MEDIAN_SHARE = 0.6745;

/**
 * Smooths signals that move together, as strongly as they allow: at rest over a second, in a quick move hardly at all. The
 * decision is taken for all of them at once, so that points of one part of a face keep their shape. Zero phase.
 * @param signals one of equal length each.
 * @param deciding how many of them, from the first, the decision is about.
 * @param noise standard deviation of each deciding signal's noise, > 0.
 */
export function smoothSignals(
  signals: readonly Float64Array[],
  deciding: number,
  noise: Float64Array,
  trusted: Trust = CALM_TRUST,
): Float64Array[] {
  const length = signals[0]?.length ?? 0;
  let smooth = signals.map((signal) => signal.slice());
  let widthBefore = 0;
  for (const halfWidth of HALF_WIDTHS) {
    if (length < halfWidth) break;
    const fits = signals.map((signal) => fitLocally(signal, halfWidth));
    const share = differenceShare(widthBefore, halfWidth);
    const excess = new Float64Array(length);
    for (let k = 0; k < deciding; k++)
      for (let i = 0; i < length; i++)
        excess[i]! += ((fits[k]![i]! - smooth[k]![i]!) / noise[k]!) ** 2 / (share * deciding);
    const trust = trustOf(excess, halfWidth, trusted);
    smooth = smooth.map((signal, k) => signal.map((value, i) => value + (fits[k]![i]! - value) * trust[i]!));
    widthBefore = halfWidth;
  }
  return smooth;
}

/**
 * The noise of a signal: from its third differences, to which smooth motion contributes next to nothing, by their median,
 * to which rare quick moves contribute nothing.
 */
export function noiseOf(signal: Float64Array): number {
  const differences: number[] = [];
  for (let i = 3; i < signal.length; i++)
    differences.push(Math.abs(signal[i]! - 3 * signal[i - 1]! + 3 * signal[i - 2]! - signal[i - 3]!));
  differences.sort((a, b) => a - b);
  return (differences[differences.length >> 1] ?? 0) / MEDIAN_SHARE / Math.sqrt(THIRD_DIFFERENCE_GAIN);
}

/** Variance of the difference of two fits of white noise, as a share of its variance. */
function differenceShare(narrow: number, wide: number): number {
  const weights = localFitWeights(wide, wide, wide).slice();
  localFitWeights(narrow, narrow, narrow).forEach((weight, i) => {
    weights[wide - narrow + i]! -= weight;
  });
  return weights.reduce((sum, weight) => sum + weight ** 2, 0);
}

/** How far to go to the longer fit, per frame. What is off in one frame counts for those beside it, fading. */
function trustOf(excess: Float64Array, halfWidth: number, { full, until }: Trust): Float64Array {
  const reach = Math.ceil(halfWidth / 2);
  const spread = Float64Array.from(excess, (_, i) => {
    let most = 0;
    for (let k = -reach; k <= reach; k++) most = Math.max(most, (excess[i + k] ?? 0) * (1 - Math.abs(k) / (reach + 1)));
    return most;
  });
  return spread.map((value) => {
    const part = Math.min(1, Math.max(0, (value - full) / (until - full)));
    return 1 - part * part * (3 - 2 * part);
  });
}
