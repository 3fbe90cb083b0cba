import { createHash } from 'node:crypto';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AvatarManifest } from '../../src/api/avatar.ts';
import { frameByteLength } from '../../src/api/media.ts';
import { type UnpackOptions, unpackBody } from '../../src/avatar/unpack-body.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { addStillMatte, makeClipAvatar, STAMP_PX, stampOf } from './make-clip-avatar.ts';
import { prepareDrawn } from './prepare-drawn.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

const SIZE = { width: 640, height: 360 };
const PIXELS = SIZE.width * SIZE.height;
const FRAME_BYTES = frameByteLength('i420', SIZE);
const FRAMES = 12;

let home: string;
let cacheFolder: string;
let still: string;
let clip: string;
let stillManifest: AvatarManifest;
let clipManifest: AvatarManifest;
beforeAll(async () => {
  home = await makeTemporaryFolder();
  still = await prepareDrawn(home, 'still');
  clip = join(home, 'clip');
  await cp(still, clip, { recursive: true });
  stillManifest = await addStillMatte(still);
  if (hasProgram('ffmpeg')) clipManifest = await makeClipAvatar(clip, { frameCount: FRAMES, hasMatte: true });
});
beforeEach(async () => {
  cacheFolder = await makeTemporaryFolder();
});

/** Unpacks, closes, and says what was written. */
async function unpack(folder: string, manifest: AvatarManifest, more: Partial<UnpackOptions> = {}) {
  await using unpacked = await unpackBody(folder, manifest, { cacheFolder, ...more });
  const read = async (file: { path: string } | undefined) => file && new Uint8Array(await readFile(file.path));
  return {
    body: (await read(unpacked.body))!,
    masks: (await read(unpacked.masks))!,
    alpha: await read(unpacked.alpha),
  };
}

const cached = () => readdir(join(cacheFolder, 'unpacked'));

/** Changes a manifest's body to other bytes with the right hash. */
async function withBody(manifest: AvatarManifest, folder: string, data: Uint8Array): Promise<AvatarManifest> {
  const path = `changed-${createHash('sha256').update(data).digest('hex').slice(0, 8)}.mp4`;
  await writeFile(join(folder, path), data);
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { ...manifest, body: [{ path, bytes: data.byteLength, sha256 }] };
}

describe('unpacking a still', () => {
  it('writes its picture as it is and its mask, once', async () => {
    const progress: number[] = [];
    const onProgress = (done: number) => progress.push(done);
    const { body, masks } = await unpack(still, stillManifest, { onProgress });
    expect(body).toHaveLength(FRAME_BYTES);
    expect(masks).toEqual(new Uint8Array(await readFile(join(still, 'masks.bin'))));
    expect(await unpack(still, stillManifest, { onProgress })).toEqual({ body, masks, alpha: undefined });
    expect(progress).toEqual([1]);
    expect(await cached()).toHaveLength(2);
  });

  it('puts a colour behind the person, and keeps one file for each background', async () => {
    const kept = await unpack(still, stillManifest);
    const { body } = await unpack(still, stillManifest, { background: '#00ff00' });
    const at = (x: number, y: number) => y * SIZE.width + x;
    // Left half person, right half green: 145, 54, 34 in BT.601 limited range.
    expect(body[at(100, 100)]).toBe(kept.body[at(100, 100)]);
    expect(Math.abs(body[at(500, 100)]! - 145)).toBeLessThanOrEqual(1);
    expect(Math.abs(body[PIXELS + 50 * 320 + 250]! - 54)).toBeLessThanOrEqual(1);
    expect(Math.abs(body[PIXELS * 1.25 + 50 * 320 + 250]! - 34)).toBeLessThanOrEqual(1);
    await unpack(still, stillManifest, { background: '#00FF00' });
    expect((await cached()).filter((name) => name.endsWith('.i420'))).toHaveLength(2);
  });

  it('looks at a background picture again when its bytes change, whatever it is called', async () => {
    const path = join(home, 'room.png');
    const paint = (background: string) =>
      sharp({ create: { width: 64, height: 36, channels: 3, background } })
        .png()
        .toFile(path);
    await paint('#000000');
    const dark = await unpack(still, stillManifest, { background: path });
    await paint('#ffffff');
    const light = await unpack(still, stillManifest, { background: path });
    expect(dark.body[100 * SIZE.width + 500]).toBe(16);
    expect(light.body[100 * SIZE.width + 500]).toBe(235);
  });

  it('writes the matte beside the body when the background is transparent', async () => {
    const { alpha } = await unpack(still, stillManifest, { background: 'transparent' });
    expect(alpha).toHaveLength(PIXELS);
    expect([alpha![0], alpha![SIZE.width - 1]]).toEqual([255, 0]);
  });

  it('says what to do where there is no matte, no such picture, or no such background', async () => {
    const { matte: _, ...bare } = stillManifest;
    const wrong = (background: string, manifest = stillManifest) =>
      unpack(still, manifest as AvatarManifest, { background });
    await expect(wrong('blur', bare as AvatarManifest)).rejects.toMatchObject({
      code: 'AVATAR_WITHOUT_MATTE',
      fix: expect.stringContaining('Prepare it again'),
    });
    await expect(wrong('/no/where.png')).rejects.toMatchObject({ code: 'BAD_BACKGROUND' });
    await expect(wrong('blurry')).rejects.toMatchObject({ code: 'BAD_BACKGROUND' });
    expect((await cached().catch(() => [])).filter((name) => name.endsWith('.i420'))).toEqual([]);
  });
});

