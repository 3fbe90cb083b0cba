import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StreamClock } from '../../../src/plugins/obs/stream-clock.ts';
import { VoiceTrack } from '../../../src/plugins/obs/voice-track.ts';
import { hasProgram, need } from '../../fakes/need.ts';
import { findOnsets, offsetsOf } from './beeps-and-flashes.ts';
import { SpeakingShow } from './speaking-show.ts';
import { Beat, makePicture, openStream, RED } from './stream-stand.ts';

const SIZE = { width: 64, height: 36 } as const;
const run = promisify(execFile);
const record = (address: string, seconds: number, file: string) =>
  run('ffmpeg', ['-v', 'error', '-i', address, '-t', String(seconds), '-map', '0', '-c', 'copy', file], {
    timeout: 60_000,
  });

describe('the voice in the stream', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-sound-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('stands within 15 ms of its picture in the file, over cluster after cluster', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream(SIZE, { sound: true });
    await using _show = new SpeakingShow(stream, SIZE);
    const file = join(folder, 'beeps.mkv');
    await record(stream.address, 12, file);
    const onsets = await findOnsets(file);
    const offsets = offsetsOf(onsets);
    process.stderr.write(`beep after flash, ms: ${offsets.map((ms) => ms.toFixed(1)).join(' ')}\n`);
    expect(offsets.length).toBeGreaterThanOrEqual(8);
    for (const ms of offsets) expect(Math.abs(ms)).toBeLessThan(15);
    // A second apart in the file as they were in the show.
    for (const [i, ms] of onsets.beeps.entries()) {
      if (i > 0) expect(Math.abs(ms - onsets.beeps[i - 1]! - 1_000)).toBeLessThan(15);
    }
  });

  it('is silence while nobody speaks, as long as the pictures are', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream(SIZE, { sound: true });
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED));
    const file = join(folder, 'silence.mkv');
    await record(stream.address, 2, file);
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a', '-f', 's16le', '-'], {
      ...{ encoding: 'buffer', maxBuffer: 1e8 },
    });
    expect(stdout.length / 2 / 48_000).toBeGreaterThan(1.5);
    expect(stdout.every((byte) => byte === 0)).toBe(true);
  });

  it('is silenced at once by a panic, also what was said a moment before', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream(SIZE, { sound: true });
    await using _show = new SpeakingShow(stream, SIZE);
    stream.setSilent(true);
    const file = join(folder, 'panic.mkv');
    await record(stream.address, 3, file);
    expect((await findOnsets(file)).beeps).toEqual([]);
  });

  it('comes only to readers that ask for it', async (context) => {
    need(context, hasProgram('ffprobe'), 'ffprobe');
    await using stream = await openStream(SIZE);
    await using _show = new SpeakingShow(stream, SIZE);
    const tracks = async (address: string) => {
      const { stdout } = await run('ffprobe', [
        '-v',
        'error',
        '-show_entries',
        'stream=codec_name',
        '-of',
        'csv=p=0',
        address,
      ]);
      return stdout.trim().split('\n');
    };
    expect(await tracks(stream.address)).toEqual(['rawvideo']);
    expect(await tracks(`${stream.address}&sound=1`)).toEqual(['rawvideo', 'pcm_s16le']);
    await sleep(50);
  });
});

describe('the clock of a stream with sound', () => {
  it('puts a picture where its sound was captured, and one that is shown again later', () => {
    let nowMs = 1_000_000;
    const clock = new StreamClock(() => nowMs);
    const first = clock.at({ capturedAtMs: nowMs - 75 });
    expect(clock.capturedAt(first)).toBe(nowMs - 95);
    nowMs += 40;
    expect(clock.at({ capturedAtMs: nowMs - 75 })).toBe(first + 40);
    nowMs += 40;
    expect(clock.at({ capturedAtMs: nowMs - 115 })).toBe(first + 80);
  });

  it('always rises, whatever pictures say of themselves', () => {
    let nowMs = 5_000;
    const clock = new StreamClock(() => nowMs);
    let last = -1;
    for (const lag of [80, Number.NaN, 0, 300, 80, 79, 500, 80]) {
      nowMs += 5;
      const at = clock.at({ capturedAtMs: nowMs - lag });
      expect(at).toBeGreaterThan(last);
      expect(Number.isInteger(at)).toBe(true);
      last = at;
    }
  });
});

describe('the voice track', () => {
  it('gives 48 kHz by the time of capturing, at any rate of the input, and silence where there is none', () => {
    for (const sampleRateHz of [16_000, 44_100, 48_000]) {
      const voice = new VoiceTrack();
      const samples = new Float32Array(sampleRateHz / 10).fill(0.5);
      voice.hear({ samples: new Float32Array(sampleRateHz / 10), sampleRateHz, capturedAtMs: 1_100 });
      voice.hear({ samples, sampleRateHz, capturedAtMs: 1_200 });
      voice.hear({ samples: new Float32Array(sampleRateHz / 10), sampleRateHz, capturedAtMs: 1_300 });
      const pcm = Array.from({ length: 6 }, (_, i) => voice.read(1_030 + i * 40, 40));
      const level = (i: number) => pcm[i]!.readInt16LE(20 * 48 * 2) / 32_767;
      expect(pcm[0]!.length).toBe(40 * 96);
      expect([level(0), level(5)]).toEqual([0, 0]);
      for (const i of [2, 3]) expect(level(i)).toBeCloseTo(0.5, 2);
    }
  });
});
