import { setTimeout as sleep } from 'node:timers/promises';
import type { ShowStatus } from '../api/status.ts';
import { AppError } from '../base/errors.ts';
import type { Feed } from '../live/feed.ts';
import type { Lane } from '../live/lane.ts';
import type { LiveStage } from '../live/show.ts';
import { paintTimeCode } from '../media/time-code.ts';
import { compareReadBack, type Delays, HELD_MS } from './calibration-offset.ts';
import { calibrationPulses } from './calibration-pulses.ts';
import { PictureReader, readBackFailed, SoundReader } from './read-back.ts';

/** A show that has just begun finds its pace: until then nothing is in step. In seconds. */
const SETTLED_AFTER_SECONDS = 14;
/** Pulses are sent for so long before anything is measured, in seconds: the readers and the voice gate begin. */
const LEAD_SECONDS = 3;
/** Louder than that, the bar under the code is white, in dB. */
const LOUD_DB = -40;

/** What a calibration found, by reading back what others get. */
export interface CalibrationReport {
  /** Which output's picture was read, as people call it. */
  readonly pictureFrom: string;
  /** From sound to the middle of the time its picture is seen. */
  readonly picture: Delays;
  /** Which microphone was listened to; undefined where there is none. */
  readonly soundFrom?: string;
  /** From sound to hearing it. */
  readonly sound?: Delays;
  /** By how much the voice is behind the picture; negative: before it. p95: of its absolute value. */
  readonly offset?: Delays;
  /** What the show itself believes meanwhile, in ms. */
  readonly believed: { readonly pictureMs: number; readonly soundMs?: number; readonly offsetMs?: number };
  /** What the setting virtual-mic.extraMilliseconds would have to be for an offset of 0; undefined without sound. */
  readonly extraMilliseconds?: number;
}

/** What a calibration works with. */
export interface CalibrationTargets {
  readonly stage: LiveStage;
  readonly feed: Feed;
  readonly lanes: readonly Lane[];
  /** How the voice is recorded; undefined where there is no virtual microphone. */
  readonly voice: () => { readonly label: string; readonly readBack: readonly string[] | undefined } | undefined;
  readonly status: () => ShowStatus;
  /** Opens an output that can be read back, where none is. */
  readonly openOutput: (text: string) => Promise<void>;
  /** The setting virtual-mic.extraMilliseconds. */
  readonly extraMilliseconds: number;
}

/** How long it will take before it measures, in seconds. @param uptimeSeconds of the show. */
export function settlingSeconds(uptimeSeconds: number): number {
  return Math.max(LEAD_SECONDS, SETTLED_AFTER_SECONDS - uptimeSeconds);
}

/**
 * Sends pulses through the show in place of the voice and marks its pictures with the time, reads both back where other
 * programs get them, and says how late each is. Everything is as before afterwards.
 * @param input FFmpeg's arguments for a picture to be read instead of an output of ours: OBS's virtual camera.
 * @throws AppError CALIBRATION_BUSY, CALIBRATION_READ, CALIBRATION_NOTHING_SEEN, CALIBRATION_NOTHING_HEARD.
 */
export async function calibrate(
  targets: CalibrationTargets,
  { seconds, input }: { readonly seconds: number; readonly input?: readonly string[] },
  signal: AbortSignal,
): Promise<CalibrationReport> {
  const { stage, feed, status } = targets;
  if (stage.mark) throw new AppError('CALIBRATION_BUSY', 'A calibration is running.', { fix: 'Wait for its end' });
  const { label, readBack } = input ? { label: input.at(-1) ?? '', readBack: input } : await findPicture(targets);
  const ending = new AbortController();
  const stop = AbortSignal.any([signal, ending.signal]);
  stage.mark = (picture, levelDb) => paintTimeCode(picture.data, picture, picture.capturedAtMs, levelDb > LOUD_DB);
  const sending = feed.replace(calibrationPulses(stop));
  try {
    const settling = settlingSeconds(status().uptimeSeconds) - LEAD_SECONDS;
    await sleep(settling * 1000, undefined, { signal });
    const voice = targets.voice();
    await using pictures = new PictureReader(readBack);
    await using sounds = voice?.readBack ? new SoundReader(voice.readBack) : undefined;
    await sleep(LEAD_SECONDS * 1000, undefined, { signal });
    const fromMs = performance.now();
    await sleep(seconds * 1000, undefined, { signal });
    const failure = pictures.failure ?? sounds?.failure;
    if (failure) throw readBackFailed(failure);
    const heardAtMs = sounds ? { heardAtMs: sounds.heardAtMs } : {};
    const { picture, sound, offset } = compareReadBack({ pictures: pictures.pictures, fromMs, ...heardAtMs });
    if (!picture) throw nothingSeen(label, pictures.unreadable);
    const report = { pictureFrom: label, picture, believed: believedBy(status()) };
    if (!sounds || !voice) return report;
    if (!sound || !offset) throw nothingHeard(voice.label);
    const extraMilliseconds = Math.round(targets.extraMilliseconds - offset.p50Ms);
    return { ...report, soundFrom: voice.label, sound, offset, extraMilliseconds };
  } finally {
    stage.mark = undefined;
    ending.abort();
    await sending;
  }
}

/** The camera before the stream for OBS, which is opened where there is nothing else. */
async function findPicture({ lanes, status, openOutput }: CalibrationTargets) {
  const find = () => lanes.find(({ readBack }) => readBack !== undefined);
  if (!find()) await openOutput('obs');
  const lane = find();
  if (!lane?.readBack) {
    throw new AppError('CALIBRATION_READ', 'no output of this show can be read back', {
      fix: 'Set a virtual camera up: musecam doctor',
    });
  }
  const label = status().outputs.find(({ id }) => id === lane.id)?.label ?? lane.id;
  return { label, readBack: lane.readBack };
}

function believedBy({ latency, links }: ShowStatus): CalibrationReport['believed'] {
  const voice = links.find((link) => 'delayMs' in link) as { delayMs?: number; offsetMs?: number } | undefined;
  return {
    pictureMs: latency.p50Ms + HELD_MS,
    ...(voice?.delayMs === undefined ? {} : { soundMs: voice.delayMs }),
    ...(voice?.offsetMs === undefined ? {} : { offsetMs: voice.offsetMs }),
  };
}

function nothingSeen(label: string, unreadable: number): AppError {
  const words = unreadable > 0 ? `none of ${unreadable} pictures carried a time code` : 'no picture came';
  return new AppError('CALIBRATION_NOTHING_SEEN', `${label}: ${words}`, {
    fix: 'In OBS show the scene with MuseCam alone, unscaled; otherwise look: musecam status',
  });
}

function nothingHeard(label: string): AppError {
  return new AppError('CALIBRATION_NOTHING_HEARD', `${label}: none of the pulses was heard`, {
    fix: 'Look whether it is muted in the sound settings; then: musecam doctor',
  });
}
