import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../base/errors.ts';
import { findPaths } from '../../base/paths.ts';
import { type Provider, providerTitle } from '../../onnx/open-network.ts';
import { askNvidia } from '../../plugins/musetalk/ask-nvidia.ts';
import {
  type BenchReport,
  type BenchRow,
  benchMusetalk,
  benchWays,
  probeProvider,
} from '../../plugins/musetalk/bench-musetalk.ts';
import { BENCH_PRECISIONS, type BenchPrecision, type Way } from '../../plugins/musetalk/bench-stand.ts';
import { findInstalled, MODEL_VERSION } from '../../plugins/musetalk/model-folder.ts';
import { FACE_MODELS, modelsFolder } from '../../plugins/musetalk/prepare.ts';
import { writeRandomNetworks } from '../../plugins/musetalk/random-networks.ts';
import { defaultAvatarId, openLibrary } from '../open-library.ts';
import { formatBytes } from './install-progress.ts';
import { openProgress, paint, printTable } from './terminal.ts';

/** Flags of `musecam bench musetalk`. */
export interface BenchMusetalkFlags {
  readonly provider: Provider | 'all';
  readonly precision?: BenchPrecision | 'all';
  readonly batch?: readonly number[];
  readonly runs?: number;
  readonly json?: string;
  readonly keep?: string;
  readonly random?: boolean;
}

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly os: string;
  readonly node: string;
  readonly gpu: string | null;
  readonly onnxruntime: string;
}

/** Networks to time, and where they come from. */
interface Subject {
  readonly folder: string;
  readonly precisions: readonly BenchPrecision[];
  readonly hasTinyDecoder: boolean;
  readonly note: string;
}

const ALL_PROVIDERS = ['cuda', 'webgpu', 'cpu'] as const;
const PRECISIONS = Object.keys(BENCH_PRECISIONS) as BenchPrecision[];
/** A bar counts in steps of a thousandth. */
const STEPS = 1000;

/** `musecam bench musetalk`: times the installed model, or networks of the same size that mean nothing. */
export async function benchMusetalkFromCommandLine(flags: BenchMusetalkFlags, signal: AbortSignal): Promise<void> {
  const machine = await describeMachine();
  console.log(describe(machine));
  await using work = await openWorkFolder(findPaths().cache);
  const { ways, left } = await waysHere(flags, work.path);
  if (ways.length === 0) {
    const [first] = left;
    throw new AppError('NO_PROVIDER', first?.reason ?? 'Nothing was chosen that could be measured.', {
      fix: 'musecam bench musetalk --provider all',
    });
  }
  const subject = await findSubject(flags, ways, work.path, signal);
  console.log(subject.note);
  const usable = ways.filter(({ precision }) => subject.precisions.includes(precision));
  const paths = findPaths();
  await using avatar = await openLibrary(paths).load(defaultAvatarId, { signal });
  const report = await measure(usable, subject, { ref: avatar.ref, flags, work: work.path, signal });
  const missing = ways
    .filter((way) => !usable.includes(way))
    .map((way) => ({ ...way, reason: `the model is not installed in ${way.precision}` }));
  const whole = {
    ...{ machine, ...report },
    left: [...left, ...missing, ...report.left],
    notes: [subject.note, `The avatar is ${defaultAvatarId}.`, ...report.notes],
  };
  printReport(whole);
  if (flags.json) await writeFile(flags.json, `${JSON.stringify(whole, null, 2)}\n`);
}

async function measure(
  ways: readonly Way[],
  { folder, hasTinyDecoder }: Subject,
  own: {
    readonly ref: Parameters<typeof benchMusetalk>[0]['avatar'];
    readonly flags: BenchMusetalkFlags;
    readonly work: string;
    readonly signal: AbortSignal;
  },
): Promise<BenchReport> {
  using bar = openProgress('Measuring', { hasOwnTime: true });
  return await benchMusetalk({
    ...{ folder, hasTinyDecoder, ways, avatar: own.ref, workFolder: own.work, signal: own.signal },
    ...{ batches: own.flags.batch, runs: own.flags.runs },
    onProgress: (done, total, note) => bar.update(done, total, note),
  });
}

/** What was asked for and can be run here, and why the rest cannot. */
async function waysHere(
  { provider, precision }: BenchMusetalkFlags,
  workFolder: string,
): Promise<{ readonly ways: readonly Way[]; readonly left: BenchReport['left'] }> {
  const wanted = provider === 'all' ? ALL_PROVIDERS : [provider];
  const reasons = new Map<Provider, string>();
  for (const one of wanted) {
    const reason = await probeProvider(one, workFolder);
    if (reason !== undefined) reasons.set(one, reason);
  }
  const all = benchWays(wanted, precision);
  return {
    ways: all.filter((way) => !reasons.has(way.provider)),
    left: all.filter((way) => reasons.has(way.provider)).map((way) => ({ ...way, reason: reasons.get(way.provider)! })),
  };
}

