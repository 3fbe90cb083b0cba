import { cpus } from 'node:os';

/** One thing to be timed. */
interface Bench {
  readonly name: string;
  run(): void | Promise<void>;
  /** Budget of the design for the 95th percentile, in ms. */
  readonly budgetMs?: number;
}

/** Benches that are compared with each other: the first one is the baseline of the ratios. */
export interface BenchGroup {
  readonly title: string;
  readonly benches: readonly Bench[];
  /** Times each bench is run; 200 by default. */
  readonly runs?: number;
}

/** What was measured of one bench. */
export interface BenchResult {
  readonly group: string;
  readonly name: string;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /**
   * 95th percentile of processor time, all threads of this process: what a run costs where the clock also counts the turns
   * of other programs.
   */
  readonly cpuP95Ms: number;
  /** The baseline's median over this one's: how many times faster. */
  readonly timesFaster: number;
  readonly budgetMs: number | undefined;
}

/** Something that is measured once, over a while, rather than run many times: a share of a core, a delay, memory. */
export interface Fact {
  readonly group: string;
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | '%' | 'MB' | 'frames';
  /** The design's budget: the value shall not be above it. */
  readonly budget?: number;
  /** What the design would love to see. */
  readonly moonshot?: number;
}

const WARM_UP_RUNS = 30;
/** Runs in a row of one bench before the next has its turn: a busy moment of the machine meets all of them. */
const RUNS_IN_A_ROW = 10;

/** Times a group. The benches take turns, so that their ratios hold on a machine that is not alone. */
export async function runGroup(group: BenchGroup): Promise<BenchResult[]> {
  const runs = group.runs ?? 200;
  const times = group.benches.map(() => [] as number[]);
  const cpuTimes = group.benches.map(() => [] as number[]);
  for (const bench of group.benches) for (let run = 0; run < Math.min(WARM_UP_RUNS, runs); run++) await bench.run();
  for (let done = 0; done < runs; done += RUNS_IN_A_ROW) {
    for (const [index, bench] of group.benches.entries()) {
      for (let run = 0; run < RUNS_IN_A_ROW; run++) {
        const before = process.cpuUsage();
        const start = performance.now();
        const pending = bench.run();
        if (pending) await pending;
        times[index]!.push(performance.now() - start);
        const spent = process.cpuUsage(before);
        cpuTimes[index]!.push((spent.user + spent.system) / 1000);
      }
    }
  }
  const medians = times.map((list) => percentile(list, 0.5));
  return group.benches.map((bench, index) => ({
    group: group.title,
    name: bench.name,
    p50Ms: medians[index]!,
    p95Ms: percentile(times[index]!, 0.95),
    cpuP95Ms: percentile(cpuTimes[index]!, 0.95),
    timesFaster: medians[0]! / medians[index]!,
    budgetMs: bench.budgetMs,
  }));
}

/** The value that this share of the values is not above. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** The machine in a few words: numbers mean nothing without it. */
export function describeMachine(): string {
  const [first, ...others] = cpus();
  return `${first?.model ?? 'unknown processor'}, ${others.length + 1} cores, Node ${process.version}, ${process.platform}`;
}

/** Results as a table of plain text. */
export function formatTable(results: readonly BenchResult[]): string {
  const lines: string[] = [];
  let group = '';
  for (const result of results) {
    if (result.group !== group) {
      group = result.group;
      lines.push(
        '',
        group,
        `  ${'what'.padEnd(62)}${'p50 ms'.padStart(9)}${'p95 ms'.padStart(9)}${'cpu p95'.padStart(9)}${'x base'.padStart(9)}  budget (p95)`,
      );
    }
    const verdict =
      result.budgetMs === undefined
        ? ''
        : `  ${result.budgetMs} ms ${result.p95Ms <= result.budgetMs ? 'kept' : 'MISSED'}`;
    lines.push(
      `  ${result.name.padEnd(62)}${result.p50Ms.toFixed(3).padStart(9)}${result.p95Ms.toFixed(3).padStart(9)}` +
        `${result.cpuP95Ms.toFixed(3).padStart(9)}` +
        `${result.timesFaster.toFixed(2).padStart(9)}${verdict}`,
    );
  }
  return lines.join('\n');
}

/** Facts as a table of plain text. */
export function formatFacts(facts: readonly Fact[]): string {
  const lines: string[] = [];
  let group = '';
  for (const fact of facts) {
    if (fact.group !== group) {
      group = fact.group;
      lines.push('', group, `  ${'what'.padEnd(62)}${'measured'.padStart(14)}  budget (moonshot)`);
    }
    const digits = fact.value < 10 && fact.unit !== 'frames' ? 1 : 0;
    const measured = `${fact.value.toFixed(digits)} ${fact.unit}`;
    lines.push(`  ${fact.name.padEnd(62)}${measured.padStart(14)}${judge(fact)}`);
  }
  return lines.join('\n');
}

function judge({ value, unit, budget, moonshot }: Fact): string {
  const reached = moonshot !== undefined && value <= moonshot;
  if (budget === undefined) return moonshot === undefined ? '' : `  (${moonshot}) ${unit}${reached ? ' reached' : ''}`;
  const verdict = value > budget ? 'MISSED' : reached ? 'kept, moonshot too' : 'kept';
  return `  ${budget}${moonshot === undefined ? '' : ` (${moonshot})`} ${unit} ${verdict}`;
}
