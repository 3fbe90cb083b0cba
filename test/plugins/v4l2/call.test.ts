import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { ShowStatus } from '../../../src/api/status.ts';
import type { CalibrationReport } from '../../../src/app/calibration.ts';
import { findChromium } from '../../fakes/browser.ts';
import { need } from '../../fakes/need.ts';
import { hasPulse } from '../../fakes/pulse-server.ts';
import { CALL_SIZE, type CallFolder, makeCallFolder } from './call-folder.ts';
import type { CallSeen } from './call-page.ts';
import { findMissing, type ResultOf, runGuest } from './run-guest.ts';

/** Two avatars and what they are called here. */
const AVATARS = { mira: 'small-mira', jonas: 'small-jonas' } as const;
/** By how much the voice is set to be late, in ms: a calibration that measured nothing would not say so. */
const EXTRA_MS = 60;
/** One guest takes two minutes here, and has taken eight beside other work. */
const LIMIT_S = 1500;

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
  beforeAll(
    async () => {
      if (!hasAll) return;
      if (findMissing() === undefined) folder = await makeCallFolder(AVATARS);
      resultOf = await runGuest(folder?.guestProgram ?? '', {
        modopts: 'devices=1 video_nr=10 exclusive_caps=1 card_label=MuseCam',
        memoryMib: 3000,
        limitSeconds: LIMIT_S,
        isSteady: true,
        env: {
          MUSECAM_CALL_FOLDER: folder?.path ?? '',
          MUSECAM_CALL_AVATARS: Object.values(AVATARS).join(),
          MUSECAM_CALL_SIZE: `${CALL_SIZE.width}x${CALL_SIZE.height}`,
          MUSECAM_CALL_EXTRA_MS: String(EXTRA_MS),
        },
      });
    },
    2 * LIMIT_S * 1000,
  );
  afterAll(() => folder?.[Symbol.dispose]());

  it('goes on air on the camera, with a microphone beside it', (context) => {
    const status = take<ShowStatus>(context, 'start');
    expect(status.outputs).toContainEqual(expect.objectContaining({ id: 'v4l2.camera', label: 'MuseCam (/dev/video10)' }));
    expect(status.links).toContainEqual(expect.objectContaining({ label: 'MuseCam Microphone', state: 'ready' }));
    expect(take<{ code: number; stderr: string }>(context, 'end')).toMatchObject({ code: 0, stderr: '' });
  });
});