/** The installed model, or random networks: in a folder that is gone afterwards, or in one that is kept. */
async function findSubject(
  { random, keep }: BenchMusetalkFlags,
  ways: readonly Way[],
  workFolder: string,
  signal: AbortSignal,
): Promise<Subject> {
  const installed = random ? undefined : await findInstalledOrNothing();
  if (installed) {
    return {
      ...{ folder: installed.folder, hasTinyDecoder: installed.hasTinyDecoder },
      precisions: PRECISIONS.filter((one) => installed.precisions.includes(BENCH_PRECISIONS[one])),
      note: `Networks: the installed model ${installed.id}.`,
    };
  }
  const precisions = PRECISIONS.filter((one) => ways.some((way) => way.precision === one));
  // Networks of another version are others.
  const folder = join(keep ?? workFolder, `random-${MODEL_VERSION}`);
  using bar = openProgress('Making up networks', { hasOwnTime: true });
  await writeRandomNetworks(folder, {
    ...{ precisions: precisions.map((one) => BENCH_PRECISIONS[one]), signal },
    onProgress: (fraction, title) => bar.update(Math.floor(fraction * STEPS), STEPS, title),
  });
  const note = "Networks: of MuseTalk's full size, with random weights.";
  return { folder, precisions, hasTinyDecoder: true, note };
}

async function findInstalledOrNothing() {
  try {
    return await findInstalled(modelsFolder(), FACE_MODELS);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'MODEL_MISSING') return undefined;
    throw thrown;
  }
}

/**
 * A folder for several gigabytes: in the cache, because the system's own one for temporary files may be memory. It also
 * goes when the process is ended in a hurry.
 */
async function openWorkFolder(cache: string): Promise<{ readonly path: string } & Disposable> {
  const path = join(cache, `bench-${process.pid}-${randomBytes(4).toString('hex')}`);
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', remove);
  await mkdir(path, { recursive: true });
  return {
    path,
    [Symbol.dispose]() {
      process.off('exit', remove);
      remove();
    },
  };
}

async function describeMachine(): Promise<Machine> {
  const [first, ...others] = cpus();
  const gpu = await askNvidia();
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return {
    cpu: first?.model.trim() ?? 'unknown processor',
    cores: others.length + 1,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    gpu: gpu ? `${gpu.name}, driver ${gpu.driver}` : null,
    onnxruntime: version,
  };
}

function describe({ cpu, cores, memoryGb, os, node, gpu, onnxruntime }: Machine): string {
  const parts = [`${cpu}, ${cores} cores`, `${memoryGb} GB`, gpu ?? 'no NVIDIA GPU', os, `Node ${node}`];
  return [...parts, `ONNX Runtime ${onnxruntime}`].join(' · ');
}

function printReport({ rows, memory, differences, left, notes }: BenchReport): void {
  console.log();
  printTable([
    ['provider', 'precision', 'stage', 'batch', 'p50 ms', 'p95 ms', 'p99 ms', 'processor ms', 'runs', 'faces/s'],
    ...rows.map((row) => cellsOf(row)),
  ]);
  console.log();
  printTable([
    ['provider', 'precision', 'networks', 'avatar', 'process (RSS)', 'GPU memory in use'],
    ...memory.map((one) => [
      ...[one.provider, one.precision, formatBytes(one.networkBytes), formatBytes(one.avatarBytes)],
      ...[formatBytes(one.rssBytes), one.gpuUsedBytes === undefined ? 'unknown' : formatBytes(one.gpuUsedBytes)],
    ]),
  ]);
  console.log();
  for (const { provider, precision, against, mean, worst } of differences) {
    const other = against === 'fp32' ? 'its fp32' : "the processor's reference";
    console.log(`${provider} ${precision} against ${other}: ${mean.toFixed(3)} of 255 on average, ${worst} at most`);
  }
  for (const row of rows) if (row.holds25Fps !== undefined) console.log(verdictOf(row));
  for (const { provider, precision, reason } of left)
    console.log(`${paint('yellow', '!')} ${providerTitle(provider)} ${precision} not measured: ${reason}`);
  for (const note of notes) console.log(note);
}

function cellsOf({ provider, precision, stage, batch, p50Ms, p95Ms, p99Ms, processorMs, runs }: BenchRow): string[] {
  const times = [p50Ms, p95Ms, p99Ms, processorMs].map((ms) => ms.toFixed(ms < 100 ? 2 : 0));
  const isFaces = !stage.startsWith('whisper');
  return [provider, precision, stage, `${batch}`, ...times, `${runs}`, isFaces ? speedOf(batch, p50Ms) : ''];
}

function speedOf(batch: number, ms: number): string {
  const perSecond = (batch * 1000) / ms;
  return perSecond.toFixed(perSecond < 10 ? 2 : 0);
}

function verdictOf({ provider, precision, stage, p95Ms, holds25Fps }: BenchRow): string {
  const mark = holds25Fps ? paint('green', '✔') : paint('red', '✖');
  const verdict = holds25Fps ? 'holds 25 fps' : 'does not hold 25 fps';
  return `${mark} ${provider} ${precision}, ${stage}: ${verdict} (p95 ${p95Ms.toFixed(1)} ms of 40)`;
}
