import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../src/base/log.ts';
import { ageOf, TIME_CODE_SPAN_MS } from '../../src/media/time-code.ts';
import { streamSettings } from '../../src/plugins/obs/picture-source.ts';
import { STREAM_FORMATS, type StreamFormat } from '../../src/plugins/obs/stream-format.ts';
import { StreamOutput } from '../../src/plugins/obs/stream-output.ts';
import { CodedFrames, readCodeInObs } from '../plugins/obs/coded-frames.ts';
import { hasRealObs, RealObs } from '../plugins/obs/real-obs.ts';
import { cpuMsOf } from './daemon-process.ts';
import { type Fact, percentile } from './harness.ts';

const SIZES = [
  { width: 640, height: 360 },
  { width: 1280, height: 720 },
] as const;
const SAMPLES = Number(process.env.MUSECAM_BENCH_OBS_SAMPLES ?? 80);
/** What OBS shows first says nothing: it is opening the stream, in ms. */
const SETTLE_MS = 2_500;
/** Between two looks; no multiple of a frame, so that every age of a picture is met, in ms. */
const LOOK_EVERY_MS = 67;
/** How long the cost is watched, in ms. */
const COST_MS = 3_000;
const SOURCE = 'Measured';

/** From the moment a picture is painted until OBS has it in its source, by the formats of the stream. */
export async function facts(): Promise<Fact[]> {
  if (!hasRealObs) {
    console.error('obs: left out, there is no obs or no Xvfb');
    return [];
  }
  await using obs = await RealObs.open();
  const found: Fact[] = [];
  for (const size of SIZES) {
    for (const format of STREAM_FORMATS) found.push(...(await measure(obs, size, format, false)));
  }
  found.push(...(await measure(obs, SIZES[0], 'i420', true)));
  return found.toSorted((a, b) => a.group.localeCompare(b.group));
}

async function measure(
  obs: RealObs,
  size: (typeof SIZES)[number],
  format: StreamFormat,
  sound: boolean,
): Promise<Fact[]> {
  const options = { ...size, framesPerSecond: 25, target: undefined, log: silentLog, onHealth() {} };
  await using stream = await StreamOutput.open(options, { format, sound });
  await using _frames = new CodedFrames(stream, size, { hasAlpha: format === 'rgba' });
  await using hand = await obs.hand();
  const inputSettings = streamSettings(stream.address);
  const { inputs } = await hand.call('GetInputList');
  // Made once: OBS 29 does not like media sources to come and go.
  if (inputs.some(({ inputName }) => inputName === SOURCE))
    await hand.call('SetInputSettings', { inputName: SOURCE, inputSettings });
  else
    await hand.call('CreateInput', {
      sceneName: 'Scene',
      inputName: SOURCE,
      inputKind: 'ffmpeg_source',
      inputSettings,
    });
  await sleep(SETTLE_MS);
  const ages: number[] = [];
  for (let tries = 0; ages.length < SAMPLES && tries < SAMPLES * 3; tries++) {
    const askedMs = performance.now();
    const code = await readCodeInObs(hand, SOURCE).catch(() => undefined);
    if (code !== undefined) ages.push(signedAgeOf(code, (askedMs + performance.now()) / 2));
    await sleep(LOOK_EVERY_MS);
  }
  const cost = await watchCost(obs);
  const what = `${size.width}x${size.height} ${format}${sound ? ' with sound' : ''}`;
  if (ages.length < SAMPLES) console.error(`obs: ${what}: only ${ages.length} of ${SAMPLES} could be read`);
  if (ages.length === 0) return [];
  const group = `OBS: painted to shown in its source, ${SAMPLES} looks`;
  const budget = sound ? {} : { p50: 60, p95: 120 };
  const fact = (name: string, share: number, limit?: number): Fact => ({
    ...{ group, name: `${what}, ${name}`, value: percentile(ages, share), unit: 'ms' },
    ...(limit === undefined ? {} : { budget: limit }),
  });
  const share = (name: string, value: number): Fact => ({
    ...{ group: 'OBS: share of one core, nobody looking', name: `${what}, ${name}`, value, unit: '%' },
  });
  return [
    fact('p50', 0.5, budget.p50),
    fact('p95', 0.95, budget.p95),
    ...(cost ? [share('OBS', cost.obs), share('sender', cost.sender)] : []),
  ];
}

/** As {@link ageOf}; a picture that was painted while OBS was answering is a little younger than nothing. */
function signedAgeOf(code: number, nowMs: number): number {
  const age = ageOf(code, nowMs);
  return age > TIME_CODE_SPAN_MS / 2 ? age - TIME_CODE_SPAN_MS : age;
}

/** What the stream costs while it only runs, in % of a core; painting the pictures is in the sender's. Linux only. */
async function watchCost(obs: RealObs): Promise<{ obs: number; sender: number } | undefined> {
  if (process.platform !== 'linux' || obs.pid === undefined) return undefined;
  const before = { obs: cpuMsOf(obs.pid), sender: process.cpuUsage(), atMs: performance.now() };
  await sleep(COST_MS);
  const share = 100 / (performance.now() - before.atMs);
  const { user, system } = process.cpuUsage(before.sender);
  return { obs: (cpuMsOf(obs.pid) - before.obs) * share, sender: ((user + system) / 1000) * share };
}
