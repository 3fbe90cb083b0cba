/** Names and shapes of a network's tensors, as its checkpoint has them. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Audio tokens are Whisper's states: 384 numbers each. */
const AUDIO_CHANNELS = 384;
const WHISPER_LAYERS = 4;
const WHISPER_POSITIONS = 1500;
const WHISPER_MELS = 80;
const LATENT_CHANNELS = 4;
/** A pixel's latents and those of a reference picture. */
const UNET_CHANNELS = 2 * LATENT_CHANNELS;
/** Three blocks of each of the tiny decoder's four levels, one of the last. */
const TINY_BLOCKS = [3, 3, 3, 1];

/**
 * MuseTalk's UNet: 686 tensors, 849,947,844 numbers. Structure: diffusers 0.30, UNet2DConditionModel with MuseTalk's
 * musetalk.json. @param widths channels of its four levels; tests have small ones.
 */
export function unetShapes(widths = [320, 640, 1280, 1280], audioChannels = AUDIO_CHANNELS): TensorShapes {
  const list = new ShapeList();
  const first = widths[0]!;
  const time = 4 * first;
  list.conv('conv_in', UNET_CHANNELS, first, 3);
  list.linear('time_embedding.linear_1', first, time);
  list.linear('time_embedding.linear_2', time, time);
  const attend = (name: string, width: number) => addTransformer(list, name, width, audioChannels);
  const skips = addUnetDown(list, widths, time, attend);
  const from = skips.at(-1)!;
  list.resBlock('mid_block.resnets.0', from, from, time);
  attend('mid_block.attentions.0', from);
  list.resBlock('mid_block.resnets.1', from, from, time);
  addUnetUp(list, widths.toReversed(), time, attend, skips);
  list.norm('conv_norm_out', first);
  list.conv('conv_out', first, LATENT_CHANNELS, 3);
  return list.shapes;
}

/** sd-vae-ft-mse: 248 tensors, 83,653,863 numbers. Structure: diffusers 0.30, AutoencoderKL. */
export function vaeShapes(widths = [128, 256, 512, 512]): TensorShapes {
  const list = new ShapeList();
  const deepest = widths.length - 1;
  list.conv('encoder.conv_in', 3, widths[0]!, 3);
  let from = widths[0]!;
  for (const [level, width] of widths.entries()) {
    for (let block = 0; block < 2; block++, from = width)
      list.resBlock(`encoder.down_blocks.${level}.resnets.${block}`, from, width);
    if (level < deepest) list.conv(`encoder.down_blocks.${level}.downsamplers.0.conv`, width, width, 3);
  }
  addVaeMiddle(list, 'encoder', from);
  list.norm('encoder.conv_norm_out', from);
  list.conv('encoder.conv_out', from, 2 * LATENT_CHANNELS, 3);
  list.conv('quant_conv', 2 * LATENT_CHANNELS, 2 * LATENT_CHANNELS, 1);
  list.conv('post_quant_conv', LATENT_CHANNELS, LATENT_CHANNELS, 1);
  list.conv('decoder.conv_in', LATENT_CHANNELS, from, 3);
  addVaeMiddle(list, 'decoder', from);
  for (const [level, width] of widths.toReversed().entries()) {
    for (let block = 0; block < 3; block++, from = width)
      list.resBlock(`decoder.up_blocks.${level}.resnets.${block}`, from, width);
    if (level < deepest) list.conv(`decoder.up_blocks.${level}.upsamplers.0.conv`, width, width, 3);
  }
  list.norm('decoder.conv_norm_out', from);
  list.conv('decoder.conv_out', from, 3, 3);
  return list.shapes;
}

/** The encoder of whisper-tiny: 67 tensors, 8,208,384 numbers. Structure: transformers 4.39, WhisperEncoder. */
export function whisperShapes(channels = AUDIO_CHANNELS): TensorShapes {
  const list = new ShapeList();
  list.add('encoder.conv1', [channels, WHISPER_MELS, 3], [channels]);
  list.add('encoder.conv2', [channels, channels, 3], [channels]);
  list.add('encoder.embed_positions', [WHISPER_POSITIONS, channels]);
  for (let layer = 0; layer < WHISPER_LAYERS; layer++) {
    const name = `encoder.layers.${layer}`;
    list.add(`${name}.self_attn.k_proj`, [channels, channels]);
    for (const part of ['v_proj', 'q_proj', 'out_proj']) list.linear(`${name}.self_attn.${part}`, channels, channels);
    list.norm(`${name}.self_attn_layer_norm`, channels);
    list.linear(`${name}.fc1`, channels, 4 * channels);
    list.linear(`${name}.fc2`, 4 * channels, channels);
    list.norm(`${name}.final_layer_norm`, channels);
  }
  list.norm('encoder.layer_norm', channels);
  return list.shapes;
}

