import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { findChromium, needBrowser, RealBrowser } from '../fakes/browser.ts';
import { Cli, makeHome } from '../fakes/cli.ts';
import { engineHostOf, withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const home = makeHome();
/** Small copies of pictures are compared: the size of those, in pixels. */
const SMALL = { width: 64, height: 36 };

const inAvatar = (id: string, path: string) => fileURLToPath(new URL(`../../avatars/${id}/${path}`, import.meta.url));

/** Where an avatar's mouth is, as shares of the picture. */
function mouthOf(id: string): { left: number; top: number; width: number; height: number } {
  const manifest = JSON.parse(readFileSync(inAvatar(id, 'avatar.json'), 'utf8')) as { width: number; height: number };
  const bytes = readFileSync(inAvatar(id, 'landmarks.f32'));
  const at = (landmark: number) => [bytes.readFloatLE(landmark * 12), bytes.readFloatLE(landmark * 12 + 4)] as const;
  // 61 and 291: corners of the mouth; 0 and 17: the outer edges of the upper and lower lip.
  const [left, right, top, bottom] = [at(61)[0], at(291)[0], at(0)[1], at(17)[1]];
  return {
    left: left / manifest.width,
    top: top / manifest.height,
    width: (right - left) / manifest.width,
    height: (bottom - top) / manifest.height,
  };
}

/** An avatar's prepared picture, small: RGB. */
async function bodyOf(id: string): Promise<Uint8Array> {
  const { data } = await sharp(inAvatar(id, 'body/0000.webp'))
    .resize({ ...SMALL, kernel: 'linear' })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return data;
}

/** Mean difference per colour value, 0 … 255. */
function differenceOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

describe('the page of a real daemon in a real browser', () => {
  let cli: Cli;
  let door: DaemonDoor;
  let browser: RealBrowser;
  const pages: Page[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    if (!findChromium()) return;
    const args = ['start', '--no-open', '--port', '0', '--input', `wav:${bundledSpeechPath}`, '--loop'];
    cli = new Cli(args, withoutSound(home));
    [door, browser] = await Promise.all([DaemonDoor.of(cli), RealBrowser.open()]);
    await vi.waitFor(async () => expect((await door.status()).engine.state).toBe('ready'), 20_000);
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

  /** Opens the page by the address that the daemon printed, and waits for its picture. */
  async function visit(): Promise<Page> {
    const page = await browser.openPage();
    pages.push(page);
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${door.url}?token=${door.token}`);
    await page.locator('.stage[data-picture="live"]').waitFor();
    return page;
  }

  /** RGBA of a part of the preview, given in shares of it. */
  async function readPreview(page: Page, part: { left: number; top: number; width: number; height: number }) {
    const values = await page.evaluate<number[]>(`(() => {
      const canvas = document.querySelector('#preview');
      const part = ${JSON.stringify(part)};
      const place = [part.left * canvas.width, part.top * canvas.height, part.width * canvas.width, part.height * canvas.height];
      return Array.from(canvas.getContext('2d').getImageData(...place.map(Math.round)).data);
    })()`);
    expect(values.length).toBeGreaterThan(100);
    return values;
  }

  /** The whole preview, small: RGB. */
  const readSmall = (page: Page) =>
    page.evaluate<number[]>(`(() => {
      const small = new OffscreenCanvas(${SMALL.width}, ${SMALL.height}).getContext('2d');
      small.imageSmoothingQuality = 'high';
      small.drawImage(document.querySelector('#preview'), 0, 0, ${SMALL.width}, ${SMALL.height});
      return Array.from(small.getImageData(0, 0, ${SMALL.width}, ${SMALL.height}).data.filter((_, at) => at % 4 < 3));
    })()`);

  /** How many different mouths are seen within a time. */
  async function countMouths(page: Page, id: string, ms: number): Promise<number> {
    const seen = new Set<string>();
    for (const endMs = performance.now() + ms; performance.now() < endMs; ) {
      seen.add((await readPreview(page, mouthOf(id))).join());
    }
    return seen.size;
  }

  /** Which avatar the preview shows: the one whose prepared picture is much nearer than the other's. */
  async function whoIsShown(page: Page): Promise<string> {
    const picture = await readSmall(page);
    const far = new Map<string, number>();
    for (const id of ['mira', 'jonas']) far.set(id, differenceOf(picture, await bodyOf(id)));
    const [nearest, other] = [...far].sort((a, b) => a[1] - b[1]);
    return nearest![1] < 8 && other![1] > 3 * nearest![1] ? nearest![0] : JSON.stringify([...far]);
  }

  const marked = (page: Page) => page.locator('.avatar[aria-current="true"]').getAttribute('data-id');

  it('shows a mouth that moves with the speech, and stands still, to the pixel, while held', async (context) => {
    needBrowser(context);
    const page = await visit();
    await expect.poll(async () => (await door.status()).speaking, { timeout: 20_000, interval: 20 }).toBe(true);
    expect(await countMouths(page, 'mira', 3000)).toBeGreaterThan(15);
    await page.keyboard.press('h');
    await expect.poll(() => countMouths(page, 'mira', 1000), { timeout: 10_000 }).toBe(1);
    await page.keyboard.press('h');
    await expect.poll(() => countMouths(page, 'mira', 1000), { timeout: 10_000 }).toBeGreaterThan(5);
  });

  it('swaps the avatar by a click and by its number, in the picture and in the status', async (context) => {
    needBrowser(context);
    const page = await visit();
    expect(await whoIsShown(page)).toBe('mira');
    await page.locator('.avatar[data-id="jonas"]').click();
    await expect.poll(() => whoIsShown(page), { timeout: 10_000 }).toBe('jonas');
    expect((await door.status()).avatarId).toBe('jonas');
    expect(await marked(page)).toBe('jonas');
    const ids = (await door.status()).avatars.map(({ id }) => id);
    for (const id of ['mira', 'jonas', 'mira']) {
      await page.keyboard.press(String(ids.indexOf(id) + 1));
      await expect.poll(() => whoIsShown(page), { timeout: 10_000 }).toBe(id);
      expect((await door.status()).avatarId).toBe(id);
      expect(await marked(page)).toBe(id);
    }
  });

  it('is refused with a wrong token, in words, and shows nothing', async (context) => {
    needBrowser(context);
    const page = await browser.openPage();
    pages.push(page);
    const answer = await page.goto(`${door.url}?token=${door.token.slice(0, -1)}x`);
    expect(answer?.status()).toBe(401);
    expect(await page.getByRole('heading').textContent()).toBe('This address needs its key');
    expect(await page.locator('main').textContent()).toContain('prints the right address when it starts');
    expect(await page.locator('canvas, img[src*="preview"]').count()).toBe(0);
  });

  it('tells that the engine host was killed, goes on with the picture, and tells that it works again', async (context) => {
    needBrowser(context);
    const page = await visit();
    const face = page.locator('.link', { hasText: 'Face' });
    await face.getByText('Ready').waitFor();
    const before = await door.status();
    process.kill(engineHostOf(cli.child.pid!)!, 'SIGKILL');
    await page.locator('.toast', { hasText: 'The face needs attention' }).waitFor();
    await page.locator('.toast', { hasText: 'The face works again' }).waitFor();
    await face.getByText('Ready').waitFor();
    await face.getByText(/Restarted (once|\d+ times)\./).waitFor();
    expect(await page.locator('.stage').getAttribute('data-picture')).toBe('live');
    const after = await door.status();
    expect(after.engine).toMatchObject({ state: 'ready', restarts: before.engine.restarts + 1 });
    expect(after.frames.shown).toBeGreaterThan(before.frames.shown);
    await expect.poll(() => countMouths(page, 'mira', 1000), { timeout: 15_000 }).toBeGreaterThan(5);
  });
});
