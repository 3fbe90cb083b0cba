import { type Checkpoint, checkpointBroken, countNumbers, type TensorInfo } from '../../onnx/checkpoint.ts';
import type { TensorShapes } from './architecture.ts';

/** How far matrices reach, times one over the root of their fan-in: a layer's output is about as large as its input. */
const MATRIX_REACH = 1.5;
/** Norms are one within this, biases nothing within that. */
const NORM_REACH = 0.2;
const BIAS_REACH = 0.1;

/**
 * A network's weights without a file: every tensor's numbers follow from its name alone, so that they are the same on
 * every machine and whenever they are read. What such a network makes means nothing, but it is made as fast as by the
 * real one.
 * @param name stands where a file's path would.
 */
export function openRandomWeights(name: string, shapes: TensorShapes): Checkpoint {
  const tensors = new Map<string, TensorInfo>();
  for (const [tensor, shape] of shapes) tensors.set(tensor, { name: tensor, type: 'F32', shape });
  const path = `random ${name}`;
  return {
    path,
    tensors,
    async read(tensor) {
      const info = tensors.get(tensor);
      if (!info) throw checkpointBroken(path, `it has no ${tensor}`);
      return randomWeight(tensor, info.shape, countNumbers(info.shape, path, tensor));
    },
    async [Symbol.asyncDispose]() {},
  };
}

function randomWeight(name: string, shape: readonly number[], count: number): Float32Array {
  const isMatrix = shape.length > 1;
  const isNorm = !isMatrix && name.endsWith('weight');
  const reach = isMatrix ? MATRIX_REACH / Math.sqrt(count / shape[0]!) : isNorm ? NORM_REACH : BIAS_REACH;
  const scale = reach / 2 ** 31;
  const middle = isNorm ? 1 : 0;
  const values = new Float32Array(count);
  let state = hashOf(name);
  for (let at = 0; at < count; at++) {
    // Marsaglia, Xorshift RNGs (2003): 13, 17, 5.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[at] = middle + state * scale;
  }
  return values;
}

/** FNV-1a; never 0, where a xorshift would stay. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const code of Buffer.from(name)) hash = Math.imul(hash ^ code, 0x01000193);
  return hash || 1;
}
