import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { addFaceParser, PARSER_SIDE } from '../../onnx/build-face-parser.ts';
import { addTinyDecoder } from '../../onnx/build-tiny-vae.ts';
import { AUDIO_TOKENS, addUnet, LATENT_SIDE } from '../../onnx/build-unet.ts';
import { addVaeDecoder, addVaeEncoder, FACE_SIDE } from '../../onnx/build-vae.ts';
import { addWhisperEncoder, WHISPER_MELS } from '../../onnx/build-whisper.ts';
import { type Checkpoint, countNumbers } from '../../onnx/checkpoint.ts';
import { addBytes } from '../../onnx/layers.ts';
import { OnnxGraph, type Precision, type Value } from '../../onnx/onnx-graph.ts';
import { openSafetensors } from '../../onnx/safetensors.ts';
import { openTorchFile } from '../../onnx/torch-file.ts';

/** Paths of the weights, or the weights themselves, which then stay open. */
export interface MusetalkWeights {
  readonly unet: string | Checkpoint;
  readonly vae: string | Checkpoint;
  readonly whisper: string | Checkpoint;
  readonly tinyVae?: string | Checkpoint | undefined;
}

/** How to convert. */
export interface ConvertOptions {
  readonly precisions: readonly Precision[];
  /** MuseTalk 1.0 hears Whisper's last state before its normalisation. */
  readonly isLastStateRaw: boolean;
  /** How much of all numbers has been read, 0 … 1, and which file is being written. */
  readonly onProgress?: (fraction: number, file: string) => void;
  readonly signal: AbortSignal;
}

/** Mel frames of the live window (2 s) and of training (30 s). */
export const LIVE_MEL_FRAMES = 200;
const PARITY_MEL_FRAMES = 3000;
/** ONNX's numbers for types, as Cast wants them. */
const CAST = { float32: 1, float16: 10 } as const;
/** Short names of precisions in file names. */
const SHORT = { float32: 'fp32', float16: 'fp16' } as const;

/** The networks a model is converted into. Those in half precision too are run for every frame. */
export type NetworkName =
  | 'unet'
  | 'decoder'
  | 'decoder-tiny'
  | 'to-bytes'
  | 'encoder'
  | 'whisper-live'
  | 'whisper-parity'
  | 'face-parser';

/** Name of a converted network's file. */
export function networkFile(network: NetworkName, precision: Precision = 'float32'): string {
  return `${network}.${SHORT[precision]}.onnx`;
}

/**
 * Converts MuseTalk's checkpoints into the ONNX networks this program runs, in `folder`:
 * - `unet`: `latents` [batch, 8, 32, 32] and `audio` [batch, 50, channels] to `made` [batch, 4, 32, 32].
 * - `decoder` and `decoder-tiny` (TAESD): `made` to `face` [batch, 3, 256, 256] of about 0 … 255, for a network that
 *   composites it or for `to-bytes`, which makes `bytes` uint8 [batch, 256, 256, 3] of it.
 * - `encoder`: `picture` [batch, 3, 256, 256] of -1 … 1 to `latents` [batch, 4, 32, 32].
 * - `whisper-live` (with `positions`, int32 [100]) and `whisper-parity`: `mel` to `states` [1, T / 2, 5, channels].
 *
 * Inputs and outputs are float32 whatever the precision. Weights are read and written tensor by tensor.
 * @returns the files' names. @throws AppError CHECKPOINT_BROKEN, CHECKPOINT_MISMATCH.
 */
