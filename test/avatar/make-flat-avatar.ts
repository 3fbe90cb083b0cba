import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { AVATAR_SCHEMA_VERSION, type AvatarManifest, LANDMARK_COUNT } from '../../src/api/avatar.ts';
import type { Size } from '../../src/api/media.ts';

/** Writes a sound avatar that is one grey, so that any pixel of it tells which one it is. @returns its folder. */
export async function makeFlatAvatar(parent: string, id: string, size: Size, grey: number): Promise<string> {
  const folder = join(parent, id);
  await mkdir(folder, { recursive: true });
  const save = async (path: string, data: Uint8Array) => {
    await writeFile(join(folder, path), data);
    return { path, bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
  };
  const picture = sharp({
    create: { ...size, channels: 3, background: { r: grey, g: grey, b: grey } },
  });
  const faceBox = { x: size.width / 4 - ((size.width / 4) % 2), y: 32, width: 64, height: 64 };
  const landmarks = new Float32Array(LANDMARK_COUNT * 3).fill(64);
  const manifest: AvatarManifest = {
    schemaVersion: AVATAR_SCHEMA_VERSION,
    id,
    name: id,
    licence: 'MIT',
    consent: { depicts: 'invented', statement: 'made for the tests of this repository', date: '2026-01-01' },
    ...size,
    framesPerSecond: 25,
    frameCount: 1,
    motion: 'still',
    body: [await save('body.webp', await picture.clone().webp({ lossless: true }).toBuffer())],
    faceBoxes: [faceBox],
    masks: await save('masks.bin', new Uint8Array(faceBox.width * faceBox.height).fill(255)),
    landmarks: await save('landmarks.f32', new Uint8Array(landmarks.buffer)),
    preview: await save('preview.png', await picture.clone().resize(64, 64).png().toBuffer()),
    passthrough: [],
    faceScore: 1,
    engines: {},
    preparedBy: 'test',
  };
  await writeFile(join(folder, 'avatar.json'), JSON.stringify(manifest));
  return folder;
}
