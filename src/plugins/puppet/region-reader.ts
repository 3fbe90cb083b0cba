import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { frameByteLength, type Size } from '../../api/media.ts';
import { AppError } from '../../base/errors.ts';

/** Where the pictures of an avatar's region come from. */
export interface RegionSource extends AsyncDisposable {
  /** The region last read: I420 of the region's size. */
  readonly picture: Uint8Array;
  /** The same of its matte, Uint8 `[height, width]`. */
  readonly alpha: Uint8Array | undefined;
  /** Reads a frame's region whose left upper corner is at x, y (even) into {@link picture} and {@link alpha}. */
  read(frame: number, x: number, y: number): void;
  /** Begins to read a frame that will soon be asked for. */
  fetch(frame: number, y: number): void;
  /** Resolves when nothing is being fetched any more. */
  settled(): Promise<void>;
}

/** The files an avatar's frames are read from, see `AvatarRef`. */
export interface BodyFiles {
  readonly bodyPath: string;
  readonly alphaPath?: string;
}

/** One stretch of whole rows: where it lies in a file's frame and in the buffer of rows. */
interface RowPlane {
  readonly handle: FileHandle;
  readonly path: string;
  readonly frameBytes: number;
  /** Where the plane begins in the frame, and how wide its rows are. */
  readonly at: number;
  readonly stride: number;
  /** Picture pixels per sample. */
  readonly scale: 1 | 2;
  readonly bufferAt: number;
  readonly target: 'picture' | 'alpha';
  readonly targetAt: number;
}

/** Rows of one frame in memory. */
interface Rows {
  readonly bytes: Uint8Array;
  frame: number;
  y: number;
}

/**
 * Reads the region around the face out of an avatar's unpacked frames. Holds two frames' rows, however many frames there
 * are: the one that is shown and the one fetched ahead.
 */
export class RegionReader implements RegionSource {
  readonly picture: Uint8Array;
  readonly alpha: Uint8Array | undefined;
  readonly #region: Size;
  readonly #planes: readonly RowPlane[];
  readonly #rows: Rows;
  readonly #ahead: Rows;
  #fetching: Promise<void> | undefined;
  #isOpen = true;

  private constructor(region: Size, planes: readonly RowPlane[]) {
    this.#region = region;
    this.#planes = planes;
    const last = planes.at(-1)!;
    const length = last.bufferAt + (region.height / last.scale) * last.stride;
    this.#rows = { bytes: new Uint8Array(length), frame: -1, y: 0 };
    this.#ahead = { bytes: new Uint8Array(length), frame: -1, y: 0 };
    this.picture = new Uint8Array(frameByteLength('i420', region));
    this.alpha = planes.some(({ target }) => target === 'alpha')
      ? new Uint8Array(region.width * region.height)
      : undefined;
  }

  /**
   * @param size of the frames. @param region size of what is read of each.
   * @throws AppError PUPPET_BODY_BROKEN when a file is missing or not as long as its frames.
   */
  static async open(files: BodyFiles, size: Size, frameCount: number, region: Size): Promise<RegionReader> {
    const handles: FileHandle[] = [];
    try {
      const pixels = size.width * size.height;
      const planes: RowPlane[] = [];
      let bufferAt = 0;
      const add = (handle: FileHandle, path: string, frameBytes: number, parts: readonly PlanePart[]) => {
        for (const part of parts) {
          const stride = size.width / part.scale;
          planes.push({ ...part, handle, path, frameBytes, stride, bufferAt });
          bufferAt += stride * (region.height / part.scale);
        }
      };
      const area = region.width * region.height;
      const body = await openFrames(files.bodyPath, frameByteLength('i420', size), frameCount);
      handles.push(body);
      add(body, files.bodyPath, frameByteLength('i420', size), [
        { at: 0, scale: 1, target: 'picture', targetAt: 0 },
        { at: pixels, scale: 2, target: 'picture', targetAt: area },
        { at: pixels * 1.25, scale: 2, target: 'picture', targetAt: area * 1.25 },
      ]);
      if (files.alphaPath !== undefined) {
        const alpha = await openFrames(files.alphaPath, pixels, frameCount);
        handles.push(alpha);
        add(alpha, files.alphaPath, pixels, [{ at: 0, scale: 1, target: 'alpha', targetAt: 0 }]);
      }
      return new RegionReader(region, planes);
    } catch (thrown) {
      for (const handle of handles) await handle.close();
      throw thrown;
    }
  }

