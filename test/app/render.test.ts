import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { frameByteLength, type Rect } from '../../src/api/media.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { openLibrary } from '../../src/app/open-library.ts';
import { type FrameFacts, render } from '../../src/app/render.ts';
import { loadAvatar } from '../../src/avatar/load-avatar.ts';
import { silentLog } from '../../src/base/log.ts';
import { findPaths } from '../../src/base/paths.ts';
import { makeHome, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { readWav } from '../fakes/read-wav.ts';
import { writeWav } from '../fakes/write-wav.ts';
import { openPluginsThatCollect } from './collect-pictures.ts';

const home = makeHome();
const file = (name: string) => join(home.path, name);
afterAll(() => home[Symbol.dispose]());

/** Seven seconds of the bundled speech: a sentence, its pause, and a second sentence. */
const seconds = 7;
const speech = readWav(bundledSpeechPath).subarray(0, seconds * 16_000);

async function renderSpeech(name: string, avatar: string, extra: string[] = []): Promise<FrameFacts[]> {
  writeWav(file('speech.wav'), speech);
  const args = ['render', '--audio', file('speech.wav'), '--avatar', avatar, '--out', file(`${name}.mp4`)];
  const result = await runCli([...args, '--frames-json', file(`${name}.json`), ...extra], home.env);
  expect(result.stderr).not.toContain('✖');
  expect(result.code).toBe(0);
  return JSON.parse(readFileSync(file(`${name}.json`), 'utf8')) as FrameFacts[];
}

/** MD5 of every decoded picture. */
function pictureHashes(path: string): string[] {
  const text = execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:v', '-f', 'framemd5', '-'], {
    encoding: 'utf8',
  });
  return text
    .split('\n')
    .filter((line) => /^0,/.test(line))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** Loudness of a frame's own 40 ms. */
const loudness = (frame: number) => Math.hypot(...speech.subarray(frame * 640, frame * 640 + 640)) / Math.sqrt(640);

