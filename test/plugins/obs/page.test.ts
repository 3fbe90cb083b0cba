import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, needBrowser, RealBrowser } from '../../fakes/browser.ts';
import { Beat, makePicture, openStream, RED } from './stream-stand.ts';

const SIZE = { width: 320, height: 180 } as const;
/** Left third transparent, a seam of half-transparent pixels, the rest opaque. */
const matte = (x: number) => (x < 100 ? 0 : x < 120 ? 128 : 255);

describe('the transparent page', () => {
  let browser: RealBrowser | undefined;
  let folder = '';
  let page: Page | undefined;
  let problems: string[] = [];

  beforeAll(async () => {
    if (findChromium()) browser = await RealBrowser.open();
    folder = await mkdtemp(join(tmpdir(), 'musecam-page-'));
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await page?.context().close();
    page = undefined;
    problems = [];
  });

  /** Opens it as OBS does: by its address, in a window of any size. */
  async function visit(address: string): Promise<Page> {
    page = await browser!.openPage({ viewport: { width: 640, height: 360 } });
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) problems.push(message.text());
    });
    await page.goto(address);
    return page;
  }

  /** Red, green, blue and alpha of a point, as OBS composes the page. */
  async function pixelAt(x: number, y: number): Promise<number[]> {
    const png = await page!.screenshot({ omitBackground: true });
    return [...(await sharp(png).extract({ left: x, top: y, width: 1, height: 1 }).ensureAlpha().raw().toBuffer())];
  }

  it('is transparent where the picture is, in its colours where it is not', async (context) => {
    needBrowser(context);
    await using stream = await openStream(SIZE);
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED, matte));
    await visit(stream.page.address);
    await expect.poll(async () => (await pixelAt(500, 180))[3], { timeout: 15_000 }).toBe(255);
    expect(await pixelAt(100, 180)).toEqual([0, 0, 0, 0]);
    const [red = 0, green = 0, blue = 0] = await pixelAt(500, 180);
    expect(red).toBeGreaterThan(245);
    expect(Math.max(green, blue)).toBeLessThan(12);
    const seam = await pixelAt(220, 180);
    expect(Math.abs(seam[3]! - 128)).toBeLessThan(4);
    // Straight again: the colour is not darker for being half transparent.
    expect(seam[0]).toBeGreaterThan(240);
    expect(problems).toEqual([]);
  });

  it('fits itself into a window of another shape, and shows opaque pictures, too', async (context) => {
    needBrowser(context);
    await using stream = await openStream(SIZE);
    await using _beat = new Beat(stream, () => makePicture(SIZE, RED));
    await visit(stream.page.address);
    await page!.setViewportSize({ width: 640, height: 640 });
    await expect.poll(async () => (await pixelAt(10, 320))[3], { timeout: 15_000 }).toBe(255);
    expect((await pixelAt(10, 100))[3]).toBe(0);
    expect((await pixelAt(10, 540))[3]).toBe(0);
    expect((await pixelAt(10, 200))[3]).toBe(255);
  });

  it('shows nothing when the show is over, and the next show by itself, with pictures that change', async (context) => {
    needBrowser(context);
    const placePath = join(folder, 'stream.json');
    let address = '';
    {
      await using stream = await openStream(SIZE, { placePath });
      await using _beat = new Beat(stream, () => makePicture(SIZE, RED));
      address = stream.page.address;
      await visit(address);
      await expect.poll(async () => (await pixelAt(320, 180))[3], { timeout: 15_000 }).toBe(255);
    }
    await expect.poll(async () => (await pixelAt(320, 180))[3], { timeout: 15_000 }).toBe(0);
    await using stream = await openStream(SIZE, { placePath });
    expect(stream.page.address).toBe(address);
    let luma = 40;
    await using _beat = new Beat(stream, () => makePicture(SIZE, { y: luma, u: 128, v: 128 }));
    await expect.poll(async () => (await pixelAt(320, 180))[3], { timeout: 15_000 }).toBe(255);
    const before = (await pixelAt(320, 180))[0]!;
    luma = 200;
    await expect.poll(async () => (await pixelAt(320, 180))[0]! - before, { timeout: 15_000 }).toBeGreaterThan(100);
    expect(problems).toEqual([]);
  });

  it('is nothing but a refusal without its key', async (context) => {
    needBrowser(context);
    await using stream = await openStream(SIZE);
    const answer = await fetch(stream.page.address.replace(/key=.*/, 'key=wrong'));
    expect([answer.status, await answer.text()]).toEqual([401, '']);
    expect((await fetch(stream.page.address)).headers.get('content-security-policy')).not.toContain('unsafe');
  });
});
