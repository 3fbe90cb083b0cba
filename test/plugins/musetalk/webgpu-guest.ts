/**
 * Runs reduced networks on WebGPU and on the processor and prints how far apart they are, one JSON object a line: a process
 * of its own, because the graphics driver is chosen by environment variables before the runtime looks for one. Every
 * session is strict: a node that would fall back to the processor is an error.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addTinyDecoder } from '../../../src/onnx/build-tiny-vae.ts';
import { addUnet } from '../../../src/onnx/build-unet.ts';
import { addVaeDecoder, addVaeEncoder } from '../../../src/onnx/build-vae.ts';
import { addWhisperEncoder } from '../../../src/onnx/build-whisper.ts';
import type { Checkpoint } from '../../../src/onnx/checkpoint.ts';
import { addBytes } from '../../../src/onnx/layers.ts';
import { OnnxGraph, type OnnxType, plainPathOf, type Value } from '../../../src/onnx/onnx-graph.ts';
import { disposeTensors, Network, type Provider, type Tensor } from '../../../src/onnx/open-network.ts';
import { openSafetensors } from '../../../src/onnx/safetensors.ts';
import { CpuResident, GpuResident } from '../../../src/plugins/musetalk/resident.ts';
import { seededValues, writeSeededNetwork } from '../../onnx/seeded.ts';
import { drawnFaces, SmallAvatar } from './small-avatar.ts';

type Inputs = Readonly<Record<string, readonly number[]>>;
type Add = (graph: OnnxGraph, inputs: Readonly<Record<string, Value>>, checkpoint: Checkpoint) => Promise<Value>;

const folder = await mkdtemp(join(tmpdir(), 'musecam-webgpu-'));
try {
  const unet: Inputs = { latents: [1, 8, 32, 32], audio: [1, 50, 64] };
  await compare('unet', 'unet', unet, 'float32', (graph, { latents, audio }, checkpoint) =>
    addUnet(graph, checkpoint, latents!, audio!),
  );
  await compare('decoder', 'vae', { made: [1, 4, 4, 4] }, 'float32', (graph, { made }, checkpoint) =>
    addVaeDecoder(graph, checkpoint, made!, { side: 4 }),
  );
  await compare('decoder-tiny', 'tiny-vae', { made: [1, 4, 8, 8] }, 'float32', (graph, { made }, checkpoint) =>
    addTinyDecoder(graph, checkpoint, made!, { side: 8 }),
  );
  await compare('encoder', 'vae', { picture: [1, 3, 32, 32] }, 'float32', (graph, { picture }, checkpoint) =>
    addVaeEncoder(graph, checkpoint, picture!, { side: 32 }),
  );
  await compare('whisper', 'whisper', { mel: [1, 80, 200] }, 'float32', (graph, { mel }, checkpoint) =>
    addWhisperEncoder(graph, checkpoint, mel!, { melFrames: 200 }),
  );
  await compare('to-bytes', 'tiny-vae', { face: [1, 3, 32, 32] }, 'uint8', async (graph, { face }) =>
    addBytes(graph, graph.op('Mul', [face!, graph.numbers([200], [])])),
  );
  await compareResident();
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** Builds a network, runs it on both providers with the same input, and prints the largest difference. */
async function compare(name: string, weights: string, inputs: Inputs, type: OnnxType, add: Add): Promise<void> {
  const list = await readFile(new URL(`../../onnx/golden/${weights}.json`, import.meta.url), 'utf8');
  await using checkpoint = await openSafetensors(
    await writeSeededNetwork(folder, `${weights}.safetensors`, JSON.parse(list)),
  );
  const path = join(folder, `${name}.onnx`);
  await using graph = await OnnxGraph.create(path, 'float32');
  const values = Object.fromEntries(
    Object.entries(inputs).map(([input, dims]) => [input, graph.input(input, 'float32', dims)]),
  );
  graph.output(
    'out',
    type,
    Array.from({ length: 4 }, (_, i) => `side${i}`),
    await add(graph, values, checkpoint),
  );
  await graph.finish();
  const startMs = performance.now();
  // This driver's fused attention is wrong, which is why there is a plain one.
  const onGpu = existsSync(plainPathOf(path)) ? plainPathOf(path) : path;
  const [expected, made] = [await runOn('cpu', path, inputs), await runOn('webgpu', onGpu, inputs)];
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(expected[i]! - made[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  print({ name, worst, largest, count: made.length, ms: performance.now() - startMs });
}

async function runOn(provider: Provider, path: string, inputs: Inputs): Promise<ArrayLike<number>> {
  const layout = path.includes('to-bytes') ? ({ layout: 'NCHW' } as const) : {};
  await using network = await Network.open(path, { provider, isStrict: provider === 'webgpu', ...layout });
  const feeds: Record<string, Tensor> = {};
  for (const [name, dims] of Object.entries(inputs)) {
    feeds[name] = network.tensor(seededValues(`input.${name}`, dims), dims);
  }
  const { out } = await network.run(feeds);
  return out!.data as Float32Array | Uint8Array;
}

/** An avatar in the GPU's memory against one in ours; its latents go from network to network without leaving the GPU. */
async function compareResident(): Promise<void> {
  const startMs = performance.now();
  await using avatar = await SmallAvatar.open();
  await using gpu = await GpuResident.open(avatar.ref, avatar.latents, {
    ...{ folder, provider: 'webgpu', isStrict: true },
  });
  await using cpu = await CpuResident.open(avatar.ref, avatar.latents, {
    latentsTensor: () => {
      throw new Error('not needed');
    },
  });
  const faces = drawnFaces(2);
  const others = drawnFaces(1, 'other');
  let worst = 0;
  for (const index of [0, 3]) {
    const options = { index, shot: { faces, at: 1 }, other: { faces: others, at: 0 }, mix: 0.5, gain: 0.75 };
    const [a, b] = [await gpu.paint(options), await cpu.paint(options)];
    for (let row = 0; row < a.rect.height; row++)
      for (let x = 0; x < a.rect.width; x++) {
        const inB = (a.rect.y - b.rect.y + row) * b.rect.width + a.rect.x - b.rect.x + x;
        worst = Math.max(worst, Math.abs(a.data[row * a.rect.width + x]! - b.data[inB]!));
      }
  }
  const latents = await gpu.latentsAt([2]);
  const { location } = latents;
  disposeTensors([latents]);
  print({ name: 'resident', worst, location, ms: performance.now() - startMs });
}

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
