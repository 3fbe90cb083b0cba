/**
 * The fuzz tests at length: `npx tsx test/avatar/pack/fuzz-packs.ts --count 100000 [--seed 1] [--first 0] [--only packs] [--clip-every 50]`.
 * Prints what became of the inputs; ends with 1 at the first broken promise.
 */
import { inspect, parseArgs } from 'node:util';
import { hasProgram } from '../../fakes/need.ts';
import { type FuzzCounts, fuzzFolders, fuzzPacks } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    'clip-every': { type: 'string', default: '50' },
    first: { type: 'string', default: '0' },
    only: { type: 'string', default: 'both' },
  },
});
process.on('unhandledRejection', (thrown) => fail('an unhandled rejection', thrown));
process.on('uncaughtException', (thrown) => fail('an uncaught exception', thrown));

let printedMs = performance.now();
const options = {
  count: Number(values.count),
  seed: Number(values.seed),
  first: Number(values.first),
  clipEvery: hasProgram('ffmpeg') ? Number(values['clip-every']) : 0,
  onProgress(counts: FuzzCounts) {
    if (performance.now() - printedMs < 10_000) return;
    printedMs = performance.now();
    process.stdout.write(`${describe(counts)}\n`);
  },
};
try {
  if (values.only !== 'folders') process.stdout.write(`packs: ${describe(await fuzzPacks(options))}\n`);
  if (values.only !== 'packs') process.stdout.write(`folders: ${describe(await fuzzFolders(options))}\n`);
} catch (thrown) {
  fail('a broken promise', thrown);
}

function describe({ inputs, accepted, refused, peakBytes, slowestMs }: FuzzCounts): string {
  const codes = [...refused].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`);
  const cost = `${Math.round(peakBytes / 1e6)} MB at most, slowest ${Math.round(slowestMs)} ms`;
  return `${inputs} inputs, ${accepted} accepted, refused: ${codes.join(', ')}; ${cost}`;
}

function fail(what: string, thrown: unknown): never {
  process.stderr.write(`${what}: ${inspect(thrown)}\n`);
  process.exit(1);
}