/** The decoder of TAESD: 67 tensors, 1,222,531 numbers. Structure: diffusers 0.30, DecoderTiny. */
export function tinyDecoderShapes(width = 64): TensorShapes {
  const list = new ShapeList();
  const name = (layer: number) => `decoder.layers.${layer}`;
  list.conv(name(0), LATENT_CHANNELS, width, 3);
  // Layers without weights (ReLU, doubling) have numbers too.
  let layer = 2;
  for (const [level, blocks] of TINY_BLOCKS.entries()) {
    for (let block = 0; block < blocks; block++, layer++)
      for (const conv of [0, 2, 4]) list.conv(`${name(layer)}.conv.${conv}`, width, width, 3);
    const isLast = level === TINY_BLOCKS.length - 1;
    if (isLast) list.conv(name(layer), width, 3, 3);
    else list.add(name(layer + 1), [width, width, 3, 3]);
    layer += 2;
  }
  return list.shapes;
}

/** Tensors by the layers they belong to. */
class ShapeList {
  readonly shapes = new Map<string, readonly number[]>();

  add(name: string, weight: readonly number[], bias?: readonly number[]): void {
    this.shapes.set(`${name}.weight`, weight);
    if (bias) this.shapes.set(`${name}.bias`, bias);
  }

  linear(name: string, from: number, to: number): void {
    this.add(name, [to, from], [to]);
  }

  conv(name: string, from: number, to: number, kernel: number): void {
    this.add(name, [to, from, kernel, kernel], [to]);
  }

  norm(name: string, channels: number): void {
    this.add(name, [channels], [channels]);
  }

  /** @param time numbers of the time embedding, where the block has one. */
  resBlock(name: string, from: number, to: number, time?: number): void {
    this.norm(`${name}.norm1`, from);
    this.conv(`${name}.conv1`, from, to, 3);
    if (time) this.linear(`${name}.time_emb_proj`, time, to);
    this.norm(`${name}.norm2`, to);
    this.conv(`${name}.conv2`, to, to, 3);
    if (from !== to) this.conv(`${name}.conv_shortcut`, from, to, 1);
  }
}

type AddTransformer = (name: string, width: number) => void;

/** @returns the channels of what the way up takes over, the last one first to be taken. */
function addUnetDown(list: ShapeList, widths: readonly number[], time: number, attend: AddTransformer): number[] {
  let from = widths[0]!;
  const skips = [from];
  for (const [level, width] of widths.entries()) {
    const name = `down_blocks.${level}`;
    const isLast = level === widths.length - 1;
    for (let block = 0; block < 2; block++, from = width) {
      list.resBlock(`${name}.resnets.${block}`, from, width, time);
      if (!isLast) attend(`${name}.attentions.${block}`, width);
      skips.push(width);
    }
    if (isLast) continue;
    list.conv(`${name}.downsamplers.0.conv`, width, width, 3);
    skips.push(width);
  }
  return skips;
}

function addUnetUp(
  list: ShapeList,
  widths: readonly number[],
  time: number,
  attend: AddTransformer,
  skips: number[],
): void {
  let from = widths[0]!;
  for (const [level, width] of widths.entries()) {
    const name = `up_blocks.${level}`;
    for (let block = 0; block < 3; block++, from = width) {
      list.resBlock(`${name}.resnets.${block}`, from + skips.pop()!, width, time);
      if (level > 0) attend(`${name}.attentions.${block}`, width);
    }
    if (level < widths.length - 1) list.conv(`${name}.upsamplers.0.conv`, width, width, 3);
  }
}

function addTransformer(list: ShapeList, name: string, channels: number, audioChannels: number): void {
  list.norm(`${name}.norm`, channels);
  list.conv(`${name}.proj_in`, channels, channels, 1);
  const block = `${name}.transformer_blocks.0`;
  for (const [index, context] of [channels, audioChannels].entries()) {
    const attention = `${block}.attn${index + 1}`;
    list.norm(`${block}.norm${index + 1}`, channels);
    list.add(`${attention}.to_q`, [channels, channels]);
    for (const part of ['to_k', 'to_v']) list.add(`${attention}.${part}`, [channels, context]);
    list.linear(`${attention}.to_out.0`, channels, channels);
  }
  list.norm(`${block}.norm3`, channels);
  // Twice as wide: half of it is a gate.
  list.linear(`${block}.ff.net.0.proj`, channels, 8 * channels);
  list.linear(`${block}.ff.net.2`, 4 * channels, channels);
  list.conv(`${name}.proj_out`, channels, channels, 1);
}

function addVaeMiddle(list: ShapeList, part: 'encoder' | 'decoder', channels: number): void {
  const name = `${part}.mid_block`;
  list.resBlock(`${name}.resnets.0`, channels, channels);
  list.norm(`${name}.attentions.0.group_norm`, channels);
  for (const layer of ['to_q', 'to_k', 'to_v', 'to_out.0'])
    list.linear(`${name}.attentions.0.${layer}`, channels, channels);
  list.resBlock(`${name}.resnets.1`, channels, channels);
}
