import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { AvatarRef } from '../../api/avatar.ts';
import type { Rect } from '../../api/media.ts';
import { readMasks } from '../../avatar/read-masks.ts';
import { messageOf } from '../../base/errors.ts';
import { BodyPatches, unreadable } from './body-patches.ts';
import { ENGINE_KEY, MASKS_PATH } from './latents-file.ts';

/**
 * What of an avatar's frames a generated face can change: the part of the face box that some frame's mask covers, the same
 * part in every frame, so that everything that is made for it has one size. MuseTalk's masks leave the upper half alone.
 */
export class AvatarCrops implements AsyncDisposable {
  /** The part, in pixels of the face box; even. */
  readonly region: Rect;
  readonly frameCount: number;
  readonly #ref: AvatarRef;
  readonly #body: BodyPatches;
  readonly #masks: Uint8Array;
  readonly #box: Rect;

  private constructor(ref: AvatarRef, body: BodyPatches, masks: Uint8Array, isWhole: boolean) {
    this.#ref = ref;
    this.#body = body;
    this.#masks = masks;
    this.#box = ref.manifest.faceBoxes[0]!;
    this.frameCount = ref.manifest.frameCount;
    const { width, height } = this.#box;
    this.region = isWhole ? { x: 0, y: 0, width, height } : coveredPart(masks, this.#box, this.frameCount);
  }

  /**
   * @param isWhole takes the whole face box as the part.
   * @throws AppError AVATAR_BROKEN when masks or frames cannot be read.
   */
  static async open(ref: AvatarRef, { isWhole = false } = {}): Promise<AvatarCrops> {
    const masks = await readOwnMasks(ref);
    return new AvatarCrops(ref, await BodyPatches.open(ref), masks, isWhole);
  }

  /** Where the part lies in a body frame, in pixels; even. */
  rectAt(index: number): Rect {
    const { x, y } = this.#ref.manifest.faceBoxes[index]!;
    const { region } = this;
    return { x: x + region.x, y: y + region.y, width: region.width, height: region.height };
  }

  /** A frame's mask over the part: Uint8 `[region height, region width]`, into `target`. */
  readMask(index: number, target: Uint8Array): void {
    const { x, y, width, height } = this.region;
    const from = index * this.#box.width * this.#box.height;
    for (let row = 0; row < height; row++) {
      const start = from + (y + row) * this.#box.width + x;
      target.set(this.#masks.subarray(start, start + width), row * width);
    }
  }

  /** A frame's picture over the part, I420, into `target`. */
  async readBody(index: number, target: Uint8Array): Promise<void> {
    await this.#body.read(index, this.rectAt(index), target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#body[Symbol.asyncDispose]();
  }
}

/** The smallest even rectangle that holds every mask's pixels; the whole box where no mask has any. */
function coveredPart(masks: Uint8Array, box: Rect, frameCount: number): Rect {
  const { width, height } = box;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let frame = 0; frame < frameCount; frame++)
    for (let y = 0; y < height; y++) {
      const start = (frame * height + y) * width;
      const row = masks.subarray(start, start + width);
      const first = row.findIndex((value) => value > 0);
      if (first < 0) continue;
      left = Math.min(left, first);
      right = Math.max(right, row.findLastIndex((value) => value > 0) + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  if (right <= left) return { x: 0, y: 0, width, height };
  const [x, y] = [left & ~1, top & ~1];
  return { x, y, width: ((right + 1) & ~1) - x, height: ((bottom + 1) & ~1) - y };
}

/** The parsing network's masks where the avatar has them, else those every avatar has. */
async function readOwnMasks(ref: AvatarRef): Promise<Uint8Array> {
  const { manifest, folder } = ref;
  if (!manifest.engines[ENGINE_KEY]?.files.some(({ path }) => path === MASKS_PATH)) return readMasks(folder, manifest);
  const { width, height } = manifest.faceBoxes[0]!;
  const expected = manifest.frameCount * width * height;
  try {
    const packed = await readFile(join(folder, MASKS_PATH));
    const masks = await promisify(gunzip)(packed, { maxOutputLength: expected });
    if (masks.length !== expected) throw new Error(`${MASKS_PATH} has ${masks.length} bytes, not ${expected}`);
    return masks;
  } catch (thrown) {
    throw unreadable(ref, messageOf(thrown), thrown);
  }
}
