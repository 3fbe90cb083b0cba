import type { AvatarRef } from '../../api/avatar.ts';
import { frameByteLength, type Rect } from '../../api/media.ts';
import { i420ToRgb24, rgb24ToI420 } from '../../media/color.ts';
import type { Tensor } from '../../onnx/open-network.ts';
import { BodyPatches } from './body-patches.ts';
import { FACE_BYTES, type FaceNetworks } from './face-networks.ts';
import { type ImportedFaces, patchesAround, readImported } from './imported-files.ts';
import { pasteThrough } from './paste-exact.ts';
import { type PaintOptions, pickLatents, type Resident, shownFace } from './resident.ts';

/**
 * An avatar that MuseTalk itself prepared, in this process's memory: every frame has a box of its own size, and faces are
 * pasted in RGB by MuseTalk's arithmetic. Pixels of which the mask lets nothing through stay bit for bit.
 */
export class ImportedResident implements Resident {
  readonly place = 'processor';
  readonly wanted = 'bytes';
  readonly bytes: number;
  readonly #body: BodyPatches;
  readonly #faces: ImportedFaces;
  readonly #rects: readonly Rect[];
  readonly #latents: Float32Array;
  readonly #networks: Pick<FaceNetworks, 'latentsTensor'>;
  readonly #mask: Uint8Array;
  readonly #rgb: Uint8Array;
  readonly #picture: Uint8Array;
  readonly #painted: Uint8Array;
  readonly #mixed = new Uint8Array(FACE_BYTES);

  private constructor(
    ref: AvatarRef,
    body: BodyPatches,
    faces: ImportedFaces,
    latents: Float32Array,
    networks: Pick<FaceNetworks, 'latentsTensor'>,
  ) {
    this.#body = body;
    this.#faces = faces;
    this.#rects = patchesAround(faces.boxes, ref.manifest);
    this.#latents = latents;
    this.#networks = networks;
    const size = this.#rects[0]!;
    this.#mask = new Uint8Array(size.width * size.height);
    this.#rgb = new Uint8Array(frameByteLength('rgb24', size));
    this.#picture = new Uint8Array(frameByteLength('i420', size));
    this.#painted = new Uint8Array(this.#picture.length);
    this.bytes = latents.byteLength + faces.masks.byteLength;
  }

  /** @param latents Float32 [frameCount, 8, 32, 32]. @throws AppError AVATAR_BROKEN. */
  static async open(
    ref: AvatarRef,
    latents: Float32Array,
    networks: Pick<FaceNetworks, 'latentsTensor'>,
  ): Promise<ImportedResident> {
    const faces = await readImported(ref);
    return new ImportedResident(ref, await BodyPatches.open(ref), faces, latents, networks);
  }

  async latentsAt(indices: readonly number[]): Promise<Tensor> {
    return this.#networks.latentsTensor(pickLatents(this.#latents, indices));
  }

  async paint({ index, gain, ...shown }: PaintOptions): Promise<{ rect: Rect; data: Uint8Array }> {
    const rect = this.#rects[index]!;
    const box = this.#faces.boxes[index]!;
    const picture = this.#picture;
    await this.#body.read(index, rect, picture);
    const mask = this.#maskAt(index, gain);
    i420ToRgb24(picture, rect, this.#rgb);
    pasteThrough(this.#rgb, rect, {
      face: shownFace(shown, this.#mixed),
      box: { ...box, x: box.x - rect.x, y: box.y - rect.y },
      mask,
      area: { x: 0, y: 0, width: rect.width, height: rect.height },
    });
    rgb24ToI420(this.#rgb, rect, this.#painted);
    takeMasked(picture, this.#painted, mask, rect);
    return { rect, data: picture };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#body[Symbol.asyncDispose]();
  }

  #maskAt(index: number, gain: number): Uint8Array {
    const { length } = this.#mask;
    const mask = this.#faces.masks.subarray(index * length, (index + 1) * length);
    if (gain >= 1) return mask;
    for (let at = 0; at < length; at++) this.#mask[at] = Math.round(mask[at]! * gain);
    return this.#mask;
  }
}

/** Takes over what was painted: brightness where the mask is not 0, colour in 2x2 blocks in which it is not 0 everywhere. */
function takeMasked(picture: Uint8Array, painted: Uint8Array, mask: Uint8Array, { width, height }: Rect): void {
  const chroma = width * height;
  const half = width >> 1;
  const quarter = chroma >> 2;
  for (let at = 0; at < chroma; at++) if (mask[at] !== 0) picture[at] = painted[at]!;
  for (let y = 0; y < height; y += 2)
    for (let x = 0; x < width; x += 2) {
      const at = y * width + x;
      if (mask[at] === 0 && mask[at + 1] === 0 && mask[at + width] === 0 && mask[at + width + 1] === 0) continue;
      const to = chroma + (y >> 1) * half + (x >> 1);
      picture[to] = painted[to]!;
      picture[to + quarter] = painted[to + quarter]!;
    }
}
