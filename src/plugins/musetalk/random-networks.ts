import { existsSync } from 'node:fs';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { countNumbers } from '../../onnx/checkpoint.ts';
import type { Precision } from '../../onnx/onnx-graph.ts';
import { type TensorShapes, tinyDecoderShapes, unetShapes, vaeShapes, whisperShapes } from './architecture.ts';
import { convertMusetalk, type MusetalkWeights, networkFile } from './convert.ts';
import { CHECK_FILE, computeCheck } from './numeric-check.ts';
import { openRandomWeights } from './random-weights.ts';

/** Networks of which a benchmark needs files, by their roles. */
export interface NetworkShapes {
  readonly unet: TensorShapes;
  readonly vae: TensorShapes;
  readonly whisper: TensorShapes;
  readonly tinyVae: TensorShapes;
}

/** How to write them. */
export interface RandomNetworksOptions {
  readonly precisions: readonly Precision[];
  /** MuseTalk's own size unless said otherwise. */
  readonly shapes?: NetworkShapes;
  readonly onProgress: (fraction: number, title: string) => void;
  readonly signal: AbortSignal;
}

const BYTES = { float32: 4, float16: 2 } as const;
/** What reading them back and the runtime need on top. */
const SPACE_MARGIN = 1.1;

/** MuseTalk's own architecture. */
function fullShapes(): NetworkShapes {
  return { unet: unetShapes(), vae: vaeShapes(), whisper: whisperShapes(), tinyVae: tinyDecoderShapes() };
}

/**
 * Writes MuseTalk's networks with random weights into a folder, as an installed model has them, with the face they make on
 * the processor. Those that are there already stay.
 * @throws AppError DISK_FULL.
 */
export async function writeRandomNetworks(folder: string, options: RandomNetworksOptions): Promise<void> {
  const { precisions, shapes = fullShapes(), onProgress, signal } = options;
  const isThere = (name: string) => existsSync(join(folder, name));
  const small = [networkFile('to-bytes'), networkFile('whisper-live'), networkFile('whisper-parity')];
  const hasSmall = small.every(isThere);
  const missing = precisions.filter(
    (precision) =>
      !(['unet', 'decoder', 'decoder-tiny'] as const).every((name) => isThere(networkFile(name, precision))),
  );
  await mkdir(folder, { recursive: true });
  if (missing.length > 0 || !hasSmall) {
    // What they make is of the networks that are there now.
    await rm(join(folder, CHECK_FILE), { force: true });
    await checkSpace(folder, shapes, missing);
    const weights: MusetalkWeights = {
      unet: openRandomWeights('UNet', shapes.unet),
      vae: openRandomWeights('VAE', shapes.vae),
      whisper: openRandomWeights('Whisper', shapes.whisper),
      tinyVae: openRandomWeights('TAESD', shapes.tinyVae),
    };
    await convertMusetalk(weights, folder, { precisions: missing, isLastStateRaw: false, signal, onProgress });
  }
  if (isThere(CHECK_FILE)) return;
  onProgress(1, 'reference face');
  const precision = precisions.includes('float32') ? 'float32' : 'float16';
  await writeFile(join(folder, CHECK_FILE), await computeCheck(folder, precision, availableParallelism()));
  signal.throwIfAborted();
}

async function checkSpace(folder: string, shapes: NetworkShapes, precisions: readonly Precision[]): Promise<void> {
  let numbers = 0;
  for (const tensors of Object.values(shapes) as TensorShapes[])
    for (const [name, shape] of tensors) numbers += countNumbers(shape, folder, name);
  const each = precisions.reduce((sum, precision) => sum + BYTES[precision], 0);
  const needed = numbers * each * SPACE_MARGIN;
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= needed) return;
  throw new AppError(
    'DISK_FULL',
    `The networks need ${(needed / 1e9).toFixed(1)} GB in ${folder}, and ${((bavail * bsize) / 1e9).toFixed(1)} GB are free.`,
    { fix: 'Free some space, say where there is some: --keep DIR, or take one precision only: --precision fp16' },
  );
}
