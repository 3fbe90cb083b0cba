import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { WavFile } from '../../../src/plugins/wav/read-wav.ts';
import { extensibleChunk, formatChunk, riffChunk, riffFile, s16 } from '../../fakes/make-wav.ts';
import { hasProgram, need } from '../../fakes/need.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-wav-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function save(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.wav`);
  writeFileSync(path, bytes);
  return path;
}

async function readAll(path: string) {
  await using file = await WavFile.open(path);
  const samples = new Float32Array(file.frameCount + 10);
  const count = await file.read(samples);
  return { rateHz: file.sampleRateHz, samples: [...samples.subarray(0, count)] };
}

async function failure(path: string): Promise<AppError> {
  const thrown = await WavFile.open(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(AppError);
  return thrown as AppError;
}

/** -1, -0.5, 0, 0.5 in every encoding. */
const encodings: readonly [string, number, number, Buffer][] = [
  ['8-bit', 1, 8, Buffer.from([0, 64, 128, 192])],
  ['16-bit', 1, 16, s16(-32_768, -16_384, 0, 16_384)],
  ['24-bit', 1, 24, Buffer.from([0, 0, 0x80, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0x40])],
  ['32-bit', 1, 32, Buffer.from(Int32Array.of(-(2 ** 31), -(2 ** 30), 0, 2 ** 30).buffer)],
  ['32-bit float', 3, 32, Buffer.from(Float32Array.of(-1, -0.5, 0, 0.5).buffer)],
  ['64-bit float', 3, 64, Buffer.from(Float64Array.of(-1, -0.5, 0, 0.5).buffer)],
];

describe('WavFile', () => {
  it.each(encodings)('reads %s samples exactly', async (_name, tag, bits, data) => {
    const plain = save(riffFile([formatChunk(tag, 1, 44_100, bits), riffChunk('data', data)]));
    expect(await readAll(plain)).toEqual({ rateHz: 44_100, samples: [-1, -0.5, 0, 0.5] });
    const extensible = save(riffFile([extensibleChunk(tag, 1, 44_100, bits, 4), riffChunk('data', data)]));
    expect(await readAll(extensible)).toEqual({ rateHz: 44_100, samples: [-1, -0.5, 0, 0.5] });
  });

  it('reads 20 bits in a container of three bytes as 24', async () => {
    const format = formatChunk(1, 1, 48_000, 20, 3);
    const path = save(riffFile([format, riffChunk('data', Buffer.from([0, 0, 0x40]))]));
    expect((await readAll(path)).samples).toEqual([0.5]);
  });

  it('mixes stereo to the mean of both sides', async () => {
    const data = s16(16_384, 0, -16_384, -16_384, 8_192, -8_192);
    const path = save(riffFile([formatChunk(1, 2, 48_000, 16), riffChunk('data', data)]));
    expect((await readAll(path)).samples).toEqual([0.25, -0.5, 0]);
  });

  it('leaves the subwoofer of 5.1 sound out of the mix', async () => {
    const data = s16(100, 200, 16_000, 32_000, 300, 400);
    const path = save(riffFile([extensibleChunk(1, 6, 48_000, 16, 0x3f), riffChunk('data', data)]));
    expect((await readAll(path)).samples[0]).toBeCloseTo((100 + 200 + 16_000 + 300 + 400) / 5 / 32_768, 7);
  });

  it('passes over other chunks, also those of odd length', async () => {
    const list = riffChunk('LIST', Buffer.from('INFOabc'));
    const tail = riffChunk('id3 ', Buffer.alloc(11, 0x7f));
    const sound = riffChunk('data', s16(1, 2, 3));
    const path = save(riffFile([list, formatChunk(1, 1, 16_000, 16), list, sound, tail]));
    expect((await readAll(path)).samples).toEqual([1, 2, 3].map((n) => n / 32_768));
  });

  it.each([0, 0xffff_ffff, 100_000])('reads to the end where the length is given as %i', async (claimed) => {
    const path = save(riffFile([formatChunk(1, 1, 16_000, 16), riffChunk('data', s16(1, 2, 3), claimed)]));
    expect((await readAll(path)).samples).toHaveLength(3);
  });

  it('reads the length of an RF64 file from its ds64 chunk', async () => {
    const lengths = Buffer.alloc(28);
    lengths.writeBigUInt64LE(4n, 8);
    const chunks = [riffChunk('ds64', lengths), formatChunk(1, 1, 16_000, 16)];
    const path = save(riffFile([...chunks, riffChunk('data', s16(1, 2, 3), 0xffff_ffff)], 'RF64'));
    expect((await readAll(path)).samples).toHaveLength(2);
  });

  it('clamps floats beyond full scale and takes NaN for silence', async () => {
    const data = Buffer.from(Float32Array.of(2, -3, Number.NaN, Number.POSITIVE_INFINITY).buffer);
    const path = save(riffFile([formatChunk(3, 1, 16_000, 32), riffChunk('data', data)]));
    expect((await readAll(path)).samples).toEqual([1, -1, 0, 1]);
  });

  it('reads a file longer than its block in pieces of any length, and again after rewind', async () => {
    const numbers = Array.from({ length: 100_000 }, (_, n) => (n * 7919) % 30_000);
    const path = save(riffFile([formatChunk(1, 2, 48_000, 16), riffChunk('data', s16(...numbers))]));
    await using file = await WavFile.open(path);
    const whole = new Float32Array(50_000);
    for (let at = 0; at < 50_000; at += 777) {
      const piece = whole.subarray(at, Math.min(at + 777, 50_000));
      expect(await file.read(piece)).toBe(piece.length);
    }
    expect(await file.read(new Float32Array(5))).toBe(0);
    for (let n = 0; n < 50_000; n += 101) {
      expect(whole[n]).toBeCloseTo((numbers[2 * n]! + numbers[2 * n + 1]!) / 65_536, 6);
    }
    file.rewind();
    const again = new Float32Array(50_000);
    expect(await file.read(again)).toBe(50_000);
    expect(again).toEqual(whole);
  });

  it('reads what ffmpeg streams into a pipe, without a length in the header', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const tone = ['-hide_banner', '-loglevel', 'error', '-f', 'lavfi', '-i', 'sine=frequency=440:duration=1'];
    const { stdout } = spawnSync('ffmpeg', [...tone, '-c:a', 'pcm_s24le', '-ac', '2', '-f', 'wav', '-']);
    expect(stdout.includes(Buffer.from([0x64, 0x61, 0x74, 0x61, 0xff, 0xff, 0xff, 0xff]))).toBe(true);
    const { rateHz, samples } = await readAll(save(stdout));
    expect([rateHz, samples.length]).toEqual([44_100, 44_100]);
    // ffmpeg's sine has an amplitude of 1/8, and 3 dB less on each side of a stereo pair.
    expect(Math.max(...samples)).toBeCloseTo(Math.SQRT1_2 / 8, 4);
  });
});

