import type { Pose } from '../api/avatar.ts';
import type { FacePatch, Size } from '../api/media.ts';
import { drawLabel, type Label } from '../media/label.ts';
import { letterbox, letterboxMatte } from '../media/letterbox.ts';
import { pasteMatte, pastePatch } from '../media/paste.ts';
import { FramePool, type PooledFrame } from './frame-pool.ts';

/** A prepared avatar as the show sees it. Its size need not be the show's. */
export interface ShowAvatar extends Size {
  /** The id under which the face engine holds it. */
  readonly id: string;
  /** One picture: at rest it is shown as it is. The person of a clip may talk in it; only a drawn mouth is at rest. */
  readonly isStill: boolean;
  pose(frame: number): Pose;
  /** Keeps its pictures readable until what this returns is disposed, also when it is replaced meanwhile. */
  hold?(): Disposable;
}

/** Pictures of avatars of other sizes than the show's: scratch memory is kept for this many sizes. */
const MAX_OTHER_SIZES = 3;

/** Puts a face into its body frame, and that into the show's frame. A frame costs one read of the prepared picture. */
export class Painter {
  readonly #pool: FramePool;
  /** By width and height, the one used longest ago first. */
  readonly #scratch = new Map<string, FramePool>();
  /** Drawn over every picture as the last step; undefined for none. Made for the show's size. */
  label: Label | undefined;

  constructor(pool: FramePool) {
    this.#pool = pool;
  }

  /** Size of the finished pictures. */
  get size(): Size {
    return this.#pool.size;
  }

  /**
   * A finished picture, held once by the caller. Without a patch: the avatar at rest.
   * @param size the avatar's; default: the show's. An avatar of another size is scaled, with black bars (in the matte:
   *   transparent ones) where the shapes differ.
   */
  async paste(patch: FacePatch | undefined, pose: Pose, size: Size = this.#pool.size): Promise<PooledFrame> {
    const { width, height } = this.#pool.size;
    const frame = this.#pool.take();
    try {
      if (size.width === width && size.height === height) await paint(frame, patch, pose);
      else await this.#paintScaled(frame, patch, pose, size);
      if (this.label) drawLabel(frame.data, this.#pool.size, this.label);
      if (this.label && frame.alpha) raiseMatte(frame.alpha, width, this.label);
      return frame;
    } catch (thrown) {
      frame[Symbol.dispose]();
      throw thrown;
    }
  }

  async #paintScaled(frame: PooledFrame, patch: FacePatch | undefined, pose: Pose, size: Size): Promise<void> {
    using own = this.#scratchOf(size).take();
    await paint(own, patch, pose);
    letterbox(own.data, size, frame.data, frame);
    if (own.alpha) letterboxMatte(own.alpha, size, frame.needAlpha(), frame);
  }

  #scratchOf({ width, height }: Size): FramePool {
    const key = `${width}x${height}`;
    const pool = this.#scratch.get(key) ?? new FramePool({ width, height });
    this.#scratch.delete(key);
    this.#scratch.set(key, pool);
    const [oldest] = this.#scratch.keys();
    if (this.#scratch.size > MAX_OTHER_SIZES && oldest !== undefined) this.#scratch.delete(oldest);
    return pool;
  }
}

/** A label is seen on transparent ground, too. */
function raiseMatte(matte: Uint8Array, width: number, { rect, alpha }: Label): void {
  for (let row = 0; row < rect.height; row++) {
    const to = (rect.y + row) * width + rect.x;
    for (let x = 0; x < rect.width; x++) matte[to + x] = Math.max(matte[to + x]!, alpha[row * rect.width + x]!);
  }
}

/** The avatar's own picture into a frame of its size. */
async function paint(frame: PooledFrame, patch: FacePatch | undefined, pose: Pose): Promise<void> {
  await pose.readBody(frame.data);
  if (pose.readAlpha) await pose.readAlpha(frame.needAlpha());
  if (!patch) return;
  // An opaque patch needs no mask, and a clip's masks are read when they are asked for.
  if (patch.format === 'i420') pastePatch(frame.data, frame, patch);
  else pastePatch(frame.data, frame, patch, pose.mask, pose.faceBox);
  if (frame.alpha && patch.alpha) pasteMatte(frame.alpha, frame, patch.alpha, patch.rect);
}
