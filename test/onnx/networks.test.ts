import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addTinyDecoder } from '../../src/onnx/build-tiny-vae.ts';
import { addUnet } from '../../src/onnx/build-unet.ts';
import { addVaeDecoder, addVaeEncoder } from '../../src/onnx/build-vae.ts';
import { addWhisperEncoder } from '../../src/onnx/build-whisper.ts';
import type { Checkpoint } from '../../src/onnx/checkpoint.ts';
import { addBytes } from '../../src/onnx/layers.ts';
import { OnnxGraph, type OnnxType, type Precision, type Value } from '../../src/onnx/onnx-graph.ts';
import { openSafetensors } from '../../src/onnx/safetensors.ts';
import { seededValues, writeSeededNetwork } from './seeded.ts';

// Golden numbers: diffusers 0.30.2 and transformers 4.39.2 on PyTorch 2.13, fp32 on a CPU, at reduced width
// (scripts/musetalk/make-golden.py). Tolerances: what fp32 sums in another order differ by, measured, times three.

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'musecam-networks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Shapes = Readonly<Record<string, readonly number[]>>;
const golden = (name: string) => readFile(new URL(`./golden/${name}`, import.meta.url));

async function goldenFloats(name: string): Promise<Float32Array> {
  return new Float32Array(Uint8Array.from(await golden(name)).buffer);
}

async function network(name: string, rename?: (name: string) => string): Promise<Checkpoint> {
  const shapes = JSON.parse((await golden(`${name}.json`)).toString()) as Shapes;
  return openSafetensors(await writeSeededNetwork(folder, `${name}.safetensors`, shapes, rename));
}

/** Builds a graph of one network, runs it on seeded inputs, and returns its output. */
async function runNetwork(
  checkpoint: Checkpoint,
  inputs: Readonly<Record<string, readonly number[]>>,
  output: { readonly type: OnnxType; readonly dims: readonly number[] },
  add: (graph: OnnxGraph, inputs: Readonly<Record<string, Value>>) => Promise<Value>,
  precision: Precision = 'float32',
): Promise<Float32Array | Uint8Array> {
  const path = join(folder, 'graph.onnx');
  await using graph = await OnnxGraph.create(path, precision);
  const values: Record<string, Value> = {};
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, dims] of Object.entries(inputs)) {
    const asked = graph.input(name, 'float32', dims);
    values[name] = precision === 'float32' ? asked : graph.op('Cast', [asked], { to: 10 });
    feeds[name] = new ort.Tensor('float32', seededValues(`input.${name}`, dims), dims);
  }
  const made = await add(graph, values);
  const isWide = output.type === 'float32' && precision === 'float16';
  graph.output('made', output.type, output.dims, isWide ? graph.op('Cast', [made], { to: 1 }) : made);
  await graph.finish({ source: 'test' });
  await checkpoint[Symbol.asyncDispose]();
  const session = await ort.InferenceSession.create(path, { executionProviders: ['cpu'] });
  try {
    const outputs = await session.run(feeds);
    return outputs.made!.data as Float32Array | Uint8Array;
  } finally {
    await session.release();
  }
}

function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  return worst;
}

/** The middle 64x64 of 128x128 RGB bytes: what is kept of a golden picture. */
function middleOf(pixels: ArrayLike<number>): Uint8Array {
  return Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => {
    const row = 32 + Math.floor(i / 192);
    return pixels[(row * 128 + 32) * 3 + (i % 192)]!;
  });
}

const unetInputs = { latents: [1, 8, 32, 32], audio: [1, 50, 64] } as const;
const unetOutput = { type: 'float32', dims: [1, 4, 32, 32] } as const;

