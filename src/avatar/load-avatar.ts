import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { AvatarManifest, AvatarRef, Pose } from '../api/avatar.ts';
import { type FrameIndex, frameByteLength } from '../api/media.ts';
import { AppError, messageOf } from '../base/errors.ts';
import { rgb24ToI420 } from '../media/color.ts';
import { checkAvatar } from './check-avatar.ts';

/** A checked avatar in memory. */
export interface LoadedAvatar {
  readonly manifest: AvatarManifest;
  /** Real path of its folder. */
  readonly folder: string;
  /** What the engines get of it. */
  readonly ref: AvatarRef;
  readonly poseCount: number;
  /** Bytes of body frames and masks it holds in memory. */
  readonly residentBytes: number;
  /** The picture that belongs to a frame of the show: the frames in turn, or to and fro, as its motion says. */
  pose(frame: FrameIndex): Pose;
}

/** Which body frame is shown at a frame of the show. `ping-pong` shows the ends once: 0 1 2 1 0 1 2 … */
export function poseIndexAt(frame: FrameIndex, motion: AvatarManifest['motion'], poseCount: number): number {
  if (poseCount === 1 || motion === 'still') return 0;
  const period = motion === 'loop' ? poseCount : 2 * poseCount - 2;
  const step = ((frame % period) + period) % period;
  return step < poseCount ? step : period - step;
}

/**
 * Checks an avatar and reads it into memory.
 * @throws AppError AVATAR_BROKEN with the first problem and how many there are.
 */
export async function loadAvatar(folder: string): Promise<LoadedAvatar> {
  const { ok, problems, manifest } = await checkAvatar(folder);
  if (!ok || !manifest) throw avatarBroken(folder, problems[0]!.message, problems[0]!.fix, problems.length);
  const real = await realpath(folder);
  const poses = await readPoses(real, manifest);
  const { motion } = manifest;
  return {
    manifest,
    folder: real,
    ref: { id: manifest.id, folder: real, manifest },
    poseCount: poses.length,
    residentBytes: poses.reduce((sum, { body, mask }) => sum + body.byteLength + mask.byteLength, 0),
    pose: (frame) => poses[poseIndexAt(frame, motion, poses.length)]!,
  };
}

async function readPoses(folder: string, manifest: AvatarManifest): Promise<Pose[]> {
  const masks = new Uint8Array(await readFile(join(folder, manifest.masks.path)));
  const poses: Pose[] = [];
  for (const [index, faceBox] of manifest.faceBoxes.entries()) {
    const area = faceBox.width * faceBox.height;
    const body = await readBody(folder, manifest, index);
    poses.push({ index, body, faceBox, mask: masks.subarray(index * area, (index + 1) * area) });
  }
  return poses;
}

async function readBody(folder: string, manifest: AvatarManifest, index: number): Promise<Uint8Array> {
  const { width, height } = manifest;
  const { path } = manifest.body[index]!;
  try {
    const bytes = await readFile(join(folder, path));
    const { data, info } = await sharp(bytes, { limitInputPixels: width * height, failOn: 'error' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.width !== width || info.height !== height || info.channels !== 3)
      throw new Error(`${info.width}x${info.height} with ${info.channels} channels`);
    const body = new Uint8Array(frameByteLength('i420', manifest));
    rgb24ToI420(data, { width, height }, body);
    return body;
  } catch (thrown) {
    throw avatarBroken(folder, `${path} cannot be read: ${messageOf(thrown)}`, 'Prepare the avatar again', 1);
  }
}

function avatarBroken(folder: string, message: string, fix: string, count: number): AppError {
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return new AppError('AVATAR_BROKEN', `The avatar in ${folder} cannot be used: ${message}${more}`, { fix });
}
