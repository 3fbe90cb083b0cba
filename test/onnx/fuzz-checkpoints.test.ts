import { expect, it } from 'vitest';
import { fuzzCheckpoints } from './fuzz-checkpoints.ts';

it('refuses or reads 8,000 damaged checkpoints without a crash (more: tsx test/onnx/fuzz-checkpoints.ts --count 1000000)', async () => {
  const { files, refused, accepted } = await fuzzCheckpoints(8000);
  expect(files).toBe(8000);
  expect(refused).toBeGreaterThan(4000);
  expect(accepted).toBeGreaterThan(0);
});
