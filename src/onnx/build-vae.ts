import type { Checkpoint } from './checkpoint.ts';
import { Layers, type Map2d } from './layers.ts';
import { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** Side of MuseTalk's face pictures, in pixels. */
export const FACE_SIDE = 256;
/** diffusers' scaling_factor of Stable Diffusion 1's VAE: latents are the encoder's means times this. */
const LATENT_SCALE = 0.18215;
const EPSILON = 1e-6;

/**
 * Adds the VAE's encoder to a graph: picture [batch, 3, side, side] of -1 … 1 (RGB) to scaled latents
 * [batch, 4, side / 8, side / 8]: the mean of the distribution, as in MuseTalk's training, not a sample.
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addVaeEncoder(
  graph: OnnxGraph,
  checkpoint: Checkpoint,
  picture: Value,
  { side = FACE_SIDE }: { readonly side?: number } = {},
): Promise<Value> {
  const weights = new ModelWeights(checkpoint);
  const layers = new Layers(graph, weights);
  let x: Map2d = await layers.conv({ value: picture, channels: 3, side }, 'encoder.conv_in');
  for (let level = 0; weights.has(`encoder.down_blocks.${level}.resnets.0.conv1.weight`); level++) {
    for (let block = 0; weights.has(`encoder.down_blocks.${level}.resnets.${block}.conv1.weight`); block++)
      x = await layers.resBlock(x, `encoder.down_blocks.${level}.resnets.${block}`, EPSILON);
    const down = `encoder.down_blocks.${level}.downsamplers.0.conv`;
    // Padded on the right and below only.
    if (weights.has(`${down}.weight`)) x = await layers.conv(x, down, { stride: 2, pads: [0, 0, 1, 1] });
  }
  x = await addMiddle(layers, x, 'encoder.mid_block');
  const normal = await layers.groupNorm(x, 'encoder.conv_norm_out', EPSILON);
  x = await layers.conv({ ...normal, value: layers.silu(normal.value) }, 'encoder.conv_out');
  // Only the means' half of the 1x1 convolution behind, with the scale in it.
  const channels = x.channels / 2;
  const weight = await weights.take('quant_conv.weight', [x.channels, x.channels, 1, 1]);
  const bias = await weights.take('quant_conv.bias', [x.channels]);
  const mean = await layers.convWith(
    x,
    weight.subarray(0, channels * x.channels).map((value) => value * LATENT_SCALE),
    bias.subarray(0, channels).map((value) => value * LATENT_SCALE),
    { kernel: 1, stride: 1, pads: [0, 0, 0, 0] },
  );
  return mean.value;
}

/**
 * Adds the VAE's decoder to a graph: scaled latents [batch, 4, side, side] to RGB [batch, 3, 8 side, 8 side] of
 * about 0 … 255, neither clipped nor rounded. The scale is in the first convolution; x / 2 + 0.5, times 255, in the last.
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addVaeDecoder(
  graph: OnnxGraph,
  checkpoint: Checkpoint,
  latents: Value,
  { side = FACE_SIDE / 8 }: { readonly side?: number } = {},
): Promise<Value> {
  const weights = new ModelWeights(checkpoint);
  const layers = new Layers(graph, weights);
  const channels = weights.shape('post_quant_conv.weight')[0]!;
  const first = await weights.take('post_quant_conv.weight', [channels, channels, 1, 1]);
  let x = await layers.convWith(
    { value: latents, channels, side },
    first.map((value) => value / LATENT_SCALE),
    await weights.take('post_quant_conv.bias', [channels]),
    { kernel: 1, stride: 1, pads: [0, 0, 0, 0] },
  );
  x = await addMiddle(layers, await layers.conv(x, 'decoder.conv_in'), 'decoder.mid_block');
  for (let level = 0; weights.has(`decoder.up_blocks.${level}.resnets.0.conv1.weight`); level++) {
    for (let block = 0; weights.has(`decoder.up_blocks.${level}.resnets.${block}.conv1.weight`); block++)
      x = await layers.resBlock(x, `decoder.up_blocks.${level}.resnets.${block}`, EPSILON);
    const up = `decoder.up_blocks.${level}.upsamplers.0.conv`;
    if (weights.has(`${up}.weight`)) x = await layers.conv(layers.upsample(x), up);
  }
  const normal = await layers.groupNorm(x, 'decoder.conv_norm_out', EPSILON);
  return addColours(layers, { ...normal, value: layers.silu(normal.value) }, 'decoder.conv_out');
}

/** The last convolution, from -1 … 1 to 0 … 255. */
async function addColours(layers: Layers, x: Map2d, name: string): Promise<Value> {
  const { weights } = layers;
  const weight = await weights.take(`${name}.weight`, [3, x.channels, 3, 3]);
  const bias = await weights.take(`${name}.bias`, [3]);
  const { value } = await layers.convWith(
    x,
    weight.map((w) => w * 127.5),
    bias.map((b) => b * 127.5 + 127.5),
    { kernel: 3, stride: 1, pads: [1, 1, 1, 1] },
  );
  return value;
}

async function addMiddle(layers: Layers, from: Map2d, name: string): Promise<Map2d> {
  let x = await layers.resBlock(from, `${name}.resnets.0`, EPSILON);
  const attention = `${name}.attentions.0`;
  const tokens = layers.toTokens(await layers.groupNorm(x, `${attention}.group_norm`, EPSILON));
  const query = await layers.linear(tokens, [`${attention}.to_q`, `${attention}.query`]);
  const key = await layers.linear(tokens, [`${attention}.to_k`, `${attention}.key`]);
  const value = await layers.linear(tokens, [`${attention}.to_v`, `${attention}.value`]);
  const attended = layers.attention(query, key, value, 1);
  const out = layers.toMap(await layers.linear(attended, [`${attention}.to_out.0`, `${attention}.proj_attn`]), x.side);
  x = { ...out, value: layers.add(out.value, x.value) };
  return layers.resBlock(x, `${name}.resnets.1`, EPSILON);
}