describe('networks built in TypeScript', () => {
  it('gives the same latents as diffusers UNet, with time step and positions folded in', async () => {
    const checkpoint = await network('unet');
    const made = await runNetwork(checkpoint, unetInputs, unetOutput, (graph, { latents, audio }) =>
      addUnet(graph, checkpoint, latents!, audio!),
    );
    expect(worstDifference(made, await goldenFloats('unet.f32'))).toBeLessThan(1e-5);
  });

  it('keeps the UNet within half precision when built in it', async () => {
    const checkpoint = await network('unet');
    const made = await runNetwork(
      checkpoint,
      unetInputs,
      unetOutput,
      (graph, { latents, audio }) => addUnet(graph, checkpoint, latents!, audio!),
      'float16',
    );
    expect(worstDifference(made, await goldenFloats('unet.f32'))).toBeLessThan(0.02);
  });

  it('encodes pictures to the means of the VAE, scaled', async () => {
    const checkpoint = await network('vae');
    const made = await runNetwork(
      checkpoint,
      { picture: [1, 3, 128, 128] },
      { type: 'float32', dims: [1, 4, 16, 16] },
      (graph, { picture }) => addVaeEncoder(graph, checkpoint, picture!, { side: 128 }),
    );
    expect(worstDifference(made, await goldenFloats('vae-encoder.f32'))).toBeLessThan(3e-6);
  });

  const oldNames = (name: string) =>
    name
      .replace(/(attentions\.0)\.to_out\.0\./, '$1.proj_attn.')
      .replace(/(attentions\.0)\.to_q\./, '$1.query.')
      .replace(/(attentions\.0)\.to_k\./, '$1.key.')
      .replace(/(attentions\.0)\.to_v\./, '$1.value.');

  for (const [title, rename] of [
    ['decodes latents to the same bytes as diffusers VAE', undefined],
    ['knows the VAE under its old attention names', oldNames],
  ] as const)
    it(title, async () => {
      const checkpoint = await network('vae', rename);
      const made = await runNetwork(
        checkpoint,
        { decoded: [1, 4, 16, 16] },
        { type: 'uint8', dims: [1, 128, 128, 3] },
        async (graph, { decoded }) => addBytes(graph, await addVaeDecoder(graph, checkpoint, decoded!, { side: 16 })),
      );
      // A byte may fall on the other side of a half.
      expect(worstDifference(middleOf(made), await golden('vae-decoder.u8'))).toBeLessThanOrEqual(1);
    });

  it('decodes latents with TAESD as diffusers does', async () => {
    const checkpoint = await network('tiny-vae');
    const made = await runNetwork(
      checkpoint,
      { decoded: [1, 4, 16, 16] },
      { type: 'uint8', dims: [1, 128, 128, 3] },
      async (graph, { decoded }) => addBytes(graph, await addTinyDecoder(graph, checkpoint, decoded!, { side: 16 })),
    );
    expect(worstDifference(middleOf(made), await golden('tiny-decoder.u8'))).toBeLessThanOrEqual(1);
  });

  it('gives all hidden states of Whisper over 30 seconds', async () => {
    const checkpoint = await network('whisper');
    const made = await runNetwork(
      checkpoint,
      { mel: [1, 80, 3000] },
      { type: 'float32', dims: [1, 1500, 5, 64] },
      (graph, { mel }) => addWhisperEncoder(graph, checkpoint, mel!, { melFrames: 3000 }),
    );
    const row = 5 * 64;
    const kept = [0, 740, 1490].flatMap((start) => [...made.subarray(start * row, (start + 10) * row)]);
    expect(worstDifference(kept, await goldenFloats('whisper.f32'))).toBeLessThan(1e-5);
  });

  it('hears a short window at any of the learned positions', async () => {
    const checkpoint = await network('whisper');
    const path = join(folder, 'window.onnx');
    await using graph = await OnnxGraph.create(path, 'float32');
    const mel = graph.input('mel', 'float32', [1, 80, 200]);
    const positions = graph.input('positions', 'int32', [100]);
    const states = await addWhisperEncoder(graph, checkpoint, mel, { melFrames: 200, positions });
    graph.output('states', 'float32', [1, 100, 5, 64], states);
    await graph.finish();
    await checkpoint[Symbol.asyncDispose]();
    const whole = seededValues('input.mel', [80, 3000]);
    const window = new Float32Array(80 * 200);
    for (let band = 0; band < 80; band++) window.set(whole.subarray(band * 3000, band * 3000 + 200), band * 200);
    const session = await ort.InferenceSession.create(path);
    const from700 = Int32Array.from({ length: 100 }, (_, i) => 700 + i);
    const outputs = await session.run({
      mel: new ort.Tensor('float32', window, [1, 80, 200]),
      positions: new ort.Tensor('int32', from700, [100]),
    });
    await session.release();
    const row = 5 * 64;
    const heard = (outputs.states!.data as Float32Array).subarray(40 * row, 60 * row);
    expect(worstDifference(heard, await goldenFloats('whisper-window.f32'))).toBeLessThan(1e-5);
  });

  it('refuses a checkpoint of another network and says which tensor is wrong', async () => {
    const checkpoint = await network('vae');
    await using graph = await OnnxGraph.create(join(folder, 'wrong.onnx'), 'float32');
    const latents = graph.input('latents', 'float32', [1, 8, 32, 32]);
    const audio = graph.input('audio', 'float32', [1, 50, 64]);
    await expect(addUnet(graph, checkpoint, latents, audio)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('time_embedding.linear_1.weight'),
    });
    await checkpoint[Symbol.asyncDispose]();
  });
});
