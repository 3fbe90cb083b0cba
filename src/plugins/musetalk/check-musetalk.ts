import { join } from 'node:path';
import type { HealthReport } from '../../api/contributions.ts';
import { AppError, messageOf } from '../../base/errors.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import { Network, type Provider, providerTitle } from '../../onnx/open-network.ts';
import { networkFile } from './convert.ts';
import { findInstalled, type InstalledModel } from './model-folder.ts';
import { FACE_MODELS, modelsFolder } from './prepare.ts';

/** What `musecam doctor` says of MuseTalk: its model, and which of the ways to run it this machine has. */
export async function checkMusetalk(): Promise<readonly HealthReport[]> {
  let model: InstalledModel;
  try {
    model = await findInstalled(modelsFolder(), FACE_MODELS);
  } catch (thrown) {
    const isMissing = thrown instanceof AppError && thrown.code === 'MODEL_MISSING';
    return [{ state: isMissing ? 'off' : 'failed', detail: `MuseTalk: ${messageOf(thrown)}`, ...fixOf(thrown) }];
  }
  const ways = await Promise.all((['cuda', 'webgpu'] as const).map((provider) => tryProvider(model, provider)));
  const reports = ways.filter(({ state }) => state === 'ready');
  const words = model.precisions.map((precision) => (precision === 'float16' ? 'half' : 'single')).join(' and ');
  const installed: HealthReport = {
    state: 'ready',
    detail: `MuseTalk: ${model.id} is installed, in ${words} precision`,
  };
  if (reports.length > 0) return [installed, ...reports];
  // One advice is enough, and CUDA is for those who know that they have it.
  return [installed, { ...ways[1]!, state: 'degraded' }];
}

/** Runs the smallest of the networks. */
async function tryProvider({ folder }: InstalledModel, provider: Provider): Promise<HealthReport> {
  try {
    const path = join(folder, networkFile('to-bytes'));
    await using network = await Network.open(path, { provider, layout: 'NCHW', isStrict: provider === 'webgpu' });
    await network.run({
      face: network.tensor(new Float32Array(3 * FACE_SIDE * FACE_SIDE), [1, 3, FACE_SIDE, FACE_SIDE]),
    });
    return {
      state: 'ready',
      detail: `MuseTalk: ${providerTitle(provider)} can run it; how fast is measured at the start`,
    };
  } catch (thrown) {
    return { state: 'failed', detail: `MuseTalk: ${messageOf(thrown)}`, ...fixOf(thrown) };
  }
}

function fixOf(thrown: unknown): { readonly fix?: string } {
  return thrown instanceof AppError && thrown.fix ? { fix: thrown.fix } : {};
}
