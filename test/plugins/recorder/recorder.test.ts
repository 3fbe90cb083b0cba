import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { HealthReport, OpenVideoOutput } from '../../../src/api/contributions.ts';
import {
  FRAMES_PER_SECOND,
  frameByteLength,
  SAMPLE_RATE_HZ,
  SAMPLES_PER_FRAME,
  type VideoFrame,
} from '../../../src/api/media.ts';
import { silentLog } from '../../../src/base/log.ts';
import { Encoder } from '../../../src/plugins/recorder/encoder.ts';
import { createRecorderOutput } from '../../../src/plugins/recorder/output.ts';
import { Recording } from '../../../src/plugins/recorder/recording.ts';
import { hasProgram, need } from '../../fakes/need.ts';

const SIZE = { width: 160, height: 96 };
const FRAME_SECONDS = 1 / FRAMES_PER_SECOND;
const never = new AbortController().signal;

let folder: string;
let health: HealthReport[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'musecam-recorder-'));
  health = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function needFfmpeg(context: TestContext): void {
  need(context, hasProgram('ffmpeg') && hasProgram('ffprobe'), 'ffmpeg and ffprobe (apt install ffmpeg)');
}

function openFile(path: string, mayOverwrite = false): Promise<OpenVideoOutput> {
  return createRecorderOutput(() => ({ mayOverwrite })).open(
    {
      ...SIZE,
      target: path,
      framesPerSecond: FRAMES_PER_SECOND,
      log: silentLog,
      onHealth: (report) => health.push(report),
    },
    never,
  );
}

/** The same without the plugin around it, so that the test holds the real ffmpeg process. */
async function openWithEncoder(name: string, finishMs: number): Promise<{ encoder: Encoder; recording: Recording }> {
  const path = join(folder, name);
  const container = name.endsWith('.mkv') ? 'matroska' : 'mp4';
  const partPath = `${path}.part`;
  const start = (hasAlpha: boolean) => Encoder.start({ path: partPath, container, size: SIZE, hasAlpha });
  const encoder = await start(false);
  const output = { log: silentLog, onHealth: (report: HealthReport) => void health.push(report) };
  const target = { path, partPath, container } as const;
  const recording = new Recording({
    ...{ encoder, startWithAlpha: () => start(true), target, size: SIZE, output, finishMs },
  });
  return { encoder, recording };
}

/** A picture of one colour. */
function makePicture(index: number, y: number, u = 128, v = 128): VideoFrame {
  const data = new Uint8Array(frameByteLength('i420', SIZE)).fill(y);
  const pixels = SIZE.width * SIZE.height;
  data.fill(u, pixels, pixels * 1.25).fill(v, pixels * 1.25);
  return { ...SIZE, format: 'i420', data, index, capturedAtMs: Number.NaN };
}

/** Noise that no encoder makes small. */
function makeNoise(index: number): VideoFrame {
  const frame = makePicture(index, 0);
  let state = index + 1;
  for (let at = 0; at < frame.data.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    frame.data[at] = state >>> 24;
  }
  return frame;
}

