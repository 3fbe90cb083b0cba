import type { Checkpoint } from './checkpoint.ts';
import { Layers, type Map2d, type Tokens } from './layers.ts';
import { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** MuseTalk's latents: 32x32, masked face and reference, 4 channels each. */
export const LATENT_SIDE = 32;
/** Audio tokens a frame. */
export const AUDIO_TOKENS = 50;
const HEADS = 8;
const LEVELS = 4;
const RES_EPSILON = 1e-5;
const TRANSFORMER_EPSILON = 1e-6;

/**
 * Adds MuseTalk's UNet to a graph: diffusers' UNet2DConditionModel with the time step folded away, because it is always 0,
 * and the positions of the audio tokens added inside. All sizes come from the checkpoint.
 * @param latents [batch, 8, 32, 32]. @param audio [batch, 50, 384], without positions.
 * @returns [batch, 4, 32, 32].
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addUnet(graph: OnnxGraph, checkpoint: Checkpoint, latents: Value, audio: Value): Promise<Value> {
  const weights = new ModelWeights(checkpoint);
  const unet = new Unet(new Layers(graph, weights), await timeEmbedding(weights));
  return unet.build(latents, audio);
}

class Unet {
  readonly #layers: Layers;
  readonly #time: Float32Array;
  readonly #skips: Map2d[] = [];
  #audio!: Tokens;

  constructor(layers: Layers, time: Float32Array) {
    this.#layers = layers;
    this.#time = time;
  }

  async build(latents: Value, audio: Value): Promise<Value> {
    const { weights, graph } = this.#layers;
    const audioChannels = weights.shape('down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight')[1]!;
    const positions = await graph.weight(positionsOf(AUDIO_TOKENS, audioChannels), [AUDIO_TOKENS, audioChannels]);
    this.#audio = {
      value: this.#layers.add(audio, positions),
      count: AUDIO_TOKENS,
      channels: audioChannels,
    };
    const channels = weights.shape('conv_in.weight')[1]!;
    let x = await this.#layers.conv({ value: latents, channels, side: LATENT_SIDE }, 'conv_in');
    this.#skips.push(x);
    for (let level = 0; level < LEVELS; level++) x = await this.#down(x, level);
    x = await this.#res(x, 'mid_block.resnets.0');
    x = await this.#transformer(x, 'mid_block.attentions.0');
    x = await this.#res(x, 'mid_block.resnets.1');
    for (let level = 0; level < LEVELS; level++) x = await this.#up(x, level);
    const normal = await this.#layers.groupNorm(x, 'conv_norm_out', RES_EPSILON);
    return (await this.#layers.conv({ ...normal, value: this.#layers.silu(normal.value) }, 'conv_out')).value;
  }

  async #down(from: Map2d, level: number): Promise<Map2d> {
    let x = from;
    for (let block = 0; block < 2; block++) {
      x = await this.#res(x, `down_blocks.${level}.resnets.${block}`);
      if (level < LEVELS - 1) x = await this.#transformer(x, `down_blocks.${level}.attentions.${block}`);
      this.#skips.push(x);
    }
    if (level === LEVELS - 1) return x;
    x = await this.#layers.conv(x, `down_blocks.${level}.downsamplers.0.conv`, { stride: 2 });
    this.#skips.push(x);
    return x;
  }

  async #up(from: Map2d, level: number): Promise<Map2d> {
    let x = from;
    for (let block = 0; block < 3; block++) {
      const skip = this.#skips.pop()!;
      const value = this.#layers.graph.op('Concat', [x.value, skip.value], { axis: 1 });
      x = await this.#res({ ...x, value, channels: x.channels + skip.channels }, `up_blocks.${level}.resnets.${block}`);
      if (level > 0) x = await this.#transformer(x, `up_blocks.${level}.attentions.${block}`);
    }
    if (level === LEVELS - 1) return x;
    return this.#layers.conv(this.#layers.upsample(x), `up_blocks.${level}.upsamplers.0.conv`);
  }

  /** With the time step's share of the first convolution's bias: time_emb_proj(SiLU(embedding)). */
  async #res(x: Map2d, name: string): Promise<Map2d> {
    const { weights } = this.#layers;
    const out = weights.shape(`${name}.conv1.bias`)[0]!;
    const weight = await weights.take(`${name}.time_emb_proj.weight`, [out, this.#time.length]);
    const bias = await weights.take(`${name}.time_emb_proj.bias`, [out]);
    return this.#layers.resBlock(x, name, RES_EPSILON, multiply(weight, this.#time.map(siluOf), bias));
  }

  async #transformer(x: Map2d, name: string): Promise<Map2d> {
    const layers = this.#layers;
    const normal = await layers.groupNorm(x, `${name}.norm`, TRANSFORMER_EPSILON);
    let tokens = await layers.linear(layers.toTokens(normal), `${name}.proj_in`);
    const block = `${name}.transformer_blocks.0`;
    tokens = await this.#attend(tokens, await layers.layerNorm(tokens, `${block}.norm1`), `${block}.attn1`);
    tokens = await this.#attend(
      tokens,
      await layers.layerNorm(tokens, `${block}.norm2`),
      `${block}.attn2`,
      this.#audio,
    );
    tokens = await this.#feedForward(tokens, block);
    const out = layers.toMap(await layers.linear(tokens, `${name}.proj_out`), x.side);
    return { ...out, value: layers.add(out.value, x.value) };
  }

  async #attend(tokens: Tokens, normal: Tokens, name: string, context = normal): Promise<Tokens> {
    const layers = this.#layers;
    const query = await layers.linear(normal, `${name}.to_q`);
    const key = await layers.linear(context, `${name}.to_k`);
    const value = await layers.linear(context, `${name}.to_v`);
    const attended = await layers.linear(layers.attention(query, key, value, HEADS), `${name}.to_out.0`);
    return { ...tokens, value: layers.add(attended.value, tokens.value) };
  }

  /** GEGLU: half of a wide layer times the GELU of the other half. */
  async #feedForward(tokens: Tokens, block: string): Promise<Tokens> {
    const layers = this.#layers;
    const normal = await layers.layerNorm(tokens, `${block}.norm3`);
    const wide = await layers.linear(normal, `${block}.ff.net.0.proj`);
    const half = wide.channels / 2;
    const [value, gate] = layers.graph.ops('Split', [wide.value, layers.graph.integers([half, half])], 2, { axis: -1 });
    const gated = layers.graph.op('Mul', [value!, layers.gelu(gate!)]);
    const out = await layers.linear({ ...wide, value: gated, channels: half }, `${block}.ff.net.2`);
    return { ...tokens, value: layers.add(out.value, tokens.value) };
  }
}

