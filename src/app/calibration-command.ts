import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { AppError } from '../base/errors.ts';
import type { CommandTable } from '../host/commands.ts';
import { type CalibrationTargets, calibrate } from './calibration.ts';

/** How long a calibration measures where nobody says, in seconds. */
export const CALIBRATION_SECONDS = 20;

/** Registers the command that measures how far voice and picture are apart. @param signal ends it with the show. */
export function registerCalibrationCommand(
  commands: CommandTable,
  targets: CalibrationTargets,
  signal: AbortSignal,
): void {
  commands.register({
    id: 'sync.calibrate',
    title: 'Measure how far voice and picture are apart',
    args: z.object({
      seconds: z.number().min(5).max(600).default(CALIBRATION_SECONDS).describe('how long it measures'),
      camera: z.string().optional().describe("another virtual camera to look at, for example OBS's: /dev/video2"),
    }),
    run: async ({ seconds, camera }) => {
      const input = camera === undefined ? {} : { input: await virtualCameraInput(camera) };
      return calibrate(targets, { seconds, ...input }, signal);
    },
  });
}

/** FFmpeg's arguments for a virtual camera. @throws AppError CALIBRATION_REAL_CAMERA: nobody's own camera is opened. */
async function virtualCameraInput(device: string): Promise<readonly string[]> {
  const path = await realpath(device).catch(() => device);
  const place = await realpath(`/sys/class/video4linux/${basename(path)}`).catch(() => '');
  if (!place.startsWith('/sys/devices/virtual/')) {
    throw new AppError('CALIBRATION_REAL_CAMERA', `${device} is no virtual camera`, {
      fix: 'Only virtual cameras are looked at; they are listed by: musecam devices',
    });
  }
  return ['-f', 'v4l2', '-i', path];
}
