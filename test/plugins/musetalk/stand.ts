import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { installModel } from '../../../src/plugins/musetalk/install.ts';
import { encodeSafetensors, seededWeight } from '../../onnx/seeded.ts';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** Reduced networks of seeded weights, by their paths in a folder laid out as MuseTalk's own. */
export const REDUCED = [
  ['unet', 'musetalkV15/unet.safetensors'],
  ['vae', 'sd-vae/diffusion_pytorch_model.safetensors'],
  ['whisper', 'whisper/model.safetensors'],
  ['tiny-vae', 'taesd/diffusion_pytorch_model.safetensors'],
] as const;

/** Bytes of a reduced network as a .safetensors file. */
export async function reducedWeights(network: string): Promise<Buffer> {
  const list = await readFile(new URL(`../../onnx/golden/${network}.json`, import.meta.url), 'utf8');
  const tensors = Object.entries(JSON.parse(list) as Shapes).map(
    ([name, shape]) => [name, { shape, values: seededWeight(name, shape) }] as const,
  );
  return encodeSafetensors(new Map(tensors));
}

/** A home folder with a reduced MuseTalk installed in it. Dispose to take it away. */
export async function openReducedHome(): Promise<{ readonly home: string; readonly model: string } & AsyncDisposable> {
  const home = await mkdtemp(join(tmpdir(), 'musecam-musetalk-'));
  const given = join(home, 'weights');
  for (const [network, path] of REDUCED) {
    await mkdir(dirname(join(given, path)), { recursive: true });
    await writeFile(join(given, path), await reducedWeights(network));
  }
  const root = join(home, 'data', 'models');
  await installModel({
    ...{ id: 'musetalk-v15', root, from: given, isLicenceAccepted: true, precisions: ['float32', 'float16'] },
    ...{ onProgress: () => {}, signal: new AbortController().signal },
  });
  return {
    home,
    model: join(root, 'musetalk-v15'),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

/** Chromium's Vulkan in software: what stands for a GPU on machines without one. Undefined where it is not installed. */
export const softwareVulkan = ['/usr/lib/chromium/vk_swiftshader_icd.json'].find(existsSync);
