import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hasProgram, need } from '../../fakes/need.ts';
import { Beat, makePicture, openStream, RED } from './stream-stand.ts';

const SIZE = { width: 64, height: 36 } as const;
const PIXELS = SIZE.width * SIZE.height;
const grey = (y: number) => ({ y, u: 128, v: 128 });
const run = promisify(execFile);

/** The first pictures of a stream as FFmpeg decodes them, in a pixel format of its. */
async function decode(address: string, frames: number, pixelFormat: string): Promise<Buffer> {
  const args = ['-v', 'error', '-f', 'matroska', '-i', address, '-frames:v', String(frames)];
  const { stdout } = await run('ffmpeg', [...args, '-pix_fmt', pixelFormat, '-f', 'rawvideo', '-'], {
    ...{ encoding: 'buffer', maxBuffer: 1e8, timeout: 30_000 },
  });
  return stdout;
}

/** What the address answers; hangs up at once. */
async function statusOf(address: string, init: RequestInit = {}): Promise<number> {
  const hangUp = new AbortController();
  const { status } = await fetch(address, { ...init, signal: hangUp.signal });
  hangUp.abort();
  return status;
}

/** What it answers to headers that `fetch` would not send. */
function statusWith(address: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(address, { headers }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    });
    request.once('error', reject);
  });
}

/** A reader that asks and then takes nothing. */
async function openSleeper(address: string): Promise<Socket> {
  const { port, pathname, search, host } = new URL(address);
  const socket = connect(Number(port), '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return socket;
}

/** Reads on until there is no more, whyever. */
async function untilItEnds(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // hung up
  }
}