function probe(path: string) {
  const fields =
    'stream=codec_type,codec_name,start_time,duration,nb_read_frames,avg_frame_rate,color_space,color_range:format=duration';
  const { stdout, stderr } = spawnSync(
    'ffprobe',
    ['-v', 'error', '-count_frames', '-show_entries', `${fields}:format_tags`, '-of', 'json', path],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const { streams, format } = JSON.parse(stdout) as {
    streams: Record<string, string>[];
    format: { duration: string; tags: Record<string, string> };
  };
  const of = (type: string) => streams.find(({ codec_type }) => codec_type === type)!;
  return { video: of('video'), audio: of('audio'), format };
}

function decode(args: string[]): Buffer {
  const { stdout, status } = spawnSync('ffmpeg', ['-v', 'error', ...args, '-'], { maxBuffer: 1 << 28 });
  expect(status).toBe(0);
  return stdout;
}

/** Mean luma of each picture in a file. */
function readLuma(path: string): number[] {
  const bytes = decode([
    '-i',
    path,
    '-vsync',
    'passthrough',
    '-vf',
    'extractplanes=y',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'gray',
  ]);
  const pixels = SIZE.width * SIZE.height;
  return Array.from({ length: bytes.length / pixels }, (_, at) =>
    Math.round(bytes.subarray(at * pixels, (at + 1) * pixels).reduce((sum, value) => sum + value, 0) / pixels),
  );
}

/** When each picture of a file is shown, in seconds. */
function readTimes(path: string): number[] {
  const entries = ['-select_streams', 'v', '-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0'];
  const { stdout } = spawnSync('ffprobe', ['-v', 'error', ...entries, path], { encoding: 'utf8' });
  // pictures with side data are followed by an empty line
  return (stdout.match(/^[\d.]+/gm) ?? []).map(Number);
}

/** Sound of a file as players play it, from time 0. */
function readSound(path: string): Float32Array {
  const bytes = decode(['-i', path, '-af', 'aresample=16000:async=1:first_pts=0', '-ac', '1', '-f', 'f32le']);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Loudness of the sound of each frame. */
function readLevels(path: string): number[] {
  const sound = readSound(path);
  return Array.from({ length: Math.floor(sound.length / SAMPLES_PER_FRAME) }, (_, frame) => {
    const piece = sound.subarray(frame * SAMPLES_PER_FRAME, (frame + 1) * SAMPLES_PER_FRAME);
    return Math.sqrt(piece.reduce((sum, value) => sum + value * value, 0) / SAMPLES_PER_FRAME);
  });
}

/** Sound of one frame: a loud tone of 1 kHz, or silence. */
function makeSound(isLoud: boolean): Float32Array {
  return Float32Array.from({ length: SAMPLES_PER_FRAME }, (_, at) => (isLoud ? 0.7 * Math.sin((at * Math.PI) / 8) : 0));
}

function brightPictures(path: string): number[] {
  return readLuma(path).flatMap((luma, picture) => (luma > 128 ? [picture] : []));
}

/** When each beep begins, in seconds: loud after a tenth of a second that was not. */
function findBeeps(sound: Float32Array): number[] {
  const beeps: number[] = [];
  let lastLoud = Number.NEGATIVE_INFINITY;
  for (const [at, value] of sound.entries()) {
    if (Math.abs(value) < 0.3) continue;
    if (at - lastLoud > SAMPLE_RATE_HZ / 10) beeps.push(at / SAMPLE_RATE_HZ);
    lastLoud = at;
  }
  return beeps;
}

/** Each of these pictures is shown at its time, and a beep begins with it. */
function expectInSync(path: string, pictures: readonly number[]): void {
  const times = readTimes(path);
  const beeps = findBeeps(readSound(path));
  expect(beeps).toHaveLength(pictures.length);
  for (const [at, picture] of pictures.entries()) {
    // mkv knows no times before 0, so there all is later by the 21 ms that AAC begins earlier
    expect(Math.abs(times[picture]! - picture * FRAME_SECONDS)).toBeLessThan(0.025);
    // a tone's first sample above the threshold comes 0.3 ms late; mkv rounds times to 1 ms
    expect(Math.abs(beeps[at]! - times[picture]!)).toBeLessThan(0.005);
  }
}

async function rejectionOf(promise: PromiseLike<unknown>): Promise<{ code?: string; message?: string; fix?: string }> {
  return promise.then(
    () => ({ code: 'none' }),
    (thrown: { code: string }) => thrown,
  );
}

describe('a recording', () => {
  for (const extension of ['mp4', 'mov', 'mkv', 'webm']) {
    it(`to .${extension} has 25 pictures a second, and a flash and a beep stay together`, async (context) => {
      needFfmpeg(context);
      const path = join(folder, `show.${extension}`);
      const flashes = [20, 21, 60];
      const output = await openFile(path);
      expect(output.wantsSound).toBe(true);
      // As in a live show: the sound is some frames ahead of its picture, and began before the recording.
      const first = 250;
      for (let index = first - 5; index < first + 80; index++) {
        output.hear!(makeSound(flashes.includes(index - first)), index * SAMPLES_PER_FRAME);
        const due = index - 4;
        if (due >= first) await output.send(makePicture(due, flashes.includes(due - first) ? 235 : 16));
      }
      await output[Symbol.asyncDispose]();
      await output[Symbol.asyncDispose]();

      expect(readdirSync(folder)).toEqual([`show.${extension}`]);
      const { video, audio, format } = probe(path);
      const isWebm = extension === 'webm';
      expect(video).toMatchObject({ codec_name: isWebm ? 'vp9' : 'h264', nb_read_frames: '76' });
      expect(video).toMatchObject({ avg_frame_rate: '25/1' });
      expect(video).toMatchObject({ color_space: 'smpte170m', color_range: 'tv' });
      expect(audio.codec_name).toBe(isWebm ? 'opus' : 'aac');
      expect(Math.abs(Number(video.start_time) - Number(audio.start_time))).toBeLessThan(0.04);
      expect(Math.abs(Number(format.duration) - 76 * FRAME_SECONDS)).toBeLessThan(FRAME_SECONDS);
      expect(format.tags.comment ?? format.tags.COMMENT).toContain('trainedAlgorithmicMedia');

      expect(brightPictures(path)).toEqual(flashes);
      expectInSync(path, [20, 60]);
    });
  }

  it('fills left-out pictures with the last one and leaves out repeated and older ones', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'gaps.mp4');
    const output = await openFile(path);
    for (const index of [100, 101, 105, 105, 104, 106, 110]) await output.send(makePicture(index, index));
    await output[Symbol.asyncDispose]();
    const expected = [100, 101, 101, 101, 101, 105, 106, 106, 106, 106, 110];
    const luma = readLuma(path);
    expect(luma).toHaveLength(expected.length);
    // crf 18 keeps flat grey within 1
    for (const [at, value] of expected.entries()) expect(Math.abs(luma[at]! - value)).toBeLessThanOrEqual(1);
  });

  it('writes silence where sound is missing, and ends the sound with the picture', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'holes.mkv');
    const output = await openFile(path);
    for (let index = 0; index < 60; index++) {
      if (index < 20 || index >= 40) output.hear!(makeSound(true), index * SAMPLES_PER_FRAME);
      if (index < 50) await output.send(makePicture(index, 100));
    }
    await output[Symbol.asyncDispose]();
    const levels = readLevels(path);
    // AAC smears an edge into its neighbours
    expect(Math.min(...levels.slice(1, 19), ...levels.slice(41, 49))).toBeGreaterThan(0.4);
    expect(Math.max(...levels.slice(21, 39))).toBeLessThan(0.01);
    expect(Math.abs(levels.length - 50)).toBeLessThanOrEqual(1);
  });

  it('goes on without any sound at all', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'mute.mp4');
    const output = await openFile(path);
    for (let index = 0; index < 200; index++) await output.send(makePicture(index, 100));
    await output[Symbol.asyncDispose]();
    const { video, audio } = probe(path);
    expect(video.nb_read_frames).toBe('200');
    expect(Math.abs(Number(audio.duration) - 8)).toBeLessThan(FRAME_SECONDS);
  });

  it('cuts a hole of minutes out of picture and sound', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'slept.mkv');
    const output = await openFile(path);
    const flashes = [5, 10_005];
    for (const start of [0, 10_000]) {
      for (let index = start; index < start + 10; index++) {
        output.hear!(makeSound(flashes.includes(index)), index * SAMPLES_PER_FRAME);
        await output.send(makePicture(index, flashes.includes(index) ? 235 : 16));
      }
    }
    await output[Symbol.asyncDispose]();
    expect(brightPictures(path)).toEqual([5, 15]);
    expectInSync(path, [5, 15]);
  });

  it('shows the colours it was given: red stays red', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'red.mp4');
    const output = await openFile(path);
    // BT.601 limited range: RGB 255, 0, 0
    for (let index = 0; index < 5; index++) await output.send(makePicture(index, 81, 90, 240));
    await output[Symbol.asyncDispose]();
    const [red, green, blue] = decode(['-i', path, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24']);
    // BT.709's matrix would make it 255, 24, 0
    expect(red).toBeGreaterThan(250);
    expect(green).toBeLessThan(6);
    expect(blue).toBeLessThan(6);
  });

  it('carries the mark of synthetic media for programs that look for it', async (context) => {
    needFfmpeg(context);
    need(context, hasProgram('exiftool'), 'exiftool (apt install libimage-exiftool-perl)');
    const path = join(folder, 'marked.mp4');
    const output = await openFile(path);
    for (let index = 0; index < 5; index++) await output.send(makePicture(index, 100));
    await output[Symbol.asyncDispose]();
    const { stdout } = spawnSync('exiftool', ['-n', '-s3', '-XMP-iptcExt:DigitalSourceType', path], {
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe('http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia');
  });

  it('falls back to MPEG-4 where ffmpeg has no libx264', async (context) => {
    needFfmpeg(context);
    need(context, process.platform !== 'win32', 'a shell');
    const programs = makeFfmpeg(
      'case "$*" in *-encoders*) "$real" "$@" | grep -v libx264 ;; *) exec "$real" "$@" ;; esac',
    );
    const path = join(folder, 'old.mp4');
    await withPath(programs, async () => {
      const output = await openFile(path);
      for (let index = 0; index < 10; index++) await output.send(makePicture(index, 100));
      await output[Symbol.asyncDispose]();
    });
    expect(probe(path).video).toMatchObject({ codec_name: 'mpeg4', nb_read_frames: '10', avg_frame_rate: '25/1' });
  });
});

