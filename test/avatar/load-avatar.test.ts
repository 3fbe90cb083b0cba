import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AvatarManifest, Pose } from '../../src/api/avatar.ts';
import { type LoadedAvatar, loadAvatar } from '../../src/avatar/load-avatar.ts';
import { poseIndexAt } from '../../src/avatar/pose-index.ts';
import { rgb24ToI420 } from '../../src/media/color.ts';
import { prepareDrawn } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

const SIZE = { width: 640, height: 360 };
let folder: string;
let cacheFolder: string;
let avatar: LoadedAvatar;
beforeAll(async () => {
  folder = await prepareDrawn(await makeTemporaryFolder(), 'anna');
  cacheFolder = await makeTemporaryFolder();
  avatar = await loadAvatar(folder, { cacheFolder });
});
afterAll(() => avatar[Symbol.asyncDispose]());

describe('a loaded avatar', () => {
  it('has its body as I420, its box and its mask', async () => {
    const pose = avatar.pose(0);
    const rgb = await sharp(await readFile(join(folder, 'body', '0000.webp')))
      .raw()
      .toBuffer();
    const expected = new Uint8Array(SIZE.width * SIZE.height * 1.5);
    rgb24ToI420(rgb, SIZE, expected);
    expect(Buffer.compare(await bodyOf(pose), expected)).toBe(0);
    expect(Buffer.compare(await readFile(avatar.ref.bodyPath), expected)).toBe(0);
    expect(pose.faceBox).toEqual(avatar.manifest.faceBoxes[0]);
    expect(Buffer.compare(pose.mask, await readFile(join(folder, 'masks.bin')))).toBe(0);
    expect(avatar.residentBytes).toBe(expected.byteLength + pose.mask.byteLength);
    expect(avatar.ref).toMatchObject({ id: 'anna', folder: avatar.folder, manifest: avatar.manifest });
    expect(avatar.unpackedBytes).toBe(expected.byteLength + pose.mask.byteLength);
  });

  it('shows its one picture at every frame', () => {
    for (const frame of [0, 1, 999_999]) expect(avatar.pose(frame)).toBe(avatar.pose(0));
  });

  it('shows several pictures in turn, each with its own mask', async () => {
    await using moving = await loadAvatar(await addFrames(await prepareDrawn(await makeTemporaryFolder(), 'moving')), {
      cacheFolder,
    });
    expect(moving.poseCount).toBe(3);
    expect([0, 1, 2, 3, 4, 5].map((frame) => moving.pose(frame).index)).toEqual([0, 1, 2, 1, 0, 1]);
    expect([0, 1, 2].map((frame) => moving.pose(frame).mask[0])).toEqual([0, 1, 2]);
    expect(moving.pose(1).isPassthrough).toBe(true);
    expect(moving.pose(2).isPassthrough).toBe(false);
    // One mask and no picture is kept in memory, however many there are.
    expect(moving.residentBytes).toBe(moving.pose(0).mask.byteLength);
    expect([0, 1, 2].map((frame) => moving.pose(frame).faceBox.x - moving.pose(0).faceBox.x)).toEqual([0, 2, 4]);
  });
});

describe('an avatar that is shown no more', () => {
  it('has no open files and can be read no longer', async () => {
    const path = await addFrames(await prepareDrawn(await makeTemporaryFolder(), 'gone'));
    const gone = await loadAvatar(path, { cacheFolder });
    const pose = gone.pose(0);
    await bodyOf(pose);
    await gone[Symbol.asyncDispose]();
    await gone[Symbol.asyncDispose]();
    await expect(bodyOf(pose)).rejects.toThrow();
  });

  it('was never shown when nobody agreed to it', async () => {
    const path = await prepareDrawn(await makeTemporaryFolder(), 'silent');
    const manifest = JSON.parse(await readFile(join(path, 'avatar.json'), 'utf8')) as Record<string, unknown>;
    delete manifest.consent;
    await writeFile(join(path, 'avatar.json'), JSON.stringify(manifest));
    await expect(loadAvatar(path, { cacheFolder })).rejects.toMatchObject({
      code: 'CONSENT_MISSING',
      fix: expect.stringContaining('musecam avatars consent silent'),
    });
  });
});

describe('the order of poses', () => {
  it('is to and fro, round and round, or still; also before the first frame', () => {
    const order = (motion: AvatarManifest['motion'], count: number) =>
      Array.from({ length: 8 }, (_, i) => poseIndexAt(i - 1, motion, count)).join('');
    expect(order('ping-pong', 4)).toBe('10123210');
    expect(order('loop', 3)).toBe('20120120');
    expect(order('still', 1)).toBe('00000000');
    expect(order('ping-pong', 1)).toBe('00000000');
    expect(order('ping-pong', 2)).toBe('10101010');
  });
});

async function bodyOf(pose: Pose): Promise<Uint8Array> {
  const body = new Uint8Array(SIZE.width * SIZE.height * 1.5);
  await pose.readBody(body);
  return body;
}

/** Makes three frames of one: the same picture, masks that begin with the frame's number, boxes that move. */
async function addFrames(path: string): Promise<string> {
  // The matte of a still would not do for several frames.
  const { matte: _, ...manifest } = JSON.parse(await readFile(join(path, 'avatar.json'), 'utf8')) as AvatarManifest;
  const masks = await readFile(join(path, 'masks.bin'));
  const landmarks = await readFile(join(path, 'landmarks.f32'));
  const save = async (name: string, data: Buffer) => {
    await writeFile(join(path, name), data);
    return { path: name, bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
  };
  const numbered = [0, 1, 2].map((first) => Buffer.from([first, ...masks.subarray(1)]));
  const box = manifest.faceBoxes[0]!;
  const changed: AvatarManifest = {
    ...manifest,
    frameCount: 3,
    motion: 'ping-pong',
    passthrough: [1],
    body: [manifest.body[0]!, manifest.body[0]!, manifest.body[0]!],
    faceBoxes: [0, 2, 4].map((dx) => ({ ...box, x: box.x + dx })),
    masks: await save('masks.bin', Buffer.concat(numbered)),
    landmarks: await save('landmarks.f32', Buffer.concat([landmarks, landmarks, landmarks])),
  };
  await writeFile(join(path, 'avatar.json'), JSON.stringify(changed));
  return path;
}
