import type { Checkpoint } from './checkpoint.ts';
import { Layers, type Map2d } from './layers.ts';
import { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

const SIDE_PADS = { kernel: 3, stride: 1, pads: [1, 1, 1, 1] } as const;

/**
 * Adds the decoder of TAESD, the distilled autoencoder of Stable Diffusion: scaled latents [batch, 4, side, side] to RGB
 * [batch, 3, 8 side, 8 side] of about 0 … 255, neither clipped nor rounded. A twentieth of the VAE's arithmetic for a slightly softer picture.
 * Architecture: diffusers, models/autoencoders/vae.py DecoderTiny.
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addTinyDecoder(
  graph: OnnxGraph,
  checkpoint: Checkpoint,
  latents: Value,
  { side = 32 }: { readonly side?: number } = {},
): Promise<Value> {
  const weights = new ModelWeights(checkpoint);
  const layers = new Layers(graph, weights);
  const relu = (x: Map2d): Map2d => ({ ...x, value: graph.op('Relu', [x.value]) });
  const isBlock = (layer: number) => weights.has(`decoder.layers.${layer}.conv.0.weight`);
  const channels = weights.shape('decoder.layers.0.weight')[1]!;
  // The first step squeezes what lies far out: 3 tanh(x / 3).
  const third = graph.op('Div', [latents, graph.numbers([3], [])]);
  const squeezed = graph.op('Mul', [graph.op('Tanh', [third]), graph.numbers([3], [])]);
  let x = relu(await layers.conv({ value: squeezed, channels, side }, 'decoder.layers.0'));
  let layer = 2;
  for (;;) {
    for (; isBlock(layer); layer++) x = await addBlock(layers, x, `decoder.layers.${layer}`, relu);
    // A layer without weights is the doubling; the convolution behind it has no bias. The last one has no doubling.
    if (weights.has(`decoder.layers.${layer}.weight`)) break;
    x = await addPlainConv(layers, layers.upsample(x), `decoder.layers.${layer + 1}`);
    layer += 2;
  }
  const weight = await weights.take(`decoder.layers.${layer}.weight`, [3, x.channels, 3, 3]);
  const bias = await weights.take(`decoder.layers.${layer}.bias`, [3]);
  const colours = await layers.convWith(
    x,
    weight.map((w) => w * 255),
    bias.map((b) => b * 255),
    SIDE_PADS,
  );
  return colours.value;
}

async function addBlock(layers: Layers, x: Map2d, name: string, relu: (x: Map2d) => Map2d): Promise<Map2d> {
  const first = relu(await layers.conv(x, `${name}.conv.0`));
  const second = relu(await layers.conv(first, `${name}.conv.2`));
  const third = await layers.conv(second, `${name}.conv.4`);
  const around = layers.weights.has(`${name}.skip.weight`) ? await addPlainConv(layers, x, `${name}.skip`) : x;
  return relu({ ...third, value: layers.add(third.value, around.value) });
}

/** A convolution without a bias. */
async function addPlainConv(layers: Layers, x: Map2d, name: string): Promise<Map2d> {
  const [out, , kernel] = layers.weights.shape(`${name}.weight`) as [number, number, number];
  const weight = await layers.weights.take(`${name}.weight`, [out, x.channels, kernel, kernel]);
  const pads = Array<number>(4).fill(kernel >> 1);
  return layers.convWith(x, weight, new Float32Array(out), { kernel, stride: 1, pads });
}
