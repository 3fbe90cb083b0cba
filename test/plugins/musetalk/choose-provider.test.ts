import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { type Candidate, chooseProvider } from '../../../src/plugins/musetalk/choose-provider.ts';
import type { FaceNetworks, MadeFaces } from '../../../src/plugins/musetalk/face-networks.ts';
import { CHECK_FILE } from '../../../src/plugins/musetalk/numeric-check.ts';
import { candidatesFor } from '../../../src/plugins/musetalk/open-musetalk.ts';

const FACE = 256 * 256 * 3;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'musecam-choose-'));
  await writeFile(join(folder, CHECK_FILE), new Uint8Array(FACE).fill(100));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** By provider and precision: the brightness of its faces, and how long one takes. */
type Ways = Readonly<Record<string, { readonly value: number; readonly ms: number }>>;

/** Stand-ins for networks: each makes a plain face after some milliseconds. */
class Machine {
  readonly opened: string[] = [];
  readonly closed: string[] = [];
  readonly #ways: Ways;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  readonly open = async ({ provider, precision }: Candidate): Promise<FaceNetworks> => {
    const name = `${provider} ${precision}`;
    this.opened.push(name);
    const way = this.#ways[name];
    if (!way) throw new AppError('PROVIDER_MISSING', `no ${name} here`);
    const make = async (): Promise<MadeFaces> => {
      await new Promise((resolve) => setTimeout(resolve, way.ms));
      return { count: 1, bytes: new Uint8Array(FACE).fill(way.value), [Symbol.dispose]() {} };
    };
    return {
      ...{ provider, precision, channels: 8, bytes: 0, decoders: ['full'], make },
      latentsTensor: () => ({ location: 'cpu', dims: [1, 8, 32, 32] }),
      [Symbol.asyncDispose]: async () => void this.closed.push(name),
    } as unknown as FaceNetworks;
  };
}

const ALL: readonly Candidate[] = [
  { provider: 'cuda', precision: 'float16', attention: 'fused' },
  { provider: 'webgpu', precision: 'float16', attention: 'fused' },
  { provider: 'webgpu', precision: 'float32', attention: 'fused' },
  { provider: 'cpu', precision: 'float32', attention: 'fused' },
];

const choose = (machine: Machine) =>
  chooseProvider({
    ...{ folder, candidates: ALL, decoders: ['full'], threads: 1, log: silentLog },
    ...{ signal: new AbortController().signal, open: machine.open as typeof FaceNetworks.open },
  });

describe('choosing a provider', () => {
  it('takes the fastest of those whose numbers are right, and closes the others', async () => {
    const machine = new Machine({
      'cuda float16': { value: 101, ms: 30 },
      'webgpu float16': { value: 101, ms: 3 },
      'cpu float32': { value: 100, ms: 1 },
    });
    const { networks, faceMs, findings } = await choose(machine);
    expect(networks.provider).toBe('webgpu');
    expect(faceMs.full).toBeGreaterThanOrEqual(2);
    expect(machine.closed).toEqual(['cuda float16']);
    expect(findings.map(({ provider }) => provider)).toEqual(['cuda', 'webgpu']);
  });

  it('refuses one that gives wrong numbers by name, however fast, and says how wrong', async () => {
    const machine = new Machine({
      'webgpu float16': { value: 200, ms: 1 },
      'webgpu float32': { value: 100, ms: 20 },
    });
    const { networks, findings } = await choose(machine);
    expect([networks.provider, networks.precision]).toEqual(['webgpu', 'float32']);
    expect(findings.find(({ refusal }) => refusal?.includes('100.0 of 255'))).toMatchObject({
      provider: 'webgpu',
      precision: 'float16',
    });
    expect(machine.closed).toContain('webgpu float16');
  });

  it('does not try single precision where half passed, nor the processor where a GPU did', async () => {
    const machine = new Machine({ 'webgpu float16': { value: 100, ms: 1 } });
    await choose(machine);
    expect(machine.opened).toEqual(['cuda float16', 'webgpu float16']);
  });

  it('takes the processor where there is nothing else', async () => {
    const machine = new Machine({ 'cpu float32': { value: 100, ms: 1 } });
    expect((await choose(machine)).networks.provider).toBe('cpu');
  });

  it('says of every way why it cannot be used', async () => {
    await expect(choose(new Machine({ 'cpu float32': { value: 0, ms: 1 } }))).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.stringMatching(/no cuda float16 here.*WebGPU.*the processor.*wrong numbers/s),
    });
  });
});

describe('what is tried', () => {
  const both = { precisions: ['float16', 'float32'] } as const;
  const auto = { provider: 'auto', precision: 'auto' } as const;

  it('are GPUs only, while live', () => {
    expect(candidatesFor(auto, both, true).map(({ provider }) => provider)).not.toContain('cpu');
    expect(candidatesFor(auto, both, false).at(-1)).toEqual({
      provider: 'cpu',
      precision: 'float32',
      attention: 'fused',
    });
  });

  it('is what was asked for, where it was', () => {
    expect(candidatesFor({ provider: 'cpu', precision: 'auto' }, both, true)).toEqual([
      { provider: 'cpu', precision: 'float32', attention: 'fused' },
    ]);
    expect(candidatesFor({ provider: 'webgpu', precision: 'float32' }, both, true)).toEqual([
      { provider: 'webgpu', precision: 'float32', attention: 'fused' },
      { provider: 'webgpu', precision: 'float32', attention: 'plain' },
    ]);
  });

  it('are only precisions that are installed', () => {
    const half = { precisions: ['float16'] } as const;
    expect(candidatesFor(auto, half, false).map(({ precision }) => precision)).toEqual([
      ...['float16', 'float16', 'float16', 'float16'],
    ]);
  });
});
