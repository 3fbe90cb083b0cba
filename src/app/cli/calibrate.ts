import { findPaths, type Paths } from '../../base/paths.ts';
import { type CalibrationReport, settlingSeconds } from '../calibration.ts';
import { CALIBRATION_SECONDS } from '../calibration-command.ts';
import type { Delays } from '../calibration-offset.ts';
import { Daemon } from '../daemon.ts';
import { askDaemon, findDaemon } from '../daemon-address.ts';
import { openLog } from '../open-log.ts';
import { writeSetting } from '../write-setting.ts';
import { readSettings } from './read-settings.ts';
import { openProgress, paint, printJson, showCommands } from './terminal.ts';

/** Flags of `musecam calibrate`. */
export interface CalibrateFlags {
  readonly seconds?: number;
  readonly camera?: string;
  readonly apply?: boolean;
  readonly output?: string[];
  readonly engine?: string;
  readonly set: string[];
  readonly json?: boolean;
}

/** Off by less than this, nothing is worth changing, in ms. */
const GOOD_ENOUGH_MS = 5;
/** Pulses that are off by more say that something else had the processor, in ms. */
const BUSY_MS = 60;
/** What a calibration may take longer than it says, in seconds. */
const SPARE_SECONDS = 20;
const EXTRA = 'virtual-mic.extraMilliseconds';

/** Measures the running show, or one of its own where none runs, and prints how far voice and picture are apart. */
export async function calibrateFromCommandLine(flags: CalibrateFlags, signal: AbortSignal): Promise<void> {
  const paths = findPaths();
  const isRunning = await findDaemon(paths).then(
    () => true,
    () => false,
  );
  await using _show = isRunning ? undefined : await openShow(paths, flags, signal);
  if (!flags.json) console.log(isRunning ? 'Measuring the show that runs.' : 'Measuring a show of its own.');
  const report = await measure(paths, flags);
  if (flags.json) printJson(report);
  else describeReport(report);
  if (flags.apply && report.offset && report.offset.p95Ms <= BUSY_MS) {
    const file = await writeSetting(paths, EXTRA, report.extraMilliseconds);
    if (!flags.json) console.log(`\n${EXTRA} is ${report.extraMilliseconds} from the next start on (${file}).`);
  }
}

async function openShow(paths: Paths, flags: CalibrateFlags, signal: AbortSignal): Promise<Daemon> {
  const options = {
    paths,
    log: openLog('error'),
    settings: await readSettings(paths, flags.set),
    // Nothing is heard that should not be: pulses take the input's place.
    input: 'none',
    ...(flags.json ? {} : { onChoice: (why: string) => console.log(`  ${showCommands(why)}`) }),
    ...(flags.output ? { outputs: flags.output } : {}),
    ...(flags.engine ? { engine: flags.engine } : {}),
  };
  return Daemon.open(options, signal);
}

async function measure(paths: Paths, { seconds = CALIBRATION_SECONDS, camera, json }: CalibrateFlags) {
  const { uptimeSeconds } = (await askDaemon(paths, '/api/status')) as { uptimeSeconds: number };
  const wholeMs = (settlingSeconds(uptimeSeconds) + seconds) * 1000;
  using bar = json ? undefined : openProgress('Calibrating');
  const startMs = performance.now();
  const timer = setInterval(() => {
    const doneMs = Math.min(wholeMs, performance.now() - startMs);
    bar?.update(Math.round(doneMs), Math.round(wholeMs), doneMs < wholeMs - seconds * 1000 ? 'settling' : 'measuring');
  }, 250);
  try {
    const args = { seconds, ...(camera === undefined ? {} : { camera }) };
    const limitMs = wholeMs + SPARE_SECONDS * 1000;
    return (await askDaemon(paths, '/api/commands/sync.calibrate', args, limitMs)) as CalibrationReport;
  } finally {
    clearInterval(timer);
  }
}

function describeReport({
  pictureFrom,
  picture,
  soundFrom,
  sound,
  offset,
  believed,
  ...rest
}: CalibrationReport): void {
  console.log(`\npicture  ${describeDelays(picture)} after its sound, as seen on ${pictureFrom}`);
  if (!sound || !offset) {
    console.log('sound    there is no virtual microphone: musecam doctor says why');
    return;
  }
  console.log(`voice    ${describeDelays(sound)} after it was captured, as heard from ${soundFrom}`);
  const side = offset.p50Ms > 0 ? 'behind' : 'before';
  const words = `the voice is ${Math.abs(offset.p50Ms).toFixed(1)} ms ${side} the picture`;
  const isGood = Math.abs(offset.p50Ms) < GOOD_ENOUGH_MS;
  console.log(`offset   ${paint(isGood ? 'green' : 'yellow', words)}; 95 of 100 within ${offset.p95Ms.toFixed(1)} ms`);
  console.log(
    `the show believes: picture ${believed.pictureMs.toFixed(0)} ms, voice ${believed.soundMs?.toFixed(0)} ms`,
  );
  if (offset.p95Ms > BUSY_MS) {
    console.log('\nThis machine was busy meanwhile: measure again when it is not, before anything is changed.');
  } else if (!isGood) {
    console.log(
      showCommands(`\nTo have them meet: musecam calibrate --apply, or set ${EXTRA} to ${rest.extraMilliseconds}`),
    );
  }
}

function describeDelays({ p50Ms, p95Ms, count }: Delays): string {
  return `${p50Ms.toFixed(0)} ms (95 %: ${p95Ms.toFixed(0)} ms, ${count} seen)`;
}
