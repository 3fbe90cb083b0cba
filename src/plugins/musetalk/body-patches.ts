import { type FileHandle, open } from 'node:fs/promises';
import type { AvatarRef } from '../../api/avatar.ts';
import { frameByteLength, type Rect } from '../../api/media.ts';
import { AppError, messageOf } from '../../base/errors.ts';

/** Cuts pieces out of an avatar's unpacked body frames. */
export class BodyPatches implements AsyncDisposable {
  readonly #ref: AvatarRef;
  readonly #body: FileHandle;
  #rows = new Uint8Array(0);

  private constructor(ref: AvatarRef, body: FileHandle) {
    this.#ref = ref;
    this.#body = body;
  }

  /** @throws AppError AVATAR_BROKEN when the frames cannot be opened or are too short. */
  static async open(ref: AvatarRef): Promise<BodyPatches> {
    const body = await open(ref.bodyPath).catch((cause) => {
      throw unreadable(ref, messageOf(cause), cause);
    });
    const { size } = await body.stat();
    if (size < ref.manifest.frameCount * frameByteLength('i420', ref.manifest)) {
      await body.close();
      throw unreadable(ref, 'the unpacked frames are too short');
    }
    return new BodyPatches(ref, body);
  }

  /** A frame's picture over an even rectangle inside it, I420, into `target`. @throws AppError AVATAR_BROKEN. */
  async read(index: number, rect: Rect, target: Uint8Array): Promise<void> {
    const { width: frameWidth, height: frameHeight } = this.#ref.manifest;
    const base = index * frameByteLength('i420', this.#ref.manifest);
    const chroma = frameWidth * frameHeight;
    const half = { x: rect.x >> 1, y: rect.y >> 1, width: rect.width >> 1, height: rect.height >> 1 };
    let to = await this.#readPlane(base, frameWidth, rect, target, 0);
    to = await this.#readPlane(base + chroma, frameWidth >> 1, half, target, to);
    await this.#readPlane(base + chroma + (chroma >> 2), frameWidth >> 1, half, target, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#body.close();
  }

  /** Whole rows come in one read; their middle is copied. @returns where the next plane goes. */
  async #readPlane(planeAt: number, stride: number, rect: Rect, target: Uint8Array, to: number): Promise<number> {
    const length = stride * rect.height;
    if (this.#rows.length < length) this.#rows = new Uint8Array(length);
    const rows = this.#rows.subarray(0, length);
    const { bytesRead } = await this.#body.read(rows, 0, length, planeAt + rect.y * stride);
    if (bytesRead < length) throw unreadable(this.#ref, 'the unpacked frames end too early');
    for (let row = 0; row < rect.height; row++) {
      const start = row * stride + rect.x;
      target.set(rows.subarray(start, start + rect.width), to + row * rect.width);
    }
    return to + rect.width * rect.height;
  }
}

/** What is said of an avatar whose files MuseTalk cannot use. */
export function unreadable({ manifest }: AvatarRef, why: string, cause?: unknown): AppError {
  return new AppError('AVATAR_BROKEN', `The avatar "${manifest.id}" cannot be used by MuseTalk: ${why}.`, {
    fix: `Check it: musecam avatars check ${manifest.id}`,
    cause,
  });
}
