import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIO_TOKENS } from '../../onnx/build-unet.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import { type AttentionForm, type Precision, plainPathOf } from '../../onnx/onnx-graph.ts';
import { disposeTensors, Network, type Provider, type Tensor } from '../../onnx/open-network.ts';
import { networkFile } from './convert.ts';

/** Which network turns latents into a picture: Stable Diffusion's VAE, or TAESD with a twentieth of its arithmetic. */
export type Decoder = 'full' | 'tiny';

/** Bytes of one face, RGB24 of 256x256. */
export const FACE_BYTES = FACE_SIDE * FACE_SIDE * 3;

/** Faces that were made together. Dispose when they are not shown any more. */
export interface MadeFaces extends Disposable {
  readonly count: number;
  /** Float32 [count, 3, 256, 256] of about 0 … 255, where the network runs. */
  readonly tensor?: Tensor;
  /** Uint8 [count, 256, 256, 3], in memory. */
  readonly bytes?: Uint8Array;
}

/** What {@link FaceNetworks.open} opens. */
export interface FaceNetworksOptions {
  readonly folder: string;
  readonly provider: Provider;
  readonly precision: Precision;
  /** `fused` unless said otherwise. */
  readonly attention?: AttentionForm;
  readonly threads: number;
  readonly decoders: readonly Decoder[];
  /** Refuse networks of which a node would run on the processor. */
  readonly isStrict?: boolean;
}

/** MuseTalk's UNet and decoders, resident on one provider. */
export class FaceNetworks implements AsyncDisposable {
  readonly provider: Provider;
  readonly precision: Precision;
  readonly attention: AttentionForm;
  /** Numbers of one audio token: 384. */
  readonly channels: number;
  /** Bytes of their weights. */
  readonly bytes: number;
  readonly #unet: Network;
  readonly #decoders: ReadonlyMap<Decoder, Network>;
  readonly #toBytes: Network;

  private constructor(
    options: FaceNetworksOptions,
    { unet, decoders, toBytes }: { unet: Network; decoders: ReadonlyMap<Decoder, Network>; toBytes: Network },
    bytes: number,
  ) {
    this.provider = options.provider;
    this.precision = options.precision;
    this.attention = options.attention ?? 'fused';
    this.channels = Number(unet.inputShape('audio')[2]);
    this.#unet = unet;
    this.#decoders = decoders;
    this.#toBytes = toBytes;
    this.bytes = bytes;
  }

  /** @throws AppError PROVIDER_MISSING, MODEL_BROKEN, ONNX_RUNTIME_MISSING. */
  static async open(options: FaceNetworksOptions): Promise<FaceNetworks> {
    const { folder, provider, precision, threads, isStrict = false } = options;
    const opened: Network[] = [];
    let bytes = 0;
    const open = async (file: string, extra: { gpuOutputs?: readonly string[]; layout?: 'NCHW' }) => {
      const path = join(folder, file);
      const hasForms = options.attention === 'plain' && existsSync(plainPathOf(path));
      const network = await Network.open(hasForms ? plainPathOf(path) : path, {
        provider,
        threads,
        isStrict,
        ...extra,
      });
      opened.push(network);
      bytes += await stat(`${path}.bin`).then(
        ({ size }) => size,
        () => 0,
      );
      return network;
    };
    try {
      const unet = await open(networkFile('unet', precision), { gpuOutputs: ['made'] });
      const decoders = new Map<Decoder, Network>();
      for (const decoder of options.decoders) {
        const file = networkFile(decoder === 'full' ? 'decoder' : 'decoder-tiny', precision);
        decoders.set(decoder, await open(file, { gpuOutputs: ['face'] }));
      }
      // Transposes of bytes run on a GPU in this layout only.
      const toBytes = await open(networkFile('to-bytes'), { layout: 'NCHW' });
      return new FaceNetworks(options, { unet, decoders, toBytes }, bytes);
    } catch (thrown) {
      for (const network of opened) await network[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get decoders(): readonly Decoder[] {
    return [...this.#decoders.keys()];
  }

  /** Numbers in memory as latents. @param latents Float32 [count, 8, 32, 32]. */
  latentsTensor(latents: Float32Array): Tensor {
    return this.#unet.tensor(latents, [latents.length / (8 * 32 * 32), 8, 32, 32]);
  }

  /**
   * Makes faces. @param latents [count, 8, 32, 32]. @param audio Float32 [count, 50, channels], without positions.
   * @param wanted `tensor` to composite where the network runs, `bytes` to composite here.
   * @throws AppError GPU_LOST, MODEL_BROKEN.
   */
  async make(latents: Tensor, audio: Float32Array, decoder: Decoder, wanted: 'tensor' | 'bytes'): Promise<MadeFaces> {
    const count = latents.dims[0]!;
    const { made } = await this.#unet.run({
      latents,
      audio: this.#unet.tensor(audio, [count, AUDIO_TOKENS, this.channels]),
    });
    try {
      return await this.#decode(made!, decoder, wanted, count);
    } finally {
      disposeTensors([made!]);
    }
  }

  /** The UNet's part alone, for benchmarks. */
  async runUnet(latents: Tensor, audio: Float32Array): Promise<Tensor> {
    const audioTensor = this.#unet.tensor(audio, [latents.dims[0]!, AUDIO_TOKENS, this.channels]);
    return (await this.#unet.run({ latents, audio: audioTensor })).made!;
  }

  /** The decoder's part alone, for benchmarks. */
  async runDecoder(made: Tensor, decoder: Decoder, wanted: 'tensor' | 'bytes'): Promise<MadeFaces> {
    return this.#decode(made, decoder, wanted, made.dims[0]!);
  }

  async #decode(made: Tensor, decoder: Decoder, wanted: 'tensor' | 'bytes', count: number): Promise<MadeFaces> {
    const { face } = await this.#decoders.get(decoder)!.run({ made });
    if (wanted === 'tensor') return { count, tensor: face!, [Symbol.dispose]: () => disposeTensors([face!]) };
    try {
      const { bytes } = await this.#toBytes.run({ face: face! });
      return { count, bytes: bytes!.data as Uint8Array, [Symbol.dispose]() {} };
    } finally {
      disposeTensors([face!]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const network of [this.#unet, ...this.#decoders.values(), this.#toBytes]) await network[Symbol.asyncDispose]();
  }
}
