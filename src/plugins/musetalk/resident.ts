import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AvatarRef } from '../../api/avatar.ts';
import type { Rect } from '../../api/media.ts';
import { pastePatch } from '../../media/paste.ts';
import { FACE_SIDE } from '../../onnx/build-vae.ts';
import { disposeTensors, Network, type Provider, type Tensor } from '../../onnx/open-network.ts';
import { AvatarCrops } from './avatar-crops.ts';
import { residentBytes, writeCompositor, writeLatentPicker } from './build-compositor.ts';
import { FACE_BYTES, type FaceNetworks, type MadeFaces } from './face-networks.ts';
import { FRAME_LATENTS } from './latents-file.ts';

/** One of the faces that were made together. */
export interface FaceShot {
  readonly faces: MadeFaces;
  readonly at: number;
}

/** How a face is put into a body frame. */
export interface PaintOptions {
  /** Index of the body frame. */
  readonly index: number;
  readonly shot: FaceShot;
  /** Another face, and how much of it is seen, 0 … 1. */
  readonly other?: FaceShot | undefined;
  readonly mix?: number;
  /** How much of the face is seen, 0 … 1. */
  readonly gain: number;
}

/** An avatar held ready: its latents to make faces from, and its crops and masks to put them into. */
export interface Resident extends AsyncDisposable {
  readonly place: 'processor' | 'gpu';
  readonly bytes: number;
  /** In which form it wants faces. */
  readonly wanted: 'tensor' | 'bytes';
  /** Latents [indices, 8, 32, 32] of body frames; dispose them with {@link disposeTensors}. */
  latentsAt(indices: readonly number[]): Promise<Tensor>;
  /** The finished patch, I420 of `rect`, valid until the next call. */
  paint(options: PaintOptions): Promise<{ readonly rect: Rect; readonly data: Uint8Array }>;
}

/**
 * An avatar in GPU memory: latents, crops and masks are initializers of two small networks. For a frame an index goes up
 * and a finished patch of constant size comes down.
 */
export class GpuResident implements Resident {
  readonly place = 'gpu';
  readonly wanted = 'tensor';
  readonly bytes: number;
  readonly #picker: Network;
  readonly #compositor: Network;
  readonly #rects: readonly Rect[];

  private constructor(picker: Network, compositor: Network, rects: readonly Rect[], bytes: number) {
    this.#picker = picker;
    this.#compositor = compositor;
    this.#rects = rects;
    this.bytes = bytes;
  }

