import { describe, expect, it } from 'vitest';
import { measureEdgeBlur, NO_EDGE_BLUR_PX } from '../../../src/avatar/report/edge-blur.ts';

const SIDE = 120;

/** The Gaussian error function, Abramowitz and Stegun 7.1.26, good to 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - poly * Math.exp(-x * x));
}

/** Upright stripes 30 px wide whose edges were blurred by a Gaussian, brightness 60 … 60 + `contrast`. */
function drawStripes(blurPx: number, contrast: number) {
  const luma = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const toEdge = ((x + 15) % 30) - 15;
      const sign = Math.floor((x + 15) / 30) % 2 === 0 ? 1 : -1;
      luma[y * SIDE + x] = Math.round(60 + (contrast * (1 + sign * erf(toEdge / (blurPx * Math.SQRT2)))) / 2);
    }
  return { rect: { x: 0, y: 0, width: SIDE, height: SIDE }, luma };
}

describe('the blur of edges', () => {
  // Reading slopes from pixels two apart adds a variance of 1/3 px²; brightness in whole steps costs the rest.
  it.each([0.8, 1.2, 1.7, 2.5, 3.5])('is measured within a sixth where it is %f px', (blurPx) => {
    for (const contrast of [40, 150]) {
      const measured = measureEdgeBlur(drawStripes(blurPx, contrast)).blurPx / Math.hypot(blurPx, Math.sqrt(1 / 3));
      expect(measured, `contrast ${contrast}`).toBeGreaterThan(0.84);
      expect(measured, `contrast ${contrast}`).toBeLessThan(1.16);
    }
  });

  it('is as large as can be where there is nothing but plain ground', () => {
    const plain = { rect: { x: 0, y: 0, width: SIDE, height: SIDE }, luma: new Uint8Array(SIDE * SIDE).fill(90) };
    expect(measureEdgeBlur(plain)).toEqual({ blurPx: NO_EDGE_BLUR_PX, noise: 0 });
  });

  it('does not fail on a part of one pixel', () => {
    const dot = { rect: { x: 0, y: 0, width: 1, height: 1 }, luma: new Uint8Array(1) };
    expect(measureEdgeBlur(dot).blurPx).toBe(NO_EDGE_BLUR_PX);
  });
});
