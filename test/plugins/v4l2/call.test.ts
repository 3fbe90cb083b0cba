import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { FRAME_MS, FRAMES_PER_SECOND } from '../../../src/api/media.ts';
import type { ShowStatus } from '../../../src/api/status.ts';
import type { CalibrationReport } from '../../../src/app/calibration.ts';
import { findChromium } from '../../fakes/browser.ts';
import { need } from '../../fakes/need.ts';
import { hasPulse } from '../../fakes/pulse-server.ts';
import { CALL_AVATARS, CALL_SIZE, type CallFolder, makeCallFolder } from './call-folder.ts';
import type { CallSeen } from './call-page.ts';
import { findMissing, HOOK_LIMIT_MS, type ResultOf, runGuest } from './run-guest.ts';

/** By how much the voice is set to be late, in ms: a calibration that measured nothing would not say so. */
const EXTRA_MS = 100;
/** Mean difference of 64x36 pictures: less is the same one, through another scaling; more is another avatar. */
const SAME = 6;
const OTHER = 30;

const hasAll = hasPulse() && findChromium() !== undefined;
let folder: CallFolder | undefined;
let resultOf: ResultOf;

/** A step's result; skips where the guest or a program in it is missing. */
function take<T>(context: TestContext, name: string): T {
  need(context, hasAll, 'Chromium and PulseAudio (pulseaudio, pulseaudio-utils)');
  return resultOf<T>(context, name);
}

/** Mean difference of two pictures' values, 0 … 255. */
function apart(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0) / a.length;
}

describe('the whole program with a real kernel camera and a real sound server, in a virtual machine', () => {
  beforeAll(async () => {
    if (!hasAll) return;
    if (findMissing() === undefined) folder = await makeCallFolder();
    resultOf = await runGuest(folder?.guestProgram ?? '', {
      modopts: 'devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam',
      memoryMib: 3000,
      isSteady: true,
      env: {
        MUSECAM_CALL_FOLDER: folder?.path ?? '',
        MUSECAM_CALL_AVATARS: CALL_AVATARS.join(),
        MUSECAM_CALL_SIZE: `${CALL_SIZE.width}x${CALL_SIZE.height}`,
        MUSECAM_CALL_EXTRA_MS: String(EXTRA_MS),
      },
    });
  }, HOOK_LIMIT_MS);
  afterAll(() => folder?.[Symbol.dispose]());

  it('goes on air on the camera, with a microphone beside it', (context) => {
    const status = take<ShowStatus>(context, 'start');
    expect(status.outputs).toContainEqual(
      expect.objectContaining({ id: 'v4l2.camera', label: 'MuseCam (/dev/video10)' }),
    );
    expect(status.links).toContainEqual(expect.objectContaining({ label: 'MuseCam Microphone', state: 'ready' }));
    expect(take<{ code: number; stderr: string }>(context, 'end')).toMatchObject({ code: 0, stderr: '' });
  });

  it('calibrates: codes read from the kernel camera and pulses heard from the microphone say how far apart they are', (context) => {
    const { seconds, report } = take<{ seconds: number; report: CalibrationReport }>(context, 'calibrate');
    const { picture, sound, offset, believed } = report;
    expect(report).toMatchObject({ pictureFrom: 'MuseCam (/dev/video10)', soundFrom: 'MuseCam Microphone' });
    // 25 pictures and one pulse a second. A new program beside the show makes it repeat pictures at first.
    expect(picture.count).toBeGreaterThan((seconds * FRAMES_PER_SECOND) / 2);
    expect(sound!.count).toBeGreaterThan(seconds / 2);
    expect(offset!.count).toBeGreaterThan(seconds / 3);
    // What the show believes in the end is near what was handed out in all that time: 4 to 81 ms off in three runs.
    expect(Math.abs(picture.p50Ms - believed.pictureMs)).toBeLessThan(5 * FRAME_MS);
    expect(Math.abs(sound!.p50Ms - believed.soundMs!)).toBeLessThan(5 * FRAME_MS);
    // The voice was set to be so much later than the picture, and that is what was measured: neither 0 nor the reverse.
    expect(Math.abs(offset!.p50Ms - EXTRA_MS)).toBeLessThan(EXTRA_MS / 2);
    expect(report.extraMilliseconds).toBe(Math.round(EXTRA_MS - offset!.p50Ms) + 0);
  });

  it('is the camera "MuseCam" to a page in Chromium, which sees the avatar and its swap', async (context) => {
    const seen = take<CallSeen & { first: number[]; last: number[]; pictures: number }>(context, 'page');
    expect(seen).toMatchObject({ cameras: ['MuseCam'], label: 'MuseCam', ...CALL_SIZE });
    const [mira, jonas] = await Promise.all(CALL_AVATARS.map((id) => folder!.picture(id)));
    expect(apart(seen.first, mira!)).toBeLessThan(SAME);
    expect(apart(seen.first, jonas!)).toBeGreaterThan(OTHER);
    expect(apart(seen.last, jonas!)).toBeLessThan(SAME);
    expect(apart(seen.last, mira!)).toBeGreaterThan(OTHER);
  });
});
