import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventClient, type Upgrade } from './event-client.ts';
import { type AskOptions, ask, makeStatus, PanelStand, STAND_TOKEN } from './panel-stand.ts';

let stand: PanelStand;
beforeEach(async () => {
  stand = await PanelStand.open();
});
afterEach(() => stand[Symbol.asyncDispose]());

/** A stranger's request: no token unless given. */
const askAsStranger = (path: string, options: AskOptions = {}) => ask(stand.port, path, options);
const postJson = (path: string, body: string, headers = {}) =>
  stand.ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

describe('who may come in', () => {
  const PRIVATE_PATHS = ['/', '/page.js', '/preview.mjpg', '/snapshot.jpg', '/api/status', '/api/commands', '/nowhere'];

  it.each(PRIVATE_PATHS)('%s is shut without a token, with a wrong one and with a wrong cookie', async (path) => {
    const cookie = `musecam-${stand.port}=${STAND_TOKEN}`;
    for (const options of [{}, { token: 'wrong' }, { token: `${STAND_TOKEN}x` }, { headers: { cookie } }]) {
      const answer = await askAsStranger(path, options);
      expect([answer.status, answer.json().code]).toEqual([401, 'WEB_TOKEN_WRONG']);
    }
  });

  it('the right token in the address gives a cookie for this page only and leads to the clean address', async () => {
    const answer = await askAsStranger(`/?token=${STAND_TOKEN}`);
    expect([answer.status, answer.headers.location]).toEqual([303, '/']);
    const cookie = answer.headers['set-cookie']![0]!;
    expect(cookie).toMatch(new RegExp(`^musecam-${stand.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
    expect(cookie).not.toContain(STAND_TOKEN);
    const page = await askAsStranger('/', { headers: { cookie: `other=1; ${cookie.split(';')[0]}` } });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toContain('/page.js');
  });

  it('a visit that began on another site is led on by our own document, so that the strict cookie goes along', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    const answer = await askAsStranger(`/?token=${STAND_TOKEN}`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toHaveLength(1);
    expect(answer.text).toContain('http-equiv="refresh"');
  });

  it('a token in the address opens nothing but the page', async () => {
    expect((await askAsStranger(`/api/status?token=${STAND_TOKEN}`)).status).toBe(401);
    expect((await askAsStranger(`/?token=wrong`)).status).toBe(401);
    expect((await askAsStranger(`/?token=${STAND_TOKEN}&token=${STAND_TOKEN}`)).status).toBe(401);
  });

  it('a person who is refused reads where the right address is; a program gets JSON', async () => {
    const page = await askAsStranger('/?token=<script>', { headers: { accept: 'text/html,*/*' } });
    expect([page.status, page.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(page.text).toContain('prints the right address');
    expect(page.text).not.toContain('<script');
    for (const path of ['/page.css', '/icon.svg']) expect((await askAsStranger(path)).status).toBe(200);
  });

  it('after 20 wrong tokens in a minute new ones are not even looked at, while an open page goes on', async () => {
    const cookie = (await askAsStranger(`/?token=${STAND_TOKEN}`)).headers['set-cookie']![0]!.split(';')[0]!;
    for (let guess = 0; guess < 20; guess++) {
      expect((await askAsStranger('/api/status', { token: `guess-${guess}` })).status).toBe(401);
    }
    const late = await askAsStranger('/api/status', { token: 'guess-20' });
    expect([late.status, late.json().code]).toEqual([429, 'WEB_TOKEN_TRIES']);
    expect((await stand.ask('/api/status')).status).toBe(429);
    expect((await askAsStranger(`/?token=${STAND_TOKEN}`)).status).toBe(429);
    expect((await askAsStranger('/api/status', { headers: { cookie } })).status).toBe(200);
  });

  it('requests without any token do not use up the tries', async () => {
    for (let visit = 0; visit < 30; visit++) expect((await askAsStranger('/api/status')).status).toBe(401);
    expect((await stand.ask('/api/status')).status).toBe(200);
  });
});

describe('where a request may come from', () => {
  it('only own names answer: a foreign name that points at 127.0.0.1 is refused even with the token', async () => {
    const { port } = stand;
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      '127.0.0.1:1',
      `127.0.0.1.evil.example:${port}`,
    ]) {
      const answer = await stand.ask('/api/status', { headers: { host } });
      expect([host, answer.status, answer.json().code]).toEqual([host, 403, 'WEB_HOST_REFUSED']);
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]) {
      expect([host, (await stand.ask('/api/status', { headers: { host } })).status]).toEqual([host, 200]);
    }
  });

  it('other sites and other local ports may neither act nor look', async () => {
    const origins = [
      'https://evil.example',
      'null',
      'http://127.0.0.1:1',
      `http://localhost:${stand.port}`,
      `https://127.0.0.1:${stand.port}`,
    ];
    for (const origin of origins) {
      const act = await postJson('/api/commands/avatar.use', '{"id":"bo"}', { origin });
      const look = await stand.ask('/api/status', { headers: { origin } });
      expect([origin, act.status, act.json().code, look.status]).toEqual([origin, 403, 'WEB_ORIGIN_REFUSED', 403]);
      expect(act.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect(stand.ran).toEqual([]);
    const own = await postJson('/api/commands/avatar.use', '{"id":"bo"}', { origin: stand.output.label });
    expect(own.status).toBe(200);
  });

  it('pictures, frames and forms of other sites are refused by what the browser says of them', async () => {
    for (const site of ['cross-site', 'same-site']) {
      for (const [mode, dest] of [
        ['no-cors', 'image'],
        ['navigate', 'iframe'],
        ['cors', 'empty'],
      ]) {
        const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
        expect((await stand.ask('/preview.mjpg', { headers })).status).toBe(403);
      }
    }
    const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    expect((await stand.ask('/api/status', { headers: own })).status).toBe(200);
  });

  it('every answer forbids framing, sniffing, foreign content and inline scripts', async () => {
    for (const answer of [
      await stand.ask('/'),
      await askAsStranger('/'),
      await stand.ask('/nowhere'),
      await stand.ask('/page.js'),
    ]) {
      const policy = String(answer.headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toMatch(/script-src 'self';/);
      expect(policy).not.toContain('unsafe');
      expect(policy).toContain("frame-ancestors 'none'");
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('the JSON doors', () => {
  it('give the status and the table of commands', async () => {
    expect((await stand.ask('/api/status')).json()).toEqual(makeStatus());
    const commands = (await stand.ask('/api/commands')).json() as unknown as { id: string; args: object }[];
    expect(commands.map((command) => command.id)).toContain('avatar.use');
    expect(commands[0]!.args).toMatchObject({ type: 'object' });
  });

  it('run a command with its arguments and give back its result', async () => {
    const answer = await postJson('/api/commands/avatar.use', '{"id":"bo"}');
    expect([answer.status, answer.json()]).toEqual([200, { avatarId: 'bo' }]);
    const bare = await stand.ask('/api/commands/avatar.next', { method: 'POST' });
    const empty = await postJson('/api/commands/avatar.next', '');
    expect([bare.status, bare.text, empty.status]).toEqual([200, 'null', 200]);
    expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.use', 'avatar.next', 'avatar.next']);
  });

  it('say what is wrong with a command, its arguments or its outcome', async () => {
    const unknown = await postJson('/api/commands/camera.explode', '{}');
    expect([unknown.status, unknown.json().code]).toEqual([404, 'NO_SUCH_COMMAND']);
    for (const body of ['{"id":7}', '{}', '[]', '"bo"', 'null']) {
      const wrong = await postJson('/api/commands/avatar.use', body);
      expect([body, wrong.status, wrong.json().code]).toEqual([body, 400, 'BAD_ARGUMENTS']);
    }
    const refused = await postJson('/api/commands/avatar.use', '{"id":"nobody"}');
    expect([refused.status, refused.json()]).toEqual([
      400,
      { code: 'NO_SUCH_AVATAR', message: 'There is no avatar nobody.', fix: 'List them: musecam avatars list' },
    ]);
  });

  it('show nothing of the insides of a bug', async () => {
    const answer = await postJson('/api/commands/test.bug', '{}');
    expect([answer.status, answer.json().code]).toEqual([500, 'WEB_INTERNAL']);
    expect(answer.text).not.toMatch(/secret|TypeError|node_modules/);
  });

  it('refuse bodies that are too large, malformed, poisoned or not JSON, and run nothing', async () => {
    const large = await postJson('/api/commands/avatar.use', JSON.stringify({ id: 'x'.repeat(70_000) }));
    expect([large.status, large.json().code]).toEqual([413, 'WEB_BODY_TOO_LARGE']);
    for (const body of ['{"id":', 'id=bo', '{"__proto__":{"id":"bo"}}', '{"constructor":{"prototype":{"id":"bo"}}}']) {
      const malformed = await postJson('/api/commands/avatar.use', body);
      expect([body, malformed.status, malformed.json().code]).toEqual([body, 400, 'WEB_BAD_REQUEST']);
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const other = await postJson('/api/commands/avatar.use', '{"id":"bo"}', { 'content-type': type });
      expect([type, other.status, other.json().code]).toEqual([type, 415, 'WEB_BODY_NOT_JSON']);
    }
    expect(stand.ran).toEqual([]);
  });

  it('answer other methods with those that are allowed, and other paths with 404', async () => {
    for (const [path, allow] of [
      ['/api/status', 'GET'],
      ['/api/commands/avatar.use', 'POST'],
      ['/', 'GET'],
      ['/preview.mjpg', 'GET'],
    ] as const) {
      for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', allow === 'GET' ? 'POST' : 'GET']) {
        const answer = await stand.ask(path, { method });
        expect([path, method, answer.status, answer.headers.allow]).toEqual([path, method, 405, allow]);
      }
    }
    for (const path of ['/nowhere', '/api', '/page/index.html', '/manifest.ts']) {
      const answer = await stand.ask(path);
      expect([path, answer.status, answer.json().code]).toEqual([path, 404, 'WEB_NOT_FOUND']);
    }
  });

  it('serve avatars’ pictures and nothing else of the disk', async () => {
    const picture = await stand.ask('/api/avatars/ada/preview');
    expect([picture.status, picture.headers['content-type']]).toEqual([200, 'image/png']);
    const paths = [
      '/api/avatars/cy/preview',
      '/api/avatars/nobody/preview',
      '/api/avatars/../../../etc/passwd/preview',
      '/api/avatars/..%2f..%2f..%2fetc%2fpasswd/preview',
      '/api/avatars/%2e%2e/preview',
      '/api/avatars/ada%00/preview',
      '/api/avatars/ADA/preview',
      '/..%2fmanifest.ts',
      '/page.js/../../manifest.ts',
      '/%2e%2e/open-web-panel.ts',
    ];
    for (const path of paths) {
      const answer = await stand.ask(path);
      expect([path, answer.status]).toEqual([path, 404]);
    }
  });

  it('let a browser keep the page’s files until they change', async () => {
    const first = await stand.ask('/page.js');
    const again = await stand.ask('/page.js', { headers: { 'if-none-match': first.headers.etag } });
    expect([first.status, first.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect([again.status, again.text]).toEqual([304, '']);
  });
});

describe('/api/events', () => {
  const authorization = `Bearer ${STAND_TOKEN}`;
  const clientOf = (upgrade: Upgrade): EventClient => {
    if (!('client' in upgrade)) throw new Error(`refused with ${upgrade.status}`);
    return upgrade.client;
  };

  it('opens with the token or the cookie from the page itself, and for nobody else', async () => {
    const cookie = (await askAsStranger(`/?token=${STAND_TOKEN}`)).headers['set-cookie']![0]!.split(';')[0]!;
    const refused: [Record<string, string>, number][] = [
      [{}, 401],
      [{ authorization: 'Bearer wrong' }, 401],
      [{ cookie: `musecam-${stand.port}=wrong` }, 401],
      [{ authorization, origin: 'https://evil.example' }, 403],
      [{ cookie, origin: 'https://evil.example' }, 403],
      [{ cookie, origin: 'http://127.0.0.1:1' }, 403],
      [{ authorization, host: `evil.example:${stand.port}` }, 403],
    ];
    for (const [headers, status] of refused) {
      expect([headers, (await EventClient.open(stand.port, headers)).status]).toEqual([headers, status]);
    }
    for (const headers of [{ authorization }, { cookie, origin: stand.output.label }]) {
      using client = clientOf(await EventClient.open(stand.port, headers));
      await vi.waitFor(() => expect(client.messages).toHaveLength(1));
    }
  });

  it('tells everything at first, then what changes', async () => {
    using client = clientOf(await EventClient.open(stand.port, { authorization }));
    await vi.waitFor(() => expect(client.status).toEqual({ ...makeStatus(), panels: [] }));
    stand.say({ levelDb: -7, openness: 0.9 });
    const now = makeStatus({ levelDb: -7, openness: 0.9 });
    await vi.waitFor(() => expect(client.status).toEqual({ ...now, panels: [] }));
    expect(client.messages[1]!.status).toEqual({ levelDb: -7, openness: 0.9 });
  });

  it('brings a listener who stopped reading up to date without keeping messages for it', async () => {
    using client = clientOf(await EventClient.open(stand.port, { authorization }));
    await vi.waitFor(() => expect(client.messages).toHaveLength(1));
    client.pause();
    for (let step = 1; step <= 20; step++) {
      stand.say({ levelDb: -step });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    client.resume();
    await vi.waitFor(() => expect(client.status.levelDb).toBe(-20));
    expect(client.messages.length).toBeLessThan(12);
  });

  it('closes on messages that are too large, and says goodbye when the page closes', async () => {
    using loud = clientOf(await EventClient.open(stand.port, { authorization }));
    using quiet = clientOf(await EventClient.open(stand.port, { authorization }));
    loud.send('x'.repeat(64 * 1024 + 1));
    await vi.waitFor(() => expect([loud.isClosed, loud.closeCode]).toEqual([true, 1009]));
    expect(quiet.isClosed).toBe(false);
    await stand[Symbol.asyncDispose]();
    await vi.waitFor(() => expect([quiet.isClosed, quiet.closeCode]).toEqual([true, 1001]));
  });

  it('is no web page, and no other path speaks WebSocket', async () => {
    expect((await stand.ask('/api/events')).status).toBe(404);
    expect((await EventClient.open(stand.port, { authorization }, '/nowhere')).status).toBe(404);
  });
});
