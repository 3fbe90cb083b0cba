import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import { Scope } from '../../base/scope.ts';
import { WHISPER_MELS } from '../../onnx/build-whisper.ts';
import { type AttentionForm, type Precision, plainPathOf } from '../../onnx/onnx-graph.ts';
import { Network, type Provider } from '../../onnx/open-network.ts';
import { networkFile } from './convert.ts';
import { type Decoder, FaceNetworks } from './face-networks.ts';
import {
  checkInput,
  compareFaces,
  type FaceDifference,
  isCloseEnough,
  makeCheckFace,
  readCheck,
} from './numeric-check.ts';
import { ReadBack } from './read-back.ts';
import { CpuResident, disposeLatents, GpuResident, type Resident } from './resident.ts';

/** Precisions by the names people type. */
export const BENCH_PRECISIONS = { fp16: 'float16', fp32: 'float32' } as const satisfies Record<string, Precision>;
/** A precision as people type it. */
export type BenchPrecision = keyof typeof BENCH_PRECISIONS;

/** One way to run the networks, as the figures name it. */
export interface Way {
  readonly provider: Provider;
  readonly precision: BenchPrecision;
}

/** What a stand is made of. */
export interface StandOptions {
  readonly way: Way;
  /** Folder with the networks and the face they make on the processor. */
  readonly folder: string;
  readonly avatar: AvatarRef;
  readonly hasTinyDecoder: boolean;
  /** Folder for small files that are gone when this returns. */
  readonly workFolder: string;
}

/** One way, opened, with an avatar to put faces into. */
export class Stand implements AsyncDisposable {
  readonly way: Way;
  readonly networks: FaceNetworks;
  readonly resident: Resident;
  readonly readBack: ReadBack;
  /** What it makes of the made-up input, and how far that is from the reference. */
  readonly face: Uint8Array;
  readonly difference: FaceDifference;

  readonly #folder: string;
  readonly #scope: Scope;

  private constructor(
    { way, folder }: StandOptions,
    scope: Scope,
    parts: Pick<Stand, 'networks' | 'resident' | 'readBack' | 'face' | 'difference'>,
  ) {
    this.way = way;
    this.#folder = folder;
    this.#scope = scope;
    this.networks = parts.networks;
    this.resident = parts.resident;
    this.readBack = parts.readBack;
    this.face = parts.face;
    this.difference = parts.difference;
  }

  static async open(options: StandOptions): Promise<Stand> {
    const scope = new Scope();
    try {
      const { networks, ...check } = await openRight(options);
      scope.use(networks);
      const resident = scope.use(await openResident(networks, options));
      const readBack = scope.use(await ReadBack.open(options.workFolder, networks.provider));
      return new Stand(options, scope, { networks, resident, readBack, ...check });
    } catch (thrown) {
      await scope.close();
      throw thrown;
    }
  }

  /** What the engine does for frames that are drawn together: from indices and tokens to patches in memory. */
  async makeFrames(indices: readonly number[], audio: Float32Array, decoder: Decoder): Promise<void> {
    const { networks, resident } = this;
    const latents = await resident.latentsAt(indices);
    try {
      using faces = await networks.make(latents, audio, decoder, resident.wanted);
      for (const [at, index] of indices.entries()) await resident.paint({ index, shot: { faces, at }, gain: 1 });
    } finally {
      disposeLatents(latents);
    }
  }

  /** Whisper where the faces are made. @param graph as in {@link HearingNetworkOptions}. */
  async openHearing(graph: 'live' | 'parity'): Promise<AsyncDisposable & { readonly run: () => Promise<void> }> {
    const path = join(this.#folder, networkFile(graph === 'live' ? 'whisper-live' : 'whisper-parity'));
    const isPlain = this.networks.attention === 'plain';
    const network = await Network.open(isPlain ? plainPathOf(path) : path, {
      ...{ provider: this.way.provider, threads: availableParallelism() },
    });
    const frames = Number(network.inputShape('mel')[2]);
    const mel = Float32Array.from({ length: WHISPER_MELS * frames }, (_, at) => Math.sin(at / 13) * Math.cos(at / 7));
    const positions = Int32Array.from({ length: frames / 2 }, (_, at) => at);
    const inputs = {
      mel: network.tensor(mel, [1, WHISPER_MELS, frames]),
      ...(graph === 'live' ? { positions: network.tensor(positions, [positions.length]) } : {}),
    };
    return {
      // The states come to memory: that they are here means that they are computed.
      run: async () => {
        await network.run(inputs);
      },
      [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#scope.close();
  }
}

/** The networks in the first form of attention whose numbers are right; the fused one where none is. */
async function openRight({
  way: { provider, precision },
  folder,
  hasTinyDecoder,
}: StandOptions): Promise<Pick<Stand, 'networks' | 'face' | 'difference'>> {
  const decoders: readonly Decoder[] = hasTinyDecoder ? ['full', 'tiny'] : ['full'];
  const threads = availableParallelism();
  const reference = await readCheck(folder);
  const open = async (attention: AttentionForm) => {
    const settings = { folder, provider, precision: BENCH_PRECISIONS[precision], attention, threads, decoders };
    const networks = await FaceNetworks.open(settings);
    try {
      const face = await makeCheckFace(networks);
      return { networks, face, difference: compareFaces(face, reference) };
    } catch (thrown) {
      await networks[Symbol.asyncDispose]();
      throw thrown;
    }
  };
  const fused = await open('fused');
  if (provider !== 'webgpu' || isCloseEnough(fused.difference, fused.networks.precision)) return fused;
  await fused.networks[Symbol.asyncDispose]();
  const plain = await open('plain');
  if (isCloseEnough(plain.difference, plain.networks.precision)) return plain;
  await plain.networks[Symbol.asyncDispose]();
  return open('fused');
}

/** As the engine has it: on WebGPU in the GPU's memory, elsewhere in this process's. Its latents are made up. */
function openResident(networks: FaceNetworks, { avatar, workFolder }: StandOptions): Promise<Resident> {
  const { latents } = checkInput(networks.channels, avatar.manifest.frameCount);
  if (networks.provider !== 'webgpu') return CpuResident.open(avatar, latents, networks);
  return GpuResident.open(avatar, latents, { folder: workFolder, provider: networks.provider });
}