/** Every matte of a file, one after the other. */
function readMattes(path: string, decoder: readonly string[] = []): Buffer {
  const grey = ['-vf', 'alphaextract', '-f', 'rawvideo', '-pix_fmt', 'gray'];
  return decode([...decoder, '-i', path, '-vsync', 'passthrough', ...grey]);
}

/** A picture that is person on the left, background on the right, with a slope of one column a step between. */
function makeCutOut(index: number): VideoFrame {
  return { ...makePicture(index, 120), alpha: makeMatte() };
}

function makeMatte(): Uint8Array {
  return Uint8Array.from({ length: SIZE.width * SIZE.height }, (_, at) => {
    const x = at % SIZE.width;
    return x < 64 ? 255 : x >= 96 ? 0 : 255 - (x - 63) * 8 + 1;
  });
}

describe('a transparent show', () => {
  /** Largest difference of a matte that came back: FFV1 keeps all; ProRes keeps alpha without loss; VP9 does not. */
  for (const { extension, decoder, codec, tolerance } of [
    { extension: 'mov', decoder: [], codec: 'prores', tolerance: 1 },
    { extension: 'mkv', decoder: [], codec: 'ffv1', tolerance: 0 },
    { extension: 'webm', decoder: ['-c:v', 'libvpx-vp9'], codec: 'vp9', tolerance: 16 },
  ]) {
    it(`keeps its matte in .${extension}`, async (context) => {
      needFfmpeg(context);
      const path = join(folder, `cut-out.${extension}`);
      const output = await openFile(path);
      for (let index = 0; index < 12; index++) {
        output.hear!(makeSound(false), index * SAMPLES_PER_FRAME);
        // A picture left out is filled with the last one and its matte.
        if (index !== 6) await output.send(makeCutOut(index));
      }
      await output[Symbol.asyncDispose]();
      expect(readdirSync(folder)).toEqual([`cut-out.${extension}`]);
      expect(health).toEqual([]);
      expect(probe(path).video).toMatchObject({ codec_name: codec, nb_read_frames: '12', avg_frame_rate: '25/1' });
      const mattes = readMattes(path, decoder);
      const expected = makeMatte();
      expect(mattes).toHaveLength(12 * expected.length);
      for (let at = 0; at < mattes.length; at++)
        expect(Math.abs(mattes[at]! - expected[at % expected.length]!)).toBeLessThanOrEqual(tolerance);
    });
  }

  it('is recorded opaque in .mp4, and says so once', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'opaque.mp4');
    const output = await openFile(path);
    for (let index = 0; index < 5; index++) await output.send(makeCutOut(index));
    await output[Symbol.asyncDispose]();
    expect(health).toMatchObject([{ state: 'ready', detail: expect.stringContaining('.mov, .webm and .mkv can') }]);
    expect(probe(path).video).toMatchObject({ codec_name: 'h264', nb_read_frames: '5' });
  });

  it('says that a recording that began opaque stays so', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'late.mkv');
    const output = await openFile(path);
    for (let index = 0; index < 5; index++) await output.send(makePicture(index, 120));
    for (let index = 5; index < 10; index++) await output.send(makeCutOut(index));
    await output[Symbol.asyncDispose]();
    expect(health).toMatchObject([{ state: 'ready', detail: expect.stringContaining('start it again') }]);
    expect(probe(path).video).toMatchObject({ codec_name: 'h264', nb_read_frames: '10' });
  });

  it('is opaque for a while where the matte is missing', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'partly.mkv');
    const output = await openFile(path);
    await output.send(makeCutOut(0));
    await output.send(makePicture(1, 120));
    await output.send(makeCutOut(2));
    await output[Symbol.asyncDispose]();
    const mattes = readMattes(path);
    const pixels = SIZE.width * SIZE.height;
    expect(new Uint8Array(mattes.subarray(pixels, 2 * pixels))).toEqual(new Uint8Array(pixels).fill(255));
    expect(new Uint8Array(mattes.subarray(2 * pixels))).toEqual(makeMatte());
  });

  for (const extension of ['mov', 'mkv', 'webm']) {
    it(`is marked as synthetic media too (.${extension})`, async (context) => {
      needFfmpeg(context);
      need(context, hasProgram('exiftool'), 'exiftool (apt install libimage-exiftool-perl)');
      const path = join(folder, `marked.${extension}`);
      const output = await openFile(path);
      for (let index = 0; index < 5; index++) await output.send(makeCutOut(index));
      await output[Symbol.asyncDispose]();
      const word = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia';
      if (extension === 'mov') {
        const { stdout } = spawnSync('exiftool', ['-n', '-s3', '-XMP-iptcExt:DigitalSourceType', path], {
          encoding: 'utf8',
        });
        expect(stdout.trim()).toBe(word);
      } else {
        expect(probe(path).format.tags.DIGITAL_SOURCE_TYPE).toBe(word);
        const { stdout } = spawnSync('exiftool', [path], { encoding: 'utf8' });
        expect(stdout).toContain(word);
      }
    });
  }

  it('is recorded opaque where ffmpeg lacks the codec, and webm is refused', async (context) => {
    needFfmpeg(context);
    need(context, process.platform !== 'win32', 'a shell');
    const programs = makeFfmpeg(
      'case "$*" in *-encoders*) "$real" "$@" | grep -v -e prores -e libvpx ;; *) exec "$real" "$@" ;; esac',
    );
    await withPath(programs, async () => {
      const output = await openFile(join(folder, 'plain.mov'));
      for (let index = 0; index < 5; index++) await output.send(makeCutOut(index));
      await output[Symbol.asyncDispose]();
      expect(await rejectionOf(openFile(join(folder, 'a.webm')))).toMatchObject({ code: 'RECORDING_CODEC' });
    });
    expect(health).toMatchObject([{ state: 'ready', detail: expect.stringContaining('without prores_ks') }]);
    expect(probe(join(folder, 'plain.mov')).video).toMatchObject({ codec_name: 'h264', nb_read_frames: '5' });
  });
});

