import type { Checkpoint } from './checkpoint.ts';
import { Layers, type Map2d } from './layers.ts';
import { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** Side of the pictures the face parser was trained on, in pixels. */
export const PARSER_SIDE = 512;
/** What the parser tells apart: the classes of CelebAMask-HQ with the background. */
const CLASSES = 19;
/** PyTorch's default of BatchNorm2d. */
const EPSILON = 1e-5;

/** What the face parser puts out. */
export interface FaceParserOutputs {
  /** Before they are enlarged: [1, 19, side / 8, side / 8] in the graph's precision. */
  readonly logits: Value;
  /** The likeliest class of each pixel: bytes [1, side, side], 0 … 18. */
  readonly classes: Value;
}

/**
 * Adds the face parser to a graph: BiSeNet over ResNet-18 with the names of face-parsing.PyTorch's 79999_iter.pth, which
 * MuseTalk uses. Batch normalisations are folded into the convolutions before them; the two outputs that only helped
 * training are left out. How wide each layer is stands in the checkpoint.
 * @param picture [1, 3, side, side], RGB of 0 … 1 minus ImageNet's means, over its deviations.
 * @param side in pixels, a multiple of 32.
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addFaceParser(
  graph: OnnxGraph,
  checkpoint: Checkpoint,
  picture: Value,
  { side = PARSER_SIDE }: { readonly side?: number } = {},
): Promise<FaceParserOutputs> {
  const parser = new ParserLayers(graph, new ModelWeights(checkpoint));
  const { eighth, context } = await parser.contextPath({ value: picture, channels: 3, side });
  const fused = await parser.fuse(eighth, context);
  const deep = await parser.convNormRelu(fused, 'conv_out.conv');
  const logits = await parser.conv(deep, 'conv_out.conv_out', { outChannels: CLASSES });
  const sizes = graph.integers([1, CLASSES, side, side]);
  const enlarged = graph.op('Resize', [logits.value, '', '', sizes], {
    mode: 'linear',
    coordinate_transformation_mode: 'align_corners',
  });
  const likeliest = graph.op('ArgMax', [enlarged], { axis: 1, keepdims: 0 });
  return { logits: logits.value, classes: graph.op('Cast', [likeliest], { to: 2 }) };
}

/** BiSeNet's layers. Its convolutions have no biases of their own. */
class ParserLayers {
  readonly #layers: Layers;
  readonly #weights: ModelWeights;
  readonly #graph: OnnxGraph;

  constructor(graph: OnnxGraph, weights: ModelWeights) {
    this.#layers = new Layers(graph, weights);
    this.#weights = weights;
    this.#graph = graph;
  }

  /**
   * ResNet-18 and the way back up from its coarsest features.
   * @returns features at an eighth of the picture's side: those on the way down, and the context from below.
   */
  async contextPath(picture: Map2d): Promise<{ eighth: Map2d; context: Map2d }> {
    const { eighth, sixteenth, thirtySecond } = await this.#resnet(picture);
    // The mean of the whole picture is one pixel; the addition spreads it.
    const whole = await this.convNormRelu(this.#mean(thirtySecond), 'cp.conv_avg');
    const coarse = this.#add(await this.#refine(thirtySecond, 'cp.arm32'), whole);
    const middle = await this.convNormRelu(this.#layers.upsample(coarse), 'cp.conv_head32');
    const finer = this.#add(await this.#refine(sixteenth, 'cp.arm16'), middle);
    return { eighth, context: await this.convNormRelu(this.#layers.upsample(finer), 'cp.conv_head16') };
  }

  /** Joins both kinds of features, and strengthens the channels that matter in this picture. */
  async fuse(detail: Map2d, context: Map2d): Promise<Map2d> {
    const value = this.#graph.op('Concat', [detail.value, context.value], { axis: 1 });
    const joined = { ...detail, value, channels: detail.channels + context.channels };
    const mixed = await this.convNormRelu(joined, 'ffm.convblk');
    const narrow = this.#relu(await this.conv(this.#mean(mixed), 'ffm.conv1'));
    const wide = await this.conv(narrow, 'ffm.conv2', { outChannels: mixed.channels });
    return this.#add(this.#weigh(mixed, wide), mixed);
  }

  async convNormRelu(x: Map2d, name: string): Promise<Map2d> {
    return this.#relu(await this.conv(x, `${name}.conv`, { norm: `${name}.bn` }));
  }

  /** A convolution, with the batch normalisation behind it in its weights where there is one. */
  async conv(
    x: Map2d,
    name: string,
    { norm, stride = 1, outChannels = -1 }: { norm?: string; stride?: number; outChannels?: number } = {},
  ): Promise<Map2d> {
    const weights = this.#weights;
    const [, , kernel = 1] = weights.shape(`${name}.weight`);
    const weight = await weights.take(`${name}.weight`, [outChannels, x.channels, kernel, kernel]);
    const out = weights.shape(`${name}.weight`)[0]!;
    const bias = norm ? await this.#foldNorm(weight, norm, out) : new Float32Array(out);
    const pads = Array<number>(4).fill(kernel >> 1);
    return this.#layers.convWith(x, weight, bias, { kernel, stride, pads });
  }

  async #resnet(picture: Map2d): Promise<{ eighth: Map2d; sixteenth: Map2d; thirtySecond: Map2d }> {
    const first = await this.conv(picture, 'cp.resnet.conv1', { norm: 'cp.resnet.bn1', stride: 2 });
    const value = this.#graph.op('MaxPool', [this.#relu(first).value], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    const quarter = await this.#stage({ ...first, value, side: Math.floor((first.side - 1) / 2) + 1 }, 1);
    const eighth = await this.#stage(quarter, 2);
    const sixteenth = await this.#stage(eighth, 3);
    return { eighth, sixteenth, thirtySecond: await this.#stage(sixteenth, 4) };
  }

  /** A row of blocks; the first one of every stage but stage 1 halves the sides. */
  async #stage(from: Map2d, stage: number): Promise<Map2d> {
    const name = `cp.resnet.layer${stage}`;
    let x = await this.#block(from, `${name}.0`, stage === 1 ? 1 : 2);
    for (let block = 1; this.#weights.has(`${name}.${block}.conv1.weight`); block++)
      x = await this.#block(x, `${name}.${block}`, 1);
    return x;
  }

  /** Two convolutions, plus the input; where the shape changes, through a convolution of one pixel. */
  async #block(x: Map2d, name: string, stride: number): Promise<Map2d> {
    const inner = this.#relu(await this.conv(x, `${name}.conv1`, { norm: `${name}.bn1`, stride }));
    const outer = await this.conv(inner, `${name}.conv2`, { norm: `${name}.bn2` });
    const isSame = stride === 1 && x.channels === outer.channels;
    const around = isSame
      ? x
      : await this.conv(x, `${name}.downsample.0`, {
          norm: `${name}.downsample.1`,
          stride,
          outChannels: outer.channels,
        });
    return this.#relu(this.#add(around, outer));
  }

  /** An attention refinement module: a convolution whose channels are weighed by what the whole picture shows. */
  async #refine(x: Map2d, name: string): Promise<Map2d> {
    const refined = await this.convNormRelu(x, `${name}.conv`);
    const attention = await this.conv(this.#mean(refined), `${name}.conv_atten`, {
      norm: `${name}.bn_atten`,
      outChannels: refined.channels,
    });
    return this.#weigh(refined, attention);
  }

  /** Scales a convolution's weights, in place, as the normalisation would its output. @returns the bias that is left. */
  async #foldNorm(weight: Float32Array, name: string, channels: number): Promise<Float32Array> {
    const weights = this.#weights;
    const scale = await weights.take(`${name}.weight`, [channels]);
    const shift = await weights.take(`${name}.bias`, [channels]);
    const mean = await weights.take(`${name}.running_mean`, [channels]);
    const variance = await weights.take(`${name}.running_var`, [channels]);
    const perChannel = weight.length / channels;
    return shift.map((value, channel) => {
      const factor = scale[channel]! / Math.sqrt(variance[channel]! + EPSILON);
      const end = (channel + 1) * perChannel;
      for (let i = channel * perChannel; i < end; i++) weight[i] = weight[i]! * factor;
      return value - mean[channel]! * factor;
    });
  }

  #mean(x: Map2d): Map2d {
    return { ...x, value: this.#graph.op('GlobalAveragePool', [x.value]), side: 1 };
  }

  #relu(x: Map2d): Map2d {
    return { ...x, value: this.#graph.op('Relu', [x.value]) };
  }

  #add(a: Map2d, b: Map2d): Map2d {
    return { ...a, value: this.#layers.add(a.value, b.value) };
  }

  /** @param attention one number for each channel, before the sigmoid. */
  #weigh(x: Map2d, attention: Map2d): Map2d {
    return { ...x, value: this.#graph.op('Mul', [x.value, this.#graph.op('Sigmoid', [attention.value])]) };
  }
}
