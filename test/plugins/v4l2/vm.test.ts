import { beforeAll, describe, expect, it } from 'vitest';
import { HOOK_LIMIT_MS, runGuest } from './run-guest.ts';

/** 32 buffers instead of 2: a reader that the emulated machine makes late must not look like a torn picture of ours. */
const MODULE_OPTIONS = 'devices=3 video_nr=10,11,12 exclusive_caps=1,0,1 card_label=MuseCam,Open,Spare max_buffers=32';
interface Refusal {
  readonly code: string;
  readonly message?: string;
  readonly fix?: string;
}
interface Recording {
  readonly code: number;
  readonly health: readonly { state: string }[];
  readonly torn: readonly number[];
  readonly order: readonly number[];
  readonly caps: readonly string[];
}

let resultOf: Awaited<ReturnType<typeof runGuest>>;

/** How many steps forward from one picture to the next, in a ring of 40. */
function stepsOf(order: readonly number[]): number[] {
  return order.slice(1).map((index, at) => (index - order[at]! + 40) % 40);
}

function expectWhole(recording: Recording, count: number): void {
  expect(recording.code).toBe(0);
  expect(recording.order).toHaveLength(count);
  expect(recording.torn).toEqual([]);
  // A late reader may miss pictures; more than half a ring forward would be a step back.
  for (const forward of stepsOf(recording.order)) expect(forward).toBeLessThan(20);
  expect(new Set(recording.order).size).toBeGreaterThan(count / 2);
}

describe('the virtual camera on a real v4l2loopback in a virtual machine', () => {
  beforeAll(async () => {
    resultOf = await runGuest('guest.ts', { modules: 'vivid', modopts: MODULE_OPTIONS });
  }, HOOK_LIMIT_MS);

  it('lists v4l2loopback devices with their labels and nothing else', (context) => {
    const listed = resultOf<{ id: string; label: string; state: string; isDefault: boolean }[]>(context, 'list');
    expect(listed.map(({ id, label, state }) => [id, label, state])).toEqual([
      ['/dev/video10', 'MuseCam', 'ready'],
      ['/dev/video11', 'Open', 'ready'],
      ['/dev/video12', 'Spare', 'ready'],
    ]);
    expect(listed.map(({ isDefault }) => isDefault)).toEqual([true, false, false]);
    const checked = resultOf<{ state: string; fix?: string }[]>(context, 'check');
    expect(checked.map(({ state }) => state)).toEqual(['ready', 'degraded', 'ready']);
    expect(checked[1]?.fix).toContain('exclusive_caps=1');
  });

  it('refuses to write to cameras of other drivers, to other devices and to nothing', (context) => {
    const refused = resultOf<Record<string, Refusal>>(context, 'other-driver');
    expect(refused.output).toMatchObject({ code: 'V4L2_NOT_LOOPBACK', message: expect.stringContaining('vivid') });
    expect(refused.camera).toMatchObject({ code: 'V4L2_NOT_LOOPBACK' });
    expect(refused.file).toMatchObject({ code: 'V4L2_NOT_LOOPBACK' });
    expect(refused.missing).toMatchObject({ code: 'V4L2_NO_SUCH_DEVICE' });
  });

  it('delivers whole YUYV pictures of 1280x720 in order', (context) => {
    const recording = resultOf<Recording>(context, 'yuyv');
    expectWhole(recording, 40);
    expect(recording.health).toEqual([{ state: 'ready' }]);
  });

  it('delivers whole I420 pictures of 1280x720 in order, through a device used and closed before', (context) => {
    expectWhole(resultOf<Recording>(context, 'i420'), 40);
  });

  it('leaves the device open for the next writer', (context) => {
    expect(resultOf<Recording>(context, 'yuyv').caps).toEqual(['Video Output']);
    expect(resultOf<Recording>(context, 'i420').caps).toEqual(['Video Output']);
  });

  it('refuses a second writer, and shows the device as busy, until the first one has closed', (context) => {
    const { listed, second, afterwards } = resultOf<{
      listed: { state: string; detail: string }[];
      second: Refusal;
      afterwards: Refusal;
    }>(context, 'second-writer');
    expect(listed[0]).toMatchObject({ state: 'busy', detail: expect.stringMatching(/this program \(\d+\)/) });
    expect(second.code).toBe('V4L2_BUSY');
    expect(afterwards.code).toBe('none');
  });

  it('names the format and the program that hold a device, and goes on for a reader once the size fits', (context) => {
    const held = resultOf<Recording & { otherSize: Refusal }>(context, 'held-by-reader');
    expect(held.otherSize.code).toBe('V4L2_FORMAT_HELD');
    expect(held.otherSize.message).toMatch(/held to 640x480 YUYV by v4l2-ctl \(\d+\); 1280x720 YUYV was asked for/);
    // The same reader goes on under the second writer, which asked for I420 and took to the YUYV that is held.
    expect(held.code).toBe(0);
    expect(held.order).toHaveLength(30);
    expect(held.order.at(-1)).toBeLessThan(held.order[15]!);
  });

  it('works without exclusive_caps and says what that costs', (context) => {
    const health = resultOf<{ state: string; detail: string; fix: string }[]>(context, 'no-exclusive-caps');
    expect(health).toHaveLength(1);
    expect(health[0]).toMatchObject({ state: 'degraded', detail: expect.stringContaining('Chrome') });
  });

  it('tells a user without permission which group to join', (context) => {
    const refused = resultOf<Refusal>(context, 'permission');
    expect(refused).toMatchObject({ code: 'V4L2_PERMISSION', fix: expect.stringContaining('usermod -aG video') });
  });

  it('names another program that writes, and sees the state in which 0.12 is left by it', (context) => {
    const { during, caps, afterwards } = resultOf<{ during: Refusal; caps: string[]; afterwards: Refusal }>(
      context,
      'foreign-writer',
    );
    expect(during.code).toBe('V4L2_BUSY');
    expect(during.message).toMatch(/ffmpeg \(\d+\)/);
    expect(afterwards.code).toBe(caps.length === 0 ? 'V4L2_STUCK' : 'none');
    if (caps.length === 0) expect(afterwards.fix).toContain('sudo modprobe -r v4l2loopback');
  });

  it('says what is missing without the module and finds the camera once it is loaded', (context) => {
    const { gone, absence, found, afterwards } = resultOf<{
      gone: Refusal;
      absence: { state: string; fix: string }[];
      found: { id: string }[];
      afterwards: Refusal;
    }>(context, 'reload');
    expect(gone).toMatchObject({ code: 'V4L2_NO_CAMERA', fix: expect.stringContaining('modprobe v4l2loopback') });
    expect(absence).toHaveLength(1);
    expect(absence[0]?.state).toBe('off');
    expect(found.map(({ id }) => id)).toEqual(['/dev/video12']);
    expect(afterwards.code).toBe('none');
  });
});