describe('WavFile, given something else', () => {
  it('says that the file is missing', async () => {
    expect(await failure(join(folder, 'none.wav'))).toMatchObject({ code: 'WAV_NOT_FOUND' });
    expect(await failure(join(save(s16(1)), 'x.wav'))).toMatchObject({ code: 'WAV_NOT_FOUND' });
  });

  it('says that it is a folder, and refuses devices without waiting', async () => {
    mkdirSync(join(folder, 'album.wav'));
    expect(await failure(join(folder, 'album.wav'))).toMatchObject({ code: 'WAV_IS_FOLDER' });
    if (process.platform === 'win32') return;
    expect(await failure('/dev/zero')).toMatchObject({ code: 'WAV_UNREADABLE' });
  });

  it('refuses a named pipe without waiting for a writer', async (context) => {
    need(context, hasProgram('mkfifo'), 'mkfifo');
    spawnSync('mkfifo', [join(folder, 'pipe.wav')]);
    expect(await failure(join(folder, 'pipe.wav'))).toMatchObject({ code: 'WAV_UNREADABLE' });
  });

  it('says that it is empty, with or without a header', async () => {
    expect(await failure(save(Buffer.alloc(0)))).toMatchObject({ code: 'WAV_EMPTY' });
    const header = riffFile([formatChunk(1, 2, 16_000, 16), riffChunk('data', Buffer.alloc(0))]);
    expect(await failure(save(header))).toMatchObject({ code: 'WAV_EMPTY' });
    const halfFrame = riffFile([formatChunk(1, 2, 16_000, 16), riffChunk('data', Buffer.alloc(3))]);
    expect(await failure(save(halfFrame))).toMatchObject({ code: 'WAV_EMPTY' });
  });

  it.each([
    ['MP3', Buffer.from('ID3\x04\0\0\0\0\0\0 more')],
    ['MP3', Buffer.from([0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['AAC', Buffer.from([0xff, 0xf1, 0x50, 0x80, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['Ogg', Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0')],
    ['FLAC', Buffer.from('fLaC\0\0\0\x22\x10\0\x10\0')],
    ['M4A', Buffer.from('\0\0\0\x20ftypM4A \0\0\0\0')],
    ['something else', Buffer.from('hello, world')],
  ])('says that it is really %s, and how to convert it', async (name, bytes) => {
    const path = save(bytes);
    const error = await failure(path);
    expect(error.code).toBe('WAV_WRONG_TYPE');
    expect(error.message).toContain(name);
    expect(error.fix).toContain(`ffmpeg -i ${path}`);
  });

  it('recognizes what ffmpeg really writes as MP3, Ogg and FLAC', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    for (const [format, name] of [
      ['mp3', 'MP3'],
      ['ogg', 'Ogg'],
      ['flac', 'FLAC'],
    ] as const) {
      const path = join(folder, `real-${format}.wav`);
      const args = ['-y', '-loglevel', 'error', '-f', 'lavfi', '-i', 'sine=duration=0.2', '-f', format, path];
      expect(spawnSync('ffmpeg', args).status).toBe(0);
      expect((await failure(path)).message).toContain(name);
    }
  });

  it('quotes the path in the command to be typed', async () => {
    const path = join(folder, "it's a song.wav");
    writeFileSync(path, 'ID3\x04\0\0\0\0\0\0 more');
    expect((await failure(path)).fix).toContain(`ffmpeg -i '${folder}/it'\\''s a song.wav'`);
  });

  it.each([
    ['ends after 6 bytes', Buffer.from('RIFF\x24\0')],
    ['ends within its header', riffFile([]).subarray(0, 12)],
    ['ends within its header', riffFile([formatChunk(1, 1, 16_000, 16)]).subarray(0, 18)],
    ['no sound in it', riffFile([formatChunk(1, 1, 16_000, 16)])],
    ['before its format', riffFile([riffChunk('data', s16(1)), formatChunk(1, 1, 16_000, 16)])],
    ['8 bytes instead of 16', riffFile([riffChunk('fmt ', Buffer.alloc(8)), riffChunk('data', s16(1))])],
    ['0 channels', riffFile([formatChunk(1, 0, 16_000, 16, 2), riffChunk('data', s16(1))])],
    ['300 channels', riffFile([formatChunk(1, 300, 16_000, 16), riffChunk('data', s16(1))])],
    ['claims 0 Hz', riffFile([formatChunk(1, 1, 0, 16), riffChunk('data', s16(1))])],
    ['4000000000 Hz', riffFile([formatChunk(1, 1, 4e9, 16, 2), riffChunk('data', s16(1))])],
    ['0-bit samples', riffFile([formatChunk(1, 1, 16_000, 0), riffChunk('data', s16(1))])],
    ['16-bit samples in 3 bytes', riffFile([formatChunk(1, 2, 16_000, 16, 3), riffChunk('data', s16(1, 2, 3))])],
  ])('says what is wrong with a damaged file: %s', async (what, bytes) => {
    const error = await failure(save(bytes));
    expect(error.code).toBe('WAV_DAMAGED');
    expect(error.message).toContain(what);
  });

  it.each([
    [2, 'ADPCM'],
    [7, 'µ-law'],
    [85, 'MP3'],
    [0x1234, '0x1234'],
  ])('names codec %i, which it does not decode', async (tag, name) => {
    const error = await failure(save(riffFile([formatChunk(tag, 1, 16_000, 8), riffChunk('data', Buffer.alloc(64))])));
    expect(error.code).toBe('WAV_UNSUPPORTED_CODEC');
    expect(error.message).toContain(name);
    expect(error.fix).toContain('ffmpeg -i');
  });
});
