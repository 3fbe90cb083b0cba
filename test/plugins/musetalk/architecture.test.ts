import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type TensorShapes,
  tinyDecoderShapes,
  unetShapes,
  vaeShapes,
  whisperShapes,
} from '../../../src/plugins/musetalk/architecture.ts';

/** Widths of the reduced networks of test/onnx/golden. */
const WIDTHS = [32, 32, 64, 64];

function countNumbers(shapes: TensorShapes): number {
  let sum = 0;
  for (const shape of shapes.values()) sum += shape.reduce((product, size) => product * size, 1);
  return sum;
}

/** Names and shapes that PyTorch's own modules have, see scripts/musetalk/make-golden.py. */
function readGolden(network: string): Record<string, readonly number[]> {
  return JSON.parse(readFileSync(new URL(`../../onnx/golden/${network}.json`, import.meta.url), 'utf8'));
}

describe('the architecture of MuseTalk', () => {
  it.each([
    ['UNet', unetShapes(), 686, 849_947_844],
    ['VAE', vaeShapes(), 248, 83_653_863],
    ["Whisper's encoder", whisperShapes(), 67, 8_208_384],
    ["TAESD's decoder", tinyDecoderShapes(), 67, 1_222_531],
  ])('has as many tensors and numbers as the real %s', (_, shapes, tensors, numbers) => {
    expect(shapes.size).toBe(tensors);
    expect(countNumbers(shapes)).toBe(numbers);
  });

  it.each([
    ['unet', unetShapes(WIDTHS, 64)],
    ['vae', vaeShapes(WIDTHS)],
    ['whisper', whisperShapes(64)],
  ])("gives the names and shapes that upstream's code has for a small %s", (network, shapes) => {
    expect(Object.fromEntries(shapes)).toEqual(readGolden(network));
  });

  it("gives those of a small TAESD's decoder", () => {
    const decoder = Object.entries(readGolden('tiny-vae')).filter(([name]) => name.startsWith('decoder.'));
    expect(Object.fromEntries(tinyDecoderShapes(16))).toEqual(Object.fromEntries(decoder));
  });
});
