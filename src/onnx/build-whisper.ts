import type { Checkpoint } from './checkpoint.ts';
import { Layers, type Tokens } from './layers.ts';
import { ModelWeights } from './model-weights.ts';
import type { OnnxGraph, Value } from './onnx-graph.ts';

/** Mel bands of Whisper. */
export const WHISPER_MELS = 80;
const HEAD_CHANNELS = 64;

/** How much sound the encoder hears at once. */
export interface WhisperOptions {
  /** Mel frames of 10 ms: 3000 as in training, or a short window. Even. */
  readonly melFrames: number;
  /** Which of the 1500 learned positions (20 ms each) every token has: int32 [T / 2]; the first ones by default. */
  readonly positions?: Value;
  /** MuseTalk v1.0 was trained on the last state before the final normalisation. */
  readonly isLastStateRaw?: boolean;
}

/**
 * Adds Whisper's encoder to a graph: log-mel [1, 80, T] to all its hidden states [1, T / 2, states, channels]: the
 * convolutions' output with positions, then each layer's, the last one normalised.
 * Architecture: openai/whisper, model.py AudioEncoder; names as in transformers' WhisperModel.
 * @throws AppError CHECKPOINT_MISMATCH, CHECKPOINT_BROKEN.
 */
export async function addWhisperEncoder(
  graph: OnnxGraph,
  checkpoint: Checkpoint,
  mel: Value,
  options: WhisperOptions,
): Promise<Value> {
  const prefix = ['model.encoder.', 'encoder.', ''].find((one) => checkpoint.tensors.has(`${one}conv1.weight`));
  const weights = new ModelWeights(checkpoint, prefix ?? 'model.encoder.');
  const layers = new Layers(graph, weights);
  const channels = weights.shape('conv1.weight')[0]!;
  const count = options.melFrames / 2;
  const first = layers.gelu(await addConv1d(layers, mel, 'conv1', WHISPER_MELS, 1));
  const second = layers.gelu(await addConv1d(layers, first, 'conv2', channels, 2));
  const turned = graph.op('Transpose', [second], { perm: [0, 2, 1] });
  const table = await weights.take('embed_positions.weight', [-1, channels]);
  const rows = table.length / channels;
  const positions = options.positions
    ? graph.op('Gather', [await graph.weight(table, [rows, channels]), options.positions], { axis: 0 })
    : await graph.weight(table.slice(0, count * channels), [count, channels]);
  let x: Tokens = { value: layers.add(turned, positions), count, channels };
  const states = [x];
  for (let layer = 0; weights.has(`layers.${layer}.fc1.weight`); layer++) {
    x = await addLayer(layers, x, `layers.${layer}`);
    states.push(x);
  }
  if (!options.isLastStateRaw) states[states.length - 1] = await layers.layerNorm(x, 'layer_norm');
  const columns = states.map((state) => graph.op('Unsqueeze', [state.value, graph.integers([2])]));
  return graph.op('Concat', columns, { axis: 2 });
}

async function addConv1d(layers: Layers, x: Value, name: string, channels: number, stride: number): Promise<Value> {
  const { graph, weights } = layers;
  const out = weights.shape(`${name}.weight`)[0]!;
  const weight = await graph.weight(await weights.take(`${name}.weight`, [out, channels, 3]), [out, channels, 3]);
  const bias = await graph.weight(await weights.take(`${name}.bias`, [out]), [out]);
  return graph.op('Conv', [x, weight, bias], { kernel_shape: [3], pads: [1, 1], strides: [stride] });
}

async function addLayer(layers: Layers, x: Tokens, name: string): Promise<Tokens> {
  const normal = await layers.layerNorm(x, `${name}.self_attn_layer_norm`);
  const query = await layers.linear(normal, `${name}.self_attn.q_proj`);
  const key = await layers.linear(normal, `${name}.self_attn.k_proj`);
  const value = await layers.linear(normal, `${name}.self_attn.v_proj`);
  const heads = x.channels / HEAD_CHANNELS;
  const attended = await layers.linear(layers.attention(query, key, value, heads), `${name}.self_attn.out_proj`);
  const heard = { ...x, value: layers.add(x.value, attended.value) };
  const inner = await layers.linear(await layers.layerNorm(heard, `${name}.final_layer_norm`), `${name}.fc1`);
  const outer = await layers.linear({ ...inner, value: layers.gelu(inner.value) }, `${name}.fc2`);
  return { ...heard, value: layers.add(heard.value, outer.value) };
}