describe('unpacking a clip', () => {
  it('writes every frame, in order, without any conversion, and all masks', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const { body, masks } = await unpack(clip, clipManifest);
    expect(body).toHaveLength(FRAMES * FRAME_BYTES);
    for (let frame = 0; frame < FRAMES; frame++) {
      const centre = body[frame * FRAME_BYTES + (STAMP_PX / 2) * SIZE.width + STAMP_PX / 2]!;
      expect(Math.abs(centre - stampOf(frame))).toBeLessThanOrEqual(1);
    }
    expect(masks.byteLength).toBe(clipManifest.masks.bytes);
  });

  it('has a matte for each frame, from 0 to 255', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const { alpha } = await unpack(clip, clipManifest, { background: 'transparent' });
    const areas = Array.from({ length: FRAMES }, (_, frame) => {
      const matte = alpha!.subarray(frame * PIXELS, (frame + 1) * PIXELS);
      expect(matte[180 * SIZE.width + 320]).toBeGreaterThan(250);
      expect(matte[0]).toBeLessThan(5);
      return matte.reduce((sum, value) => sum + (value > 127 ? 1 : 0), 0);
    });
    expect(areas).toEqual([...areas].sort((a, b) => a - b));
    expect(areas.at(-1)! / areas[0]!).toBeGreaterThan(2);
  });

  it.for([
    ['one frame too few', { frameCount: FRAMES + 1 }, 'holds 12 of 13'],
    ['one frame too many', { frameCount: FRAMES - 1 }, 'more than 11'],
    ['another size', { height: 358 }, 'its pictures are 640x360, not 640x358'],
  ] as const)('refuses a file with %s, and leaves nothing', async ([_, change, words], context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const manifest = { ...clipManifest, ...change };
    const wrong = unpackBody(clip, manifest, { cacheFolder });
    await expect(wrong).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    await expect(wrong).rejects.toThrow(words);
    expect((await cached()).filter((name) => !name.endsWith('.masks'))).toEqual([]);
  });

  it('refuses a damaged file, one that is no mp4, and one that names another file', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const whole = await readFile(join(clip, 'body.mp4'));
    const playlist = Buffer.from(
      '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n',
    );
    for (const data of [whole.subarray(0, whole.length / 2), Buffer.from('not a film'), playlist]) {
      const manifest = await withBody(clipManifest, clip, data);
      await expect(unpackBody(clip, manifest, { cacheFolder })).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    }
    expect((await cached()).filter((name) => !name.endsWith('.masks'))).toEqual([]);
  });

  it('stops at once when aborted, and leaves neither a file nor a process', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const abort = new AbortController();
    const reason = new Error('enough');
    const onProgress = (done: number) => done === 3 && abort.abort(reason);
    const unpacking = unpackBody(clip, clipManifest, { cacheFolder, signal: abort.signal, onProgress });
    await expect(unpacking).rejects.toBe(reason);
    expect((await cached()).filter((name) => !name.endsWith('.masks'))).toEqual([]);
    const again = unpackBody(clip, clipManifest, { cacheFolder, signal: abort.signal });
    await expect(again).rejects.toBe(reason);
  });

  it('says what is missing where there is no ffmpeg', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg, to make the clip');
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await expect(unpackBody(clip, clipManifest, { cacheFolder })).rejects.toMatchObject({ code: 'FFMPEG_MISSING' });
    } finally {
      process.env.PATH = path;
    }
  });
});