describe('musecam render', () => {
  it('moves the mouth in speech, keeps it closed in pauses, and says so for every frame', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const frames = await renderSpeech('mira', 'mira');
    expect(frames).toHaveLength(seconds * 25);
    expect(frames.map(({ index }) => index)).toEqual(frames.map((_, n) => n));
    for (const { timeSeconds, index, openness, width, closure, patch: pasted } of frames) {
      const patch = pasted!;
      expect(timeSeconds).toBeCloseTo(index / 25, 9);
      expect(openness).toBeGreaterThanOrEqual(0);
      expect(openness).toBeLessThanOrEqual(1);
      expect(Math.abs(width)).toBeLessThanOrEqual(1);
      expect(closure).toBeGreaterThanOrEqual(0);
      expect((patch.width % 2) + (patch.height % 2) + (patch.x % 2) + (patch.y % 2)).toBe(0);
    }
    const spoken = frames.filter(({ index }) => loudness(index) > 0.05);
    expect(spoken.filter(({ speaking }) => speaking).length / spoken.length).toBeGreaterThan(0.95);
    expect(Math.max(...spoken.map(({ openness }) => openness))).toBeGreaterThan(0.5);
    // Pauses: more than 300 ms away from any sound on both sides.
    const isPause = (n: number) =>
      Array.from({ length: 17 }, (_, i) => n - 8 + i).every((k) => loudness(Math.max(0, k)) < 0.002);
    const pauses = frames.filter(({ index }) => index > 8 && isPause(index));
    expect(pauses.length).toBeGreaterThan(3);
    for (const { openness, speaking } of pauses)
      expect({ openness, speaking }).toEqual({ openness: 0, speaking: false });
  });

  it('gives the same pictures each time, and other pictures for another avatar', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const first = await renderSpeech('once', 'jonas');
    const again = await renderSpeech('twice', 'jonas');
    expect(again).toEqual(first);
    expect(pictureHashes(file('twice.mp4'))).toEqual(pictureHashes(file('once.mp4')));
    await renderSpeech('other', 'mira');
    const hash = (name: string) =>
      createHash('md5')
        .update(pictureHashes(file(name)).join())
        .digest('hex');
    expect(hash('other.mp4')).not.toBe(hash('once.mp4'));
  });

  it('writes 25 fps, the right length, and sound that starts with the picture', async (context) => {
    need(context, hasProgram('ffprobe'), 'ffprobe');
    await renderSpeech('probe', 'mira');
    const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', file('probe.mp4')];
    const { streams } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as {
      streams: {
        codec_type: string;
        r_frame_rate: string;
        nb_read_frames: string;
        start_time: string;
        duration: string;
      }[];
    };
    const video = streams.find(({ codec_type }) => codec_type === 'video')!;
    const audio = streams.find(({ codec_type }) => codec_type === 'audio')!;
    expect(video.r_frame_rate).toBe('25/1');
    expect(Math.abs(Number(video.nb_read_frames) - seconds * 25)).toBeLessThanOrEqual(1);
    expect(Math.abs(Number(video.start_time) - Number(audio.start_time))).toBeLessThanOrEqual(0.04);
    expect(Math.abs(Number(audio.duration) - seconds)).toBeLessThanOrEqual(0.1);
  });

  it('renders at another size, with bars where the shapes differ, and with a label', async () => {
    writeWav(file('short.wav'), speech.subarray(0, 16_000));
    const settings = { 'show.size': '640x480', 'show.labelText': 'AI avatar' };
    const seen: { bar: number; inside: number; badge: number }[] = [];
    await using plugins = openPluginsThatCollect(settings, (_, picture) => {
      expect(picture).toHaveLength(640 * 480 * 1.5);
      // 1280x720 becomes 640x360 between two bars of 60 lines; the label's badge is in the lower left corner.
      seen.push({ bar: picture[59 * 640 + 320]!, inside: picture[61 * 640 + 320]!, badge: picture[452 * 640 + 26]! });
    });
    const sound = { audioPath: file('short.wav'), outPath: 'kept in memory' };
    await render(
      {
        ...sound,
        ...{ avatarId: 'mira', engine: 'puppet', settings, plugins },
        ...{ paths: findPaths(home.env), log: silentLog, onProgress: () => {} },
      },
      new AbortController().signal,
    );
    expect(seen).toHaveLength(25);
    for (const { bar, inside, badge } of seen) {
      expect(bar).toBe(16);
      expect(inside).toBeGreaterThan(30);
      expect(badge).toBeGreaterThan(16);
    }
  });

  it.each(['mira', 'jonas'])('with idle life off, %s in a pause is the avatar at rest, to the pixel', async (id) => {
    writeWav(file('speech.wav'), speech);
    const { folder } = await openLibrary(findPaths(home.env)).find(id);
    await using avatar = await loadAvatar(folder, { cacheFolder: findPaths(home.env).cache });
    const { manifest, pose } = avatar;
    const body = new Uint8Array(frameByteLength('i420', manifest));
    await pose(0).readBody(body);
    const settings = { 'puppet.idle': 0, 'puppet.mouth': 1 };
    const changed: (Rect | undefined)[] = [];
    await using plugins = openPluginsThatCollect(settings, (index, picture) => {
      changed[index] = boundsOfChange(picture, body, manifest.width);
    });
    const sound = { audioPath: file('speech.wav'), outPath: 'kept in memory' };
    const frames = await render(
      {
        ...sound,
        ...{ avatarId: id, engine: 'puppet', settings, plugins },
        ...{ paths: findPaths(home.env), log: silentLog, onProgress: () => {} },
      },
      new AbortController().signal,
    );
    expect(changed).toHaveLength(seconds * 25);
    const atRest = frames.filter(({ openness, closure, width }) => openness === 0 && closure === 0 && width === 0);
    expect(atRest.length).toBeGreaterThan(20);
    for (const { index } of atRest) expect({ index, changed: changed[index] }).toEqual({ index, changed: undefined });
    // And the rest is a mouth that moves: every frame with an open mouth differs, inside the engine's patch only.
    const open = frames.filter(({ openness }) => openness > 0.1);
    expect(open.length).toBeGreaterThan(60);
    for (const { index, patch: pasted } of open) {
      const patch = pasted!;
      const { x, y, width, height } = changed[index]!;
      expect(x).toBeGreaterThanOrEqual(patch.x);
      expect(y).toBeGreaterThanOrEqual(patch.y);
      expect(x + width).toBeLessThanOrEqual(patch.x + patch.width);
      expect(y + height).toBeLessThanOrEqual(patch.y + patch.height);
    }
  });
});

/** The smallest box, in pixels, that holds every byte in which two I420 pictures differ; undefined when they are equal. */
function boundsOfChange(picture: Uint8Array, rest: Uint8Array, width: number): Rect | undefined {
  if (Buffer.compare(picture, rest) === 0) return undefined;
  const pixels = (picture.length * 2) / 3;
  const [xs, ys]: [number[], number[]] = [[], []];
  for (let i = 0; i < picture.length; i++) {
    if (picture[i] === rest[i]) continue;
    // The two planes of colour come after the brightness, each of half the width and a quarter of the pixels.
    const colour = (i - pixels) % (pixels / 4);
    xs.push(i < pixels ? i % width : (colour % (width / 2)) * 2);
    ys.push(i < pixels ? Math.floor(i / width) : Math.floor(colour / (width / 2)) * 2);
  }
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b));
  return { x: least(xs), y: least(ys), width: most(xs) - least(xs) + 1, height: most(ys) - least(ys) + 1 };
}
