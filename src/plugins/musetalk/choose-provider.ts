import { AppError, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AttentionForm, Precision } from '../../onnx/onnx-graph.ts';
import { disposeTensors, type Provider, providerTitle } from '../../onnx/open-network.ts';
import { type Decoder, FaceNetworks } from './face-networks.ts';
import {
  checkInput,
  compareFaces,
  type FaceDifference,
  isCloseEnough,
  makeCheckFace,
  readCheck,
} from './numeric-check.ts';

/** One way to run the networks. */
export interface Candidate {
  readonly provider: Provider;
  readonly precision: Precision;
  readonly attention: AttentionForm;
}

/** What was found out about a candidate. */
interface ProviderFinding extends Candidate {
  /** Why it is not used; undefined when it may be. */
  readonly refusal?: string;
  /** Against the stored face. */
  readonly difference?: FaceDifference;
  /** Milliseconds a face takes, by decoder: median of a few runs, picture fetched. */
  readonly faceMs?: Readonly<Partial<Record<Decoder, number>>>;
}

/** The networks on the fastest provider whose numbers are right, and what was found about all of them. */
export interface ChosenProvider {
  readonly networks: FaceNetworks;
  readonly faceMs: Readonly<Partial<Record<Decoder, number>>>;
  readonly difference: FaceDifference;
  readonly findings: readonly ProviderFinding[];
}

/** How to choose. */
export interface ChooseOptions {
  readonly folder: string;
  /** Best first. One that passes makes the others on the same provider needless. */
  readonly candidates: readonly Candidate[];
  readonly decoders: readonly Decoder[];
  readonly threads: number;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Opens networks; tests have slow, wrong and missing ones. */
  readonly open?: typeof FaceNetworks.open;
}

/** Timed runs for each decoder; a slow one is timed once. */
const TIMED_RUNS = 5;
const SLOW_MS = 1000;
/** Short names for people. */
const PRECISION_WORDS = { float16: 'half precision', float32: 'single precision' } as const;

/** Words for a way to run the networks, for example "WebGPU, half precision". */
export function describeCandidate({ provider, precision, attention }: Candidate): string {
  return `${providerTitle(provider)}, ${PRECISION_WORDS[precision]}${attention === 'plain' ? ', plain attention' : ''}`;
}

/**
 * Opens the networks on each candidate, compares what they make with the stored face, and keeps the fastest that passes. One
 * that gives wrong numbers is refused by name, whatever its speed: drivers do that.
 * @throws AppError NO_PROVIDER with every candidate's reason.
 */
export async function chooseProvider(options: ChooseOptions): Promise<ChosenProvider> {
  const expected = await readCheck(options.folder);
  const findings: ProviderFinding[] = [];
  let best: Omit<ChosenProvider, 'findings'> | undefined;
  for (const candidate of options.candidates) {
    options.signal.throwIfAborted();
    const isSettled = findings.some(({ provider, refusal }) => provider === candidate.provider && !refusal);
    // The processor is for machines without anything else.
    if (isSettled || (candidate.provider === 'cpu' && best)) continue;
    const tried = await tryCandidate(candidate, expected, options);
    findings.push(tried.finding);
    options.log.info(describeFinding(tried.finding));
    if (!tried.chosen) continue;
    if (best && faceMsOf(best) <= faceMsOf(tried.chosen)) {
      await tried.chosen.networks[Symbol.asyncDispose]();
      continue;
    }
    await best?.networks[Symbol.asyncDispose]();
    best = tried.chosen;
  }
  if (best) return { ...best, findings };
  throw new AppError('NO_PROVIDER', `MuseTalk cannot run here. ${findings.map(describeFinding).join(' ')}`, {
    fix: 'A graphics card with a current driver is needed (docs/gpu.md); the embedded engine needs none: --engine puppet',
  });
}

function faceMsOf({ faceMs }: Pick<ChosenProvider, 'faceMs'>): number {
  return faceMs.full ?? Number.POSITIVE_INFINITY;
}

/** One sentence about a candidate. */
function describeFinding(finding: ProviderFinding): string {
  const name = describeCandidate(finding);
  if (finding.refusal) return `${name}: ${finding.refusal}.`;
  const { mean, worst } = finding.difference!;
  const times = Object.entries(finding.faceMs!).map(([decoder, ms]) => `${ms.toFixed(1)} ms (${decoder})`);
  return `${name}: ${times.join(', ')} a face; ${mean.toFixed(2)} of 255 from the reference on average, ${worst} at most.`;
}

async function tryCandidate(
  candidate: Candidate,
  expected: Uint8Array,
  options: ChooseOptions,
): Promise<{ finding: ProviderFinding; chosen?: Omit<ChosenProvider, 'findings'> }> {
  const { folder, threads, decoders } = options;
  let networks: FaceNetworks | undefined;
  try {
    networks = await (options.open ?? FaceNetworks.open)({ folder, ...candidate, threads, decoders });
    const difference = compareFaces(await makeCheckFace(networks), expected);
    if (!isCloseEnough(difference, candidate.precision)) {
      await networks[Symbol.asyncDispose]();
      const refusal = `gives wrong numbers: ${difference.mean.toFixed(1)} of 255 from the reference on average`;
      return { finding: { ...candidate, refusal, difference } };
    }
    const faceMs = await timeFaces(networks);
    return { finding: { ...candidate, difference, faceMs }, chosen: { networks, faceMs, difference } };
  } catch (thrown) {
    await networks?.[Symbol.asyncDispose]().catch(() => {});
    return { finding: { ...candidate, refusal: messageOf(thrown).replace(/\.$/, '') } };
  }
}

/** Median milliseconds of a face by decoder, fetched to memory. */
async function timeFaces(networks: FaceNetworks): Promise<Partial<Record<Decoder, number>>> {
  const { latents, audio } = checkInput(networks.channels);
  const tensor = networks.latentsTensor(latents);
  const faceMs: Partial<Record<Decoder, number>> = {};
  for (const decoder of networks.decoders) {
    const times: number[] = [];
    // The first run compiles shaders.
    for (let run = 0; run <= TIMED_RUNS; run++) {
      const startMs = performance.now();
      using _made = await networks.make(tensor, audio, decoder, 'bytes');
      const tookMs = performance.now() - startMs;
      if (run > 0 || tookMs > SLOW_MS) times.push(tookMs);
      if (tookMs > SLOW_MS && run > 0) break;
      if (networks.provider === 'cpu' && tookMs > SLOW_MS) break;
    }
    faceMs[decoder] = times.sort((a, b) => a - b)[times.length >> 1]!;
  }
  disposeTensors([tensor]);
  return faceMs;
}
