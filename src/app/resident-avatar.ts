import type { AvatarRef, Pose } from '../api/avatar.ts';
import type { FrameIndex } from '../api/media.ts';
import type { LoadedAvatar } from '../avatar/load-avatar.ts';
import type { ShowAvatar } from '../live/painter.ts';

/**
 * What an engine keeps of an avatar besides its files, in bytes for each pixel of the face box: measured for the puppet,
 * which has a still's face at twice its size, and a clip's as it is.
 */
const ENGINE_BYTES_PER_FACE_PIXEL = { still: 75, clip: 25 } as const;

/**
 * An avatar in memory, counted by those who hold it: the stage, and every frame that is being made of it. One that was told
 * to leave goes when the last of them has let go.
 */
export class ResidentAvatar implements ShowAvatar {
  /** The avatar's own id. */
  readonly avatarId: string;
  readonly background: string;
  /** Says which version of the avatar on disk this is. */
  readonly stamp: string;
  /** What the engine is told of it; its id is never used for another copy. */
  readonly ref: AvatarRef;
  readonly width: number;
  readonly height: number;
  readonly isStill: boolean;
  /** About how much memory it takes, here and in the engine. */
  readonly bytes: number;
  readonly #loaded: LoadedAvatar;
  readonly #onFree: (avatar: ResidentAvatar) => void;
  readonly #hold: Disposable = { [Symbol.dispose]: () => this.#letGo() };
  #holders = 0;
  #isLeaving = false;

  /** @param onFree called once, when it was told to leave and nobody holds it any more. */
  constructor(
    loaded: LoadedAvatar,
    engineId: string,
    place: { readonly background: string; readonly stamp: string },
    onFree: (avatar: ResidentAvatar) => void,
  ) {
    const { id, width, height, faceBoxes, engines } = loaded.manifest;
    const perPixel = ENGINE_BYTES_PER_FACE_PIXEL[loaded.poseCount === 1 ? 'still' : 'clip'];
    this.avatarId = id;
    this.background = place.background;
    this.stamp = place.stamp;
    this.ref = { ...loaded.ref, id: engineId };
    this.width = width;
    this.height = height;
    this.isStill = loaded.poseCount === 1;
    const box = faceBoxes[0]!;
    const files = Object.values(engines).flatMap((engine) => engine.files.map((file) => file.bytes));
    const inEngine = files.reduce((sum, bytes) => sum + bytes, box.width * box.height * perPixel);
    this.bytes = loaded.residentBytes + inEngine;
    this.#loaded = loaded;
    this.#onFree = onFree;
  }

  get id(): string {
    return this.ref.id;
  }

  /** Whether it was told to leave: it may be gone at any time unless it is held. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  pose(frame: FrameIndex): Pose {
    return this.#loaded.pose(frame);
  }

  /** One more holder; the same object every time, so that a frame costs nothing. Dispose once for each call. */
  hold(): Disposable {
    this.#holders++;
    return this.#hold;
  }

  /** Goes as soon as nobody holds it. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    if (this.#holders === 0) this.#onFree(this);
  }

  /** Closes its files. */
  async close(): Promise<void> {
    await this.#loaded[Symbol.asyncDispose]();
  }

  #letGo(): void {
    this.#holders--;
    if (this.#holders === 0 && this.#isLeaving) this.#onFree(this);
  }
}
