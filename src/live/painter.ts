import type { Pose } from '../api/avatar.ts';
import type { FacePatch, Size } from '../api/media.ts';
import { pastePatch } from '../media/paste.ts';
import type { FramePool, PooledFrame } from './frame-pool.ts';

/** A prepared avatar as the show sees it. */
export interface ShowAvatar extends Size {
  readonly id: string;
  pose(frame: number): Pose;
}

/** Puts a face into its body frame. Touches only the patch; the rest is one copy of the prepared picture. */
export class Painter {
  readonly #pool: FramePool;

  constructor(pool: FramePool) {
    this.#pool = pool;
  }

  /** A finished picture, held once by the caller. Without a patch: the avatar at rest. */
  paste(patch: FacePatch | undefined, pose: Pose): PooledFrame {
    const frame = this.#pool.take();
    frame.data.set(pose.body);
    if (patch) pastePatch(frame.data, this.#pool.size, patch, pose.mask, pose.faceBox);
    return frame;
  }
}