/** Puts a shell script in the place of ffmpeg; `$real` is the real one. Returns a PATH that begins with it. */
function makeFfmpeg(script: string): string {
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  const real = spawnSync('sh', ['-c', 'command -v ffmpeg'], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(programs, 'ffmpeg'), `#!/bin/sh\nreal='${real}'\n${script}\n`);
  chmodSync(join(programs, 'ffmpeg'), 0o755);
  return `${programs}${delimiter}${process.env.PATH}`;
}

async function withPath<T>(path: string, run: () => Promise<T>): Promise<T> {
  const before = process.env.PATH;
  process.env.PATH = path;
  try {
    return await run();
  } finally {
    process.env.PATH = before;
  }
}

describe('a recording that cannot be', () => {
  it('names the command that installs ffmpeg, and leaves nothing behind', async () => {
    const refused = await withPath(folder, () => rejectionOf(openFile(join(folder, 'a.mp4'))));
    expect(refused.code).toBe('FFMPEG_MISSING');
    expect(refused.fix).toMatch(/install/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused for other kinds of file, and for none', async () => {
    for (const name of ['a.avi', 'a', '.mp4', '']) {
      expect(await rejectionOf(openFile(name))).toMatchObject({ code: 'RECORDING_TARGET' });
    }
  });

  it('is refused where a file is, unless it may be replaced', async (context) => {
    needFfmpeg(context);
    const path = join(folder, 'there.mp4');
    writeFileSync(path, 'precious');
    expect(await rejectionOf(openFile(path))).toMatchObject({ code: 'RECORDING_EXISTS' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    const output = await openFile(path, true);
    expect(readFileSync(path, 'utf8')).toBe('precious');
    for (let index = 0; index < 5; index++) await output.send(makePicture(index, 100));
    await output[Symbol.asyncDispose]();
    expect(probe(path).video.nb_read_frames).toBe('5');
  });

  it('is refused in a folder that is missing or may not be written to', async (context) => {
    expect(await rejectionOf(openFile(join(folder, 'no', 'a.mp4')))).toMatchObject({
      code: 'RECORDING_NOT_WRITABLE',
      message: expect.stringContaining('folder does not exist'),
    });
    need(context, process.platform === 'linux', 'Linux, where even root may not write to /sys');
    expect(await rejectionOf(openFile('/sys/a.mp4'))).toMatchObject({
      code: 'RECORDING_NOT_WRITABLE',
      message: expect.stringContaining('may not be written to'),
    });
  });

  it('leaves nothing behind when no picture came', async (context) => {
    needFfmpeg(context);
    const output = await openFile(join(folder, 'empty.mp4'));
    output.hear!(makeSound(true), 0);
    await output[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says so when ffmpeg is killed, and leaves no file that cannot be played', async (context) => {
    needFfmpeg(context);
    const { encoder, recording } = await openWithEncoder('killed.mp4', 10_000);
    for (let index = 0; index < 10; index++) await recording.send(makePicture(index, 100));
    encoder.kill('SIGKILL');
    const refused = await rejectionOf(sendUntilRefused(recording, 10));
    expect(refused).toMatchObject({ code: 'RECORDING_FAILED', message: expect.stringContaining('SIGKILL') });
    expect(health).toMatchObject([{ state: 'failed', detail: refused.message }]);
    await recording[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps what can be played of an mkv, and tells on disposing when nothing was sent since', async (context) => {
    needFfmpeg(context);
    const { encoder, recording } = await openWithEncoder('killed.mkv', 10_000);
    for (let index = 0; index < 200; index++) await recording.send(makeNoise(index));
    encoder.kill('SIGKILL');
    await encoder.ended;
    const refused = await rejectionOf(recording[Symbol.asyncDispose]());
    expect(refused).toMatchObject({ code: 'RECORDING_FAILED', fix: expect.stringContaining('killed.mkv.part') });
    expect(readdirSync(folder)).toEqual(['killed.mkv.part']);
  });

  it('does not wait for ever for an ffmpeg that hangs', async (context) => {
    needFfmpeg(context);
    need(context, process.platform !== 'win32', 'SIGSTOP');
    const { encoder, recording } = await openWithEncoder('stopped.mp4', 300);
    for (let index = 0; index < 10; index++) await recording.send(makePicture(index, 100));
    encoder.kill('SIGSTOP');
    const refused = await rejectionOf(recording[Symbol.asyncDispose]());
    expect(refused).toMatchObject({ code: 'RECORDING_FAILED', message: expect.stringContaining('did not finish') });
    expect(await encoder.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('hangs up on an ffmpeg that has failed and waits for its input', async (context) => {
    needFfmpeg(context);
    need(context, process.platform !== 'win32', 'a shell');
    const dying = 'head -c 100000 > /dev/null; echo "av_interleaved_write_frame(): No space left on device" >&2';
    const programs = makeFfmpeg(
      `case "$*" in *-encoders*) exec "$real" "$@" ;; esac\n${dying}\nexec cat <&3 > /dev/null`,
    );
    const output = await withPath(programs, () => openFile(join(folder, 'a.mp4')));
    expect(await rejectionOf(sendUntilRefused(output, 0))).toMatchObject({ code: 'DISK_FULL' });
    await output[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual(['bin']);
  });

  for (const extension of ['mp4', 'mkv']) {
    it(`says that the disk is full (.${extension})`, async (context) => {
      needFfmpeg(context);
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
      need(context, mounted.status === 0, 'mounting a tmpfs (root)');
      try {
        const output = await openFile(join(disk, `big.${extension}`));
        const refused = await rejectionOf(sendUntilRefused(output, 0).then(() => output[Symbol.asyncDispose]()));
        expect(refused).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining('big.') });
        await rejectionOf(output[Symbol.asyncDispose]());
        expect(existsSync(join(disk, `big.${extension}`))).toBe(false);
      } finally {
        spawnSync('umount', [disk]);
      }
    });
  }
});

/** Sends noise, far more than fits into any pipe or tiny disk, until the recording refuses. */
async function sendUntilRefused(output: OpenVideoOutput, first: number): Promise<void> {
  for (let index = first; index < first + 2000; index++) await output.send(makeNoise(index));
}
