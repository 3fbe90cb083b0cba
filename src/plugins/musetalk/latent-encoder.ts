import { join } from 'node:path';
import type { Rect, Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import { plainPathOf } from '../../onnx/onnx-graph.ts';
import { Network, type Provider, providerTitle } from '../../onnx/open-network.ts';
import { networkFile } from './convert.ts';
import { cropFace } from './crop-face.ts';
import { FRAME_LATENTS } from './latents-file.ts';
import { ENCODER_CHECK_FILE, readEncoderCheck } from './numeric-check.ts';

/** Root of the mean square that a provider's latents of the test picture may be from the stored ones; they are about 1. */
const MOST_DIFFERENCE = 0.02;

/** The VAE's encoder: pictures of faces to MuseTalk's latents. */
export class LatentEncoder implements AsyncDisposable {
  readonly provider: Provider;
  readonly #network: Network;

  private constructor(network: Network, provider: Provider) {
    this.#network = network;
    this.provider = provider;
  }

  /**
   * Opens it on the first of the providers that is there and gives the numbers that were stored with the model.
   * @throws AppError NO_PROVIDER, MODEL_BROKEN.
   */
  static async open(folder: string, providers: readonly Provider[], threads: number): Promise<LatentEncoder> {
    const expected = await readEncoderCheck(folder);
    const reasons: string[] = [];
    const path = join(folder, networkFile('encoder'));
    const ways = providers.flatMap((provider) =>
      (provider === 'webgpu' ? [path, plainPathOf(path)] : [path]).map((file) => ({ provider, file })),
    );
    for (const { provider, file } of ways) {
      try {
        const encoder = new LatentEncoder(await Network.open(file, { provider, threads }), provider);
        const difference = distanceOf(await encoder.#run(checkPicture()), expected);
        if (difference <= MOST_DIFFERENCE) return encoder;
        reasons.push(`${providerTitle(provider)} gives wrong numbers (${difference.toFixed(2)} from the reference).`);
        await encoder[Symbol.asyncDispose]();
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        reasons.push(thrown.message);
      }
    }
    throw new AppError('NO_PROVIDER', `MuseTalk's encoder cannot run here. ${reasons.join(' ')}`, {
      fix: `Check the model, ${ENCODER_CHECK_FILE} included: musecam models verify`,
    });
  }

  /**
   * Latents of a face: Float32 [8, 32, 32], the lower half masked, then the reference.
   * @param pixels RGB24 of `size`. @param box of the face in it.
   */
  async encode(pixels: Uint8Array, size: Size, box: Rect): Promise<Float32Array> {
    const { masked, reference } = cropFace(pixels, size, box);
    const latents = new Float32Array(FRAME_LATENTS);
    // One after the other: on a processor a batch of two needs twice the memory and gains nothing.
    latents.set(await this.#run(masked));
    latents.set(await this.#run(reference), FRAME_LATENTS / 2);
    return latents;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }

  async #run(picture: Float32Array): Promise<Float32Array> {
    const { latents } = await this.#network.run({
      picture: this.#network.tensor(picture, [1, 3, FACE_SIDE, FACE_SIDE]),
    });
    return latents!.data as Float32Array;
  }

  /** Computes what the model's file of expected latents holds, on the processor. */
  static async computeCheck(folder: string, threads: number): Promise<Float32Array> {
    const network = await Network.open(join(folder, networkFile('encoder')), { provider: 'cpu', threads });
    await using encoder = new LatentEncoder(network, 'cpu');
    return (await encoder.#run(checkPicture())).slice();
  }
}

/** Soft waves of colour: a picture that encoders see as one. Float32 [3, 256, 256] of -1 … 1. */
function checkPicture(): Float32Array {
  return Float32Array.from({ length: 3 * FACE_SIDE * FACE_SIDE }, (_, i) => {
    const x = i % FACE_SIDE;
    const y = Math.floor(i / FACE_SIDE) % FACE_SIDE;
    const channel = Math.floor(i / (FACE_SIDE * FACE_SIDE));
    return 0.6 * Math.sin(x / (9 + channel * 4)) * Math.cos(y / (13 - channel * 3));
  });
}

function distanceOf(values: Float32Array, expected: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < expected.length; at++) sum += (values[at]! - expected[at]!) ** 2;
  return Math.sqrt(sum / expected.length);
}
