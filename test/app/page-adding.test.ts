import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { checkAvatar } from '../../src/avatar/check-avatar.ts';
import { findChromium, needBrowser, RealBrowser } from '../fakes/browser.ts';
import { Cli, makeHome } from '../fakes/cli.ts';
import { childrenOf, withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const clip = fileURLToPath(new URL('../clips/still-speech.mp4', import.meta.url));
const photo = fileURLToPath(new URL('../../avatars/jonas/body/0000.webp', import.meta.url));
/** A photo is prepared within seconds; two busy cores may take far longer. In ms. */
const PREPARED_MS = 240_000;

const startDaemon = (home: ReturnType<typeof makeHome>) =>
  new Cli(['start', '--no-open', '--port', '0', '--input', `wav:${bundledSpeechPath}`, '--loop'], withoutSound(home));

/** Everything that lies on the desk's folder. */
const uploadsIn = (home: { readonly path: string }) => {
  const folder = join(home.path, 'data', 'uploads');
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe('adding an avatar on the page of a real daemon', () => {
  const home = makeHome();
  let cli: Cli;
  let door: DaemonDoor;
  let browser: RealBrowser;
  const pages: Page[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    if (!findChromium()) return;
    cli = startDaemon(home);
    [door, browser] = await Promise.all([DaemonDoor.of(cli), RealBrowser.open()]);
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close();
    expect(problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await cli?.[Symbol.asyncDispose]();
    home[Symbol.dispose]();
  });

  /** Opens the page and hands a file in. */
  async function handIn(
    file: string | { name: string; mimeType: string; buffer: Buffer },
    name: string,
  ): Promise<Page> {
    const page = await browser.openPage();
    pages.push(page);
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${door.url}?token=${door.token}`);
    await page.locator('.avatar.add').click();
    await page.locator('#pick-file').setInputFiles(file);
    await page.locator('#new-name').fill(name);
    await page.getByLabel('Who is shown').fill('invented');
    await page.getByLabel('Who agreed to this').fill('drawn by the project');
    await page.getByLabel('Everybody shown agreed').check();
    await page.getByRole('button', { name: 'Prepare' }).click();
    return page;
  }

  it.for([
    ['photo', photo, 1],
    ['clip', clip, 100],
  ] as const)(
    'makes an avatar of a %s, shows what it found, and puts it on',
    { timeout: 300_000 },
    async ([kind, file, frames], context) => {
      needBrowser(context);
      const page = await handIn(file, `My ${kind}`);
      await page.locator('#adding-progress').waitFor();
      await page.getByRole('button', { name: 'Use it now' }).waitFor({ timeout: PREPARED_MS });
      await vi.waitFor(async () =>
        expect(await page.evaluate(`document.querySelector('#result-preview').naturalWidth`)).toBeGreaterThan(100),
      );
      const [job] = (await door.status()).preparations;
      expect(job).toMatchObject({
        state: 'ready',
        avatarId: `my-${kind}`,
        name: `My ${kind}`,
        fileName: basename(file),
      });
      expect(job?.report?.measures.length).toBeGreaterThan(2);
      expect((await page.locator('.measures .measure-label').allTextContents()).sort()).toEqual(
        job?.report?.measures.map(({ label }) => label).sort(),
      );
      const before = await door.status();
      await page.getByRole('button', { name: 'Use it now' }).click();
      await page.locator(`.avatar[aria-current="true"][data-id="my-${kind}"]`).waitFor();
      await expect.poll(async () => (await door.status()).avatarId).toBe(`my-${kind}`);
      await expect.poll(async () => (await door.status()).frames.fresh).toBeGreaterThan(before.frames.fresh + 25);
      expect((await door.status()).preparations).toEqual([]);
      const folder = join(home.path, 'data', 'avatars', `my-${kind}`);
      expect(await checkAvatar(folder)).toMatchObject({ ok: true, problems: [] });
      const manifest = JSON.parse(readFileSync(join(folder, 'avatar.json'), 'utf8'));
      expect(manifest.frameCount).toBe(frames);
      expect(manifest.consent).toMatchObject({ depicts: 'invented', statement: 'drawn by the project' });
      expect(uploadsIn(home)).toEqual([]);
    },
  );

  it('says why nothing can be made of a picture without a face', { timeout: 300_000 }, async (context) => {
    needBrowser(context);
    const create = { width: 800, height: 600, channels: 3, background: '#2a6fb4' } as const;
    const buffer = await sharp({ create }).png().toBuffer();
    const page = await handIn({ name: 'wall.png', mimeType: 'image/png', buffer }, 'Wall');
    const failed = page.locator('#adding-failed');
    await failed.waitFor({ timeout: PREPARED_MS });
    await failed.getByText('NO_FACE').waitFor();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await expect.poll(async () => (await door.status()).preparations).toEqual([]);
    expect(uploadsIn(home)).toEqual([]);
  });

  it('refuses what is no picture, whatever it is called, and goes on with the show', async (context) => {
    needBrowser(context);
    const page = await handIn({ name: 'me.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(3_000_000, 'x') }, 'No');
    await page.locator('#form-error').getByText('UPLOAD_TYPE').waitFor();
    const { preparations, state } = await door.status();
    expect([preparations.filter(({ name }) => name === 'No'), state]).toEqual([[], 'ready']);
  });
});

describe('a daemon that is killed while it prepares', () => {
  it('takes the preparation with it, and the next one clears what is left', { timeout: 300_000 }, async () => {
    using home = makeHome();
    await using first = startDaemon(home);
    const door = await DaemonDoor.of(first);
    const said = { fileName: 'x.webp', avatarId: 'me', name: 'Me', depicts: 'invented', consent: 'by the project' };
    const answer = await fetch(new URL(`/api/preparations?${new URLSearchParams(said)}`, door.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${door.token}`, 'content-type': 'application/octet-stream' },
      body: readFileSync(photo),
    });
    expect(answer.status).toBe(201);
    const preparing = await vi.waitFor(() => {
      const found = childrenOf(first.child.pid!).find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('preparation-process'),
      );
      expect(found).toBeDefined();
      return found!;
    }, 20_000);
    first.child.kill('SIGKILL');
    await first.ended;
    await vi.waitFor(() => expect(existsSync(`/proc/${preparing}`)).toBe(false), 20_000);
    expect(uploadsIn(home)).toHaveLength(1);
    await using second = startDaemon(home);
    await DaemonDoor.of(second);
    expect(uploadsIn(home)).toEqual([]);
  });
});