  read(frame: number, x: number, y: number): void {
    const isAhead = this.#ahead.frame === frame && this.#ahead.y === y;
    const rows = isAhead ? this.#ahead : this.#rows;
    if (!isAhead) this.#readRows(frame, y);
    const { width, height } = this.#region;
    for (const plane of this.#planes) {
      const target = plane.target === 'alpha' ? this.alpha! : this.picture;
      const run = width / plane.scale;
      const from = plane.bufferAt + x / plane.scale;
      for (let row = 0; row < height / plane.scale; row++) {
        const at = from + row * plane.stride;
        target.set(rows.bytes.subarray(at, at + run), plane.targetAt + row * run);
      }
    }
  }

  fetch(frame: number, y: number): void {
    if (this.#fetching || !this.#isOpen || (this.#ahead.frame === frame && this.#ahead.y === y)) return;
    const ahead = this.#ahead;
    ahead.frame = -1;
    const reads = this.#planes.map(async (plane) => {
      const { length, position } = this.#placeOf(plane, frame, y);
      const { bytesRead } = await plane.handle.read(ahead.bytes, plane.bufferAt, length, position);
      return bytesRead === length;
    });
    this.#fetching = Promise.all(reads).then(
      (all) => {
        this.#fetching = undefined;
        if (!all.every(Boolean)) return;
        ahead.frame = frame;
        ahead.y = y;
      },
      // Whoever asks for the frame reads it again, and is told what is wrong.
      () => {
        this.#fetching = undefined;
      },
    );
  }

  async settled(): Promise<void> {
    await this.#fetching;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#fetching;
    for (const handle of new Set(this.#planes.map((plane) => plane.handle))) await handle.close();
  }

  #readRows(frame: number, y: number): void {
    for (const plane of this.#planes) {
      const { length, position } = this.#placeOf(plane, frame, y);
      let read = 0;
      try {
        read = readSync(plane.handle.fd, this.#rows.bytes, plane.bufferAt, length, position);
      } catch (cause) {
        throw bodyBroken(plane.path, `frame ${frame} cannot be read`, cause);
      }
      if (read !== length) throw bodyBroken(plane.path, `frame ${frame} is cut short`);
    }
  }

  #placeOf(plane: RowPlane, frame: number, y: number): { length: number; position: number } {
    return {
      length: plane.stride * (this.#region.height / plane.scale),
      position: frame * plane.frameBytes + plane.at + (y / plane.scale) * plane.stride,
    };
  }
}

type PlanePart = Pick<RowPlane, 'at' | 'scale' | 'target' | 'targetAt'>;

async function openFrames(path: string, frameBytes: number, frameCount: number): Promise<FileHandle> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw bodyBroken(path, 'it cannot be read', cause);
  });
  const info = await handle.stat();
  if (info.isFile() && info.size === frameBytes * frameCount) return handle;
  await handle.close();
  throw bodyBroken(path, `it has ${info.size} bytes instead of ${frameCount} frame(s) of ${frameBytes}`);
}

function bodyBroken(path: string, why: string, cause?: unknown): AppError {
  return new AppError('PUPPET_BODY_BROKEN', `The unpacked frames in ${path} cannot be used: ${why}.`, {
    fix: 'Unpack the avatar again: stop MuseCam, delete this file, start it',
    cause,
  });
}
