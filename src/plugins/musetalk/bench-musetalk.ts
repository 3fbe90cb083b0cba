import { FRAME_MS } from '../../api/media.ts';
import { messageOf } from '../../base/errors.ts';
import { disposeTensors, type Provider, providerTitle } from '../../onnx/open-network.ts';
import { askNvidia } from './ask-nvidia.ts';
import { type BenchPrecision, Stand, type StandOptions, type Way } from './bench-stand.ts';
import { checkInput, compareFaces, type FaceDifference, isCloseEnough } from './numeric-check.ts';
import { ReadBack } from './read-back.ts';
import { disposeLatents } from './resident.ts';

/** What is timed: see {@link benchMusetalk}. */
type BenchStage =
  | 'whisper'
  | 'whisper-parity'
  | 'unet'
  | 'decoder'
  | 'decoder-tiny'
  | 'composite'
  | 'frame'
  | 'frame-tiny';

/** Times of one stage in ms a call: a call of batch 4 makes four faces. */
export interface BenchRow {
  readonly provider: Provider;
  readonly precision: BenchPrecision;
  readonly batch: number;
  readonly stage: BenchStage;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /**
   * Processor time of this process, all threads, median: what a call costs where the clock also counts other programs'
   * turns, and what a GPU leaves to the processor.
   */
  readonly processorMs: number;
  /** Timed calls. */
  readonly runs: number;
  /** Of `frame` and `frame-tiny` of batch 1: whether 95 of 100 frames are done within a frame's time. */
  readonly holds25Fps?: boolean;
}

/** Memory while a way was open. */
interface BenchMemory extends Way {
  /** Bytes of the weights of UNet and decoders. */
  readonly networkBytes: number;
  /** Bytes of the avatar. */
  readonly avatarBytes: number;
  /** Resident bytes of this process. */
  readonly rssBytes: number;
  /** Bytes of the GPU's memory that all programs together use, where `nvidia-smi` tells. */
  readonly gpuUsedBytes?: number;
}

/** How far a face is from another one that should be the same; differences of bytes. */
interface BenchDifference extends Way, FaceDifference {
  /** `reference`: made on the processor. `fp32`: made by the same provider. */
  readonly against: 'reference' | 'fp32';
}

/** What was measured. */
export interface BenchReport {
  readonly rows: readonly BenchRow[];
  readonly memory: readonly BenchMemory[];
  readonly differences: readonly BenchDifference[];
  /** What could not be measured and why. */
  readonly left: readonly (Way & { readonly reason: string })[];
  readonly notes: readonly string[];
}

/** What to measure. */
export interface BenchOptions extends Omit<StandOptions, 'way'> {
  readonly ways: readonly Way[];
  /** Faces a call; by default 1 on a processor and 1, 2, 4, 8 elsewhere. */
  readonly batches?: readonly number[] | undefined;
  /** Most calls of a stage; by default 10 on a processor and 100 elsewhere. */
  readonly runs?: number | undefined;
  /** How long one stage may go on, in ms: it ends after the call that passes it. */
  readonly boxMs?: number;
  readonly onProgress: (done: number, total: number, note: string) => void;
  readonly signal: AbortSignal;
}

const BOX_MS = 20_000;
const WARM_UP_RUNS = 5;
/** A call that takes longer is warmed up once. */
const SLOW_MS = 500;
const MOST_RUNS = { cpu: 10, gpu: 100 } as const;
const BATCHES = { cpu: [1], gpu: [1, 2, 4, 8] } as const;
/** Stages that do not depend on the precision: Whisper and the compositor are always in single precision. */
const COMMON_STAGES = 3;

/** The ways that are measured where nobody says which: a processor has no half precision worth the name. */
export function benchWays(providers: readonly Provider[], precision?: BenchPrecision | 'all'): readonly Way[] {
  const all = ['fp16', 'fp32'] as const;
  return providers.flatMap((provider) => {
    const usual = provider === 'cpu' ? (['fp32'] as const) : all;
    const precisions = precision === undefined ? usual : precision === 'all' ? all : [precision];
    return precisions.map((one) => ({ provider, precision: one }));
  });
}

