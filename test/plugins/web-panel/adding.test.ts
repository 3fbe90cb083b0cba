import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { QualityReport } from '../../../src/api/avatar.ts';
import { AppError } from '../../../src/base/errors.ts';
import { findChromium, needBrowser, RealBrowser } from '../../fakes/browser.ts';
import { makeAvatar, makeStatus, PanelStand, type StandOptions } from './panel-stand.ts';

const report: QualityReport = {
  verdict: 'fair',
  frames: { total: 250, usable: 240 },
  measures: [
    { id: 'face-height', label: 'Size of the face', value: 412, unit: 'px', rating: 'good' },
    {
      id: 'yaw',
      label: 'Turned to the side',
      value: -18.64,
      unit: '°',
      rating: 'fair',
      advice: 'Look into the camera.',
    },
    {
      id: 'mouth-closed',
      label: 'Mouth closed',
      value: 3,
      unit: '%',
      rating: 'poor',
      advice: '<b>Close</b> your lips.',
    },
  ],
};
const ready = { state: 'ready', step: 'Ready', fraction: 1, report } as const;

describe('adding an avatar on the page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'musecam-adding-'));
  const photo = join(folder, 'Anna office.jpg');
  let browser: RealBrowser | undefined;
  let stand: PanelStand;
  const pages: Page[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    if (findChromium()) browser = await RealBrowser.open();
    const background = '#3a7';
    await sharp({ create: { width: 320, height: 240, channels: 3, background } })
      .jpeg()
      .toFile(photo);
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close();
    await stand?.[Symbol.asyncDispose]();
    expect(problems.splice(0)).toEqual([]);
  });

  async function openStand(options?: StandOptions): Promise<void> {
    stand = await PanelStand.open(options);
    stand.play();
  }

  async function visit(): Promise<Page> {
    const page = await browser!.openPage();
    pages.push(page);
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted ?Type/i.test(message.text())) problems.push(message.text());
    });
    await page.goto(stand.address);
    await page.locator('.avatar.add').waitFor();
    return page;
  }

  /** Drops a file somewhere, as a file manager does. */
  const drop = (page: Page, selector: string, name: string, bytes: readonly number[], type = 'image/jpeg') =>
    page.evaluate<boolean>(`(() => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(${JSON.stringify(bytes)})], ${JSON.stringify(name)}, { type: ${JSON.stringify(type)} }));
      const target = document.querySelector(${JSON.stringify(selector)});
      const send = (kind) => target.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
      send('dragenter');
      const isShown = !document.querySelector('#drop').hidden;
      send('dragover');
      send('drop');
      return isShown;
    })()`);

  /** Says everything the form asks for. */
  async function fill(page: Page): Promise<void> {
    await page.getByLabel('Who is shown').fill('Anna Example');
    await page.getByLabel('Who agreed to this').fill('it is my own face');
    await page.getByLabel('Everybody shown agreed').check();
  }

  const dialog = (page: Page) => page.locator('#adding');
  const ranIds = () => stand.ran.map(({ id }) => id);

  it('goes from a dropped file over upload, progress and report to an avatar that is on', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    const bytes = Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
    expect(await drop(page, '#stage', 'anna_in the-office.jpg', bytes)).toBe(true);
    await dialog(page).getByText('anna_in the-office.jpg').waitFor();
    expect(await page.locator('#drop').isHidden()).toBe(true);
    expect(await page.locator('#new-name').inputValue()).toBe('Anna in the office');
    expect(await page.locator('#new-id').textContent()).toBe('anna-in-the-office');
    await page.locator('#new-name').fill('Änna & Bo');
    expect(await page.locator('#new-id').textContent()).toBe('anna-bo');
    await fill(page);
    await page.getByRole('button', { name: 'Prepare' }).click();
    await vi.waitFor(() => expect(stand.desk.taken).toHaveLength(1));
    expect(stand.desk.taken[0]!.details).toEqual({
      fileName: 'anna_in the-office.jpg',
      bytes: 5000,
      avatarId: 'anna-bo',
      name: 'Änna & Bo',
      depicts: 'Anna Example',
      consent: 'it is my own face',
    });
    expect([...stand.desk.taken[0]!.body]).toEqual(bytes);
    stand.desk.change('job1', { step: 'Following the face', fraction: 0.43, secondsLeft: 95 });
    await dialog(page).getByText('Following the face').waitFor();
    await dialog(page).getByText('43 % · about 2 min left').waitFor();
    expect(await page.getByRole('progressbar', { name: 'Following the face' }).getAttribute('value')).toBe('0.43');
    stand.desk.change('job1', ready);
    await dialog(page).getByText('Usable.').waitFor();
    expect(await page.locator('.measures li').allTextContents()).toEqual([
      'Mouth closed3 %Poor<b>Close</b> your lips.',
      'Turned to the side−18.6°FairLook into the camera.',
      'Size of the face412 pxGood',
      '240 of 250 frames can be driven.',
    ]);
    await vi.waitFor(async () =>
      expect(await page.evaluate(`document.querySelector('#result-preview').naturalWidth`)).toBe(320),
    );
    await page.getByRole('button', { name: 'What was found' }).click();
    await page.locator('#sheet img').waitFor();
    await page.keyboard.press('Escape');
    expect(await dialog(page).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Use it now' }).click();
    await vi.waitFor(() =>
      expect(stand.ran).toEqual([{ id: 'preparation.accept', args: { id: 'job1', goLive: true } }]),
    );
    await dialog(page).waitFor({ state: 'hidden' });
    await page.locator('.avatar[aria-current="true"]', { hasText: 'Änna & Bo' }).waitFor();
    expect(await page.locator('.job').count()).toBe(0);
  });

  it('does not send anything before all is said, and asks by keyboard alone', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    await page.keyboard.press('a');
    await page.locator('#pick-file').setInputFiles(photo);
    await page.getByRole('button', { name: 'Prepare' }).click();
    await page.getByLabel('Who is shown').fill('Anna');
    await page.getByLabel('Who agreed to this').fill('me');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(`document.querySelector('#new-agreed').validity.valid`)).toBe(false);
    expect(stand.desk.taken).toEqual([]);
    await page.getByLabel('Everybody shown agreed').focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await vi.waitFor(() =>
      expect(stand.desk.taken[0]?.details).toMatchObject({ avatarId: 'anna-office', name: 'Anna office' }),
    );
  });

  it('shows why a file was not taken, with the fix, and keeps what was typed', async (context) => {
    needBrowser(context);
    await openStand();
    stand.desk.refusal = new AppError('UPLOAD_TYPE', 'This is no photo.', { fix: 'Use a JPEG.' });
    const page = await visit();
    await page.locator('.avatar.add').click();
    const film = join(folder, 'film.mp4');
    writeFileSync(film, Buffer.alloc(30_000_000, 1));
    await page.locator('#pick-file').setInputFiles(film);
    await fill(page);
    await page.getByRole('button', { name: 'Prepare' }).click();
    const error = page.locator('#form-error');
    await error.getByText('This is no photo.').waitFor();
    await error.getByText('Use a JPEG.').waitFor();
    expect(await page.getByLabel('Who is shown').inputValue()).toBe('Anna Example');
    stand.desk.refusal = undefined;
    await page.locator('#pick-file').setInputFiles(photo);
    expect(await error.textContent()).toBe('');
    await page.getByRole('button', { name: 'Prepare' }).click();
    await vi.waitFor(() => expect(stand.desk.taken).toHaveLength(1));
    await dialog(page).getByText('Preparing').waitFor();
  });

  it('shows why a preparation failed, and takes another file', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    await page.locator('.avatar.add').click();
    await page.locator('#pick-file').setInputFiles(photo);
    await fill(page);
    await page.getByRole('button', { name: 'Prepare' }).click();
    await vi.waitFor(() => expect(stand.desk.taken).toHaveLength(1));
    const error = { code: 'NO_FACE', message: 'No face was found.', fix: 'Use another photo.' };
    stand.desk.change('job1', { state: 'failed', step: 'Failed', error });
    await dialog(page).getByText('No face was found.').waitFor();
    await dialog(page).getByText('Use another photo.').waitFor();
    await page.getByRole('button', { name: 'Try another file' }).click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'preparation.discard', args: { id: 'job1' } }));
    await page.getByText('Choose a photo or clip').waitFor();
  });

  it('stays open when the answer is quicker than the status', async (context) => {
    needBrowser(context);
    await openStand();
    stand.desk.isQuiet = true;
    const page = await visit();
    await page.locator('.avatar.add').click();
    await page.locator('#pick-file').setInputFiles(photo);
    await fill(page);
    const answered = page.waitForResponse('**/api/preparations?**');
    await page.getByRole('button', { name: 'Prepare' }).click();
    await (await answered).finished();
    await dialog(page).getByText('Waiting for its turn').waitFor();
    stand.desk.isQuiet = false;
    const error = { code: 'NO_FACE', message: 'No face was found.' };
    stand.desk.change('job1', { state: 'failed', step: 'Failed', error });
    await dialog(page).getByText('No face was found.').waitFor();
  });

  it('goes on where it was after a reload, and tells when it is ready though nobody looks', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    await page.locator('.avatar.add').click();
    await page.locator('#pick-file').setInputFiles(photo);
    await fill(page);
    await page.getByRole('button', { name: 'Prepare' }).click();
    await vi.waitFor(() => expect(stand.desk.taken).toHaveLength(1));
    await page.reload();
    const card = page.locator('.job', { hasText: 'Anna office' });
    await card.waitFor();
    stand.desk.change('job1', { step: 'Following the face', fraction: 0.5 });
    await card.getByText('Following the face, 50 %').waitFor();
    await card.click();
    await dialog(page).getByText('50 %').waitFor();
    await page.getByRole('button', { name: 'Go on in the background' }).click();
    stand.desk.change('job1', ready);
    await page.locator('.toast', { hasText: 'Anna office is ready' }).waitFor();
    await page.reload();
    await card.getByText('Ready').waitFor();
    await card.click();
    await page.getByRole('button', { name: 'Keep', exact: true }).click();
    await vi.waitFor(() =>
      expect(stand.ran).toEqual([{ id: 'preparation.accept', args: { id: 'job1', goLive: false } }]),
    );
    await page.locator('.avatar[data-id="anna-office"]').waitFor();
    expect(await page.locator('.avatar[aria-current="true"]').getAttribute('data-id')).toBe('ada');
  });

  it('cancels an upload in the middle, and a preparation, and discards a result', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The upload does not leave the browser before the test says so.
    await page.route('**/api/preparations?**', async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    await drop(page, 'body', 'a.jpg', [1, 2, 3]);
    await page.locator('#new-name').fill('A');
    await fill(page);
    await page.getByRole('button', { name: 'Prepare' }).click();
    await dialog(page).getByText('Sending A').waitFor();
    const aborted = page.waitForEvent('requestfailed', (request) => request.url().includes('/api/preparations?'));
    await page.getByRole('button', { name: 'Cancel preparation' }).click();
    await dialog(page).waitFor({ state: 'hidden' });
    // Held until the browser has given it up too: let go before, a busy machine would still send it.
    await aborted;
    release();
    await page.unroute('**/api/preparations?**');
    const job = { fileName: 'b.jpg', avatarId: 'b', name: 'B' };
    stand.desk.put({ id: 'b1', ...job, state: 'preparing', step: 'Reading', fraction: 0.1 });
    await page.locator('.job').click();
    await page.getByRole('button', { name: 'Cancel preparation' }).click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'preparation.discard', args: { id: 'b1' } }));
    await dialog(page).waitFor({ state: 'hidden' });
    stand.desk.put({ id: 'b2', ...job, ...ready });
    await page.locator('.job').click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'preparation.discard', args: { id: 'b2' } }));
    await page.locator('.job').waitFor({ state: 'detached' });
    expect(stand.desk.taken).toEqual([]);
  });

  it('closes a result that was accepted elsewhere', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    stand.desk.put({ id: 'b1', fileName: 'b.jpg', avatarId: 'b', name: 'B', ...ready });
    await page.locator('.job').click();
    await dialog(page).waitFor();
    await stand.commands.run('preparation.accept', { id: 'b1' });
    await dialog(page).waitFor({ state: 'hidden' });
  });

  it('is not offered by a show that takes nothing, and never opens a dropped file instead of the page', async (context) => {
    needBrowser(context);
    await openStand({ without: ['preparation.accept'] });
    const page = await browser!.openPage();
    pages.push(page);
    await page.goto(stand.address);
    await page.locator('.avatar[data-id="ada"]').waitFor();
    expect(await drop(page, 'body', 'a.jpg', [1])).toBe(false);
    expect([await page.locator('.avatar.add').count(), await dialog(page).isVisible()]).toEqual([0, false]);
  });

  it('fits a phone', async (context) => {
    needBrowser(context);
    await openStand();
    const page = await visit();
    await page.setViewportSize({ width: 360, height: 740 });
    stand.desk.put({ id: 'b1', fileName: 'b.jpg', avatarId: 'b', name: 'B'.repeat(100), ...ready });
    for (const open of ['.avatar.add', '.job']) {
      await page.locator(open).click();
      await dialog(page).waitFor();
      expect(
        await page.evaluate(
          `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('#adding'))`,
        ),
      ).toBe(0);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      await page.keyboard.press('Escape');
    }
  });

  it('renames, moves and removes avatars from their menu, as far as each may be', async (context) => {
    needBrowser(context);
    const mine = { ...makeAvatar('me', 'Me'), isShipped: false, frameCount: 267, verdict: 'good' as const };
    await openStand({ status: makeStatus({ avatars: [makeAvatar('ada', 'Ada'), mine, makeAvatar('bo', 'Bo')] }) });
    const page = await visit();
    await page.locator('.avatar[data-id="me"]', { hasText: 'Clip, 10.7 s' }).waitFor();
    await page.locator('.avatar[data-id="me"]', { hasText: 'Good' }).waitFor();
    await page.getByRole('button', { name: 'More about Ada' }).click();
    expect(await page.getByRole('menuitem').allTextContents()).toEqual(['Move to the right']);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'More about Me' }).focus();
    await page.keyboard.press('Enter');
    expect(await page.getByRole('menuitem').allTextContents()).toEqual([
      'Rename …',
      'Move to the left',
      'Move to the right',
      'Remove …',
    ]);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'avatar.move', args: { id: 'me', place: 1 } }));
    await vi.waitFor(async () =>
      expect(await page.locator('.avatar[data-id] .avatar-name').allTextContents()).toEqual(['Me', 'Ada', 'Bo']),
    );
    await page.keyboard.press('1');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'avatar.use', args: { id: 'me' } }));
    await page.getByRole('button', { name: 'More about Me' }).click();
    await page.getByRole('menuitem', { name: 'Rename' }).click();
    await page.locator('#rename-name').fill('Myself');
    await page.keyboard.press('Enter');
    await page.locator('.avatar-name', { hasText: 'Myself' }).waitFor();
    await page.getByRole('button', { name: 'More about Myself' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'More about Myself' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.locator('.avatar[data-id="me"]').waitFor({ state: 'detached' });
    expect(ranIds()).toEqual(['avatar.move', 'avatar.use', 'avatar.rename', 'avatar.remove']);
  });

  it('changes background and label, and offers a background only where a matte is known', async (context) => {
    needBrowser(context);
    const avatars = [{ ...makeAvatar('ada', 'Ada'), hasMatte: true }, makeAvatar('bo', 'Bo')];
    await openStand({ status: makeStatus({ avatars }) });
    const page = await visit();
    const backgrounds = page.getByRole('group', { name: 'Background' });
    expect(await backgrounds.getByLabel('Keep').isChecked()).toBe(true);
    await backgrounds.getByText('Blur').click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'background.set', args: { background: 'blur' } }));
    await page.locator('.swatch input[type="color"]').fill('#123456');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'background.set', args: { background: '#123456' } }));
    stand.say({ background: 'office.png' });
    await backgrounds.getByText('Picture').waitFor();
    stand.say({ background: 'transparent' });
    await vi.waitFor(async () => expect(await backgrounds.getByLabel('Transparent').isChecked()).toBe(true));
    expect(await backgrounds.getByText('Picture').isVisible()).toBe(false);
    const label = page.getByLabel('Label in the picture');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'label.set', args: { text: 'AI avatar' } }));
    await page.getByRole('button', { name: 'Shown' }).waitFor();
    await label.fill('Not a real person');
    await page.keyboard.press('Enter');
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'label.set', args: { text: 'Not a real person' } }));
    await page.getByRole('button', { name: 'Shown' }).click();
    await vi.waitFor(() => expect(stand.ran.at(-1)).toEqual({ id: 'label.set', args: { text: '' } }));
    stand.say({ avatarId: 'bo' });
    await backgrounds.waitFor({ state: 'hidden' });
  });
});
