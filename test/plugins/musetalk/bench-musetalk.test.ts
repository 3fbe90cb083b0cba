import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyDecoderShapes, unetShapes, vaeShapes, whisperShapes } from '../../../src/plugins/musetalk/architecture.ts';
import { type BenchReport, benchMusetalk, benchWays } from '../../../src/plugins/musetalk/bench-musetalk.ts';
import { networkFile } from '../../../src/plugins/musetalk/convert.ts';
import { type NetworkShapes, writeRandomNetworks } from '../../../src/plugins/musetalk/random-networks.ts';
import { Cli, runCli } from '../../fakes/cli.ts';
import { SmallAvatar } from './small-avatar.ts';
import { openReducedHome } from './stand.ts';

const WIDTHS = [32, 32, 64, 64];
const REDUCED_SHAPES: NetworkShapes = {
  unet: unetShapes(WIDTHS, 64),
  vae: vaeShapes(WIDTHS),
  whisper: whisperShapes(64),
  tinyVae: tinyDecoderShapes(16),
};
const COMMON = ['whisper', 'whisper-parity', 'composite'];
const PER_BATCH = ['unet', 'decoder', 'decoder-tiny', 'frame', 'frame-tiny'];
const signal = new AbortController().signal;

let reduced: Awaited<ReturnType<typeof openReducedHome>>;
let folder: string;
beforeAll(async () => {
  reduced = await openReducedHome();
  folder = await mkdtemp(join(tmpdir(), 'musecam-bench-'));
}, 120_000);
afterAll(async () => {
  await reduced[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('the benchmark of MuseTalk', () => {
  it('measures every stage of networks that it made up, in every batch', { timeout: 120_000 }, async () => {
    const networks = join(folder, 'networks');
    const make = () =>
      writeRandomNetworks(networks, {
        ...{ precisions: ['float16', 'float32'], shapes: REDUCED_SHAPES, onProgress: () => {}, signal },
      });
    await make();
    const { mtimeMs } = await stat(join(networks, networkFile('unet')));
    await make();
    expect((await stat(join(networks, networkFile('unet')))).mtimeMs, 'made once').toBe(mtimeMs);
    await using avatar = await SmallAvatar.open();
    const seen: string[] = [];
    const report = await benchMusetalk({
      ...{ folder: networks, avatar: avatar.ref, hasTinyDecoder: true, workFolder: folder, signal },
      ...{ ways: [...benchWays(['cpu'], 'all'), ...benchWays(['cuda'], 'fp16')], batches: [1, 2], runs: 2 },
      onProgress: (done, total, note) => seen.push(`${done} of ${total} ${note}`.trim()),
    });
    for (const precision of ['fp16', 'fp32'] as const) {
      const rows = report.rows.filter((row) => row.precision === precision && !COMMON.includes(row.stage));
      expect(rows.map(({ batch, stage }) => `${batch} ${stage}`)).toEqual(
        [1, 2].flatMap((batch) => PER_BATCH.map((stage) => `${batch} ${stage}`)),
      );
      for (const { p50Ms, p95Ms, p99Ms, runs } of rows) {
        expect(p50Ms).toBeGreaterThan(0);
        expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
        expect(p99Ms).toBeGreaterThanOrEqual(p95Ms);
        expect(runs).toBe(2);
      }
      const frame = rows.find(({ stage, batch }) => stage === 'frame' && batch === 1)!;
      expect(frame.holds25Fps).toBe(frame.p95Ms <= 40);
    }
    expect(report.rows.filter(({ stage }) => COMMON.includes(stage)).map(({ stage }) => stage)).toEqual(COMMON);
    expect(seen.at(-1)).toContain('of 36');
    const known = report.differences.filter(({ provider }) => provider === 'cpu');
    expect(known.map(({ precision, against }) => `${precision} ${against}`)).toEqual([
      ...['fp16 reference', 'fp32 reference', 'fp16 fp32'],
    ]);
    expect(known.find(({ precision }) => precision === 'fp32')?.mean).toBe(0);
    expect(report.memory[0]).toMatchObject({ provider: 'cpu', networkBytes: expect.any(Number) });
    expect(readdirSync(folder), 'no small files are left').toEqual(['networks']);
  });

  it('measures the installed model from the command line, and says why the rest is left out', {
    timeout: 120_000,
  }, async () => {
    const json = join(folder, 'figures.json');
    const args = ['bench', 'musetalk', '--runs', '1', '--json', json];
    const { code, stdout, stderr } = await runCli([...args, '--provider', 'cpu'], { MUSECAM_HOME: reduced.home });
    expect(stderr).not.toContain('Error');
    expect(code).toBe(0);
    expect(stdout).toMatch(/frame: (holds|does not hold) 25 fps/);
    expect(stdout).toContain('the installed model musetalk-v15');
    const report = JSON.parse(readFileSync(json, 'utf8')) as BenchReport & { machine: Record<string, unknown> };
    expect(Object.keys(report.machine)).toEqual(['cpu', 'cores', 'memoryGb', 'os', 'node', 'gpu', 'onnxruntime']);
    expect(report.rows.map(({ stage }) => stage)).toEqual([...COMMON, ...PER_BATCH]);
    expect(readdirSync(join(reduced.home, 'cache')).filter((name) => name.startsWith('bench-'))).toEqual([]);
    const cuda = await runCli([...args, '--provider', 'cuda'], { MUSECAM_HOME: reduced.home });
    expect(cuda.code === 0 || cuda.stderr.includes('NO_PROVIDER')).toBe(true);
  });

  it('leaves nothing behind when it is interrupted', { timeout: 60_000 }, async () => {
    await using cli = new Cli(['bench', 'musetalk', '--provider', 'cpu', '--random'], { MUSECAM_HOME: reduced.home });
    await cli.says(/Making up networks 10 %/);
    cli.child.kill('SIGINT');
    const { code } = await cli.ended;
    expect(code).toBe(130);
    expect(readdirSync(join(reduced.home, 'cache')).filter((name) => name.startsWith('bench-'))).toEqual([]);
  });
});
