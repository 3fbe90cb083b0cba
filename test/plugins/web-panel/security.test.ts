import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Door } from '../../../src/plugins/web-panel/door.ts';
import { EventClient } from './event-client.ts';
import { type AskOptions, ask, PanelStand, STAND_TOKEN } from './panel-stand.ts';

/** Impatient, so that the tests need not wait ten seconds. In ms. */
const REQUEST_TIMEOUT_MS = 400;
const SOCKET_PATHS = ['/api/events', '/api/rpc'];
const authorization = `Bearer ${STAND_TOKEN}`;

let stand: PanelStand;
const open: Socket[] = [];
beforeEach(async () => {
  stand = await PanelStand.open({ requestTimeoutMs: REQUEST_TIMEOUT_MS });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await stand[Symbol.asyncDispose]();
});

const askAsStranger = (path: string, options: AskOptions = {}) => ask(stand.port, path, options);
const post = (body: string | Uint8Array, headers: AskOptions['headers'] = {}) =>
  stand.ask('/api/commands/avatar.use', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });

/** A connection of our own making: what is written is what the server gets. */
function dial() {
  const socket = connect(stand.port, '127.0.0.1');
  open.push(socket);
  const heard = { text: '', isClosed: false };
  socket.on('data', (part) => {
    heard.text += String(part);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    heard.isClosed = true;
  });
  return { socket, heard };
}

/** One request, character by character; gives the status line's number and the whole answer. */
async function askRaw(requestLine: string, headers: readonly string[] = [`Host: 127.0.0.1:${stand.port}`], body = '') {
  const { socket, heard } = dial();
  const head = [requestLine, ...headers, `Authorization: ${authorization}`, 'Connection: close'];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  await vi.waitFor(() => expect(heard.isClosed).toBe(true), 5_000);
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(heard.text)?.[1]), text: heard.text };
}

