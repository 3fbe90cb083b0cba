import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MouthNet, type MouthShape, VISEMES } from '../../../src/plugins/puppet/mouth-net.ts';

const WEIGHTS = new URL('../../../src/plugins/puppet/mouth-net.bin', import.meta.url);
/** visemes, openness, width, closure, speech */
const COLUMNS = VISEMES.length + 4;

async function readFixture(name: string): Promise<ArrayBuffer> {
  const bytes = await readFile(new URL(`../../fixtures/mouth-net/${name}`, import.meta.url));
  return new Uint8Array(bytes).buffer;
}

async function readSignal(): Promise<Float32Array> {
  return Float32Array.from(new Int16Array(await readFixture('signal.s16')), (s) => s / 32768);
}

function rowOf(shape: MouthShape): number[] {
  return [...shape.visemes, shape.openness, shape.width, shape.closure, shape.speech];
}

function run(net: MouthNet, samples: Float32Array, block = samples.length): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < samples.length; at += block) {
    net.push(samples.subarray(at, at + block), (shape) => rows.push(rowOf(shape)));
  }
  return rows;
}

/** Deterministic noise, uniform in -1..1 (a linear congruential generator, Numerical Recipes constants). */
function makeNoise(count: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

describe('the mouth-shape network', () => {
  test('gives what PyTorch gives for the same weights and sound', async () => {
    const want = new Float32Array(await readFixture('shapes.f32'));
    const rows = run(await MouthNet.open(), await readSignal());
    expect(rows.length * COLUMNS).toBe(want.length);
    // The test signal is worth comparing on: the mouth opens, shuts, and somebody seems to speak for a part of it only.
    expect(Math.max(...rows.map((row) => row[15]!))).toBeGreaterThan(0.3);
    expect(Math.min(...rows.map((row) => row[15]!))).toBe(0);
    const worst = Math.max(...rows.flat().map((x, i) => Math.abs(x - want[i]!)));
    // Same arithmetic in another order; single-precision rounding grows to some 1e-6 through the recurrent layer.
    expect(worst).toBeLessThan(1e-4);
  });

  test('does not care how the sound is cut into blocks, and starts anew after reset', async () => {
    const net = await MouthNet.open();
    const samples = await readSignal();
    const whole = run(net, samples);
    for (const block of [1, 160, 441, 2000]) {
      net.reset();
      expect(run(net, samples, block)).toEqual(whole);
    }
  });

  test('describes every 10 ms once, from the centre of the first window, at most 40 ms ahead of what it heard', async () => {
    const net = await MouthNet.open();
    expect(net.lookAheadSeconds).toBeLessThanOrEqual(0.04);
    const times: number[] = [];
    let pushed = 0;
    for (let hop = 0; hop < 30; hop++) {
      net.push(new Float32Array(160), (shape) => times.push(shape.timeSeconds));
      pushed += 160;
      const last = times.at(-1);
      if (last !== undefined) expect(pushed / 16000 - last).toBeLessThan(net.lookAheadSeconds + 0.0125 + 0.01);
    }
    expect(times.length).toBeGreaterThan(20);
    times.forEach((seconds, i) => {
      expect(seconds).toBeCloseTo(0.0125 + i * net.hopSeconds, 9);
    });
  });

  test('reuses one shape object', async () => {
    const net = await MouthNet.open();
    const seen = new Set<MouthShape>();
    net.push(new Float32Array(3200), (shape) => seen.add(shape));
    expect(seen.size).toBe(1);
  });

  test('keeps the mouth shut in digital silence, in hiss and in mains hum of any level', async () => {
    const net = await MouthNet.open();
    const hiss = makeNoise(16000 * 4);
    const hum = hiss.map((x, i) => {
      const phase = (2 * Math.PI * 50 * i) / 16000;
      return 0.5 * Math.sin(phase) + 0.3 * Math.sin(2 * phase) + 0.2 * Math.sin(3 * phase) + 0.01 * x;
    });
    for (const [name, noise] of Object.entries({ hiss, hum })) {
      for (const level of [0, 0.0005, 0.01, 0.1]) {
        net.reset();
        const rows = run(
          net,
          noise.map((x) => x * level),
        );
        const moving = rows.filter((row) => row[15] !== 0 || row[16] !== 0).length;
        expect({ name, level, moving }).toEqual({ name, level, moving: 0 });
      }
    }
  });
});

describe('a weights file that is not right', () => {
  let folder: string;
  let good: Buffer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mouth-net-'));
    good = await readFile(WEIGHTS);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function openWith(change: (bytes: Buffer) => Buffer): Promise<unknown> {
    const path = join(folder, 'weights.bin');
    await writeFile(path, change(Buffer.from(good)));
    return MouthNet.open(pathToFileURL(path)).catch((error: unknown) => error);
  }

  function patch(bytes: Buffer, at: number, value: number): Buffer {
    bytes.writeUInt16LE(value, at);
    return bytes;
  }

  test('opens when nothing is changed, so the cases below fail for their own reason', async () => {
    expect(await openWith((bytes) => bytes)).toBeInstanceOf(MouthNet);
  });

  test.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ['is shorter than its header', /20 bytes/, (bytes) => bytes.subarray(0, 20)],
    ['has another magic', /starts with "RIFF"/, (bytes) => Buffer.concat([Buffer.from('RIFF'), bytes.subarray(4)])],
    ['has another version', /version 9/, (bytes) => patch(bytes, 4, 9)],
    ['has another number of inputs', /80 inputs/, (bytes) => patch(bytes, 6, 80)],
    ['is cut short', /ends early/, (bytes) => bytes.subarray(0, bytes.length - 100)],
    ['is too long', /instead of/, (bytes) => Buffer.concat([bytes, Buffer.alloc(2)])],
    ['has one damaged byte', /checksum/, (bytes) => patch(bytes, 5000, bytes.readUInt16LE(5000) ^ 1)],
  ])('that %s is refused', async (_, message, change) => {
    expect(await openWith(change)).toMatchObject({
      code: 'MOUTH_NET_BROKEN',
      message: expect.stringMatching(message),
      fix: expect.stringMatching(/mouth-net\.bin/),
    });
  });

  test('that is missing is refused', async () => {
    const missing = pathToFileURL(join(folder, 'none.bin'));
    await expect(MouthNet.open(missing)).rejects.toMatchObject({ code: 'MOUTH_NET_BROKEN' });
  });
});
