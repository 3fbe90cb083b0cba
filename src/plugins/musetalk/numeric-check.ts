import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIO_TOKENS } from '../../onnx/build-unet.ts';
import type { Precision } from '../../onnx/onnx-graph.ts';
import { FACE_BYTES, FaceNetworks } from './face-networks.ts';
import { FRAME_LATENTS } from './latents-file.ts';

/** File in a model's folder: the face that the model makes of {@link checkInput} on the processor, RGB24 of 256x256. */
export const CHECK_FILE = 'check.rgb';

/** How far a provider's face may be from the stored one: mean of all bytes' differences, of 255. */
const MOST: Readonly<Record<Precision, number>> = { float32: 0.5, float16: 4 };

/** What a comparison of two faces gave; differences of bytes. */
export interface FaceDifference {
  readonly mean: number;
  readonly worst: number;
}

/** Made-up latents and audio, the same on every machine. @param count how many faces' worth; each has its own. */
export function checkInput(channels: number, count = 1): { latents: Float32Array; audio: Float32Array } {
  let state = 0x2545f491;
  const next = () => {
    // Marsaglia, Xorshift RNGs (2003): 13, 17, 5.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
  const latents = Float32Array.from({ length: count * FRAME_LATENTS }, next);
  const audio = Float32Array.from({ length: count * AUDIO_TOKENS * channels }, next);
  return { latents, audio };
}

/** The face that a model makes of the made-up input. */
export async function makeCheckFace(networks: FaceNetworks): Promise<Uint8Array> {
  const { latents, audio } = checkInput(networks.channels);
  using made = await networks.make(networks.latentsTensor(latents), audio, 'full', 'bytes');
  return made.bytes!.slice(0, FACE_BYTES);
}

/** Computes what {@link CHECK_FILE} holds, on the processor. */
export async function computeCheck(folder: string, precision: Precision, threads: number): Promise<Uint8Array> {
  await using networks = await FaceNetworks.open({
    ...{ folder, provider: 'cpu', precision, threads, decoders: ['full'] },
  });
  return await makeCheckFace(networks);
}

/** The stored face of a model. */
export function readCheck(folder: string): Promise<Uint8Array> {
  return readFile(join(folder, CHECK_FILE));
}

/** Compares two faces byte by byte. */
export function compareFaces(face: Uint8Array, expected: Uint8Array): FaceDifference {
  let [sum, worst] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    const difference = Math.abs(face[at]! - expected[at]!);
    sum += difference;
    if (difference > worst) worst = difference;
  }
  // A face of another length is of another network.
  if (face.length !== expected.length) return { mean: 255, worst: 255 };
  return { mean: sum / expected.length, worst };
}

/** Whether a provider with such a difference may be used. */
export function isCloseEnough({ mean }: FaceDifference, precision: Precision): boolean {
  return mean <= MOST[precision];
}

/** File in a model's folder: the encoder's latents of a made-up picture, Float32 little endian [4, 32, 32]. */
export const ENCODER_CHECK_FILE = 'check.latents.f32';

/** The stored latents of a model. */
export async function readEncoderCheck(folder: string): Promise<Float32Array> {
  const bytes = await readFile(join(folder, ENCODER_CHECK_FILE));
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
