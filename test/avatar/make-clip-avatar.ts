import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { AvatarManifest } from '../../src/api/avatar.ts';
import { frameByteLength } from '../../src/api/media.ts';
import { BodyEncoder } from '../../src/avatar/clip/encode-body.ts';
import { rgb24ToI420 } from '../../src/media/color.ts';

/** How a still avatar becomes a clip of it. */
export interface ClipShape {
  readonly frameCount: number;
  readonly motion?: 'loop' | 'ping-pong';
  readonly passthrough?: readonly number[];
  /** With a matte: a circle that grows from frame to frame. */
  readonly hasMatte?: boolean;
}

/** Brightness of the square in the upper left corner that says which frame it is; survives the encoder. */
export function stampOf(frame: number): number {
  return 24 + ((frame * 8) % 200);
}

/** The side of that square in pixels. */
export const STAMP_PX = 16;

/**
 * Turns a still avatar's folder into a clip: the same picture in every frame, each with a stamp in its corner, encoded as
 * clips are; landmarks and masks repeated.
 */
export async function makeClipAvatar(folder: string, shape: ClipShape): Promise<AvatarManifest> {
  const { frameCount, motion = 'loop', passthrough = [] } = shape;
  const { matte: _, ...manifest } = JSON.parse(await readFile(join(folder, 'avatar.json'), 'utf8')) as AvatarManifest;
  const size = { width: manifest.width, height: manifest.height };
  const rgb = await sharp(await readFile(join(folder, manifest.body[0]!.path)))
    .raw()
    .toBuffer();
  const body = new Uint8Array(frameByteLength('i420', size));
  rgb24ToI420(rgb, size, body);
  await encode(join(folder, 'body.mp4'), size, 'colour', frameCount, (encoder, frame) => {
    for (let row = 0; row < STAMP_PX; row++) body.fill(stampOf(frame), row * size.width, row * size.width + STAMP_PX);
    return encoder.addI420(body);
  });
  const changed: AvatarManifest = {
    ...manifest,
    schemaVersion: 2,
    frameCount,
    motion,
    passthrough: [...passthrough],
    body: [await describe(folder, 'body.mp4')],
    faceBoxes: Array.from({ length: frameCount }, () => manifest.faceBoxes[0]!),
    masks: await repeat(folder, manifest.masks.path, frameCount),
    landmarks: await repeat(folder, manifest.landmarks.path, frameCount),
    engines: {},
    ...(shape.hasMatte ? { matte: await writeMatte(folder, size, frameCount) } : {}),
  };
  await writeFile(join(folder, 'avatar.json'), JSON.stringify(changed));
  return changed;
}

/** Gives a still avatar a matte: its left half is person. */
export async function addStillMatte(folder: string): Promise<AvatarManifest> {
  const manifest = JSON.parse(await readFile(join(folder, 'avatar.json'), 'utf8')) as AvatarManifest;
  const { width, height } = manifest;
  const grey = Uint8Array.from({ length: width * height }, (_, at) => (at % width < width / 2 ? 255 : 0));
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .webp({ lossless: true })
    .toFile(join(folder, 'matte.webp'));
  const changed = { ...manifest, schemaVersion: 2, matte: await describe(folder, 'matte.webp') };
  await writeFile(join(folder, 'avatar.json'), JSON.stringify(changed));
  return changed;
}

async function writeMatte(folder: string, size: { width: number; height: number }, frameCount: number) {
  const plane = new Uint8Array(size.width * size.height);
  await encode(join(folder, 'matte.mp4'), size, 'grey', frameCount, (encoder, frame) => {
    const radius = (size.height / 4) * (1 + frame / frameCount);
    for (let at = 0; at < plane.length; at++) {
      const distance = Math.hypot((at % size.width) - size.width / 2, Math.floor(at / size.width) - size.height / 2);
      plane[at] = distance < radius ? 255 : 0;
    }
    return encoder.addGrey(plane);
  });
  return describe(folder, 'matte.mp4');
}

async function encode(
  path: string,
  size: { width: number; height: number },
  content: 'colour' | 'grey',
  frameCount: number,
  add: (encoder: BodyEncoder, frame: number) => Promise<void>,
): Promise<void> {
  const { signal } = new AbortController();
  await using encoder = await BodyEncoder.open(path, size, content, signal);
  for (let frame = 0; frame < frameCount; frame++) await add(encoder, frame);
  await encoder.finish(signal);
}

async function repeat(folder: string, path: string, count: number) {
  const one = await readFile(join(folder, path));
  await writeFile(join(folder, path), Buffer.concat(Array.from({ length: count }, () => one)));
  return describe(folder, path);
}

async function describe(folder: string, path: string) {
  const data = await readFile(join(folder, path));
  return { path, bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
}