/** The time embedding at step 0: a sinusoid of zeros is ones, then zeros (cosines first), through two layers. */
async function timeEmbedding(weights: ModelWeights): Promise<Float32Array> {
  const [wide, narrow] = weights.shape('time_embedding.linear_1.weight') as [number, number];
  const sinusoid = Float32Array.from({ length: narrow }, (_, i) => (i < narrow / 2 ? 1 : 0));
  const first = await weights.take('time_embedding.linear_1.weight', [wide, narrow]);
  const inner = multiply(first, sinusoid, await weights.take('time_embedding.linear_1.bias', [wide]));
  const second = await weights.take('time_embedding.linear_2.weight', [wide, wide]);
  return multiply(second, inner.map(siluOf), await weights.take('time_embedding.linear_2.bias', [wide]));
}

/** weight [out, in] times x, plus bias. */
function multiply(weight: Float32Array, x: Float32Array, bias: Float32Array): Float32Array {
  return bias.map((start, row) => {
    let sum = start;
    for (let i = 0; i < x.length; i++) sum += weight[row * x.length + i]! * x[i]!;
    return sum;
  });
}

function siluOf(value: number): number {
  return value / (1 + Math.exp(-value));
}

/**
 * The sinusoidal positions that MuseTalk adds to its audio tokens: sines in even, cosines in odd columns.
 * Formula: MuseTalk, models/unet.py PositionalEncoding.
 */
function positionsOf(count: number, channels: number): Float32Array {
  return Float32Array.from({ length: count * channels }, (_, i) => {
    const position = Math.floor(i / channels);
    const column = i % channels;
    const angle = position * 10_000 ** (-(column - (column % 2)) / channels);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}
