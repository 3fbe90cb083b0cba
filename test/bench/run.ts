/**
 * Times what has a budget: `tsx test/bench/run.ts [WORD …] [--json FILE]`. Every `*.bench.ts` beside this file exports
 * `groups(): Promise<BenchGroup[]>`, what is run many times, or `facts(): Promise<Fact[]>`, what is watched once; a word picks the files whose name contains it.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import {
  type BenchGroup,
  type BenchResult,
  describeMachine,
  type Fact,
  formatFacts,
  formatTable,
  runGroup,
} from './harness.ts';

interface BenchFile {
  groups?(): Promise<BenchGroup[]>;
  facts?(): Promise<Fact[]>;
}

const args = process.argv.slice(2);
const jsonAt = args.indexOf('--json');
const jsonFile = jsonAt < 0 ? undefined : args.splice(jsonAt, 2)[1];

const machine = describeMachine();
console.log(machine);
const results: BenchResult[] = [];
const facts: Fact[] = [];
const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.bench.ts'));
for (const file of files.filter((name) => args.length === 0 || args.some((word) => name.includes(word)))) {
  const bench = (await import(new URL(file, import.meta.url).href)) as BenchFile;
  for (const group of (await bench.groups?.()) ?? []) {
    const measured = await runGroup(group);
    results.push(...measured);
    console.log(formatTable(measured));
  }
  const found = (await bench.facts?.()) ?? [];
  facts.push(...found);
  if (found.length > 0) console.log(formatFacts(found));
}
if (jsonFile)
  writeFileSync(jsonFile, `${JSON.stringify({ machine, date: new Date().toISOString(), results, facts }, null, 2)}\n`);
