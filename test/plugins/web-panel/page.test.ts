import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { findChromium, needBrowser, RealBrowser } from '../../fakes/browser.ts';
import { makeStatus, PanelStand, STAND_TOKEN, type StandOptions } from './panel-stand.ts';

describe('the page in a real browser', () => {
  let browser: RealBrowser | undefined;
  const stands: PanelStand[] = [];
  const pages: Page[] = [];
  let problems: string[] = [];

  beforeAll(async () => {
    if (findChromium()) browser = await RealBrowser.open();
  });
  afterAll(() => browser?.[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close();
    for (const stand of stands.splice(0)) await stand[Symbol.asyncDispose]();
    problems = [];
  });

  async function openStand(options?: StandOptions): Promise<PanelStand> {
    const stand = await PanelStand.open(options);
    stands.push(stand);
    stand.play();
    return stand;
  }

  /** Opens the page as a person does: by the printed address. */
  async function visit(url: string): Promise<Page> {
    const page = await browser!.openPage();
    pages.push(page);
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) problems.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** The canvas' pixels, small enough to compare. */
  const readPixels = (page: Page) =>
    page.evaluate<string>(`Array.from(
      document.querySelector('canvas').getContext('2d').getImageData(0, 0, 320, 40).data.filter((_, at) => at % 64 === 0),
    ).join()`);

  const avatarButton = (page: Page, name: string) => page.locator('.avatar[data-id]', { hasText: name });

  const currentAvatar = (page: Page) => page.locator('.avatar[aria-current="true"] .avatar-name').textContent();

  it('shows a preview that moves, with nothing refused by its own content policy', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    expect(page.url()).toBe(stand.output.url);
    await page.locator('.stage[data-picture="live"]').waitFor();
    const seen = new Set<string>();
    await vi.waitFor(async () => {
      seen.add(await readPixels(page));
      expect(seen.size).toBeGreaterThanOrEqual(15);
    }, 30_000);
    expect(problems).toEqual([]);
  });

  it('swaps the avatar by click and by number key, and marks it at once', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    await avatarButton(page, 'Cy').click();
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.use', args: { id: 'cy' } }]));
    expect(await currentAvatar(page)).toBe('Cy');
    await page.keyboard.press('2');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'avatar.use', args: { id: 'bo' } }));
    await page.getByLabel('Live preview of Bo').waitFor();
    expect(await currentAvatar(page)).toBe('Bo');
    await page.keyboard.press('9');
    await page.keyboard.press('Control+1');
    await page.keyboard.press('n');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'avatar.next', args: {} }));
    expect(stand.ran).toHaveLength(3);
  });

  it('takes a swap back that the show refuses, and says why with the fix', async (context) => {
    needBrowser(context);
    const ghost = { ...makeStatus().avatars[1]!, id: 'ghost', name: 'Ghost' };
    const stand = await openStand({ status: makeStatus({ avatars: [makeStatus().avatars[0]!, ghost] }) });
    const page = await visit(stand.address);
    await avatarButton(page, 'Ghost').waitFor();
    stand.refuse('ghost');
    await avatarButton(page, 'Ghost').click();
    await page.locator('.toast', { hasText: 'There is no avatar ghost.' }).waitFor();
    expect(await page.locator('.toast code').textContent()).toBe('musecam avatars list');
    await vi.waitFor(async () => expect(await currentAvatar(page)).toBe('Ada'));
  });

  it('refuses a wrong token in words', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(`${stand.output.label}/?token=wrong`);
    expect(await page.getByRole('heading').textContent()).toBe('This address needs its key');
    expect(await page.locator('main').textContent()).toContain('prints the right address when it starts');
    expect(await page.locator('canvas').count()).toBe(0);
  });

  it('shows a link that fails with its reason and its fix, and tells when it is well again', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    const link = page.locator('.link', { hasText: 'Voice' });
    await link.getByText('Ready').waitFor();
    const input = { id: 'microphone.input', label: 'USB microphone' } as const;
    stand.say({
      input: {
        ...input,
        state: 'failed',
        detail: 'It was unplugged.',
        fix: 'Choose another: musecam start --input mic',
      },
    });
    await link.getByText('Failed').waitFor();
    await link.getByText('It was unplugged.').waitFor();
    await link.getByRole('button', { name: 'Copy: musecam start --input mic' }).waitFor();
    await page.locator('.toast', { hasText: 'The microphone failed' }).waitFor();
    await vi.waitFor(async () => expect(await page.getByRole('alert').textContent()).toContain('It was unplugged.'));
    expect(await page.title()).toContain('USB microphone');
    stand.say({ input: { ...input, state: 'ready' } });
    await page.locator('.toast', { hasText: 'The microphone works again' }).waitFor();
    await link.getByText('Ready').waitFor();
  });

  it('shows the name where the words in the picture are not', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    const name = page.locator('#stage-name');
    await name.waitFor();
    const left = async () => (await name.boundingBox())!.x;
    const corner = await left();
    stand.say({ labelText: 'AI avatar' });
    await vi.waitFor(async () => expect(await left()).toBeGreaterThan(corner + 100));
    stand.say({ labelText: '' });
    await vi.waitFor(async () => expect(await left()).toBe(corner));
  });

  it('shows which engine draws, why a better one does not with its fix, and what they hold', async (context) => {
    needBrowser(context);
    const report = { detail: 'WebGPU, half precision, 11 ms a face', keepsUp: true, networkBytes: 1_720_000_000 };
    const ada = { avatarId: 'ada', bytes: 38_400_000, place: 'gpu' } as const;
    const puppet = { id: 'puppet.face', label: 'Puppet', state: 'ready', restarts: 0 } as const;
    const real = { ...puppet, id: 'musetalk.face', label: 'MuseTalk', detail: report.detail };
    const bo = { ...ada, avatarId: 'bo', place: 'processor' } as const;
    const good = { ...real, report: { ...report, residents: [ada, bo] } };
    const stand = await openStand({ status: makeStatus({ engine: good, engines: [good, puppet] }) });
    const page = await visit(stand.address);
    const link = page.locator('.link', { hasText: 'Face' });
    await link.getByText('Networks 1.72 GB · ada 38.4 MB on the GPU · bo 38.4 MB in memory').waitFor();
    const roles = () => page.locator('.engine-head').allInnerTexts();
    expect(await roles()).toEqual(['MuseTalk\nDraws', 'Puppet\nStands by']);
    const words = { state: 'degraded', detail: 'MuseTalk: 2.9 s a face', fix: 'To do without: musecam start' } as const;
    const slow = { ...real, state: 'degraded', detail: '2.9 s a face' } as const;
    stand.say({ engine: { ...puppet, ...words }, engines: [slow, puppet] });
    await link.getByText('MuseTalk: 2.9 s a face').waitFor();
    await link.getByRole('button', { name: 'Copy: musecam start' }).waitFor();
    expect(await roles()).toEqual(['MuseTalk\nLimited', 'Puppet\nDraws']);
    expect(problems).toEqual([]);
  });

  it('shows level, mouth, delay and counters as they come', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    const numbers = { shown: 12_345, fresh: 12_000, repeated: 345, dropped: 7, freshPerSecond: 24.9 };
    stand.say({ levelDb: -9, openness: 0.75, frames: numbers, latency: { p50Ms: 81.4, p95Ms: 119.6 } });
    for (const [id, text] of Object.entries({
      'level-number': '−9 dB',
      'mouth-number': '75 %',
      'latency-p50': '81',
      'latency-p95': '120',
      'frames-rate': '24.9 new a second',
    })) {
      await page.locator(`#${id}`, { hasText: text }).waitFor();
    }
    expect(await page.locator('#frames dd').allTextContents()).toEqual(['12,345', '12,000', '345', '7']);
    expect(await page.locator('.output-counts').allTextContents()).toEqual([
      '300 sent · 1 dropped',
      '300 sent · 0 dropped',
    ]);
  });

  it('asks before it stops the show', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    await page.locator('#stop').click();
    await page.keyboard.press('2');
    await page.getByRole('button', { name: 'Keep going' }).click();
    expect(stand.ran).toEqual([]);
    await page.locator('#stop').click();
    await page.locator('#stop-dialog').getByRole('button', { name: 'Stop show' }).click();
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'show.stop', args: {} }]));
    expect(problems).toEqual([]);
  });

  it('says that the connection is lost and finds the same show again after a restart', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    await page.locator('.stage[data-picture="live"]').waitFor();
    const target = String(stand.port);
    await stand[Symbol.asyncDispose]();
    await page.getByText('Lost the connection to MuseCam').waitFor();
    const again = await openStand({ target, status: makeStatus({ avatarId: 'cy' }) });
    await page.locator('.stage[data-picture="live"]').waitFor();
    await vi.waitFor(async () => expect(await currentAvatar(page)).toBe('Cy'));
    await page.locator('.toast', { hasText: 'Connected again' }).waitFor();
    const before = await readPixels(page);
    await vi.waitFor(async () => expect(await readPixels(page)).not.toBe(before));
    expect(again.port).toBe(Number(target));
  });

  it('says what to do when the show was started anew with another key, and stops asking', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    await page.locator('.stage[data-picture="live"]').waitFor();
    const target = String(stand.port);
    await stand[Symbol.asyncDispose]();
    await openStand({ target, token: `${STAND_TOKEN}-new` });
    await page.getByText('Open the address that it printed in its terminal').waitFor();
    let requests = 0;
    page.on('request', () => requests++);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(requests).toBe(0);
  });

  it('fits a phone, and works with the keyboard alone', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await visit(stand.address);
    await avatarButton(page, 'Bo').waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await avatarButton(page, 'Bo').focus();
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(stand.ran).toEqual([{ id: 'avatar.use', args: { id: 'bo' } }]));
  });

  it('fetches nothing from anywhere else', async (context) => {
    needBrowser(context);
    const stand = await openStand();
    const page = await browser!.openPage();
    pages.push(page);
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(stand.address);
    await page.locator('.stage[data-picture="live"]').waitFor();
    expect([...hosts]).toEqual([`127.0.0.1:${stand.port}`]);
  });
});
