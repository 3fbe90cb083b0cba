import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AvatarManifest, LANDMARK_COUNT } from '../../../src/api/avatar.ts';
import type { FaceEngine } from '../../../src/api/contributions.ts';
import { checkAvatar } from '../../../src/avatar/check-avatar.ts';
import type { PrepareClipOptions } from '../../../src/avatar/clip/plan-film.ts';
import { probeClip } from '../../../src/avatar/clip/probe-clip.ts';
import { prepareAvatar } from '../../../src/avatar/prepare.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { drawPhoto } from '../draw-photo.ts';
import { optionsFor } from '../prepare-drawn.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { ffmpeg, makeClip, turnClip } from './make-clips.ts';

/** Enough on a machine that has other things to do. */
const SLOW_MS = 300_000;
const hasFfmpeg = hasProgram('ffmpeg');
let folder: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
beforeEach((context) => need(context, hasFfmpeg, 'ffmpeg'));

/** A clip of the committed set: drawn faces that speak, turn, lean, leave. */
function clipAt(name: string): string {
  return fileURLToPath(new URL(`../../clips/${name}.mp4`, import.meta.url));
}

const SIZE = { width: 640, height: 360 };

async function prepare(
  name: string,
  source: string,
  change: Partial<PrepareClipOptions> = {},
): Promise<AvatarManifest> {
  return prepareAvatar({ ...clipOptions(name, source), ...change });
}

function clipOptions(name: string, source: string): PrepareClipOptions {
  const change = { id: 'anna', size: SIZE };
  return { ...optionsFor(join(folder, name), source, change), workFolder: join(folder, `${name}-work`) };
}

/** Every file of an avatar. */
async function filesOf(name: string): Promise<Map<string, Buffer>> {
  const root = join(folder, name, 'anna');
  const paths = await readdir(root, { recursive: true, withFileTypes: true });
  const files = paths.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (path) => [path.slice(root.length), await readFile(path)] as const)),
  );
}

/** An engine that looks at every frame. */
function lookingEngine(): { engines: ReadonlyMap<string, FaceEngine>; looks: number[] } {
  const looks: number[] = [];
  const engine: FaceEngine = {
    open: () => Promise.reject(new Error('not in this test')),
    prepare: async (face) => {
      expect(face.landmarks).toHaveLength(face.frameCount * LANDMARK_COUNT * 3);
      for (let i = 0; i < face.frameCount; i++) {
        const pixels = await face.pixels(i);
        expect(pixels).toHaveLength(face.width * face.height * 3);
        looks.push(pixels.reduce((sum, value) => sum + value, 0) / pixels.length);
      }
      return { version: 1, files: new Map([['looking/light.bin', Buffer.from(new Float32Array(looks).buffer)]]) };
    },
  };
  return { engines: new Map([['looking.engine', engine]]), looks };
}

