import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { type AskOptions, ask, PanelStand, STAND_TOKEN } from './panel-stand.ts';

/** Impatient: half a second without 1 kB. */
const uploadPace = { windowMs: 500, minBytes: 1024 };
const details = { fileName: 'me.jpg', avatarId: 'me', name: 'Me & Co', depicts: 'Anna', consent: 'my own face, 100 %' };
const pathOf = (said: Record<string, string>) => `/api/preparations?${new URLSearchParams(said)}`;
const bytesHeader = { 'content-type': 'application/octet-stream' };

let stand: PanelStand;
beforeEach(async () => {
  stand = await PanelStand.open({ uploadPace });
});
afterEach(() => stand[Symbol.asyncDispose]());

function upload(body: Uint8Array | string, options: AskOptions & { readonly said?: Record<string, string> } = {}) {
  const { said = details, headers = {}, ...others } = options;
  const length = Buffer.byteLength(body);
  const all = { ...bytesHeader, 'content-length': length, ...headers };
  return ask(stand.port, pathOf(said), { method: 'POST', token: STAND_TOKEN, body, headers: all, ...others });
}

/** A request of our own making, which may end before its body does. */
function openUpload(length: number, path = pathOf(details)) {
  const socket = connect(stand.port, '127.0.0.1');
  const answer = { text: '', isClosed: false };
  socket.on('data', (part) => {
    answer.text += String(part);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    answer.isClosed = true;
  });
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${stand.port}`,
    `Authorization: Bearer ${STAND_TOKEN}`,
    'Content-Type: application/octet-stream',
    `Content-Length: ${length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return { socket, answer };
}

describe('uploads', () => {
  it('go to the desk byte for byte, with what is said about them', async () => {
    const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255));
    const answer = await upload(body);
    expect([answer.status, answer.json()]).toEqual([201, { id: 'job1' }]);
    expect(stand.desk.taken[0]!.details).toEqual({ ...details, bytes: 300_000 });
    expect(stand.desk.taken[0]!.body.equals(body)).toBe(true);
    expect(stand.feed.current.preparations).toMatchObject([{ id: 'job1', name: 'Me & Co', state: 'preparing' }]);
  });

  it('may be far larger than any other request', async () => {
    const { socket } = openUpload(64 * 1024 * 1024);
    const part = Buffer.alloc(1024 * 1024, 7);
    for (let i = 0; i < 64; i++) await new Promise<void>((resolve) => socket.write(part, () => resolve()));
    await vi.waitFor(() => expect(stand.desk.taken[0]?.body.length).toBe(64 * 1024 * 1024), 10_000);
    socket.destroy();
  });

  it('pass the same door as everything else', async () => {
    const body = 'x'.repeat(2000);
    const refused: [AskOptions, number, string][] = [
      [{ token: undefined }, 401, 'WEB_TOKEN_WRONG'],
      [{ token: 'wrong' }, 401, 'WEB_TOKEN_WRONG'],
      [{ headers: { origin: 'https://evil.example' } }, 403, 'WEB_ORIGIN_REFUSED'],
      [{ headers: { origin: 'null' } }, 403, 'WEB_ORIGIN_REFUSED'],
      [{ headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } }, 403, 'WEB_ORIGIN_REFUSED'],
      [{ headers: { host: `evil.example:${stand.port}` } }, 403, 'WEB_HOST_REFUSED'],
    ];
    for (const [options, status, code] of refused) {
      const answer = await upload(body, options);
      expect([options, answer.status, answer.json().code]).toEqual([options, status, code]);
    }
    expect([stand.desk.taken, stand.desk.failures, stand.feed.current.preparations]).toEqual([[], [], []]);
  });

  it('are refused without a length, as anything but bytes, or without what must be said', async () => {
    const refused: [Parameters<typeof upload>[1], number, string][] = [
      [{ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } }, 411, 'WEB_LENGTH_MISSING'],
      [{ headers: { 'content-type': 'image/jpeg' } }, 415, 'WEB_BODY_NOT_BYTES'],
      [{ headers: { 'content-type': 'application/json' } }, 415, 'WEB_BODY_NOT_BYTES'],
      [{ headers: { 'content-type': 'multipart/form-data; boundary=x' } }, 415, 'WEB_BODY_NOT_BYTES'],
      [{ headers: { 'content-type': undefined } }, 415, 'WEB_BODY_NOT_BYTES'],
      [{ said: { ...details, name: 'x'.repeat(500) } }, 400, 'BAD_ARGUMENTS'],
      [{ said: { fileName: 'me.jpg', avatarId: 'me', name: 'Me', depicts: 'Anna' } }, 400, 'BAD_ARGUMENTS'],
    ];
    for (const [options, status, code] of refused) {
      const answer = await upload('x'.repeat(2000), options);
      expect([options, answer.status, answer.json().code]).toEqual([options, status, code]);
    }
    const twice = await ask(stand.port, `${pathOf(details)}&avatarId=other`, {
      method: 'POST',
      token: STAND_TOKEN,
      headers: { ...bytesHeader, 'content-length': 1 },
      body: 'x',
    });
    expect([twice.status, twice.json().code]).toEqual([400, 'BAD_ARGUMENTS']);
    expect(stand.desk.taken).toEqual([]);
  });

  it.each([
    ['UPLOAD_TOO_LARGE', 413],
    ['UPLOAD_TYPE', 415],
    ['UPLOAD_INCOMPLETE', 400],
    ['CONSENT_MISSING', 400],
    ['AVATAR_EXISTS', 409],
    ['DISK_FULL', 507],
    ['PREPARATIONS_FULL', 503],
  ])('say %s as the desk says it, while the rest is still on its way', async (code, status) => {
    stand.desk.refusal = new AppError(code, 'In words.', { fix: 'Do this.' });
    const answer = await upload(Buffer.alloc(5_000_000, 1));
    expect([answer.status, answer.json()]).toEqual([status, { code, message: 'In words.', fix: 'Do this.' }]);
  });

  it('that are broken off reach the desk as a failure and leave nothing', async () => {
    const { socket } = openUpload(1_000_000);
    socket.write(Buffer.alloc(300_000, 1));
    await vi.waitFor(() => expect(stand.feed.current.preparations[0]?.fraction).toBe(0.3));
    socket.destroy();
    await vi.waitFor(() => expect(stand.desk.failures).toMatchObject([{ code: 'UPLOAD_INCOMPLETE' }]));
    expect([stand.desk.taken, stand.feed.current.preparations]).toEqual([[], []]);
  });

  it('that stop on the way, or only drip, are ended and told so', async () => {
    const silent = openUpload(1_000_000);
    silent.socket.write(Buffer.alloc(5000, 1));
    const dripping = openUpload(1_000_000, pathOf({ ...details, avatarId: 'other' }));
    const timer = setInterval(() => dripping.socket.write('x'), 20);
    for (const { answer } of [silent, dripping]) {
      await vi.waitFor(
        () => expect(answer.text).toMatch(/^HTTP\/1.1 400 .*"code":"UPLOAD_INCOMPLETE".*hardly moves/s),
        5000,
      );
    }
    clearInterval(timer);
    expect(stand.desk.failures).toHaveLength(2);
    expect(stand.feed.current.preparations).toEqual([]);
    silent.socket.destroy();
    dripping.socket.destroy();
  });

  it('may come two at a time', async () => {
    const slow = openUpload(2000);
    slow.socket.write('x'.repeat(1500));
    await vi.waitFor(() => expect(stand.feed.current.preparations).toHaveLength(1));
    const other = await upload('y'.repeat(3000), { said: { ...details, avatarId: 'other' } });
    expect(other.status).toBe(201);
    slow.socket.write('x'.repeat(500));
    await vi.waitFor(() => expect(slow.answer.text).toMatch(/^HTTP\/1.1 201 /));
    expect(stand.desk.taken.map(({ body }) => body.toString().slice(0, 3))).toEqual(['yyy', 'xxx']);
    slow.socket.destroy();
  });
});

describe('the pictures of a preparation', () => {
  it('are served while it is ready, and nothing else of the disk', async () => {
    stand.desk.put({
      id: 'job9',
      fileName: 'a.jpg',
      avatarId: 'a',
      name: 'A',
      state: 'ready',
      step: 'Ready',
      fraction: 1,
    });
    for (const which of ['preview', 'sheet']) {
      const picture = await stand.ask(`/api/preparations/job9/${which}`);
      expect([picture.status, picture.headers['content-type']]).toEqual([200, 'image/png']);
    }
    const others = [
      'job9/source',
      'job9/avatar.json',
      'job8/preview',
      '../preview',
      '..%2f..%2fetc/preview',
      'job9/..%2fada',
    ];
    for (const path of others)
      expect([path, (await stand.ask(`/api/preparations/${path}`)).status]).toEqual([path, 404]);
    expect((await ask(stand.port, '/api/preparations/job9/preview')).status).toBe(401);
  });
});
