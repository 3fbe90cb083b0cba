import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { addTinyDecoder } from '../../onnx/build-tiny-vae.ts';
import { AUDIO_TOKENS, addUnet, LATENT_SIDE } from '../../onnx/build-unet.ts';
import { addVaeDecoder, addVaeEncoder, FACE_SIDE } from '../../onnx/build-vae.ts';
import { addWhisperEncoder, WHISPER_MELS } from '../../onnx/build-whisper.ts';
import { type Checkpoint, countNumbers } from '../../onnx/checkpoint.ts';
import { OnnxGraph, type Precision, type Value } from '../../onnx/onnx-graph.ts';
import { openSafetensors } from '../../onnx/safetensors.ts';
import { openTorchFile } from '../../onnx/torch-file.ts';

/** Paths of the weights. */
export interface MusetalkWeights {
  readonly unet: string;
  readonly vae: string;
  readonly whisper: string;
  readonly tinyVae?: string | undefined;
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
const LIVE_MEL_FRAMES = 200;
const PARITY_MEL_FRAMES = 3000;
/** ONNX's numbers for types, as Cast wants them. */
const CAST = { float32: 1, float16: 10 } as const;
/** Short names of precisions in file names. */
const SHORT = { float32: 'fp32', float16: 'fp16' } as const;

/** Name of a converted network's file. */
function networkFile(
  network: 'face' | 'face-tiny' | 'encoder' | 'whisper-live' | 'whisper-parity',
  precision: Precision = 'float32',
): string {
  return `${network}.${SHORT[precision]}.onnx`;
}

/**
 * Converts MuseTalk's checkpoints into the ONNX networks this program runs, in `folder`:
 * - `face`: latents [batch, 8, 32, 32] and audio [batch, 50, channels] to the finished face, bytes [batch, 256, 256, 3];
 *   UNet and VAE decoder in one graph. `face-tiny` is the same with TAESD.
 * - `encoder`: pictures [batch, 3, 256, 256] of -1 … 1 to latents.
 * - `whisper-live` and `whisper-parity`: log-mel to hidden states.
 *
 * Inputs are float32 whatever the precision. Weights are read and written tensor by tensor.
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
  for (const precision of options.precisions) {
    const face = (decoder: Checkpoint, add: typeof addVaeDecoder) => (graph: OnnxGraph) =>
      buildFace(graph, unet, (latents) => add(graph, decoder, latents));
    plans.push({
      name: networkFile('face', precision),
      precision,
      reads: [unet, vae],
      build: face(vae, addVaeDecoder),
    });
    if (tinyVae) {
      const build = face(tinyVae, addTinyDecoder);
      plans.push({ name: networkFile('face-tiny', precision), precision, reads: [unet, tinyVae], build });
    }
  }
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

async function buildFace(
  graph: OnnxGraph,
  unet: Checkpoint,
  addDecoder: (latents: Value) => Promise<Value>,
): Promise<void> {
  const audioChannels = unet.tensors.get('down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight')?.shape[1];
  const latents = graph.input('latents', 'float32', ['batch', 8, LATENT_SIDE, LATENT_SIDE]);
  const audio = graph.input('audio', 'float32', ['batch', AUDIO_TOKENS, audioChannels ?? 0]);
  const made = await addUnet(graph, unet, inPrecision(graph, latents), inPrecision(graph, audio));
  graph.output('face', 'uint8', ['batch', FACE_SIDE, FACE_SIDE, 3], await addDecoder(made));
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
  const states = await addWhisperEncoder(graph, whisper, mel, { melFrames, isLastStateRaw });
  graph.output('states', 'float32', [1, melFrames / 2, 'states', 'channels'], states);
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

/** The opened checkpoints; counts what is read of them, and stops when the signal aborts. */
class OpenWeights implements AsyncDisposable {
  onRead: (numbers: number) => void = () => {};
  readonly #signal: AbortSignal;
  readonly #open: Checkpoint[] = [];
  #numbers = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async add(path: string): Promise<Checkpoint> {
    const checkpoint = await (path.endsWith('.safetensors') ? openSafetensors(path) : openTorchFile(path));
    this.#open.push(checkpoint);
    return {
      path,
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
