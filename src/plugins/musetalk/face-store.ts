import type { FrameIndex } from '../../api/media.ts';
import type { MadeFaces } from './face-networks.ts';
import type { FaceShot } from './resident.ts';

interface Kept {
  readonly avatarId: string;
  readonly frame: FrameIndex;
  readonly shot: FaceShot;
}

/**
 * The faces made last, by avatar and frame: those made ahead of their frame, and those the next ones are mixed with. Memory
 * of faces that nothing needs any more is given back.
 */
export class FaceStore implements Disposable {
  #kept: Kept[] = [];
  #last: FaceShot | undefined;
  #pinned: FaceShot | undefined;

  /** Keeps faces that were made together for these frames. @returns the first one. */
  keep(avatarId: string, frames: readonly FrameIndex[], faces: MadeFaces): FaceShot {
    const shots = frames.map((_, at): FaceShot => ({ faces, at }));
    this.#release(() => {
      for (const [at, frame] of frames.entries()) {
        this.#kept = this.#kept.filter((one) => one.avatarId !== avatarId || one.frame !== frame);
        this.#kept.push({ avatarId, frame, shot: shots[at]! });
      }
    });
    return shots[0]!;
  }

  find(avatarId: string, frame: FrameIndex): FaceShot | undefined {
    return this.#kept.find((one) => one.avatarId === avatarId && one.frame === frame)?.shot;
  }

  /** The face shown last. */
  set last(shot: FaceShot) {
    this.#release(() => {
      this.#last = shot;
    });
  }

  /** Keeps the face shown last until another one is pinned or everything is forgotten. */
  pinLast(): FaceShot | undefined {
    this.#release(() => {
      this.#pinned = this.#last;
    });
    return this.#pinned;
  }

  /** Forgets faces of earlier frames. */
  forgetBefore(frame: FrameIndex): void {
    this.#release(() => {
      this.#kept = this.#kept.filter((one) => one.frame >= frame);
    });
  }

  /** Forgets all. */
  [Symbol.dispose](): void {
    this.#release(() => {
      this.#kept = [];
      this.#last = undefined;
      this.#pinned = undefined;
    });
  }

  /** Does something and disposes the faces that nothing refers to afterwards. */
  #release(change: () => void): void {
    const before = this.#faces();
    change();
    const after = this.#faces();
    for (const faces of before) if (!after.has(faces)) faces[Symbol.dispose]();
  }

  #faces(): Set<MadeFaces> {
    const shots = [...this.#kept.map(({ shot }) => shot), this.#last, this.#pinned];
    return new Set(shots.filter((shot) => shot !== undefined).map(({ faces }) => faces));
  }
}