describe('the stream for OBS', () => {
  it('is Matroska that ffmpeg reads byte for byte, across clusters', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream(SIZE);
    const frames = 300;
    const read = decode(stream.address, frames, 'yuv420p');
    let isDone = false;
    void read.finally(() => {
      isDone = true;
    });
    for (let i = 0; !isDone; i++) {
      await stream.send(makePicture(SIZE, grey(16 + (i % 200))));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const stdout = await read;
    const bytes = PIXELS * 1.5;
    expect(stdout.length).toBe(frames * bytes);
    const lumas = Array.from({ length: frames }, (_, i) => stdout[i * bytes]!);
    // None doubled, none out of order: each one lighter than the last, from 215 on to 16.
    for (const [i, luma] of lumas.entries()) {
      if (i > 0) expect((luma - lumas[i - 1]! + 200) % 200).toBeGreaterThan(0);
    }
  });

  it('carries the matte as RGBA, straight; opaque formats show plain grey behind the person', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream(SIZE);
    // Left half away, then half-transparent, then all there.
    const matte = (x: number) => (x < 32 ? 0 : x < 48 ? 128 : 255);
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED, matte));
    const pixelsOf = async (format: string) => {
      const rgba = await decode(stream.address.replace('auto', format), 1, 'rgba');
      expect(rgba.length).toBe(PIXELS * 4);
      return [8, 40, 56].map((x) => [...rgba.subarray((5 * SIZE.width + x) * 4, (5 * SIZE.width + x) * 4 + 4)]);
    };
    for (const format of ['rgba', 'auto']) {
      const [away = [], half = [], there = []] = await pixelsOf(format);
      expect([away[3], half[3], there[3]]).toEqual([0, 128, 255]);
      for (const [red = 0, green = 0, blue = 0] of [half, there]) {
        expect(red).toBeGreaterThan(245);
        expect(Math.max(green, blue)).toBeLessThan(12);
      }
    }
    for (const format of ['i420', 'mjpeg']) {
      const [away = [], , there = []] = await pixelsOf(format);
      expect(away[3]).toBe(255);
      expect(Math.max(...away.slice(0, 3)) - Math.min(...away.slice(0, 3))).toBeLessThan(12);
      expect(there[0]! - there[1]!).toBeGreaterThan(200);
    }
  });

  it('on "auto" ends when the background becomes transparent, so that the player comes again for the other format', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    let changeovers = 0;
    await using stream = await openStream(SIZE, { onChangeover: () => changeovers++ });
    let matte: (() => number) | undefined;
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED, matte));
    const answer = await fetch(stream.address);
    const reader = answer.body!.getReader();
    await reader.read();
    expect(stream.told.at(-1)?.detail).toBe('read as new');
    await expect.poll(() => stream.told.at(-1)?.detail, { timeout: 5_000 }).toBe('read as i420');
    matte = () => 0;
    await untilItEnds(reader);
    expect(changeovers).toBe(1);
    expect((await decode(stream.address, 1, 'rgba'))[3]).toBe(0);
  });

  it('says so when somebody wants a transparent picture and there is none', async () => {
    await using stream = await openStream(SIZE);
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED));
    const hangUp = new AbortController();
    await fetch(stream.address.replace('auto', 'rgba'), { signal: hangUp.signal });
    await expect
      .poll(() => stream.told.at(-1), { timeout: 5_000 })
      .toMatchObject({
        state: 'ready',
        detail: expect.stringContaining('opaque'),
        fix: expect.stringContaining('run'),
      });
    hangUp.abort();
    await expect.poll(() => stream.told.at(-1)?.detail).toBe('nobody reads');
  });

  it('answers nobody without its key, by another name, from another site, or in another way', async () => {
    await using stream = await openStream(SIZE);
    const { address } = stream;
    expect(await statusOf(address.replace(/key=.../, 'key=xxx'))).toBe(401);
    expect(await statusOf(address.replace(/key=[\w-]+/, ''))).toBe(401);
    expect(await statusWith(address, { host: 'evil.example' })).toBe(403);
    expect(await statusWith(address, { origin: 'http://evil.example' })).toBe(403);
    expect(await statusWith(address, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403);
    expect(await statusOf(address, { method: 'POST' })).toBe(405);
    expect(await statusOf(address.replace('avatar.mkv', 'other'))).toBe(404);
    expect(await statusOf(address.replace('auto', 'gif'))).toBe(400);
    await using other = await openStream(SIZE);
    expect(new URL(other.address).search).not.toBe(new URL(address).search);
  });

  it('answers requests that make no sense, and goes on', async () => {
    await using stream = await openStream(SIZE);
    const { port, host } = new URL(stream.address);
    for (const line of ['GET // HTTP/1.1', 'GET http://[ HTTP/1.1', 'GET /%zz?key=%zz HTTP/1.1', 'nonsense']) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.end(`${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      const [first] = (
        await new Promise<string>((resolve) => {
          let text = '';
          socket.on('data', (bytes) => {
            text += String(bytes);
          });
          socket.once('close', () => resolve(text));
        })
      ).split('\r\n');
      expect(first).toMatch(/ 40[01] /);
    }
    expect(await statusOf(stream.address)).toBe(200);
  });

  it('answers HEAD, and what OBS asks with: Range and Icy-MetaData', async () => {
    await using stream = await openStream(SIZE);
    const head = await fetch(stream.address, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'video/x-matroska']);
    const asked = { range: 'bytes=0-', 'icy-metadata': '1', 'user-agent': 'Lavf/59.27.100' };
    expect(await statusWith(stream.address, asked)).toBe(200);
  });

  it('takes eight readers, and copies nothing while there is none', async () => {
    await using stream = await openStream(SIZE);
    const frame = makePicture(SIZE, RED);
    await stream.send({
      ...frame,
      get data(): never {
        throw new Error('looked at');
      },
    });
    const hangUp = new AbortController();
    for (let i = 0; i < 8; i++) expect((await fetch(stream.address, { signal: hangUp.signal })).status).toBe(200);
    expect(await statusOf(stream.address)).toBe(503);
    hangUp.abort();
    await expect.poll(() => statusOf(stream.address)).toBe(200);
  });

  it('leaves pictures out for a reader that is slow, cuts one off that takes nothing, and the others get all', async () => {
    const size = { width: 640, height: 360 };
    await using stream = await openStream(size, { stallMs: 1_000 });
    const sleeper = await openSleeper(stream.address);
    const answers = await Promise.all([1, 2, 3].map(() => fetch(stream.address)));
    const counts = answers.map(() => 0);
    const reading = answers.map(async (answer, i) => {
      for await (const bytes of answer.body!) counts[i]! += bytes.length;
    });
    let longestMs = 0;
    let sent = 0;
    const picture = makePicture(size, RED);
    const isCut = () => stream.told.some(({ detail }) => detail?.includes('cut off that took nothing: 1'));
    while (!isCut() && sent < 2_000) {
      const startMs = performance.now();
      await stream.send(picture);
      longestMs = Math.max(longestMs, performance.now() - startMs);
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(isCut()).toBe(true);
    expect(stream.told.at(-1)?.detail).toMatch(/pictures left out for slow readers: \d+/);
    // No time for it in a show: a stalled reader holds up nobody.
    expect(longestMs).toBeLessThan(1_000);
    await expect.poll(() => Math.min(...counts)).toBeGreaterThan(0.9 * sent * picture.data.length);
    sleeper.destroy();
    await stream[Symbol.asyncDispose]();
    await Promise.allSettled(reading);
  });

  it('ends for all of its readers when the show ends', async () => {
    const stream = await openStream(SIZE);
    const readers = await Promise.all([1, 2].map(async () => (await fetch(stream.address)).body!.getReader()));
    await stream.send(makePicture(SIZE, RED));
    await stream[Symbol.asyncDispose]();
    for (const reader of readers) await untilItEnds(reader);
    await expect(fetch(stream.address)).rejects.toThrow();
  });
});
