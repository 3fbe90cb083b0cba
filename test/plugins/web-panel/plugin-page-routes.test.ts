import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PANEL_FILE_LIMIT_BYTES } from '../../../src/plugins/web-panel/plugin-page-files.ts';
import { EventClient } from './event-client.ts';
import { PanelFolder } from './panel-folder.ts';
import { PanelStand, STAND_TOKEN } from './panel-stand.ts';

const HTML = '<!doctype html><p>a panel';
/** As a browser asks for what a sandboxed document wants: nothing is sent that says who asks. */
const SANDBOXED = { token: undefined, headers: { origin: 'null', 'sec-fetch-site': 'cross-site' } };

describe('files of panels', () => {
  let stand: PanelStand;
  let folder: PanelFolder;
  let url: string;

  beforeEach(async () => {
    folder = await PanelFolder.open({
      'package.json': '{"secret":1}',
      'panel/index.html': HTML,
      'panel/look/style.css': 'p { color: red }',
      'panel/code.js': 'export {};',
      'panel/.env': 'TOKEN=1',
      'panel/.git/config.txt': 'x',
      'panel/key.pem': 'x',
      'panel/large.png': new Uint8Array(PANEL_FILE_LIMIT_BYTES + 1),
    });
    stand = await PanelStand.open();
    stand.plugins.putPanel('osc', folder.path);
    url = await readUrl();
  });
  afterEach(async () => {
    await stand[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Where the page is told that the panel lies. */
  async function readUrl(): Promise<string> {
    const upgrade = await EventClient.open(stand.port, { authorization: `Bearer ${STAND_TOKEN}` });
    if (!('client' in upgrade)) throw new Error(`refused: ${upgrade.status}`);
    using client = upgrade.client;
    await vi.waitFor(() => expect(client.status.panels).toBeDefined());
    return (client.status.panels as { readonly url: string }[])[0]!.url;
  }

  const get = (path: string) => stand.ask(`${url.slice(0, url.lastIndexOf('/'))}/${path}`, SANDBOXED);

  it('are sent to a document without cookie or token, by type, shut off from everything else', async () => {
    expect(url).toMatch(/^\/panels\/[\w-]{43}\/index\.html$/);
    const { status, headers, text } = await get('index.html');
    expect([status, text, headers['content-type']]).toEqual([200, HTML, 'text/html; charset=utf-8']);
    const rules = String(headers['content-security-policy']).split('; ');
    const own = `http://127.0.0.1:${stand.port}${url.replace('index.html', '')}`;
    expect(rules).toContain('sandbox allow-scripts');
    expect(rules).toContain("default-src 'none'");
    expect(rules).toContain("connect-src 'none'");
    expect(rules).toContain(`script-src ${own} 'unsafe-inline'`);
    expect(rules).toContain("frame-ancestors 'self'");
    expect(headers['x-frame-options']).toBeUndefined();
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['set-cookie']).toBeUndefined();
    expect((await get('look/style.css')).headers['content-type']).toBe('text/css; charset=utf-8');
    expect((await get('code.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it('are those beside the HTML file and below, none with a dot, no other kind, none that is too large', async () => {
    const paths = [
      ...[
        '../package.json',
        '..%2fpackage.json',
        '%2e%2e/package.json',
        'look/../../package.json',
        '..%5cpackage.json',
      ],
      ...[
        '.env',
        '.git/config.txt',
        'key.pem',
        'large.png',
        'look',
        '',
        'nothing.js',
        '/index.html',
        'index.html%00.js',
      ],
    ];
    for (const path of paths) {
      const { status, text } = await get(path);
      expect([path, status >= 400 && status < 500, text.includes('secret')]).toEqual([path, true, false]);
    }
  });

  it('are really there: links out of the folder lead nowhere, links within do', async () => {
    const elsewhere = await PanelFolder.open({ 'outside.txt': 'outside' });
    await symlink(join(elsewhere.path, 'outside.txt'), join(folder.path, 'panel/link.txt'));
    await symlink(elsewhere.path, join(folder.path, 'panel/links'));
    await symlink(join(folder.path, 'package.json'), join(folder.path, 'panel/up.json'));
    await symlink(join(folder.path, 'panel/code.js'), join(folder.path, 'panel/same.js'));
    for (const path of ['link.txt', 'links/outside.txt', 'up.json']) expect((await get(path)).status).toBe(404);
    expect((await get('same.js')).text).toBe('export {};');
    // Nor can the panel's folder itself be one.
    await symlink(elsewhere.path, join(folder.path, 'away'));
    await writeFile(join(elsewhere.path, 'index.html'), HTML);
    stand.plugins.putPanel('osc', folder.path, 'away/index.html');
    url = await readUrl();
    expect((await get('index.html')).status).toBe(404);
    await elsewhere[Symbol.asyncDispose]();
  });

  it('are at a place that nobody guesses, and that is gone with the plugin', async () => {
    const wrong = `/panels/${'x'.repeat(43)}/index.html`;
    expect((await stand.ask(wrong, SANDBOXED)).status).toBe(403);
    expect((await stand.ask(wrong, { token: undefined })).status).toBe(401);
    expect((await stand.ask(wrong)).status).toBe(404);
    stand.plugins.take('osc');
    expect((await get('index.html')).status).toBe(403);
    stand.plugins.putPanel('osc', folder.path);
    expect(await readUrl()).not.toBe(url);
    expect((await get('index.html')).status).toBe(403);
  });

  it('are sent to no other name of this machine, only for looking, and open nothing else', async () => {
    const foreign = { ...SANDBOXED, headers: { ...SANDBOXED.headers, host: `evil.example:${stand.port}` } };
    expect((await stand.ask(url, foreign)).json().code).toBe('WEB_HOST_REFUSED');
    expect((await stand.ask(url, { ...SANDBOXED, method: 'POST' })).status).toBe(403);
    expect((await stand.ask('/api/status', SANDBOXED)).status).toBe(403);
    expect((await stand.ask(`${url}/../../../api/status`, SANDBOXED)).status).not.toBe(200);
  });

  it('that are missing are named in words that may be shown in the frame', async () => {
    await mkdir(join(folder.path, 'empty'));
    stand.plugins.putPanel('osc', folder.path, 'empty/panel.html');
    url = await readUrl();
    const { status, text, headers } = await stand.ask(url, { headers: { accept: 'text/html' } });
    expect(status).toBe(404);
    expect(text).toContain('has no file panel.html');
    expect(headers['content-security-policy']).toContain('sandbox allow-scripts');
    expect(headers['x-frame-options']).toBeUndefined();
  });
});
