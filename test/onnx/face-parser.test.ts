import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addFaceParser } from '../../src/onnx/build-face-parser.ts';
import type { Checkpoint } from '../../src/onnx/checkpoint.ts';
import { OnnxGraph, type Precision } from '../../src/onnx/onnx-graph.ts';
import { openSafetensors } from '../../src/onnx/safetensors.ts';
import { openTorchFile } from '../../src/onnx/torch-file.ts';
import { encodeSafetensors, seededValues, seededWeight } from './seeded.ts';

// Golden numbers: MuseTalk's own BiSeNet on PyTorch 2.13, an eighth and a 64th as wide
// (scripts/musetalk/make-parser-golden.py). Tolerances: what sums in another order differ by, measured, times three.

const SIDE = 128;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'musecam-face-parser-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Shapes = Readonly<Record<string, readonly number[]>>;
const placeOf = (name: string) => new URL(`./golden/face-parser${name}`, import.meta.url);
const goldenFloats = async (name: string) => new Float32Array(Uint8Array.from(await readFile(placeOf(name))).buffer);
const legacyFile = () => openTorchFile(fileURLToPath(placeOf('-legacy.pth')));

/** Variances are about one; all else is as in other networks. */
function seededParserWeight(name: string, shape: readonly number[]): Float32Array {
  return name.endsWith('running_var')
    ? seededValues(name, shape).map((value) => 1 + value * 0.5)
    : seededWeight(name, shape);
}

async function seededParser(leftOut?: string): Promise<Checkpoint> {
  const shapes = JSON.parse((await readFile(placeOf('.json'))).toString()) as Shapes;
  const named = Object.entries(shapes).filter(([name]) => name !== leftOut);
  const tensors = new Map(
    named.map(([name, shape]) => [name, { shape, values: seededParserWeight(name, shape) }] as const),
  );
  const path = join(folder, 'face-parser.safetensors');
  await writeFile(path, encodeSafetensors(tensors));
  return openSafetensors(path);
}

/** Builds the parser, runs it on a seeded picture and gives back logits and every third class of every third row. */
async function runParser(
  checkpoint: Checkpoint,
  { side = SIDE, precision = 'float32' }: { side?: number; precision?: Precision } = {},
): Promise<{ logits: Float32Array; classes: number[] }> {
  const path = join(folder, 'parser.onnx');
  await using graph = await OnnxGraph.create(path, precision);
  const asked = graph.input('picture', 'float32', [1, 3, side, side]);
  const picture = precision === 'float32' ? asked : graph.op('Cast', [asked], { to: 10 });
  const made = await addFaceParser(graph, checkpoint, picture, { side });
  graph.output('logits', 'float32', [1, 19, side / 8, side / 8], graph.op('Cast', [made.logits], { to: 1 }));
  graph.output('classes', 'uint8', [1, side, side], made.classes);
  await graph.finish();
  await checkpoint[Symbol.asyncDispose]();
  const session = await ort.InferenceSession.create(path, { executionProviders: ['cpu'] });
  try {
    const values = seededValues('input.picture', [3, side, side]);
    const { logits, classes } = await session.run({ picture: new ort.Tensor('float32', values, [1, 3, side, side]) });
    const all = classes!.data as Uint8Array;
    const kept = [...all].filter((_, i) => Math.floor(i / side) % 3 === 0 && (i % side) % 3 === 0);
    return { logits: logits!.data as Float32Array, classes: kept };
  } finally {
    await session.release();
  }
}

function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i]! - value)), 0);
}

describe('the face parser built in TypeScript', () => {
  for (const [title, name, open] of [
    ["gives the same logits and classes as MuseTalk's BiSeNet, with its normalisations folded in", '', seededParser],
    ['reads the format of before torch 1.6, in which its weights are published', '-legacy', legacyFile],
  ] as const)
    it(title, async () => {
      const made = await runParser(await open());
      expect(worstDifference(made.logits, await goldenFloats(`${name}-logits.f32`))).toBeLessThan(1.2e-6);
      const expected = await readFile(placeOf(`${name}-classes.u8`));
      // Where two classes are equally likely, sums in another order may choose the other.
      const other = made.classes.filter((kind, i) => kind !== expected[i]);
      expect(made.classes).toHaveLength(expected.length);
      expect(other.length).toBeLessThan(expected.length / 1000);
      expect(new Set(made.classes).size).toBeGreaterThan(1);
    });

  it('stays within half precision when built in it', async () => {
    const made = await runParser(await seededParser(), { precision: 'float16' });
    expect(worstDifference(made.logits, await goldenFloats('-logits.f32'))).toBeLessThan(0.0015);
  });

  it('takes a picture of 512 pixels when it is not told otherwise', async () => {
    const checkpoint = await legacyFile();
    const path = join(folder, 'whole.onnx');
    await using graph = await OnnxGraph.create(path, 'float32');
    const picture = graph.input('picture', 'float32', [1, 3, 512, 512]);
    const { classes } = await addFaceParser(graph, checkpoint, picture);
    graph.output('classes', 'uint8', [1, 512, 512], classes);
    await graph.finish();
    await checkpoint[Symbol.asyncDispose]();
    const session = await ort.InferenceSession.create(path, { executionProviders: ['cpu'] });
    const made = await session.run({
      picture: new ort.Tensor('float32', new Float32Array(3 * 512 * 512), [1, 3, 512, 512]),
    });
    await session.release();
    expect(made.classes!.data).toHaveLength(512 * 512);
  });

  it('refuses a checkpoint without one of its layers and says which', async () => {
    const checkpoint = await seededParser('cp.arm16.bn_atten.running_var');
    await using graph = await OnnxGraph.create(join(folder, 'wrong.onnx'), 'float32');
    const picture = graph.input('picture', 'float32', [1, 3, SIDE, SIDE]);
    await expect(addFaceParser(graph, checkpoint, picture, { side: SIDE })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('cp.arm16.bn_atten.running_var'),
    });
    await checkpoint[Symbol.asyncDispose]();
  });
});