describe('the control server', () => {
  it('is deaf to names that a foreign DNS server points at it, on every door and whoever asks', async () => {
    const cookie = (await askAsStranger(`/?token=${STAND_TOKEN}`)).headers['set-cookie']![0]!.split(';')[0]!;
    const host = `rebound.example:${stand.port}`;
    const origin = `http://${host}`;
    for (const path of ['/', `/?token=${STAND_TOKEN}`, '/page.css', '/api/openapi.json', '/preview.mjpg', '/nowhere']) {
      for (const headers of [{ host }, { host, origin }, { host, origin, cookie }]) {
        const answer = await stand.ask(path, { headers });
        expect([path, answer.status, answer.json().code]).toEqual([path, 403, 'WEB_HOST_REFUSED']);
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
    }
    for (const path of SOCKET_PATHS) {
      expect((await EventClient.open(stand.port, { host, origin, cookie }, path)).status).toBe(403);
    }
    expect((await askRaw('GET /api/status HTTP/1.1', [])).status).toBe(400);
    expect((await askRaw('GET /api/status HTTP/1.0', [])).status).toBe(403);
  });

  it('changes nothing on a GET, whatever is in the address', async () => {
    const before = structuredClone(stand.feed.current);
    const { paths } = JSON.parse((await stand.ask('/api/openapi.json')).text) as { paths: Record<string, unknown> };
    const skipped = ['/preview.mjpg', '/snapshot.jpg'];
    for (const path of Object.keys(paths).filter((one) => !skipped.includes(one))) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        const query = '?id=bo&on=true&_method=POST&args=%7B%22id%22%3A%22bo%22%7D';
        await stand.ask(path + query, { method, headers: { 'x-http-method-override': 'POST' } });
      }
    }
    expect(stand.ran).toEqual([]);
    expect([stand.desk.taken, stand.desk.failures]).toEqual([[], []]);
    expect(stand.feed.current).toEqual(before);
  });

  it('acts for no other site: forms, scripts, pictures and frames are refused by Origin and Sec-Fetch-Site', async () => {
    const cookie = (await askAsStranger(`/?token=${STAND_TOKEN}`)).headers['set-cookie']![0]!.split(';')[0]!;
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${stand.port + 1}` },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
      // A form that is sent off on another site goes here like a visit.
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    ];
    for (const headers of foreign) {
      const answer = await askAsStranger('/api/commands/avatar.use', {
        method: 'POST',
        body: '{"id":"bo"}',
        headers: { 'content-type': 'application/json', cookie, ...headers },
      });
      expect([headers, answer.status, answer.json().code]).toEqual([headers, 403, 'WEB_ORIGIN_REFUSED']);
    }
    expect(stand.ran).toEqual([]);
  });

  it('answers no preflight with leave for others', async () => {
    const answer = await askAsStranger('/api/commands/avatar.use', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  it.each(SOCKET_PATHS)(
    'lets nobody take over the WebSocket %s: wrong origin, foreign site, no token',
    async (path) => {
      const cookie = (await askAsStranger(`/?token=${STAND_TOKEN}`)).headers['set-cookie']![0]!.split(';')[0]!;
      const own = stand.output.label;
      const refused: [Record<string, string>, number][] = [
        [{}, 401],
        [{ origin: own }, 401],
        [{ authorization: 'Bearer wrong' }, 401],
        [{ cookie: `musecam-${stand.port}=${STAND_TOKEN}` }, 401],
        [{ cookie, origin: 'https://evil.example' }, 403],
        [{ cookie, origin: 'null' }, 403],
        [{ cookie, origin: `http://localhost:${stand.port}` }, 403],
        [{ cookie, origin: own.replace('http', 'https') }, 403],
        [{ cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'websocket' }, 403],
        [{ authorization, origin: 'https://evil.example' }, 403],
        [{ authorization, host: `evil.example:${stand.port}` }, 403],
      ];
      for (const [headers, status] of refused) {
        expect([headers, (await EventClient.open(stand.port, headers, path)).status]).toEqual([headers, status]);
      }
      expect((await EventClient.open(stand.port, {}, `${path}?token=${STAND_TOKEN}`)).status).toBe(401);
      for (const headers of [{ authorization }, { cookie, origin: own }]) {
        const upgrade = await EventClient.open(stand.port, headers, path);
        expect(upgrade.status).toBe(101);
        if ('client' in upgrade) upgrade.client[Symbol.dispose]();
      }
    },
  );

  it('counts wrong tokens together, in addresses, headers, cookies and on both sockets, and then shuts', async () => {
    for (let round = 0; round < 4; round++) {
      const token = `guess-${round}`;
      expect((await askAsStranger(`/?token=${token}`)).status).toBe(401);
      expect((await askAsStranger('/api/status', { token })).status).toBe(401);
      const cookie = `musecam-${stand.port}=${token}`;
      expect((await askAsStranger('/api/status', { headers: { cookie } })).status).toBe(401);
      for (const path of SOCKET_PATHS) {
        const upgrade = await EventClient.open(stand.port, { authorization: `Bearer ${token}` }, path);
        expect(upgrade.status).toBe(401);
      }
    }
    expect((await askAsStranger('/api/status', { token: 'guess' })).status).toBe(429);
    for (const path of SOCKET_PATHS) {
      expect((await EventClient.open(stand.port, { authorization }, path)).status).toBe(429);
    }
  });

  it('compares tokens in constant time, as digests of one length, whatever is guessed', () => {
    const real = crypto.timingSafeEqual;
    const compared: [number, number][] = [];
    crypto.timingSafeEqual = (a, b) => {
      compared.push([a.byteLength, b.byteLength]);
      return real(a, b);
    };
    syncBuiltinESMExports();
    try {
      const door = new Door(STAND_TOKEN, () => 4747);
      const knock = (headers: Record<string, string>) => ({ method: 'GET', path: '/', headers });
      const guesses = ['', 'a', STAND_TOKEN.slice(0, -1), `${STAND_TOKEN}x`, 'x'.repeat(10_000)];
      for (const guess of guesses) {
        expect(() => door.checkToken(guess)).toThrow(/key/);
        expect(() => door.checkWho(knock({ cookie: `musecam-4747=${guess}` }))).toThrow(/key/);
      }
      door.checkToken(STAND_TOKEN);
      door.checkWho(knock({ authorization }));
      door.checkWho(knock({ cookie: door.cookie.split(';')[0]! }));
      expect(compared).toHaveLength(guesses.length * 2 + 3);
      expect(new Set(compared.map(String))).toEqual(new Set(['32,32']));
    } finally {
      crypto.timingSafeEqual = real;
      syncBuiltinESMExports();
    }
  });

  it('lets other programs in by a header only, and gives them no cookie', async () => {
    for (const path of ['/', '/api/status']) {
      const answer = await stand.ask(path);
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
    }
    for (const headers of [{ authorization: `Basic ${btoa(`:${STAND_TOKEN}`)}` }, { 'x-token': STAND_TOKEN }]) {
      expect((await askAsStranger('/api/status', { headers })).status).toBe(401);
    }
  });

  it('serves nothing of the disk, however a path is spelled on the wire', async () => {
    const targets = [
      '/../../../../../../etc/passwd',
      '/page/../../../package.json',
      '/..%2f..%2f..%2fetc%2fpasswd',
      '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
      '/%252e%252e%252fetc%252fpasswd',
      '/..%5c..%5cpackage.json',
      '/..\\..\\package.json',
      '/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd',
      '/%uff0e%uff0e/etc/passwd',
      '/page.js%00.html',
      '/page.js/',
      '/./page.js',
      '/%2fetc%2fpasswd',
      '//etc/passwd',
      '/file:///etc/passwd',
      '/api/avatars/..%2f..%2fada/preview',
      '/api/avatars/ada%2fpreview/preview',
      '/api/preparations/..%2f..%2fetc/preview',
      '/api/preparations/job1/..%2f..%2favatar.json',
      '/page.css/../api/status',
      '/icon.svg%2f..%2fapi%2fstatus',
      'http://127.0.0.1/../../etc/passwd',
      '%2fetc%2fpasswd',
      '*',
    ];
    for (const target of targets) {
      const { status, text } = await askRaw(`GET ${target} HTTP/1.1`);
      expect([target, status === 404 || status === 400]).toEqual([target, true]);
      expect(text).not.toMatch(/root:|"dependencies"|"uptimeSeconds"/);
    }
  });

  it('takes a request only for itself: an address with another host in it is refused', async () => {
    for (const target of [
      'http://evil.example/api/status',
      `http://127.0.0.1:${stand.port}/api/status`,
      'evil.example:80',
    ]) {
      const { status } = await askRaw(`GET ${target} HTTP/1.1`);
      expect([target, status]).toEqual([target, 400]);
    }
    const { status, heard } = await new Promise<{ status: number; heard: string }>((resolve) => {
      const { socket, heard: said } = dial();
      socket.write(`CONNECT evil.example:80 HTTP/1.1\r\nHost: 127.0.0.1:${stand.port}\r\n\r\n`);
      socket.on('close', () => resolve({ status: Number(said.text.slice(9, 12)), heard: said.text }));
    });
    expect([status === 200, heard.includes('200')]).toEqual([false, false]);
  });

  it('refuses bodies that are too large, too deep, cut off, packed or in other words than JSON', async () => {
    const deep = (levels: number) => `{"id":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    const refused: [string | Uint8Array, Record<string, string | undefined>, number, string][] = [
      [JSON.stringify({ id: 'x'.repeat(64 * 1024) }), {}, 413, 'WEB_BODY_TOO_LARGE'],
      [JSON.stringify({ id: 'x'.repeat(64 * 1024) }), { 'transfer-encoding': 'chunked' }, 413, 'WEB_BODY_TOO_LARGE'],
      [deep(65), {}, 400, 'WEB_BAD_REQUEST'],
      [deep(30_000), {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":"bo"', {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":"bo"}{"id":"cy"}', {}, 400, 'WEB_BAD_REQUEST'],
      ["{'id':'bo'}", {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":NaN}', {}, 400, 'WEB_BAD_REQUEST'],
      [Buffer.from('{"id":"bo"}', 'utf16le'), {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":{"__proto__":{"admin":true}}}', {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":{"\\u005f\\u005fproto\\u005f\\u005f":1}}', {}, 400, 'WEB_BAD_REQUEST'],
      ['{"id":[{"constructor":{"prototype":{"admin":true}}}]}', {}, 400, 'WEB_BAD_REQUEST'],
      [gzipSync('{"id":"bo"}'), { 'content-encoding': 'gzip' }, 400, 'WEB_BAD_REQUEST'],
      ['{"id":"bo"}', { 'content-type': 'text/json' }, 415, 'WEB_BODY_NOT_JSON'],
      ['{"id":"bo"}', { 'content-type': 'application/json, text/plain' }, 415, 'WEB_BODY_NOT_JSON'],
      ['{"id":"bo"}', { 'content-type': 'application/jsonp' }, 415, 'WEB_BODY_NOT_JSON'],
      ['{"id":"bo"}', { 'content-type': undefined }, 415, 'WEB_BODY_NOT_JSON'],
      ['{"id":"bo"}', { 'content-type': 'application/octet-stream' }, 415, 'WEB_BODY_NOT_JSON'],
    ];
    for (const [body, headers, status, code] of refused) {
      const answer = await post(body, headers);
      expect([body.slice(0, 60), headers, answer.status, answer.json().code]).toEqual([
        body.slice(0, 60),
        headers,
        status,
        code,
      ]);
    }
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
    expect(stand.ran).toEqual([]);
    expect((await post(deep(60))).json().code).toBe('BAD_ARGUMENTS');
    expect((await post('{"id":"bo"}')).status).toBe(200);
  });

  it('refuses requests that two servers could read in two ways, and heads that are too large', async () => {
    const host = `Host: 127.0.0.1:${stand.port}`;
    const json = 'Content-Type: application/json';
    const line = 'POST /api/commands/avatar.next HTTP/1.1';
    const both = await askRaw(line, [host, json, 'Content-Length: 2', 'Transfer-Encoding: chunked'], '0\r\n\r\n');
    const twice = await askRaw(line, [host, json, 'Content-Length: 2', 'Content-Length: 3'], '{}');
    const negative = await askRaw(line, [host, json, 'Content-Length: -2'], '{}');
    const space = await askRaw(line, [`Host : 127.0.0.1:${stand.port}`, json, 'Content-Length: 2'], '{}');
    expect([both.status, twice.status, negative.status, space.status]).toEqual([400, 400, 400, 400]);
    const large = await askRaw('GET /api/status HTTP/1.1', [host, `X-Large: ${'x'.repeat(20_000)}`]);
    expect(large.status).toBe(431);
    expect(stand.ran).toEqual([]);
  });

  it('hangs up on connections that say nothing, drip their head, or idle after an answer', async () => {
    const silent = dial();
    const dripping = dial();
    const head = `GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:${stand.port}\r\nX-Slow: ${'x'.repeat(5_000)}`;
    let at = 0;
    const timer = setInterval(() => dripping.socket.write(head[at++] ?? 'x'), 20);
    const bodiless = dial();
    const headers = `Host: 127.0.0.1:${stand.port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n`;
    bodiless.socket.write(`POST /api/commands/avatar.next HTTP/1.1\r\n${headers}Content-Length: 20\r\n\r\n{`);
    const idle = dial();
    idle.socket.write(`GET /api/status HTTP/1.1\r\n${headers}\r\n`);
    await vi.waitFor(() => expect(idle.heard.text).toMatch(/^HTTP\/1\.1 200/), 5_000);
    for (const { heard } of [silent, dripping, bodiless, idle]) {
      await vi.waitFor(() => expect(heard.isClosed).toBe(true), 10_000);
    }
    clearInterval(timer);
    expect(stand.ran).toEqual([]);
  });

  it('holds at most 256 connections, and answers again when they have gone', async () => {
    const dialled = Array.from({ length: 300 }, dial);
    await vi.waitFor(
      () => expect(dialled.filter(({ heard }) => heard.isClosed).length).toBeGreaterThanOrEqual(44),
      5_000,
    );
    for (const { socket } of dialled) socket.destroy();
    await vi.waitFor(async () => expect((await stand.ask('/api/status')).status).toBe(200), 5_000);
  });

  it('sends every answer with the headers that forbid framing, sniffing, referring and keeping', async () => {
    const answers = [
      await stand.ask('/'),
      await stand.ask('/api/status'),
      await stand.ask('/api/openapi.json'),
      await stand.ask('/api/rpc'),
      await post('{'),
      await stand.ask('/api/commands/test.bug', { method: 'POST' }),
      await stand.ask('/nowhere', { headers: { accept: 'text/html' } }),
      await stand.ask('/api/status', { method: 'DELETE' }),
      await askAsStranger('/api/status'),
      await askAsStranger('/', { headers: { host: 'evil.example' } }),
      await askAsStranger(`/?token=${STAND_TOKEN}`),
    ];
    for (const { status, headers } of answers) {
      expect([status, headers]).toEqual([
        status,
        expect.objectContaining({
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'referrer-policy': 'no-referrer',
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
          'cache-control': expect.stringMatching(/^no-(store|cache)$/),
          'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        }),
      ]);
      expect(headers['x-powered-by'] ?? headers.server).toBeUndefined();
    }
  });

  it('has no script or style inside its pages, so that the policy need not allow any', async () => {
    const pages = [
      await stand.ask('/'),
      await askAsStranger('/', { headers: { accept: 'text/html' } }),
      await stand.ask('/nowhere', { headers: { accept: 'text/html' } }),
    ];
    for (const { text, headers } of pages) {
      expect(text).toMatch(/<html/);
      expect(text).not.toMatch(/<script(?![^>]*\ssrc=)/i);
      expect(text).not.toMatch(/<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:/i);
      expect(headers['content-security-policy']).toMatch(/script-src 'self';.*style-src 'self';/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:|data:/);
    }
  });
});
