import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it, type TestContext, vi } from 'vitest';
import { z } from 'zod';
import { findBarriers } from './find-barriers.ts';
import { usePanelPage, type VisitOptions } from './page-visit.ts';
import { PanelFolder } from './panel-folder.ts';
import type { PanelStand } from './panel-stand.ts';

/** Keeps what it was told, and says what a test wants. */
const PANEL = `<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="dark light">
<link rel="stylesheet" href="style.css"><p id="word">panel</p>
<script>
  window.heard = [];
  addEventListener('message', ({ data }) => heard.push(data));
  window.say = (message) => parent.postMessage(message, '*');
  window.answer = (call) => heard.find((one) => one.type === 'musecam.answer' && one.call === call);
</script>
<script type="module" src="module.js"></script>`;
const FILES = {
  'panel/index.html': PANEL,
  'panel/style.css': '#word { color: rgb(1, 2, 3); }',
  'panel/module.js': 'window.isModule = true;',
};

describe('panels of plugins on the page', () => {
  const open = usePanelPage();
  const folders: PanelFolder[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await folder[Symbol.asyncDispose]();
  });

  async function visit(
    context: TestContext,
    options: VisitOptions = {},
    files: Readonly<Record<string, string>> = FILES,
  ) {
    const folder = await PanelFolder.open(files);
    folders.push(folder);
    const prepare = ({ plugins }: PanelStand) => plugins.putPanel('osc', folder.path);
    const { stand, page } = await open(context, { prepare, ...options });
    const card = page.getByRole('region', { name: 'Panel of osc' });
    return { stand, page, card, folder, frame: await frameOf(page) };
  }

  /** The document in the one frame of the page, once its script has run. */
  async function frameOf(page: Page) {
    const element = await page.locator('.panel iframe').elementHandle();
    const frame = (await element!.contentFrame())!;
    await frame.locator('#word').waitFor();
    return frame;
  }

  it('are shown with their own scripts and style, and hear of the theme and of the show', async (context) => {
    const { stand, page, card, frame } = await visit(context);
    expect(await card.getByRole('heading', { name: 'Panel of osc' }).isVisible()).toBe(true);
    expect(await frame.evaluate("getComputedStyle(document.querySelector('#word')).color")).toBe('rgb(1, 2, 3)');
    await vi.waitFor(async () => expect(await frame.evaluate('window.isModule')).toBe(true));
    const last = (type: string) => frame.evaluate(`heard.filter((one) => one.type === '${type}').at(-1)`);
    await vi.waitFor(async () =>
      expect(await last('musecam.status')).toMatchObject({ status: { avatarId: 'ada', muted: false } }),
    );
    // What is the page's own is not told: it has the keys of all panels in it.
    expect(await last('musecam.status')).not.toHaveProperty('status.panels');
    stand.say({ muted: true });
    await vi.waitFor(async () => expect(await last('musecam.status')).toMatchObject({ status: { muted: true } }));
    for (const dark of [true, false]) {
      await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
      await vi.waitFor(async () => expect(await last('musecam.theme')).toMatchObject({ dark }));
    }
  });

  it('hear of the show a few times a second, however often it changes', async (context) => {
    const { stand, frame } = await visit(context);
    const timer = setInterval(() => stand.say({ levelDb: -Math.random() * 60 }), 10);
    await frame.evaluate('heard.length = 0, window.since = performance.now()');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    clearInterval(timer);
    const counts = await frame.evaluate<{ count: number; seconds: number }>(
      "({ count: heard.filter(({ type }) => type === 'musecam.status').length, seconds: (performance.now() - since) / 1000 })",
    );
    expect(counts.count).toBeGreaterThan(0);
    expect(counts.count / counts.seconds).toBeLessThan(5);
  });

  it('run commands through the page, but not those that choose plugins and settings', async (context) => {
    const { stand, frame } = await visit(context);
    const call = async (name: string, id: unknown, args?: unknown) => {
      await frame.evaluate(`say(${JSON.stringify({ type: 'musecam.run', call: name, id, args })})`);
      const answered = () => frame.evaluate<unknown>(`answer('${name}')`);
      await vi.waitFor(async () => expect(await answered()).toBeDefined());
      return answered();
    };
    expect(await call('a', 'avatar.use', { id: 'bo' })).toMatchObject({ result: { avatarId: 'bo' } });
    expect(await call('b', 'avatar.use', { id: 'nobody' })).toMatchObject({
      error: { code: 'NO_SUCH_AVATAR', message: 'There is no avatar nobody.', fix: expect.any(String) },
    });
    for (const id of ['plugins.remove', 'plugins.list', 'settings.set', 'settings.list']) {
      expect(await call(id, id, { id: 'osc' })).toMatchObject({ error: { code: 'PANEL_NOT_ALLOWED' } });
    }
    expect(await call('c', '../status')).toMatchObject({ error: { code: 'NO_SUCH_COMMAND' } });
    expect(await call('d', 7)).toMatchObject({ error: { code: 'PANEL_CALL' } });
    expect(await call('e', 'avatar.next', { huge: 'x'.repeat(70_000) })).toMatchObject({
      error: { code: 'WEB_BODY_TOO_LARGE' },
    });
    expect(stand.ran.map(({ id }) => id)).toEqual(['avatar.use', 'avatar.use']);
    await frame.evaluate(
      "for (let n = 0; n < 200; n++) say({ type: 'musecam.run', call: 'many' + n, id: 'avatar.next' })",
    );
    await vi.waitFor(async () => expect(await frame.evaluate("answer('many199')")).toBeDefined());
    const refused = await frame.evaluate<number>(
      "heard.filter(({ error }) => error?.code === 'PANEL_TOO_MANY_CALLS').length",
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('are shut off: no cookie, no storage, no server, no page around them, no other place to go', async (context) => {
    const { page, frame } = await visit(context);
    const attempt = (code: string) =>
      frame.evaluate<string>(
        `(async () => { try { return String(await (${code})) } catch (e) { return 'refused' } })()`,
      );
    expect(await attempt('document.cookie')).toBe('refused');
    expect(await attempt('localStorage.length')).toBe('refused');
    expect(await attempt('parent.document.title')).toBe('refused');
    expect(await attempt('top.location.href')).toBe('refused');
    expect(await attempt("fetch('/api/status').then((answer) => answer.status)")).toBe('refused');
    expect(
      await attempt("fetch(location.href.replace('index.html', 'style.css')).then((answer) => answer.status)"),
    ).toBe('refused');
    expect(
      await attempt(
        "new Promise((done, fail) => { const s = new WebSocket('ws://' + location.host + '/api/events'); s.onopen = () => done('open'); s.onerror = fail; })",
      ),
    ).toBe('refused');
    expect(
      await attempt(
        "new Promise((done, fail) => { const i = new Image(); i.onload = () => done('loaded'); i.onerror = fail; i.src = '/api/avatars/ada/preview'; })",
      ),
    ).toBe('refused');
    expect(await attempt("open('/')")).toBe('null');
    await attempt("top.location = '/api/status'");
    await attempt("location = '/'");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(new URL(page.url()).pathname).toBe('/');
    expect(await page.locator('#stage').isVisible()).toBe(true);
    // Where a frame may not go, the browser shows words of its own.
    const shown = page.frames().map((one) => one.url());
    expect(shown.filter((url) => url.startsWith('http') && !url.includes('/panels/'))).toEqual([page.url()]);
  });

  it('choose their height within limits, and nobody else speaks for them', async (context) => {
    const { stand, page, frame } = await visit(context);
    const height = async () => Math.round((await page.locator('.panel iframe').boundingBox())!.height);
    for (const [px, is] of [
      [240, 240],
      [9000, 800],
      [1, 60],
    ] as const) {
      await frame.evaluate(`say({ type: 'musecam.height', px: ${px} })`);
      await vi.waitFor(async () => expect(await height()).toBe(is));
    }
    await frame.evaluate("say({ type: 'musecam.height', px: 'wide' }), say(null), say('musecam.run')");
    await page.evaluate(
      "postMessage({ type: 'musecam.run', call: 1, id: 'avatar.next' }, '*'), postMessage({ type: 'musecam.height', px: 300 }, '*')",
    );
    // What a stranger says is not done before what comes after it is.
    await frame.evaluate("say({ type: 'musecam.run', call: 'last', id: 'avatar.previous' })");
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.previous', args: {} }]));
    expect(await height()).toBe(60);
  });

  it('come and go with their plugins, begin anew with them, and give way to what a failed one has to say', async (context) => {
    const { stand, page, card, folder, frame } = await visit(context);
    const frames = page.locator('.panel iframe');
    stand.plugins.putPanel('second', folder.path);
    stand.say({});
    await page.getByRole('region', { name: 'Panel of second' }).waitFor();
    // The first was left alone.
    expect(await frame.evaluate('window.heard.length')).toBeGreaterThan(0);
    stand.plugins.take('second');
    stand.say({});
    await vi.waitFor(async () => expect(await frames.count()).toBe(1));
    const before = await frames.getAttribute('src');
    await stand.commands.run('plugins.reload', { id: 'osc' });
    stand.say({});
    await vi.waitFor(async () => expect(await frames.getAttribute('src')).not.toBe(before));
    const fault = { id: 'osc', label: 'OSC', state: 'failed', detail: 'it ended: exit code 7' } as const;
    stand.say({ links: [{ ...fault, fix: 'musecam plugins disable osc' }] });
    await card.getByText('it ended: exit code 7').waitFor();
    expect(await card.getByRole('button', { name: 'Copy: musecam plugins disable osc' }).isVisible()).toBe(true);
    expect(await frames.count()).toBe(0);
    await page.locator('.toast', { hasText: 'OSC failed' }).waitFor();
    stand.say({ links: [] });
    await frames.waitFor();
    expect(await page.locator('.toast', { hasText: 'OSC failed' }).count()).toBe(0);
    await stand.commands.run('plugins.enable', { id: 'osc', on: false });
    stand.say({});
    await vi.waitFor(async () => expect(await page.locator('#panels').isVisible()).toBe(false));
  });

  it('have no barrier that is serious, whole or failed', async (context) => {
    const { stand, page, folder } = await visit(context, { window: { bypassCSP: true } });
    stand.plugins.putPanel('second', folder.path);
    stand.say({
      links: [
        {
          id: 'second',
          label: 'Second',
          state: 'failed',
          detail: 'exit code 7',
          fix: 'musecam plugins disable second',
        },
      ],
    });
    await page.getByRole('region', { name: 'Panel of second' }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
  });

  it('of the example say hello by a button and by Enter, and are as high as they are', async (context) => {
    const example = join(import.meta.dirname, '../../../docs/examples/hello');
    const prepare = (stand: PanelStand) => {
      stand.plugins.putPanel('hello', example);
      stand.commands.register({
        ...{ id: 'hello.say', title: 'Say hello', args: z.object({ to: z.string() }) },
        run: async ({ to }) => stand.say({ labelText: `Hello, ${to}!` }),
      });
    };
    const { page } = await open(context, { prepare });
    const panel = page.frameLocator('.panel iframe');
    await panel.getByText('No words in the picture.').waitFor();
    await panel.getByLabel('Whom').fill('Ada');
    await panel.getByRole('button', { name: 'Say hello' }).click();
    await panel.getByText('In the picture: Hello, Ada!').waitFor();
    await panel.getByLabel('Whom').fill('Bo');
    await page.keyboard.press('Enter');
    await panel.getByText('In the picture: Hello, Bo!').waitFor();
    const heights = () =>
      page.frames().at(-1)!.evaluate<number[]>('[innerHeight, document.documentElement.offsetHeight]');
    await vi.waitFor(async () => expect((await heights())[0]).toBe((await heights())[1]));
  });
});