describe('preparing a clip', () => {
  it(
    'keeps every frame in its place, over cuts and without fading, where that is asked for',
    async () => {
      const change = { keepsFrames: true, motion: 'loop', framing: 'whole' } as const;
      const manifest = await prepare('kept', clipAt('cut'), { ...change, size: { width: 320, height: 180 } });
      const { frameCount } = await probeClip(clipAt('cut'));
      expect(manifest).toMatchObject({ frameCount, motion: 'loop', width: 320, height: 180 });
      expect(await checkAvatar(join(folder, 'kept', 'anna'))).toMatchObject({ ok: true, problems: [] });
    },
    SLOW_MS,
  );

  it(
    'writes an avatar that passes every check',
    async () => {
      const { engines, looks } = lookingEngine();
      const manifest = await prepare('whole', clipAt('still-speech'), { seconds: 2, motion: 'ping-pong', engines });
      expect(manifest).toMatchObject({ schemaVersion: 2, frameCount: 50, motion: 'ping-pong', ...SIZE });
      expect(manifest.body.map((file) => file.path)).toEqual(['body.mp4']);
      expect(manifest).toMatchObject({ masks: { path: 'masks.bin.gz' }, report: { path: 'report.json' } });
      expect(manifest.passthrough).toEqual([]);
      expect(manifest.faceScore).toBeGreaterThan(0.9);
      expect(looks).toHaveLength(50);
      expect(await checkAvatar(join(folder, 'whole', 'anna'))).toMatchObject({ ok: true, problems: [] });
      expect(await readdir(join(folder, 'whole-work'))).toEqual([]);
      const sheet = await sharp(await readFile(join(folder, 'whole', 'anna', 'sheet.webp'))).metadata();
      expect(sheet.width).toBeGreaterThan(600);
      // The face is framed like a webcam's: in the middle, a third to two thirds of the height.
      const box = manifest.faceBoxes[0]!;
      expect(Math.abs(box.x + box.width / 2 - 320)).toBeLessThan(110);
      expect(box.height / 360).toBeGreaterThan(0.25);
      expect(box.height / 360).toBeLessThan(0.75);
    },
    SLOW_MS,
  );

  it(
    'goes on where it was interrupted, and gives the same avatar byte for byte',
    async () => {
      const source = clipAt('still-speech');
      const options = { seconds: 1.2, engines: lookingEngine().engines };
      await prepare('at-once', source, options);
      const begun: number[] = [];
      for (const stopAt of [0.15, 0.3, 0.7]) {
        const abort = new AbortController();
        let first: number | undefined;
        const run = prepare('stopped', source, {
          ...options,
          engines: lookingEngine().engines,
          signal: abort.signal,
          onProgress: ({ step, fraction }) => {
            if (step !== 'read') first ??= fraction;
            if (fraction >= stopAt) abort.abort(new Error('pressed Ctrl-C'));
          },
        });
        await expect(run).rejects.toThrow('pressed Ctrl-C');
        begun.push(first!);
        // Nothing half-made among the avatars, the work beside them.
        expect(await readdir(join(folder, 'stopped')).catch(() => [])).toEqual([]);
        expect(await readdir(join(folder, 'stopped-work'))).toHaveLength(1);
      }
      expect(begun[1]).toBeGreaterThan(0.1);
      expect(begun[2]).toBeGreaterThan(0.1);
      await prepare('stopped', source, { ...options, engines: lookingEngine().engines });
      const whole = await filesOf('at-once');
      const resumed = await filesOf('stopped');
      expect([...resumed.keys()].sort()).toEqual([...whole.keys()].sort());
      for (const [path, bytes] of whole) expect(resumed.get(path)?.equals(bytes), path).toBe(true);
      expect(await readdir(join(folder, 'stopped-work'))).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'takes a portrait that a telephone stored lying, and fills the sides with it',
    async () => {
      const photo = join(folder, 'portrait.png');
      await (await drawPhoto(360, 640, [{ x: -20, y: 120, height: 480 }])).rotate(-90).toFile(photo);
      const path = join(folder, 'portrait.mp4');
      ffmpeg('-loop', '1', '-i', photo, '-t', '1.2', '-r', '30', '-pix_fmt', 'yuv420p', path);
      turnClip(path, 360);
      const manifest = await prepare('portrait', path, { motion: 'ping-pong' });
      expect(manifest).toMatchObject(SIZE);
      expect(Math.abs(manifest.frameCount - 30)).toBeLessThanOrEqual(1);
      const preview = sharp(await readFile(join(folder, 'portrait', 'anna', 'preview.png')));
      const light = async (left: number) =>
        (await preview.clone().extract({ left, top: 20, width: 20, height: 40 }).stats()).channels[0]!.mean;
      // The wall is drawn with 154; the sides go on in it, darker, never black.
      for (const left of [0, 460]) {
        expect(await light(left)).toBeGreaterThan(60);
        expect(await light(left)).toBeLessThan(154 * 0.9);
      }
    },
    SLOW_MS,
  );

  it(
    'shows frames without a usable face as they are',
    async () => {
      const manifest = await prepare('turned', clipAt('turn'), { motion: 'ping-pong' });
      expect(manifest.passthrough.length).toBeGreaterThan(0);
      expect(manifest.passthrough.length).toBeLessThan(manifest.frameCount / 2);
      expect(await checkAvatar(join(folder, 'turned', 'anna'))).toMatchObject({ ok: true, problems: [] });
    },
    SLOW_MS,
  );

  it(
    'takes an animated picture',
    async () => {
      const gif = join(folder, 'speech.gif');
      ffmpeg('-i', clipAt('still-speech'), '-t', '1.2', '-vf', 'fps=20,scale=480:-2', gif);
      const manifest = await prepare('gif', gif, { motion: 'ping-pong' });
      expect(manifest.frameCount).toBeGreaterThanOrEqual(29);
    },
    SLOW_MS,
  );
});

describe('a clip that cannot become an avatar', () => {
  it(
    'is refused, and nothing is written, where no face is in it',
    async () => {
      const path = makeClip(folder, 'wall.mp4', 'color=c=gray:s=640x360:r=25:d=1.2', '-pix_fmt', 'yuv420p');
      await expect(prepare('wall', path)).rejects.toMatchObject({ code: 'NO_FACE' });
      expect(await readdir(join(folder, 'wall')).catch(() => [])).toEqual([]);
    },
    SLOW_MS,
  );

  it('is refused without consent, before it is looked at', async () => {
    const consent = { depicts: 'Anna', statement: '' };
    await expect(prepare('none', '/nowhere.mp4', { consent })).rejects.toMatchObject({ code: 'CONSENT_MISSING' });
  });

  it(
    'says that it breaks off',
    async () => {
      const path = join(folder, 'broken.mp4');
      ffmpeg('-i', clipAt('still-speech'), '-t', '3', '-c:v', 'libx264', '-g', '10', '-movflags', '+faststart', path);
      const bytes = await readFile(path);
      await mkdir(join(folder, 'cut'));
      const cut = join(folder, 'cut', 'clip.mp4');
      await writeFile(cut, bytes.subarray(0, bytes.length / 2));
      await expect(prepare('broken', cut)).rejects.toMatchObject({ code: 'CLIP_DAMAGED' });
    },
    SLOW_MS,
  );
});
