/** Weights by what they were asked for: a clip asks for the same few again and again. */
const kept = new Map<string, Float64Array>();

/**
 * Weights of a local quadratic fit (tricube kernel, as in LOESS), evaluated at its middle: what a smoothed value is made
 * of. Fewer samples on one side, at the ends of a signal, give the one-sided fit. Zero phase by construction.
 * @param before samples before the middle; @param after samples after it.
 * @param halfWidth of the kernel, in samples; the weights reach 0 beyond it.
 */
export function localFitWeights(before: number, after: number, halfWidth: number): Float64Array {
  const key = `${before} ${after} ${halfWidth}`;
  const known = kept.get(key);
  if (known) return known;
  const count = before + after + 1;
  const kernel = Float64Array.from(
    { length: count },
    (_, i) => (1 - (Math.abs(i - before) / (halfWidth + 1)) ** 3) ** 3,
  );
  const moment = (power: number) => kernel.reduce((sum, k, i) => sum + k * (i - before) ** power, 0);
  // The first row of the inverse of the normal equations; two samples allow a line, one a constant.
  const row = firstRowOfInverse([0, 1, 2, 3, 4].map(moment), Math.min(3, count));
  const weights = kernel.map((k, i) => k * row.reduce((sum, value, power) => sum + value * (i - before) ** power, 0));
  kept.set(key, weights);
  return weights;
}

/** A signal smoothed by local fits; equally long. */
export function fitLocally(values: Float64Array, halfWidth: number): Float64Array {
  return Float64Array.from(values, (_, i) => {
    const before = Math.min(halfWidth, i);
    const weights = localFitWeights(before, Math.min(halfWidth, values.length - 1 - i), halfWidth);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) sum += weights[k]! * values[i - before + k]!;
    return sum;
  });
}

/** Solves the moment matrix (Hankel) for the unit vector, by elimination; it is positive definite for distinct samples. */
function firstRowOfInverse(moments: readonly number[], order: number): number[] {
  const rows = Array.from({ length: order }, (_, r) => [
    ...Array.from({ length: order }, (_, c) => moments[r + c]!),
    r === 0 ? 1 : 0,
  ]);
  for (let pivot = 0; pivot < order; pivot++)
    for (let r = 0; r < order; r++) {
      if (r === pivot) continue;
      const factor = rows[r]![pivot]! / rows[pivot]![pivot]!;
      for (let c = pivot; c <= order; c++) rows[r]![c]! -= factor * rows[pivot]![c]!;
    }
  return rows.map((row, i) => row[order]! / row[i]!);
}