export async function convertMusetalk(
  weights: MusetalkWeights,
  folder: string,
  options: ConvertOptions,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  await using open = new OpenWeights(options.signal);
  const [unet, vae, whisper] = [
    await open.add(weights.unet),
    await open.add(weights.vae),
    await open.add(weights.whisper),
  ];
  const tinyVae = weights.tinyVae ? await open.add(weights.tinyVae) : undefined;
  const plans = planNetworks({ unet, vae, whisper, tinyVae }, options);
  const total = plans.reduce((sum, plan) => sum + sizeOf(plan.reads), 0);
  const names: string[] = [];
  for (const { name, precision, build } of plans) {
    open.onRead = (numbers) => options.onProgress?.(Math.min(1, numbers / total), name);
    await using graph = await OnnxGraph.create(join(folder, name), precision);
    await build(graph);
    await graph.finish({ 'musecam.network': name });
    names.push(name);
  }
  options.onProgress?.(1, names.at(-1)!);
  return names;
}

/**
 * Converts a face parser's checkpoint: `picture` float32 [1, 3, 512, 512] to `classes`, 19 of them, uint8 [1, 512, 512].
 * @returns the file's name. @throws AppError CHECKPOINT_BROKEN, CHECKPOINT_MISMATCH.
 */
export async function convertFaceParser(
  path: string,
  folder: string,
  { signal, onProgress }: Pick<ConvertOptions, 'signal' | 'onProgress'>,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  await using open = new OpenWeights(signal);
  const checkpoint = await open.add(path);
  const name = networkFile('face-parser');
  const total = sizeOf([checkpoint]);
  open.onRead = (numbers) => onProgress?.(Math.min(1, numbers / total), name);
  await using graph = await OnnxGraph.create(join(folder, name), 'float32');
  const picture = graph.input('picture', 'float32', [1, 3, PARSER_SIDE, PARSER_SIDE]);
  const { classes } = await addFaceParser(graph, checkpoint, picture);
  graph.output('classes', 'uint8', [1, PARSER_SIDE, PARSER_SIDE], classes);
  await graph.finish({ 'musecam.network': name });
  return [name];
}

interface Plan {
  readonly name: string;
  readonly precision: Precision;
  readonly reads: readonly Checkpoint[];
  build(graph: OnnxGraph): Promise<void>;
}

interface Sources {
  readonly unet: Checkpoint;
  readonly vae: Checkpoint;
  readonly whisper: Checkpoint;
  readonly tinyVae: Checkpoint | undefined;
}

function planNetworks({ unet, vae, whisper, tinyVae }: Sources, options: ConvertOptions): readonly Plan[] {
  const { isLastStateRaw } = options;
  const plans: Plan[] = [];
  const decoders = [
    ['decoder', vae, addVaeDecoder],
    ['decoder-tiny', tinyVae, addTinyDecoder],
  ] as const;
  for (const precision of options.precisions) {
    const build = (graph: OnnxGraph) => buildUnet(graph, unet);
    plans.push({ name: networkFile('unet', precision), precision, reads: [unet], build });
    for (const [network, checkpoint, add] of decoders) {
      if (!checkpoint) continue;
      const build = (graph: OnnxGraph) => buildDecoder(graph, (latents) => add(graph, checkpoint, latents));
      plans.push({ name: networkFile(network, precision), precision, reads: [checkpoint], build });
    }
  }
  plans.push({
    name: networkFile('to-bytes'),
    precision: 'float32',
    reads: [],
    build: async (graph) => buildToBytes(graph),
  });
  // Preparation and hearing are small and exact: float32.
  plans.push({
    name: networkFile('encoder'),
    precision: 'float32',
    reads: [vae],
    build: (graph) => buildEncoder(graph, vae),
  });
  for (const [network, melFrames] of [
    ['whisper-live', LIVE_MEL_FRAMES],
    ['whisper-parity', PARITY_MEL_FRAMES],
  ] as const) {
    const build = (graph: OnnxGraph) => buildWhisper(graph, whisper, melFrames, isLastStateRaw);
    plans.push({ name: networkFile(network), precision: 'float32', reads: [whisper], build });
  }
  return plans;
}

