import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { probeClip } from '../../../src/avatar/clip/probe-clip.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { ffmpeg, makeClip, makePictures, turnClip } from './make-clips.ts';

const hasFfmpeg = hasProgram('ffmpeg');
let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));

const TEST = 'testsrc=s=640x360:r=25:d=2';

describe('looking at a clip', () => {
  it('says size, length and rate of a plain one', async () => {
    const clip = await probeClip(makeClip(folder, 'plain.mp4', TEST));
    expect(clip).toMatchObject({ kind: 'video', width: 640, height: 360, frameCount: 50, sourceFramesPerSecond: 25 });
    expect(clip).toMatchObject({ durationSeconds: 2, startSeconds: 0, isHdr: false });
  });

  it.each(['mp4', 'mov', 'mkv', 'webm', 'avi'])('takes %s, whatever its name says', async (kind) => {
    const codec = kind === 'webm' ? ['-c:v', 'libvpx', '-deadline', 'realtime'] : [];
    const path = makeClip(folder, `kind-${kind}.jpg`, TEST, ...codec, '-f', kind === 'mkv' ? 'matroska' : kind);
    const clip = await probeClip(path);
    expect(clip).toMatchObject({ kind: 'video', width: 640, height: 360 });
    expect(Math.abs(clip.frameCount - 50)).toBeLessThanOrEqual(1);
  });

  it('turns what a telephone stored lying on its side', async () => {
    const path = makeClip(folder, 'lying.mp4', TEST);
    turnClip(path, 360);
    const clip = await probeClip(path);
    expect([clip.width, clip.height]).toEqual([360, 640]);
  });

  it('stretches pixels that are not square', async () => {
    const wide = await probeClip(makeClip(folder, 'wide.mp4', 'testsrc=s=720x576:r=25:d=1', '-vf', 'setsar=64/45'));
    expect([wide.width, wide.height]).toEqual([1024, 576]);
    const tall = await probeClip(makeClip(folder, 'tall.mp4', 'testsrc=s=640x360:r=25:d=1', '-vf', 'setsar=1/2'));
    expect([tall.width, tall.height]).toEqual([640, 720]);
  });

  it('takes odd sizes', async () => {
    const path = makeClip(folder, 'odd.mkv', 'testsrc=s=641x359:r=25:d=1', '-c:v', 'ffv1');
    expect(await probeClip(path)).toMatchObject({ width: 641, height: 359 });
  });

  it('counts frames at 25 a second whatever the source has', async () => {
    const slow = await probeClip(makeClip(folder, 'slow.mp4', 'testsrc=s=640x360:r=10:d=2'));
    expect(slow).toMatchObject({ frameCount: 50, sourceFramesPerSecond: 10 });
    const fast = await probeClip(makeClip(folder, 'fast.mp4', 'testsrc=s=640x360:r=60:d=2'));
    expect(fast).toMatchObject({ frameCount: 50, sourceFramesPerSecond: 60 });
  });

  it.each(['smpte2084', 'arib-std-b67'])('knows HDR by its transfer curve %s', async (curve) => {
    const tags = ['-color_primaries', 'bt2020', '-colorspace', 'bt2020nc', '-color_trc', curve];
    const path = makeClip(folder, `${curve}.mp4`, 'testsrc=s=640x360:r=25:d=1', '-pix_fmt', 'yuv420p10le', ...tags);
    expect((await probeClip(path)).isHdr).toBe(true);
  });

  it('uses the part it is told to', async () => {
    const path = makeClip(folder, 'part.mp4', 'testsrc=s=320x180:r=25:d=8');
    expect(await probeClip(path, { startSeconds: 2, seconds: 3 })).toMatchObject({ startSeconds: 2, frameCount: 75 });
    expect(await probeClip(path, { startSeconds: 5 })).toMatchObject({ durationSeconds: 3, frameCount: 75 });
    expect(await probeClip(path, { seconds: 100 })).toMatchObject({ frameCount: 200 });
  });

  it('takes an animated GIF and an animated WebP with their own times', async () => {
    const gif = makeClip(folder, 'moving.gif', 'testsrc=s=320x180:r=10:d=2');
    expect(await probeClip(gif)).toMatchObject({ kind: 'pictures', width: 320, height: 180, frameCount: 50 });
    const webp = join(folder, 'moving.webp');
    await sharp(await readFile(gif), { pages: -1 })
      .webp()
      .toFile(webp);
    expect(await probeClip(webp)).toMatchObject({ kind: 'pictures', width: 320, height: 180, frameCount: 50 });
  });

  it('takes a folder of pictures, one a frame', async () => {
    const pictures = makePictures(folder, 'frames', 'testsrc=s=320x180:r=25:d=1.2');
    await writeFile(join(pictures, 'notes.txt'), 'not a picture');
    expect(await probeClip(pictures)).toMatchObject({ kind: 'pictures', width: 320, height: 180, frameCount: 30 });
  });

  it('measures what does not say how long it is', async () => {
    // A live recording, as browsers make it: a Matroska stream without a duration in its head.
    const path = makeClip(folder, 'live.webm', TEST, '-c:v', 'libvpx', '-deadline', 'realtime', '-live', '1');
    const clip = await probeClip(path);
    expect(Math.abs(clip.frameCount - 50)).toBeLessThanOrEqual(1);
  });

  it('takes paths that look like options, patterns and protocols', async () => {
    for (const name of ['-i.mp4', 'a%03d.mp4', 'pipe:0.mp4', "it's [a] clip; $(x).mp4"]) {
      const path = join(folder, name);
      ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=320x180:r=25:d=1', '-f', 'mp4', `file:${path}`);
      expect(await probeClip(path)).toMatchObject({ frameCount: 25 });
    }
  });
});

