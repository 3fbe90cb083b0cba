import { describe, expect, it, type TestContext, vi } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { findBarriers } from './find-barriers.ts';
import { usePanelPage } from './page-visit.ts';
import { makeStatus } from './panel-stand.ts';

describe('recording on the page', () => {
  const open = usePanelPage();

  async function visit(context: TestContext, options = {}) {
    const { stand, page } = await open(context, options);
    const button = page.getByRole('button', { name: /^Record/ });
    const isPressed = () => button.getAttribute('aria-pressed');
    return { stand, page, button, isPressed, toast: (text: string) => page.locator('.toast', { hasText: text }) };
  }

  it('begins and ends by button and by key, and says where the file is', async (context) => {
    const { stand, page, button, isPressed, toast } = await visit(context);
    await button.click();
    await vi.waitFor(async () => expect(await isPressed()).toBe('true'));
    await toast('/videos/show.mp4').waitFor();
    await page.keyboard.press('r');
    await vi.waitFor(async () => expect(await isPressed()).toBe('false'));
    await toast('The recording has ended').waitFor();
    expect(await toast('The recording has ended').innerText()).toContain('/videos/show.mp4');
    await page.keyboard.press('r');
    await vi.waitFor(async () => expect(await isPressed()).toBe('true'));
    expect(stand.ran.map(({ id }) => id)).toEqual(['recorder.start', 'recorder.stop', 'recorder.start']);
  });

  it('shows how long it has been, whoever began it, also to a page that is opened later', async (context) => {
    const file = {
      id: 'recorder.file',
      label: '/videos/long.mp4',
      state: 'ready',
      sent: 93_000,
      dropped: 500,
    } as const;
    const status = makeStatus({ recording: true, outputs: [...makeStatus().outputs, file] });
    const { stand, page, isPressed, toast } = await visit(context, { status });
    await vi.waitFor(async () => expect(await page.locator('#record-time').textContent()).toBe('1:02:20'));
    expect(await isPressed()).toBe('true');
    expect(await toast('Recording').count()).toBe(0);
    // A recording is no camera.
    await page.locator('.link', { hasText: 'MuseCam (/dev/video10)' }).waitFor();
    stand.say({ recording: false, outputs: makeStatus().outputs });
    await toast('/videos/long.mp4').waitFor();
    expect(await page.locator('#record-time').textContent()).toBe('');
  });

  it('says why it cannot begin, and is as it was', async (context) => {
    const { stand, button, isPressed, toast } = await visit(context);
    stand.recordingFault = new AppError('FFMPEG_MISSING', 'ffmpeg is not installed.', {
      fix: 'sudo apt install ffmpeg',
    });
    await button.click();
    await toast('ffmpeg is not installed.').getByRole('button', { name: 'Copy: sudo apt install ffmpeg' }).waitFor();
    expect([await isPressed(), await button.getAttribute('aria-busy')]).toEqual(['false', null]);
  });

  it('has no barrier that is serious', async (context) => {
    const { page, button, isPressed } = await visit(context, { window: { bypassCSP: true } });
    await button.click();
    await vi.waitFor(async () => expect(await isPressed()).toBe('true'));
    expect(await findBarriers(page)).toEqual([]);
  });
});
