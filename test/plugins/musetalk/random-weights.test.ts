import { describe, expect, it } from 'vitest';
import { openRandomWeights } from '../../../src/plugins/musetalk/random-weights.ts';

const shapes = new Map<string, readonly number[]>([
  ['conv.weight', [64, 100, 3, 3]],
  ['other.weight', [64, 100, 3, 3]],
  ['conv.bias', [4000]],
  ['norm.weight', [4000]],
]);

function spreadOf(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) };
}

describe('random weights', () => {
  it('are the same whenever they are read, and others for every tensor', async () => {
    const weights = openRandomWeights('network', shapes);
    const first = await weights.read('conv.weight');
    expect(first).toHaveLength(64 * 100 * 9);
    expect(await openRandomWeights('network', shapes).read('conv.weight')).toEqual(first);
    const other = await weights.read('other.weight');
    const same = first.filter((value, at) => value === other[at]);
    expect(same.length).toBeLessThan(5);
  });

  it('keep the size of what goes through a layer: matrices by their fan-in, norms about one, small biases', async () => {
    const weights = openRandomWeights('network', shapes);
    const matrix = spreadOf(await weights.read('conv.weight'));
    expect(matrix.mean).toBeCloseTo(0, 3);
    // Evenly spread over a reach of 1.5: 1.5 / sqrt 3 times one over the root of the fan-in.
    expect(matrix.deviation * Math.sqrt(900)).toBeCloseTo(1.5 / Math.sqrt(3), 1);
    const norm = await weights.read('norm.weight');
    expect(spreadOf(norm).mean).toBeCloseTo(1, 1);
    expect(norm.every((value) => value > 0.79 && value < 1.21)).toBe(true);
    expect((await weights.read('conv.bias')).every((value) => Math.abs(value) <= 0.1)).toBe(true);
  });

  it('look like a file of float32 to what reads them, and name what is not in it', async () => {
    const weights = openRandomWeights('network', shapes);
    expect(weights.tensors.get('norm.weight')).toEqual({ name: 'norm.weight', type: 'F32', shape: [4000] });
    await expect(weights.read('no.such')).rejects.toMatchObject({ code: 'CHECKPOINT_BROKEN' });
  });
});