async function buildUnet(graph: OnnxGraph, unet: Checkpoint): Promise<void> {
  const audioChannels = unet.tensors.get('down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight')?.shape[1];
  const latents = graph.input('latents', 'float32', ['batch', 8, LATENT_SIDE, LATENT_SIDE]);
  const audio = graph.input('audio', 'float32', ['batch', AUDIO_TOKENS, audioChannels ?? 0]);
  const made = await addUnet(graph, unet, inPrecision(graph, latents), inPrecision(graph, audio));
  graph.output('made', 'float32', ['batch', 4, LATENT_SIDE, LATENT_SIDE], asFloat(graph, made));
}

async function buildDecoder(graph: OnnxGraph, addDecoder: (latents: Value) => Promise<Value>): Promise<void> {
  const made = graph.input('made', 'float32', ['batch', 4, LATENT_SIDE, LATENT_SIDE]);
  const face = await addDecoder(inPrecision(graph, made));
  graph.output('face', 'float32', ['batch', 3, FACE_SIDE, FACE_SIDE], asFloat(graph, face));
}

function buildToBytes(graph: OnnxGraph): void {
  const face = graph.input('face', 'float32', ['batch', 3, FACE_SIDE, FACE_SIDE]);
  graph.output('bytes', 'uint8', ['batch', FACE_SIDE, FACE_SIDE, 3], addBytes(graph, face));
}

async function buildEncoder(graph: OnnxGraph, vae: Checkpoint): Promise<void> {
  const picture = graph.input('picture', 'float32', ['batch', 3, FACE_SIDE, FACE_SIDE]);
  const latents = await addVaeEncoder(graph, vae, picture);
  graph.output('latents', 'float32', ['batch', 4, LATENT_SIDE, LATENT_SIDE], latents);
}

async function buildWhisper(
  graph: OnnxGraph,
  whisper: Checkpoint,
  melFrames: number,
  isLastStateRaw: boolean,
): Promise<void> {
  const mel = graph.input('mel', 'float32', [1, WHISPER_MELS, melFrames]);
  const positions = melFrames < PARITY_MEL_FRAMES ? graph.input('positions', 'int32', [melFrames / 2]) : undefined;
  const states = await addWhisperEncoder(graph, whisper, mel, {
    ...{ melFrames, isLastStateRaw },
    ...(positions ? { positions } : {}),
  });
  graph.output('states', 'float32', [1, melFrames / 2, 'states', 'channels'], states);
}

function asFloat(graph: OnnxGraph, value: Value): Value {
  return graph.precision === 'float32' ? value : graph.op('Cast', [value], { to: CAST.float32 });
}

function inPrecision(graph: OnnxGraph, value: Value): Value {
  return graph.precision === 'float32' ? value : graph.op('Cast', [value], { to: CAST[graph.precision] });
}

function sizeOf(checkpoints: readonly Checkpoint[]): number {
  let numbers = 0;
  for (const { path, tensors } of checkpoints)
    for (const { name, shape } of tensors.values()) numbers += countNumbers(shape, path, name);
  return numbers;
}

function openFile(path: string): Promise<Checkpoint> {
  return path.endsWith('.safetensors') ? openSafetensors(path) : openTorchFile(path);
}

/** The opened checkpoints; counts what is read of them, and stops when the signal aborts. */
class OpenWeights implements AsyncDisposable {
  onRead: (numbers: number) => void = () => {};
  readonly #signal: AbortSignal;
  readonly #open: Checkpoint[] = [];
  #numbers = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async add(given: string | Checkpoint): Promise<Checkpoint> {
    const checkpoint = typeof given === 'string' ? await openFile(given) : given;
    if (typeof given === 'string') this.#open.push(checkpoint);
    return {
      path: checkpoint.path,
      tensors: checkpoint.tensors,
      read: async (name) => {
        this.#signal.throwIfAborted();
        const values = await checkpoint.read(name);
        this.#numbers += values.length;
        this.onRead(this.#numbers);
        return values;
      },
      [Symbol.asyncDispose]: () => checkpoint[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const checkpoint of this.#open) await checkpoint[Symbol.asyncDispose]();
  }
}