  /**
   * @param latents Float32 [frameCount, 8, 32, 32]. @param folder for files that are gone again when this returns.
   * @param provider `cpu` runs the same networks on the processor, for tests.
   * @throws AppError AVATAR_BROKEN, GPU_LOST, PROVIDER_MISSING.
   */
  static async open(
    ref: AvatarRef,
    latents: Float32Array,
    { folder, provider, isStrict = false }: { folder: string; provider: Provider; isStrict?: boolean },
  ): Promise<GpuResident> {
    const work = join(folder, `resident-${process.pid}-${randomBytes(4).toString('hex')}`);
    await mkdir(work, { recursive: true });
    await using crops = await AvatarCrops.open(ref);
    let picker: Network | undefined;
    try {
      const paths = { picker: join(work, 'latents.onnx'), compositor: join(work, 'compositor.onnx') };
      await writeLatentPicker(paths.picker, latents);
      await writeCompositor(paths.compositor, crops, ref.manifest.faceBoxes[0]!);
      const options = { provider, layout: 'NCHW', isStrict } as const;
      picker = await Network.open(paths.picker, { ...options, gpuOutputs: ['latents'] });
      const compositor = await Network.open(paths.compositor, options);
      const rects = Array.from({ length: crops.frameCount }, (_, index) => crops.rectAt(index));
      return new GpuResident(picker, compositor, rects, residentBytes(crops));
    } catch (thrown) {
      await picker?.[Symbol.asyncDispose]();
      throw thrown;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async latentsAt(indices: readonly number[]): Promise<Tensor> {
    const index = this.#picker.tensor(Int32Array.from(indices), [indices.length]);
    return (await this.#picker.run({ index })).latents!;
  }

  async paint({ index, shot, other = shot, mix = 0, gain }: PaintOptions): Promise<{ rect: Rect; data: Uint8Array }> {
    const network = this.#compositor;
    const whole = (value: number) => network.tensor(Int32Array.of(value), [1]);
    const share = (value: number) => network.tensor(Float32Array.of(value), [1]);
    const { patch } = await network.run({
      ...{ index: whole(index), mix: share(mix), gain: share(gain) },
      ...{ face: shot.faces.tensor!, faceAt: whole(shot.at) },
      ...{ other: other.faces.tensor!, otherAt: whole(other.at) },
    });
    return { rect: this.#rects[index]!, data: patch!.data as Uint8Array };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#picker[Symbol.asyncDispose]();
    await this.#compositor[Symbol.asyncDispose]();
  }
}

/** An avatar in this process's memory: faces come as bytes and are pasted by the same kernel as everything else. */
export class CpuResident implements Resident {
  readonly place = 'processor';
  readonly wanted = 'bytes';
  readonly bytes: number;
  readonly #crops: AvatarCrops;
  readonly #latents: Float32Array;
  readonly #networks: Pick<FaceNetworks, 'latentsTensor'>;
  readonly #mask: Uint8Array;
  readonly #shownMask: Uint8Array;
  readonly #picture: Uint8Array;
  readonly #mixed = new Uint8Array(FACE_BYTES);

  private constructor(crops: AvatarCrops, latents: Float32Array, networks: Pick<FaceNetworks, 'latentsTensor'>) {
    this.#crops = crops;
    this.#latents = latents;
    this.#networks = networks;
    const pixels = crops.region.width * crops.region.height;
    this.#mask = new Uint8Array(pixels);
    this.#shownMask = new Uint8Array(pixels);
    this.#picture = new Uint8Array((pixels * 3) >> 1);
    this.bytes = latents.byteLength + crops.frameCount * pixels;
  }

  /** @throws AppError AVATAR_BROKEN. */
  static async open(
    ref: AvatarRef,
    latents: Float32Array,
    networks: Pick<FaceNetworks, 'latentsTensor'>,
  ): Promise<CpuResident> {
    return new CpuResident(await AvatarCrops.open(ref, { isWhole: true }), latents, networks);
  }

  async latentsAt(indices: readonly number[]): Promise<Tensor> {
    return this.#networks.latentsTensor(pickLatents(this.#latents, indices));
  }

  async paint({ index, gain, ...shown }: PaintOptions): Promise<{ rect: Rect; data: Uint8Array }> {
    const rect = this.#crops.rectAt(index);
    const { width, height } = rect;
    await this.#crops.readBody(index, this.#picture);
    const data = shownFace(shown, this.#mixed);
    const box = { x: 0, y: 0, width, height };
    const size = { width: FACE_SIDE, height: FACE_SIDE };
    const patch = { frame: 0, avatarId: '', rect: box, format: 'rgb24', data, size } as const;
    pastePatch(this.#picture, { width, height }, patch, this.#maskOf(index, gain), box);
    return { rect, data: this.#picture };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crops[Symbol.asyncDispose]();
  }

  #maskOf(index: number, gain: number): Uint8Array {
    this.#crops.readMask(index, this.#mask);
    if (gain >= 1) return this.#mask;
    for (let at = 0; at < this.#mask.length; at++) this.#shownMask[at] = Math.round(this.#mask[at]! * gain);
    return this.#shownMask;
  }
}

/** Gives back what {@link Resident.latentsAt} gave. */
export function disposeLatents(latents: Tensor): void {
  disposeTensors([latents]);
}

/** Latents of some frames, in the order asked for. @param latents Float32 [frameCount, 8, 32, 32]. */
export function pickLatents(latents: Float32Array, indices: readonly number[]): Float32Array {
  const part = (index: number) => latents.subarray(index * FRAME_LATENTS, (index + 1) * FRAME_LATENTS);
  const [first = 0] = indices;
  if (indices.length === 1) return part(first);
  const picked = new Float32Array(indices.length * FRAME_LATENTS);
  indices.forEach((index, place) => {
    picked.set(part(index), place * FRAME_LATENTS);
  });
  return picked;
}

/** The face that is seen, RGB24 of 256x256: a mixture in `mixed` where there is another one. */
export function shownFace(
  { shot, other, mix = 0 }: Pick<PaintOptions, 'shot' | 'other' | 'mix'>,
  mixed: Uint8Array,
): Uint8Array {
  const face = bytesOf(shot);
  return other && mix > 0 ? mixBytes(face, bytesOf(other), mix, mixed) : face;
}

function bytesOf({ faces, at }: FaceShot): Uint8Array {
  return faces.bytes!.subarray(at * FACE_BYTES, (at + 1) * FACE_BYTES);
}

function mixBytes(face: Uint8Array, other: Uint8Array, mix: number, out: Uint8Array): Uint8Array {
  for (let at = 0; at < out.length; at++) out[at] = Math.round(face[at]! + (other[at]! - face[at]!) * mix);
  return out;
}
