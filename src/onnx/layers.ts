import type { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** A picture-like tensor [batch, channels, side, side] in a graph; the batch is whatever comes in. */
export interface Map2d {
  readonly value: Value;
  readonly channels: number;
  /** Height and width. */
  readonly side: number;
}

/** A row of tokens [batch, count, channels] in a graph. */
export interface Tokens {
  readonly value: Value;
  readonly count: number;
  readonly channels: number;
}

/** Groups of every group normalisation in Stable Diffusion's networks. */
const GROUPS = 32;
/** In a shape: as it is in what comes in. */
const SAME = 0;

/**
 * The layers of Stable Diffusion's UNet, its VAE and Whisper as ONNX nodes. Each takes its weights by name as it is added.
 * Operators were chosen so that every node runs on the CPU, CUDA and WebGPU providers of ONNX Runtime alike.
 */
export class Layers {
  readonly graph: OnnxGraph;
  readonly weights: ModelWeights;

  constructor(graph: OnnxGraph, weights: ModelWeights) {
    this.graph = graph;
    this.weights = weights;
  }

  add(a: Value, b: Value): Value {
    return this.graph.op('Add', [a, b]);
  }

  /** x times sigmoid of x. */
  silu(x: Value): Value {
    return this.graph.op('Mul', [x, this.graph.op('Sigmoid', [x])]);
  }

  /** The exact GELU, with the error function. */
  gelu(x: Value): Value {
    return this.graph.contrib('Gelu', [x]);
  }

  /**
   * A convolution by its name. @param bias added to the file's own, for example a folded time embedding.
   * @param pads top, left, bottom, right.
   */
  async conv(
    x: Map2d,
    name: string,
    options: { stride?: number; pads?: readonly number[]; bias?: Float32Array } = {},
  ): Promise<Map2d> {
    const [out, , kernel] = this.weights.shape(`${name}.weight`) as [number, number, number];
    const weight = await this.weights.take(`${name}.weight`, [out, x.channels, kernel, kernel]);
    const bias = await this.weights.take(`${name}.bias`, [out]);
    options.bias?.forEach((value, i) => {
      bias[i] = bias[i]! + value;
    });
    const { stride = 1, pads = Array<number>(4).fill(kernel >> 1) } = options;
    return this.convWith(x, weight, bias, { kernel, stride, pads });
  }

  /** A convolution with weights at hand. */
  async convWith(
    x: Map2d,
    weight: Float32Array,
    bias: Float32Array,
    { kernel, stride, pads }: { kernel: number; stride: number; pads: readonly number[] },
  ): Promise<Map2d> {
    const { graph } = this;
    const out = bias.length;
    const value = graph.op(
      'Conv',
      [x.value, await graph.weight(weight, [out, x.channels, kernel, kernel]), await graph.weight(bias, [out])],
      { kernel_shape: [kernel, kernel], strides: [stride, stride], pads },
    );
    const side = Math.floor((x.side + pads[0]! + pads[2]! - kernel) / stride) + 1;
    return { ...x, value, channels: out, side };
  }

  /** Group normalisation, as an instance normalisation over each group, which every provider has. */
  async groupNorm(x: Map2d, name: string, epsilon: number): Promise<Map2d> {
    const { graph, weights } = this;
    const { channels, side } = x;
    const grouped = graph.op('Reshape', [x.value, graph.integers([SAME, GROUPS, -1])]);
    const ones = graph.numbers(Array(GROUPS).fill(1));
    const zeros = graph.numbers(Array(GROUPS).fill(0));
    const normal = graph.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
    const back = graph.op('Reshape', [normal, graph.integers([SAME, channels, side, side])]);
    const scale = await graph.weight(await weights.take(`${name}.weight`, [channels]), [channels, 1, 1]);
    const shift = await graph.weight(await weights.take(`${name}.bias`, [channels]), [channels, 1, 1]);
    return { ...x, value: this.add(graph.op('Mul', [back, scale]), shift) };
  }

  async layerNorm(x: Tokens, name: string): Promise<Tokens> {
    const { graph, weights } = this;
    const scale = await graph.weight(await weights.take(`${name}.weight`, [x.channels]), [x.channels]);
    const shift = await graph.weight(await weights.take(`${name}.bias`, [x.channels]), [x.channels]);
    const value = graph.op('LayerNormalization', [x.value, scale, shift], { axis: -1, epsilon: { float: 1e-5 } });
    return { ...x, value };
  }

  /** A fully connected layer; the file's [out, in] is turned once. The bias is added where there is one. */
  async linear(x: Tokens, names: string | readonly string[]): Promise<Tokens> {
    const { graph, weights } = this;
    const name = [names].flat().find((one) => weights.has(`${one}.weight`)) ?? [names].flat()[0]!;
    const shape = weights.shape(`${name}.weight`);
    const out = shape[0]!;
    // Old VAE files keep these layers as 1x1 convolutions.
    const weight = await weights.take(
      `${name}.weight`,
      shape.length === 4 ? [out, x.channels, 1, 1] : [out, x.channels],
    );
    const turned = transpose(weight, out, x.channels);
    const product = graph.op('MatMul', [x.value, await graph.weight(turned, [x.channels, out])]);
    const hasBias = weights.has(`${name}.bias`);
    const bias = hasBias ? await graph.weight(await weights.take(`${name}.bias`, [out]), [out]) : undefined;
    return { ...x, channels: out, value: bias ? this.add(product, bias) : product };
  }

  /** Attention of queries to keys and values, already projected; written in both forms. */
  attention(query: Tokens, key: Tokens, value: Tokens, heads: number): Tokens {
    const { graph } = this;
    const attended = graph.either((form) =>
      form === 'fused'
        ? graph.contrib('MultiHeadAttention', [query.value, key.value, value.value], { num_heads: heads })
        : this.#plainAttention(query, key, value, heads),
    );
    return { ...query, value: attended };
  }

  /** softmax(q k / sqrt d) v for each head. */
  #plainAttention(query: Tokens, key: Tokens, value: Tokens, heads: number): Value {
    const { graph } = this;
    const width = query.channels / heads;
    const split = (tokens: Tokens, perm: readonly number[]) => {
      const parts = graph.op('Reshape', [tokens.value, graph.integers([SAME, -1, heads, width])]);
      return graph.op('Transpose', [parts], { perm });
    };
    // Scaled before the product: halves overflow at 65,504.
    const scaled = graph.op('Mul', [split(query, [0, 2, 1, 3]), graph.numbers([1 / Math.sqrt(width)], [])]);
    const scores = graph.op('MatMul', [scaled, split(key, [0, 2, 3, 1])]);
    const weights = graph.op('Softmax', [scores], { axis: -1 });
    const seen = graph.op('MatMul', [weights, split(value, [0, 2, 1, 3])]);
    const joined = graph.op('Transpose', [seen], { perm: [0, 2, 1, 3] });
    return graph.op('Reshape', [joined, graph.integers([SAME, -1, query.channels])]);
  }

  /** [batch, channels, side, side] to [batch, side * side, channels]. */
  toTokens(x: Map2d): Tokens {
    const { graph } = this;
    const count = x.side * x.side;
    const flat = graph.op('Reshape', [x.value, graph.integers([SAME, x.channels, count])]);
    return { value: graph.op('Transpose', [flat], { perm: [0, 2, 1] }), count, channels: x.channels };
  }

  /** Back from {@link toTokens}. */
  toMap(x: Tokens, side: number): Map2d {
    const { graph } = this;
    const turned = graph.op('Transpose', [x.value], { perm: [0, 2, 1] });
    const value = graph.op('Reshape', [turned, graph.integers([SAME, x.channels, side, side])]);
    return { value, channels: x.channels, side };
  }

  /** Each pixel four times. */
  upsample(x: Map2d): Map2d {
    const scales = this.graph.numbers([1, 1, 2, 2], [4], 'float32');
    const value = this.graph.op('Resize', [x.value, '', scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
    return { ...x, value, side: x.side * 2 };
  }

  /**
   * A residual block: norm, SiLU, conv, norm, SiLU, conv, plus the input (through a 1x1 convolution where the channels
   * change). @param timeBias of the folded time embedding, per output channel.
   */
  async resBlock(x: Map2d, name: string, epsilon: number, timeBias?: Float32Array): Promise<Map2d> {
    const first = await this.groupNorm(x, `${name}.norm1`, epsilon);
    const inner = await this.conv({ ...first, value: this.silu(first.value) }, `${name}.conv1`, {
      ...(timeBias ? { bias: timeBias } : {}),
    });
    const second = await this.groupNorm(inner, `${name}.norm2`, epsilon);
    const outer = await this.conv({ ...second, value: this.silu(second.value) }, `${name}.conv2`);
    const isSame = x.channels === outer.channels;
    const around = isSame ? x : await this.conv(x, `${name}.conv_shortcut`);
    return { ...outer, value: this.add(around.value, outer.value) };
  }
}

/**
 * Adds [batch, 3, side, side] of about 0 … 255 as bytes [batch, side, side, 3]. Round is missing on WebGPU: a half is
 * added, and the cast cuts off.
 */
export function addBytes(graph: OnnxGraph, x: Value): Value {
  const above = graph.op('Add', [x, graph.numbers([0.5], [])]);
  const inRange = graph.op('Clip', [above, graph.numbers([0], []), graph.numbers([255], [])]);
  return graph.op('Cast', [graph.op('Transpose', [inRange], { perm: [0, 2, 3, 1] })], { to: 2 });
}

/** Turns a [rows, columns] matrix. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column]!;
  return turned;
}
