import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { WHISPER_MELS } from '../../onnx/build-whisper.ts';
import { type AttentionForm, plainPathOf } from '../../onnx/onnx-graph.ts';
import { Network, type Provider, providerTitle } from '../../onnx/open-network.ts';
import { LIVE_MEL_FRAMES, networkFile } from './convert.ts';

/** How to open Whisper's encoder. */
export interface HearingNetworkOptions {
  readonly folder: string;
  /** `live`: the last two seconds. `parity`: 30 s at once. */
  readonly graph: 'live' | 'parity';
  /** What the faces are made on; the encoder runs there or on the processor, whichever is faster. */
  readonly provider: Provider;
  readonly threads: number;
  /** Which of the 1500 learned positions a live window begins with. */
  readonly position: number;
  readonly log: Log;
}

/** Timed runs of each way. */
const TIMED_RUNS = 5;
/** Farther from the processor's states than this (they are about 1) a GPU hears something else. */
const MOST_DIFFERENCE = 0.05;

/** Whisper's encoder, on whatever is fastest for so small a network. */
export class HearingNetwork implements AsyncDisposable {
  readonly provider: Provider;
  /** Milliseconds of one run, median. */
  readonly runMs: number;
  readonly #network: Network;
  readonly #melFrames: number;
  readonly #positions: Int32Array | undefined;

  private constructor(network: Network, provider: Provider, runMs: number, positions: Int32Array | undefined) {
    this.#network = network;
    this.provider = provider;
    this.runMs = runMs;
    this.#melFrames = Number(network.inputShape('mel')[2]);
    this.#positions = positions;
  }

  /** @throws AppError MODEL_BROKEN. */
  static async open(options: HearingNetworkOptions): Promise<HearingNetwork> {
    const onProcessor = await HearingNetwork.#openOn('cpu', 'fused', options);
    // Thirty seconds at once happen off line only, where nobody waits for a millisecond.
    if (options.provider === 'cpu' || options.graph === 'parity') return onProcessor;
    const forms = options.provider === 'webgpu' ? (['fused', 'plain'] as const) : (['fused'] as const);
    for (const form of forms) {
      const onGpu = await tryOnGpu(() => HearingNetwork.#openOn(options.provider, form, options), onProcessor, options);
      if (!onGpu) continue;
      const loser = onGpu.runMs < onProcessor.runMs ? onProcessor : onGpu;
      await loser[Symbol.asyncDispose]();
      return loser === onGpu ? onProcessor : onGpu;
    }
    return onProcessor;
  }

  /**
   * Log-mel Float32 [80, T] to the hidden states of all layers, Float32 [T / 2, 5, channels].
   * @throws AppError GPU_LOST, MODEL_BROKEN.
   */
  async encode(mel: Float32Array): Promise<Float32Array> {
    const network = this.#network;
    const positions = this.#positions;
    const { states } = await network.run({
      mel: network.tensor(mel, [1, WHISPER_MELS, this.#melFrames]),
      ...(positions ? { positions: network.tensor(positions, [positions.length]) } : {}),
    });
    return states!.data as Float32Array;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }

  static async #openOn(
    provider: Provider,
    form: AttentionForm,
    options: HearingNetworkOptions,
  ): Promise<HearingNetwork> {
    const { folder, graph, threads, position } = options;
    const path = join(folder, networkFile(graph === 'live' ? 'whisper-live' : 'whisper-parity'));
    const network = await Network.open(form === 'fused' ? path : plainPathOf(path), { provider, threads });
    const positions = Int32Array.from({ length: LIVE_MEL_FRAMES / 2 }, (_, token) => position + token);
    const own = graph === 'live' ? positions : undefined;
    const opened = new HearingNetwork(network, provider, 0, own);
    if (graph === 'parity') return opened;
    const times: number[] = [];
    for (let run = 0; run <= TIMED_RUNS; run++) {
      const startMs = performance.now();
      await opened.encode(checkMel(LIVE_MEL_FRAMES));
      if (run > 0) times.push(performance.now() - startMs);
    }
    return new HearingNetwork(network, provider, times.sort((a, b) => a - b)[TIMED_RUNS >> 1]!, own);
  }
}

/** Opened, and hearing the same as the processor; undefined otherwise. */
async function tryOnGpu(
  open: () => Promise<HearingNetwork>,
  onProcessor: HearingNetwork,
  { log, provider }: HearingNetworkOptions,
): Promise<HearingNetwork | undefined> {
  let onGpu: HearingNetwork | undefined;
  try {
    onGpu = await open();
    const difference = await differenceOf(onGpu, onProcessor);
    log.info(
      `hearing: ${onProcessor.runMs.toFixed(1)} ms on the processor, ${onGpu.runMs.toFixed(1)} ms with ` +
        `${providerTitle(provider)}, ${difference.toFixed(4)} apart`,
    );
    if (difference <= MOST_DIFFERENCE) return onGpu;
  } catch (thrown) {
    log.info(`hearing: not with ${providerTitle(provider)}, because ${messageOf(thrown)}`);
  }
  await onGpu?.[Symbol.asyncDispose]();
  return undefined;
}

/** Root of the mean square between what two of them hear. */
async function differenceOf(a: HearingNetwork, b: HearingNetwork): Promise<number> {
  const mel = checkMel(LIVE_MEL_FRAMES);
  const [first, second] = [(await a.encode(mel)).slice(), await b.encode(mel)];
  let sum = 0;
  for (let at = 0; at < first.length; at++) sum += (first[at]! - second[at]!) ** 2;
  return Math.sqrt(sum / first.length);
}

/** Something like speech to a log-mel: bands that come and go. */
function checkMel(frames: number): Float32Array {
  return Float32Array.from({ length: WHISPER_MELS * frames }, (_, i) => {
    const [band, frame] = [Math.floor(i / frames), i % frames];
    return Math.sin(band / 5 + frame / 13) * Math.cos(frame / 7) - 0.3;
  });
}
