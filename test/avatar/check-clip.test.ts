import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkAvatar } from '../../src/avatar/check-avatar.ts';
import { readManifest } from '../../src/avatar/read-manifest.ts';
import { readMasks } from '../../src/avatar/read-masks.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';
import {
  changeTestManifest,
  describeFile,
  forgeTestFile,
  type LooseManifest,
  makeVideo,
  writeTestAvatar,
} from './write-test-avatar.ts';

const FRAMES = 6;
let home: string;
let avatar: string;
beforeAll(async () => {
  home = await makeTemporaryFolder();
  if (hasProgram('ffmpeg')) await writeTestAvatar(join(home, 'sound'), 'anna', FRAMES);
});
beforeEach(async (context) => {
  need(context, hasProgram('ffmpeg') && hasProgram('ffprobe'), 'ffmpeg and ffprobe');
  await rm(join(home, 'shelf'), { recursive: true, force: true });
  avatar = join(home, 'shelf', 'anna');
  await cp(join(home, 'sound', 'anna'), avatar, { recursive: true });
});

async function codes(): Promise<string[]> {
  return (await checkAvatar(avatar)).problems.map((problem) => problem.code);
}

describe('the check of a clip', () => {
  it('passes a sound one', async () => {
    expect(await checkAvatar(avatar)).toMatchObject({ ok: true, problems: [], manifest: { frameCount: FRAMES } });
  });

  it('passes MPEG-4 part 2 as well as H.264', async () => {
    await forgeTestFile(avatar, (m) => m.body[0]!, await makeVideo(FRAMES, ['-c:v', 'mpeg4', '-q:v', '2']));
    expect(await codes()).toEqual([]);
  });

  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['too few frames', () => makeVideo(FRAMES - 1), /has 5 frames, not 6/],
    ['too many frames', () => makeVideo(FRAMES + 1), /has 7 frames, not 6/],
    ['other pixels', () => makeVideo(FRAMES, ['-pix_fmt', 'yuv444p', '-c:v', 'libx264']), /yuv444p, not yuv420p/],
    ['another codec', () => makeVideo(FRAMES, ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p']), /codec is mjpeg/],
    ['another size', () => makeVideo(FRAMES, undefined, 64), /is 64x64, not 128x128/],
    ['a size its decoder may not have', () => makeVideo(FRAMES, undefined, 1024), /body\.mp4: /],
    ['no video at all', async () => Buffer.from('no video'.repeat(100)), /body\.mp4: /],
    ['a playlist that names another file', async () => Buffer.from('#EXTM3U\n/etc/hostname\n'), /body\.mp4: /],
  ])('finds a body with %s', async (_, make, words) => {
    await forgeTestFile(avatar, (m) => m.body[0]!, await make());
    const { problems } = await checkAvatar(avatar);
    expect(problems).toMatchObject([{ code: 'bad-video', message: expect.stringMatching(words) }]);
  });

  it('finds a video that is cut off', async () => {
    const whole = await readFile(join(avatar, 'body.mp4'));
    await forgeTestFile(avatar, (m) => m.body[0]!, whole.subarray(0, whole.length / 3));
    expect(await codes()).toEqual(['bad-video']);
  });

  it('holds the matte to the same rules', async () => {
    await forgeTestFile(avatar, (m) => m.matte!, await makeVideo(2));
    expect(await codes()).toEqual(['bad-video']);
    await changeTestManifest(avatar, (m) => Object.assign(m.matte!, { path: 'sheet.webp' }));
    expect(await codes()).toContain('wrong-count');
  });

  it('says that ffmpeg is missing, where it is', async () => {
    const { ok, problems } = await checkAvatar(avatar, { probe: 'ffprobe-that-is-not-here' });
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ code: 'ffmpeg-missing' }, { code: 'ffmpeg-missing' }]);
  });

  it('stops when it is told to', async () => {
    const reason = new Error('enough');
    await expect(checkAvatar(avatar, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('finds masks that unpack to another length, a bomb, and what is no gzip', async () => {
    const masks = gunzipSync(await readFile(join(avatar, 'masks.bin.gz')));
    await forgeTestFile(avatar, (m) => m.masks, gzipSync(masks.subarray(1)));
    expect(await codes()).toEqual(['wrong-length']);
    await forgeTestFile(avatar, (m) => m.masks, gzipSync(Buffer.alloc(50_000_000)));
    expect(await codes()).toEqual(['bad-masks']);
    await forgeTestFile(avatar, (m) => m.masks, masks);
    expect(await codes()).toEqual(['bad-masks']);
  });

  it.each<[string, string, (m: LooseManifest) => void]>([
    ['a body of two videos', 'wrong-count', (m) => m.body.push(m.matte!)],
    ['a video in a still', 'wrong-count', (m) => Object.assign(m, { frameCount: 1, motion: 'still' })],
    ['shown frames beyond the last', 'bad-passthrough', (m) => Object.assign(m, { passthrough: [2, FRAMES] })],
    ['shown frames that fall', 'bad-passthrough', (m) => Object.assign(m, { passthrough: [3, 2] })],
    ['a frame shown twice', 'bad-passthrough', (m) => Object.assign(m, { passthrough: [2, 2] })],
    ['no face in any frame', 'bad-passthrough', (m) => Object.assign(m, { passthrough: [0, 1, 2, 3, 4, 5] })],
    ['a calm stretch beyond the last', 'bad-idle', (m) => Object.assign(m, { idle: { start: 4, count: 3 } })],
    ['paths that differ in case only', 'same-path', (m) => Object.assign(m.sheet!, { path: 'Preview.PNG' })],
    ['a file in place of avatar.json', 'same-path', (m) => Object.assign(m.sheet!, { path: 'Avatar.json' })],
    ['a file that is a folder too', 'same-path', (m) => Object.assign(m.sheet!, { path: 'puppet' })],
    ['a name that means a device', 'bad-path', (m) => Object.assign(m.sheet!, { path: 'nul.webp' })],
    ['a path with an empty part', 'bad-path', (m) => Object.assign(m.sheet!, { path: 'a//sheet.webp' })],
  ])('finds %s', async (_, code, change) => {
    await changeTestManifest(avatar, change);
    expect(await codes()).toContain(code);
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['another shape', '{"verdict":"splendid"}'],
    ['a number that is none', '{"verdict":"good","frames":{"total":1e999,"usable":1},"measures":[]}'],
  ])('finds a report of %s', async (_, text) => {
    await forgeTestFile(avatar, (m) => m.report!, Buffer.from(text));
    expect(await codes()).toEqual(['bad-report']);
  });

  it('does not read a report of a megabyte', async () => {
    await forgeTestFile(avatar, (m) => m.report!, Buffer.alloc(1_000_000, ' '));
    expect(await codes()).toEqual(['file-too-large']);
  });

  it('finds a contact sheet that is no picture, or a moving one', async () => {
    await forgeTestFile(avatar, (m) => m.sheet!, Buffer.from('none'));
    expect(await codes()).toEqual(['bad-picture']);
    const frame = { create: { width: 16, height: 16, channels: 3 as const, background: '#123' } };
    const other = sharp({ create: { ...frame.create, background: '#456' } }).png();
    const moving = await sharp([await sharp(frame).png().toBuffer(), await other.toBuffer()], {
      join: { animated: true },
    })
      .webp()
      .toBuffer();
    await forgeTestFile(avatar, (m) => m.sheet!, moving);
    expect(await codes()).toEqual(['bad-picture']);
  });

  it('tells a missing consent apart from a broken file', async () => {
    for (const consent of [undefined, null, {}, { depicts: ' ', statement: 'yes', date: '' }]) {
      await changeTestManifest(avatar, (m) => Object.assign(m, { consent }));
      const { problems } = await checkAvatar(avatar);
      expect(problems).toMatchObject([{ code: 'no-consent', fix: expect.stringContaining('avatars consent anna') }]);
    }
    await changeTestManifest(avatar, (m) => Object.assign(m, { width: -1 }));
    expect(new Set(await codes())).toEqual(new Set(['bad-manifest']));
  });
});

describe('the check of a still', () => {
  it('holds the matte to the size of the avatar', async () => {
    const still = await writeTestAvatar(join(home, 'shelf'), 'still');
    expect((await checkAvatar(still)).problems).toEqual([]);
    const small = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#777' } })
      .webp()
      .toBuffer();
    await forgeTestFile(still, (m) => m.matte!, small);
    expect((await checkAvatar(still)).problems).toMatchObject([{ code: 'wrong-picture-size' }]);
  });

  it('passes one of the first format', async () => {
    const still = await writeTestAvatar(join(home, 'shelf'), 'old');
    await changeTestManifest(still, (m) => {
      for (const key of ['matte', 'report', 'sheet', 'passthrough']) Reflect.deleteProperty(m, key);
      Object.assign(m, { schemaVersion: 1 });
    });
    expect(await checkAvatar(still)).toMatchObject({ ok: true, manifest: { schemaVersion: 1, passthrough: [] } });
  });
});

describe('reading masks', () => {
  it('gives the same bytes gzipped or not', async () => {
    const packed = await readMasks(avatar, await readManifest(avatar));
    expect(packed).toHaveLength(FRAMES * 16 * 16);
    await writeFile(join(avatar, 'masks.bin'), packed);
    await changeTestManifest(avatar, (m) => Object.assign(m, { masks: describeFile('masks.bin', packed) }));
    expect(Buffer.compare(await readMasks(avatar, await readManifest(avatar)), packed)).toBe(0);
  });

  it('fails in words when they are damaged or too long', async () => {
    const manifest = await readManifest(avatar);
    for (const bytes of [gzipSync(Buffer.alloc(50_000_000)), gzipSync(Buffer.alloc(5)), Buffer.from('none')]) {
      await writeFile(join(avatar, 'masks.bin.gz'), bytes);
      await expect(readMasks(avatar, manifest)).rejects.toMatchObject({ code: 'AVATAR_BROKEN' });
    }
  });
});
