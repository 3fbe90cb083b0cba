import { readSync } from 'node:fs';
import { type FileHandle, realpath } from 'node:fs/promises';
import type { AvatarManifest, AvatarRef, Pose } from '../api/avatar.ts';
import { type FrameIndex, frameByteLength } from '../api/media.ts';
import { AppError } from '../base/errors.ts';
import { checkAvatar } from './check-avatar.ts';
import { poseIndexAt } from './pose-index.ts';
import { type AvatarProblem, NO_CONSENT } from './read-manifest.ts';
import { KEEP_BACKGROUND, type UnpackedAvatar, type UnpackOptions, unpackBody } from './unpack-body.ts';

/** A checked avatar, ready to be shown. It holds files open until it is disposed; its poses are dead from then on. */
export interface LoadedAvatar extends AsyncDisposable {
  readonly manifest: AvatarManifest;
  /** Real path of its folder. */
  readonly folder: string;
  /** What the engines get of it. */
  readonly ref: AvatarRef;
  readonly poseCount: number;
  /** Bytes it holds in memory: the picture and mask of a still, room for one mask of a clip. */
  readonly residentBytes: number;
  /** Bytes of its unpacked pictures and masks on disk. */
  readonly unpackedBytes: number;
  /** The picture that belongs to a frame of the show: the frames in turn, or to and fro, as its motion says. */
  pose(frame: FrameIndex): Pose;
}

/**
 * Checks an avatar, unpacks its pictures into the cache where they are not there yet, and opens them.
 * @throws AppError AVATAR_BROKEN with the first problem and how many there are, CONSENT_MISSING, and what {@link unpackBody} throws.
 */
export async function loadAvatar(folder: string, options: UnpackOptions): Promise<LoadedAvatar> {
  const { ok, problems, manifest } = await checkAvatar(folder, { signal: options.signal, isUnpacking: true });
  if (!ok || !manifest) throw refusal(folder, problems);
  const real = await realpath(folder);
  const unpacked = await unpackBody(real, manifest, options);
  try {
    return await openLoaded(real, manifest, unpacked, options.background ?? KEEP_BACKGROUND);
  } catch (thrown) {
    await unpacked[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function openLoaded(
  folder: string,
  manifest: AvatarManifest,
  unpacked: UnpackedAvatar,
  background: string,
): Promise<LoadedAvatar> {
  const { width, height, motion, faceBoxes, id, frameCount } = manifest;
  const passthrough = new Set(manifest.passthrough);
  const { body, masks, alpha } = unpacked;
  const isStill = frameCount === 1;
  const box = faceBoxes[0]!;
  const bodies = await Frames.open(body.handle, frameByteLength('i420', manifest), isStill);
  const alphas = alpha && (await Frames.open(alpha.handle, width * height, isStill));
  const maskReader = new MaskReader(masks.handle, box.width * box.height);
  const poses = faceBoxes.map(
    (faceBox, index): Pose => ({
      index,
      isPassthrough: passthrough.has(index),
      faceBox,
      get mask() {
        return maskReader.read(index);
      },
      readBody: (target) => bodies.read(index, target),
      ...(alphas ? { readAlpha: (target: Uint8Array) => alphas.read(index, target) } : {}),
    }),
  );
  return {
    manifest,
    folder,
    ref: {
      id: background === KEEP_BACKGROUND ? id : `${id}@${background}`,
      folder,
      manifest,
      bodyPath: body.path,
      ...(alpha ? { alphaPath: alpha.path } : {}),
    },
    poseCount: poses.length,
    residentBytes: bodies.residentBytes + (alphas?.residentBytes ?? 0) + box.width * box.height,
    unpackedBytes: body.bytes + masks.bytes + (alpha?.bytes ?? 0),
    pose: (frame) => poses[poseIndexAt(frame, motion, poses.length)]!,
    [Symbol.asyncDispose]: () => unpacked[Symbol.asyncDispose](),
  };
}

/** Pictures of one length in a file: the only one of a still is kept in memory, those of a clip stay where they are. */
class Frames {
  readonly #file: FileHandle;
  readonly #bytes: number;
  #kept: Uint8Array | undefined;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(file: FileHandle, bytes: number, isStill: boolean): Promise<Frames> {
    const frames = new Frames(file, bytes);
    if (isStill) {
      const kept = new Uint8Array(bytes);
      await frames.read(0, kept);
      frames.#kept = kept;
    }
    return frames;
  }

  get residentBytes(): number {
    return this.#kept?.byteLength ?? 0;
  }

  read(index: number, target: Uint8Array): void | Promise<void> {
    if (this.#kept) target.set(this.#kept);
    else return this.#readFile(index * this.#bytes, target);
  }

  async #readFile(position: number, target: Uint8Array): Promise<void> {
    for (let at = 0; at < this.#bytes; ) {
      const { bytesRead } = await this.#file.read(target, at, this.#bytes - at, position + at);
      if (bytesRead === 0) throw new Error('the unpacked pictures of an avatar end too early');
      at += bytesRead;
    }
  }
}

/**
 * Masks, one in memory at a time: a face box of a clip is a tenth of a megabyte, thousands of them are not. Read when asked
 * for, from the page cache, in some hundredths of a millisecond.
 */
class MaskReader {
  readonly #file: FileHandle;
  readonly #mask: Uint8Array;
  #index = -1;

  constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#mask = new Uint8Array(bytes);
  }

  read(index: number): Uint8Array {
    if (index === this.#index) return this.#mask;
    this.#index = -1;
    const position = index * this.#mask.length;
    for (let at = 0; at < this.#mask.length; ) {
      const count = readSync(this.#file.fd, this.#mask, at, this.#mask.length - at, position + at);
      if (count === 0) throw new Error('the unpacked masks of an avatar end too early');
      at += count;
    }
    this.#index = index;
    return this.#mask;
  }
}

function refusal(folder: string, problems: readonly AvatarProblem[]): AppError {
  const { code, message, fix } = problems[0]!;
  if (code === NO_CONSENT) return new AppError('CONSENT_MISSING', message, { fix });
  if (code === 'ffmpeg-missing') return new AppError('FFMPEG_MISSING', message, { fix });
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AppError('AVATAR_BROKEN', `The avatar in ${folder} cannot be used: ${message}${more}`, { fix });
}