describe('what is no clip', () => {
  const still = ['-frames:v', '1'];
  it.each([
    ['SOURCE_MISSING', 'no file', async () => join(folder, 'nothing.mp4'), 'nothing.mp4'],
    [
      'NOT_A_CLIP',
      'sound only in an mp4',
      async () => makeClip(folder, 'sound.mp4', 'sine=d=3', '-c:a', 'aac'),
      'only sound',
    ],
    ['NOT_A_CLIP', 'sound only in a wav', async () => makeClip(folder, 'sound.wav', 'sine=d=3'), 'only sound'],
    ['NOT_A_CLIP', 'sound with a cover picture', () => coveredSound(), 'only sound'],
    ['NOT_A_CLIP', 'a file cut off before its index', () => cutFile(), 'breaks off'],
    ['NOT_A_CLIP', 'a photo', async () => makeClip(folder, 'still.png', TEST, ...still), 'neither'],
    ['NOT_A_CLIP', 'an empty folder', () => emptyFolder(), 'no pictures'],
    ['NOT_A_CLIP', 'a playlist that names other files', () => playlist(), 'neither'],
    ['CLIP_TOO_SHORT', 'two frames', async () => makeClip(folder, 'two.mp4', TEST, '-frames:v', '2'), '2 pictures'],
    [
      'CLIP_TOO_SHORT',
      'two frames shown for long',
      async () => makeClip(folder, 'twoslow.mp4', 'testsrc=s=320x180:r=1/2:d=4'),
      '2 pictures',
    ],
    [
      'CLIP_TOO_SHORT',
      'half a second',
      async () => makeClip(folder, 'half.mp4', 'testsrc=s=320x180:r=25:d=0.5'),
      '0.5 s long',
    ],
    [
      'CLIP_TOO_LONG',
      'two hours',
      async () => makeClip(folder, 'hours.mp4', 'color=s=128x128:r=1:d=7200', '-preset', 'ultrafast'),
      '2 h 0 min',
    ],
    [
      'PICTURE_TOO_LARGE',
      'more than 8K',
      async () => makeClip(folder, 'huge.mkv', 'color=s=8200x200:r=5:d=1', '-c:v', 'ffv1'),
      '8200x200',
    ],
    ['PICTURE_TOO_SMALL', 'a stamp', async () => makeClip(folder, 'stamp.mp4', 'color=s=64x64:r=25:d=1'), '64x64'],
  ] as const)('is refused as %s: %s', async (code, _, make, words) => {
    const failure = await probeClip(await make()).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ name: 'AppError', code, fix: expect.stringMatching(/.{10}/) });
    expect((failure as Error).message).toContain(words);
  });

  it('says how to use two frames: as a photo', async () => {
    const path = makeClip(folder, 'pair.mp4', TEST, '-frames:v', '2');
    await expect(probeClip(path)).rejects.toMatchObject({ fix: expect.stringContaining('-frames:v 1') });
  });

  it('says how to use two hours: a part of them, and takes that', async () => {
    const path = makeClip(folder, 'long.mp4', 'color=s=128x128:r=1:d=7200', '-preset', 'ultrafast');
    await expect(probeClip(path)).rejects.toMatchObject({ fix: expect.stringMatching(/--start .* --seconds/) });
    expect(await probeClip(path, { startSeconds: 3600, seconds: 10 })).toMatchObject({ frameCount: 250 });
  });

  it('is a part that begins after the end', async () => {
    const path = makeClip(folder, 'after.mp4', TEST);
    await expect(probeClip(path, { startSeconds: 5 })).rejects.toMatchObject({
      code: 'CLIP_TOO_SHORT',
      fix: expect.stringContaining('--start'),
    });
  });

  it('takes 8K itself', async () => {
    const path = makeClip(folder, '8k.mkv', 'color=s=7680x4320:r=5:d=1', '-c:v', 'libx264', '-preset', 'ultrafast');
    expect(await probeClip(path)).toMatchObject({ width: 7680, height: 4320, frameCount: 25 });
  });

  async function coveredSound(): Promise<string> {
    const cover = makeClip(folder, 'cover.jpg', TEST, ...still);
    const sound = makeClip(folder, 'song.m4a', 'sine=d=3', '-c:a', 'aac');
    const path = join(folder, 'covered.m4a');
    ffmpeg('-i', sound, '-i', cover, '-map', '0', '-map', '1', '-c', 'copy', '-disposition:v', 'attached_pic', path);
    return path;
  }

  async function cutFile(): Promise<string> {
    const whole = await readFile(makeClip(folder, 'whole.mp4', TEST));
    const path = join(folder, 'cut.mp4');
    await writeFile(path, whole.subarray(0, whole.length / 2));
    return path;
  }

  async function emptyFolder(): Promise<string> {
    const path = join(folder, 'empty');
    await mkdir(path);
    return path;
  }

  async function playlist(): Promise<string> {
    const path = join(folder, 'list.m3u8');
    makeClip(folder, 'secret.ts', TEST);
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', '#EXTINF:2,', 'secret.ts', '#EXT-X-ENDLIST'];
    await writeFile(path, lines.join('\n'));
    return path;
  }
});
