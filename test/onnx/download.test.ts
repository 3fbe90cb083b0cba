import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download } from '../../src/onnx/download.ts';
import { FileServer, type Mischief } from './file-server.ts';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const never = new AbortController().signal;
const patience = { stallMs: 300, pauseMs: 5, tries: 4 };

let server: FileServer;
let folder: string;
beforeEach(async () => {
  server = await FileServer.open();
  server.files.set('weights.bin', bytes);
  folder = await mkdtemp(join(tmpdir(), 'musecam-download-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'weights.bin');
const get = (options: Partial<Parameters<typeof download>[0]> = {}) =>
  download({
    ...{ url: server.url('weights.bin'), path: path(), bytes: bytes.length, sha256, signal: never, patience },
    ...options,
  });

/** Sends only the first `length` bytes of what was promised, then ends the connection. */
const cutAfter =
  (length: number): Mischief =>
  (request, response, whole) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = whole.subarray(start);
    const range = `bytes ${start}-${whole.length - 1}/${whole.length}`;
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, 'content-range': range });
    // Ended after a while: fetch throws away what it has not handed out when a connection breaks.
    response.write(rest.subarray(0, length), () => setTimeout(() => request.socket.end(), 60));
    return true;
  };
const answer =
  (status: number, headers: Record<string, string> = {}): Mischief =>
  (_request, response) => {
    response.writeHead(status, headers).end();
    return true;
  };

describe('a download', () => {
  it('brings the whole file and says what it is', async () => {
    const seen: number[] = [];
    expect(await get({ onProgress: (done) => seen.push(done) })).toEqual({ bytes: bytes.length, sha256 });
    expect(await readFile(path())).toEqual(bytes);
    expect(await readdir(folder)).toEqual(['weights.bin']);
    expect(seen.at(-1)).toBe(bytes.length);
  });

  it('goes on where the connection broke, as often as it breaks', async () => {
    server.mischief.push(cutAfter(100_000), cutAfter(50_000), cutAfter(50_000));
    await get();
    expect(await readFile(path())).toEqual(bytes);
    expect(server.ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-', 'bytes=200000-']);
  });

  it('goes on where an earlier run stopped', async () => {
    await writeFile(`${path()}.part`, bytes.subarray(0, 123_456));
    await get();
    expect(await readFile(path())).toEqual(bytes);
    expect(server.ranges).toEqual(['bytes=123456-']);
  });

  it('asks for nothing when the earlier run had everything but the name', async () => {
    await writeFile(`${path()}.part`, bytes);
    await get();
    expect(server.ranges).toEqual([]);
  });

  it('finds out from the server that everything is there when nobody knows the length', async () => {
    await writeFile(`${path()}.part`, bytes);
    await get({ bytes: undefined });
    expect(await readFile(path())).toEqual(bytes);
  });

  it('starts again with a server that does not go on', async () => {
    await writeFile(`${path()}.part`, randomBytes(1000));
    server.mischief.push((_request, response, whole) => {
      response.writeHead(200, { 'content-length': whole.length }).end(whole);
      return true;
    });
    await get();
    expect(await readFile(path())).toEqual(bytes);
  });

  it('gives up a connection that has gone silent and makes another', async () => {
    server.mischief.push((_request, response, whole) => {
      response.writeHead(200, { 'content-length': whole.length }).write(whole.subarray(0, 70_000));
      return true;
    });
    await get();
    expect(await readFile(path())).toEqual(bytes);
    expect(server.ranges).toEqual([undefined, 'bytes=70000-']);
  });

  it('waits for a busy server', async () => {
    server.mischief.push(answer(429, { 'retry-after': '0' }), answer(503));
    await get();
    expect(await readFile(path())).toEqual(bytes);
  });

  it('fails in words when the server stays away, and keeps what it has', async () => {
    server.mischief.push(cutAfter(10_000), ...Array.from({ length: 9 }, () => answer(500)));
    await expect(get()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED', fix: expect.stringContaining('goes on') });
    expect((await readFile(`${path()}.part`)).length).toBe(10_000);
  });

  for (const [status, words] of [
    [404, 'no such file'],
    [403, 'may not be read'],
  ] as const)
    it(`does not try a ${status} again`, async () => {
      server.mischief.push(answer(status));
      await expect(get()).rejects.toMatchObject({ code: 'DOWNLOAD_REFUSED', message: expect.stringContaining(words) });
      expect(server.ranges).toHaveLength(1);
    });

  it('refuses a file of another length before it has come', async () => {
    await expect(get({ bytes: 299_999 })).rejects.toMatchObject({ code: 'DOWNLOAD_WRONG' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses more bytes than were announced when nobody said how many', async () => {
    const lie: Mischief = (_request, response, whole) => {
      response.writeHead(206, { 'content-range': 'bytes 0-9/10' });
      response.end(whole);
      return true;
    };
    server.mischief.push(lie);
    await expect(get({ bytes: undefined, sha256: undefined })).rejects.toMatchObject({ code: 'DOWNLOAD_WRONG' });
  });

  it('refuses a file whose hash is another and leaves nothing of it', async () => {
    server.files.set('weights.bin', randomBytes(bytes.length));
    await expect(get()).rejects.toMatchObject({ code: 'DOWNLOAD_WRONG', message: expect.stringContaining('SHA-256') });
    expect(await readdir(folder)).toEqual([]);
  });

  it('ends at once when it is cancelled, and can be continued', async () => {
    const cancel = new AbortController();
    server.mischief.push((_request, response, whole) => {
      response.writeHead(200, { 'content-length': whole.length }).write(whole.subarray(0, 70_000));
      setTimeout(() => cancel.abort(new Error('cancelled')), 100);
      return true;
    });
    await expect(get({ signal: cancel.signal, patience: { stallMs: 60_000 } })).rejects.toThrow('cancelled');
    await get();
    expect(await readFile(path())).toEqual(bytes);
    expect(server.ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  for (const url of ['http://example.com/weights.bin', 'ftp://127.0.0.1/a', 'file:///etc/passwd', 'weights'])
    it(`does not fetch ${url}`, async () => {
      await expect(get({ url })).rejects.toMatchObject({ code: 'BAD_MODEL_SOURCE' });
    });
});