/** Whether and why not a provider can be used here, found out without any weights. */
export async function probeProvider(provider: Provider, workFolder: string): Promise<string | undefined> {
  try {
    await using _probe = await ReadBack.open(workFolder, provider);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/**
 * Times MuseTalk's networks, each call waited for until its result is in memory or known to be computed:
 * - `whisper`: the live window of 2 s, log-mel to states; `whisper-parity`: 30 s, as MuseTalk's own tool hears them.
 * - `unet`, `decoder`, `decoder-tiny`: latents and audio to latents, latents to faces, which stay where they are.
 * - `composite`: a face into a frame's patch, I420 in memory.
 * - `frame`, `frame-tiny`: a frame's index and audio tokens in, the finished patch in memory out; batch patches.
 */
export async function benchMusetalk(options: BenchOptions): Promise<BenchReport> {
  const bench = new Bench(options);
  for (const provider of new Set(options.ways.map((way) => way.provider))) await bench.runProvider(provider);
  return bench.report();
}

class Bench {
  readonly #options: BenchOptions;
  readonly #rows: BenchRow[] = [];
  readonly #memory: BenchMemory[] = [];
  readonly #differences: BenchDifference[] = [];
  readonly #left: (Way & { reason: string })[] = [];
  readonly #notes: string[] = [];
  #done = 0;
  readonly #total: number;

  constructor(options: BenchOptions) {
    this.#options = options;
    const providers = new Set(options.ways.map(({ provider }) => provider));
    this.#total = options.ways.reduce((sum, way) => sum + this.#stageCount(way), providers.size * COMMON_STAGES);
  }

  report(): BenchReport {
    const [rows, memory, differences] = [this.#rows, this.#memory, this.#differences];
    return { rows, memory, differences, left: this.#left, notes: this.#notes };
  }

  async runProvider(provider: Provider): Promise<void> {
    const ways = this.#options.ways.filter((way) => way.provider === provider);
    const faces = new Map<BenchPrecision, Uint8Array>();
    const before = this.#done;
    let isCommonDone = false;
    for (const way of ways) {
      this.#options.signal.throwIfAborted();
      try {
        await using stand = await Stand.open({ ...this.#options, way });
        faces.set(way.precision, stand.face);
        this.#judge(stand);
        if (!isCommonDone) await this.#runCommon(stand);
        isCommonDone = true;
        for (const batch of this.#batchesOf(provider)) await this.#runBatch(stand, batch);
        await this.#noteMemory(stand);
      } catch (thrown) {
        this.#options.signal.throwIfAborted();
        this.#left.push({ ...way, reason: messageOf(thrown) });
      }
    }
    this.#done = before + COMMON_STAGES + ways.reduce((sum, way) => sum + this.#stageCount(way), 0);
    const [half, single] = [faces.get('fp16'), faces.get('fp32')];
    if (half && single)
      this.#differences.push({ provider, precision: 'fp16', against: 'fp32', ...compareFaces(half, single) });
  }

  /** What does not depend on the precision of UNet and decoders. */
  async #runCommon(stand: Stand): Promise<void> {
    const way = { provider: stand.way.provider, precision: 'fp32' } as const;
    for (const graph of ['live', 'parity'] as const) {
      const stage = graph === 'live' ? 'whisper' : 'whisper-parity';
      try {
        await using hearing = await stand.openHearing(graph);
        await this.#time(way, stage, 1, hearing.run);
      } catch (thrown) {
        this.#options.signal.throwIfAborted();
        this.#notes.push(`${providerTitle(way.provider)}, ${stage}: ${messageOf(thrown)}`);
      }
    }
    const { networks, resident } = stand;
    const { audio } = checkInput(networks.channels);
    const latents = await resident.latentsAt([0]);
    using faces = await networks.make(latents, audio, 'full', resident.wanted);
    disposeLatents(latents);
    await this.#time(way, 'composite', 1, async () => {
      await resident.paint({ index: 0, shot: { faces, at: 0 }, gain: 1 });
    });
  }

  async #runBatch(stand: Stand, batch: number): Promise<void> {
    const { networks, resident, readBack, way } = stand;
    const { audio } = checkInput(networks.channels, batch);
    const indices = Array.from({ length: batch }, (_, at) => at % this.#options.avatar.manifest.frameCount);
    const latents = await resident.latentsAt(indices);
    const made = await networks.runUnet(latents, audio);
    try {
      await this.#time(way, 'unet', batch, async () => {
        const one = await networks.runUnet(latents, audio);
        await readBack.settle(one);
        disposeTensors([one]);
      });
      for (const decoder of networks.decoders) {
        await this.#time(way, decoder === 'full' ? 'decoder' : 'decoder-tiny', batch, async () => {
          using faces = await networks.runDecoder(made, decoder, 'tensor');
          await readBack.settle(faces.tensor!);
        });
      }
    } finally {
      disposeTensors([made]);
      disposeLatents(latents);
    }
    for (const decoder of networks.decoders) {
      await this.#time(way, decoder === 'full' ? 'frame' : 'frame-tiny', batch, () =>
        stand.makeFrames(indices, audio, decoder),
      );
    }
  }

  async #time(way: Way, stage: BenchStage, batch: number, run: () => Promise<void>): Promise<void> {
    const { signal, onProgress, boxMs = BOX_MS } = this.#options;
    const runs = this.#options.runs ?? MOST_RUNS[kindOf(way.provider)];
    const times: number[] = [];
    const processorTimes: number[] = [];
    onProgress(this.#done, this.#total, `${providerTitle(way.provider)} ${way.precision}: ${stage}, batch ${batch}`);
    const timed = async () => {
      signal.throwIfAborted();
      const before = process.cpuUsage();
      const startMs = performance.now();
      await run();
      const tookMs = performance.now() - startMs;
      const { user, system } = process.cpuUsage(before);
      return { tookMs, processorMs: (user + system) / 1000 };
    };
    // The first call compiles shaders and fills caches.
    for (let call = 0; call < WARM_UP_RUNS; call++) if ((await timed()).tookMs > SLOW_MS) break;
    const endMs = performance.now() + boxMs;
    while (times.length < runs && (times.length === 0 || performance.now() < endMs)) {
      const { tookMs, processorMs } = await timed();
      times.push(tookMs);
      processorTimes.push(processorMs);
    }
    const processorMs = percentilesOf(processorTimes).p50Ms;
    const row = { ...way, batch, stage, ...percentilesOf(times), processorMs, runs: times.length };
    const isFrame = batch === 1 && (stage === 'frame' || stage === 'frame-tiny');
    this.#rows.push(isFrame ? { ...row, holds25Fps: row.p95Ms <= FRAME_MS } : row);
    this.#done++;
    onProgress(this.#done, this.#total, '');
  }

  #judge({ way, difference, networks }: Stand): void {
    this.#differences.push({ ...way, against: 'reference', ...difference });
    const name = `${providerTitle(way.provider)} ${way.precision}`;
    if (networks.attention === 'plain')
      this.#notes.push(`${name}: the fused attention gives wrong numbers here, measured with the plain one.`);
    if (!isCloseEnough(difference, networks.precision))
      this.#notes.push(`${name}: its faces are farther from the reference than MuseCam allows; only its speed counts.`);
  }

  async #noteMemory({ way, networks, resident }: Stand): Promise<void> {
    const gpu = way.provider === 'cpu' ? undefined : await askNvidia();
    this.#memory.push({
      ...way,
      networkBytes: networks.bytes,
      avatarBytes: resident.bytes,
      rssBytes: process.memoryUsage.rss(),
      ...(gpu ? { gpuUsedBytes: gpu.usedBytes } : {}),
    });
  }

  #batchesOf(provider: Provider): readonly number[] {
    return this.#options.batches ?? BATCHES[kindOf(provider)];
  }

  /** UNet, decoders and whole frames, for every batch. */
  #stageCount({ provider }: Way): number {
    return this.#batchesOf(provider).length * (this.#options.hasTinyDecoder ? 5 : 3);
  }
}

function kindOf(provider: Provider): 'cpu' | 'gpu' {
  return provider === 'cpu' ? 'cpu' : 'gpu';
}

function percentilesOf(times: readonly number[]): Pick<BenchRow, 'p50Ms' | 'p95Ms' | 'p99Ms'> {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const ms = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
    return Math.round(ms * 1000) / 1000;
  };
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
