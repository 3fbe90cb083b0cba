import { setTimeout as sleep } from 'node:timers/promises';
import type { CalibrationReport } from '../../src/app/calibration.ts';
import { hasPulse, PulseServer } from '../fakes/pulse-server.ts';
import { BUNDLED_SPEECH, DaemonProcess } from './daemon-process.ts';
import type { Fact } from './harness.ts';

/** How long the show talks between the two measurements, in minutes. */
const MINUTES = Number(process.env.MUSECAM_BENCH_SYNC_MINUTES ?? 1);
/** How long each measurement takes: a pulse a second. */
const SECONDS = 60;
/** Until the show's own figures tell of ten seconds, in ms. */
const SETTLED_MS = 15_000;

/** Voice and picture as other programs get them, before and after a talk: in step, and how far that wanders. */
export async function facts(): Promise<Fact[]> {
  if (!hasPulse()) {
    console.error('sync: left out, there is no PulseAudio');
    return [];
  }
  await using pulse = await PulseServer.start();
  const flags = [...BUNDLED_SPEECH, '--output', 'obs', '--set', 'virtual-mic.enabled=on'];
  await using daemon = await DaemonProcess.open(flags, pulse.env);
  await sleep(SETTLED_MS);
  const before = await measure(daemon);
  await sleep(MINUTES * 60_000);
  const after = await measure(daemon);
  const group = `voice and picture read back, ${SECONDS} pulses`;
  const fact = (name: string, value: number, budget?: number): Fact => ({
    ...{ group, name, value, unit: 'ms' },
    ...(budget === undefined ? {} : { budget }),
  });
  return [
    ...tell('at first', before, fact),
    ...tell(`after ${MINUTES} minutes`, after, fact),
    fact('change of the offset', Math.abs(after.offset!.p50Ms - before.offset!.p50Ms), 10),
  ];
}

async function measure(daemon: DaemonProcess): Promise<CalibrationReport> {
  const init = { method: 'POST', body: JSON.stringify({ seconds: SECONDS }) };
  const answer = await daemon.fetch('/api/commands/sync.calibrate', init);
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as CalibrationReport;
}

function tell(
  when: string,
  { picture, sound, offset }: CalibrationReport,
  fact: (name: string, value: number, budget?: number) => Fact,
): Fact[] {
  return [
    fact(`picture, ${when}, p50`, picture.p50Ms),
    fact(`picture, ${when}, p95`, picture.p95Ms),
    fact(`voice, ${when}, p50`, sound!.p50Ms),
    fact(`voice, ${when}, p95`, sound!.p95Ms),
    fact(`voice behind picture, ${when}, p50`, offset!.p50Ms),
    fact(`apart, ${when}, p95`, offset!.p95Ms, 15),
  ];
}
