import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sound } from '../../../src/api/media.ts';
import { MelTape } from '../../../src/media/mel-tape.ts';
import { addWhisperEncoder } from '../../../src/onnx/build-whisper.ts';
import { OnnxGraph } from '../../../src/onnx/onnx-graph.ts';
import { openSafetensors } from '../../../src/onnx/safetensors.ts';
import { countFrames } from '../../../src/plugins/musetalk/audio-window.ts';
import { Ears, type EarsOptions, type EncodeMel } from '../../../src/plugins/musetalk/ears.ts';
import { makeVoice } from '../../media/voice.ts';
import { writeSeededNetwork } from '../../onnx/seeded.ts';

const golden = (name: string) => readFile(new URL(`./golden/${name}`, import.meta.url));

/** What the tape would give an engine about a frame. */
function around(voice: Float32Array, ears: Ears, frame: number, shorterBySamples = 0): Sound {
  const start = frame * 640 - Math.round(ears.context.before * 16_000);
  const until = (frame + 1) * 640 + Math.round(ears.context.after * 16_000) - shorterBySamples;
  const samples = new Float32Array(until - start);
  const from = Math.max(0, start);
  samples.set(voice.subarray(from, Math.min(until, voice.length)), from - start);
  return { frame, start, samples, ...(until > voice.length ? { endsAt: voice.length } : {}) };
}

/** Decades of power by which {@link makeRamp} swells in 10 ms. */
const DECADES_PER_MEL = 0.015;
/** Power in decades at which it starts. */
const RAMP_START = -6;

/** A tone that swells evenly for 4 s, so that every mel frame tells by its level which one it is. */
function makeRamp(): Float32Array {
  return Float32Array.from({ length: 64_000 }, (_, i) => {
    const decades = DECADES_PER_MEL * (i / 160) + RAMP_START;
    return 10 ** (decades / 2) * Math.sin((2 * Math.PI * 1000 * i) / 16_000);
  });
}

/** Every state is its token's place since the show began, read off the level, and its number. Channels: 2. */
function makePlaceEncoder(level: number): EncodeMel & { readonly firsts: number[] } {
  const firsts: number[] = [];
  const encode: EncodeMel = async (graph, mel) => {
    expect(graph).toBe('live');
    const frames = mel.length / 80;
    const loudest = (frame: number) => {
      let most = -9;
      for (let band = 0; band < 80; band++) most = Math.max(most, mel[band * frames + frame]!);
      return most * 4 - 4;
    };
    firsts.push(Math.round((loudest(0) - level) / DECADES_PER_MEL));
    return Float32Array.from({ length: (frames / 2) * 10 }, (_, i) => {
      const place = (loudest(2 * Math.floor(i / 10)) - level) / DECADES_PER_MEL / 2;
      return i % 2 === 0 ? place : Math.floor(i / 2) % 5;
    });
  };
  return Object.assign(encode, { firsts });
}

/** log10 of power of mel frame 0 of the ramp, were it long before and after; measured at mel frame 100. */
function measureLevel(): number {
  const tape = new MelTape();
  tape.hear(makeRamp(), 0);
  const out = new Float32Array(80);
  tape.read(100, 1, -2, out);
  return Math.max(...out) * 4 - 4 - 100 * DECADES_PER_MEL;
}

/** The tokens' places in a frame's window. */
function placesOf(tokens: Float32Array, index = 0): number[] {
  return Array.from({ length: 10 }, (_, token) => {
    const row = tokens.subarray(index * 100 + token * 10, index * 100 + token * 10 + 10);
    expect([row[1], row[3], row[5], row[7], row[9]]).toEqual([0, 1, 2, 3, 4]);
    expect(new Set([row[0], row[2], row[4], row[6], row[8]]).size).toBe(1);
    expect(Math.abs(row[0]! - Math.round(row[0]!))).toBeLessThan(0.05);
    return Math.round(row[0]!);
  });
}

const windowOf = (frame: number) => Array.from({ length: 10 }, (_, i) => 2 * frame - 4 + i);

describe('live ears', () => {
  const ramp = makeRamp();
  const level = measureLevel();

  function openLive(options: Partial<EarsOptions> = {}) {
    const encode = makePlaceEncoder(level);
    return { encode, ears: new Ears({ mode: 'live', hop: 1, channels: 2, encode, gate: false, ...options }) };
  }

  it('hear at most 180 ms ahead of a frame, with two tokens of right context', () => {
    const { ears } = openLive();
    expect(ears.lookAhead).toBeCloseTo(0.1625, 10);
    expect(ears.context.after).toBeCloseTo(0.1225, 10);
    expect(ears.context.before).toBeGreaterThan(2);
    expect(openLive({ rightTokens: 0 }).ears.lookAhead).toBeCloseTo(0.1225, 10);
    expect(openLive({ rightTokens: 4 }).ears.lookAhead).toBeCloseTo(0.2025, 10);
    expect(openLive({ hop: 2 }).ears.lookAhead).toBeCloseTo(0.2025, 10);
  });

  for (const rightTokens of [0, 2, 3, 4])
    it(`give every frame the tokens around it, from the newest window: ${rightTokens} tokens of right context`, async () => {
      const { ears, encode } = openLive({ rightTokens });
      for (let frame = 55; frame < 90; frame++) {
        const { tokens } = await ears.hear(around(ramp, ears, frame));
        expect(placesOf(tokens!), `frame ${frame}`).toEqual(windowOf(frame));
        // The window ends with the last token of right context, at an even mel frame.
        expect(encode.firsts.at(-1)).toBe(2 * (2 * frame + 5 + rightTokens + 1) - 200);
      }
    });

  it('give the same whichever frames are left out, also after a gap of seconds', async () => {
    const { ears } = openLive();
    for (const frame of [55, 56, 59, 60, 67, 80, 88]) {
      const { tokens } = await ears.hear(around(ramp, ears, frame));
      expect(placesOf(tokens!)).toEqual(windowOf(frame));
    }
    const { ears: others } = openLive();
    await others.hear(around(ramp, others, 0));
    expect(placesOf((await others.hear(around(ramp, others, 70))).tokens!)).toEqual(windowOf(70));
  });

  it('give two frames per run where the hop is two', async () => {
    const { ears, encode } = openLive({ hop: 2 });
    for (let frame = 55; frame < 88; frame += 2) {
      const { tokens, second } = await ears.hear(around(ramp, ears, frame));
      expect(tokens!.length).toBe(2 * 100);
      expect(second).toBeDefined();
      expect(placesOf(tokens!, 0)).toEqual(windowOf(frame));
      expect(placesOf(tokens!, 1)).toEqual(windowOf(frame + 1));
    }
    expect(encode.firsts.length).toBe(17);
  });

  it('make two frames of the sound for one by using up right context', async () => {
    const { ears } = openLive();
    for (let frame = 55; frame < 88; frame += 2) {
      const { tokens } = await ears.hear(around(ramp, ears, frame), 2);
      expect(placesOf(tokens!, 0)).toEqual(windowOf(frame));
      expect(placesOf(tokens!, 1)).toEqual(windowOf(frame + 1));
    }
    const { ears: short } = openLive({ rightTokens: 1 });
    const { tokens } = await short.hear(around(ramp, short, 60), 2);
    // One token short: the second frame hears 20 ms early.
    expect(placesOf(tokens!, 1)).toEqual(windowOf(61).map((token) => token - 1));
  });

  it('take sound that ends in the middle of a token', async () => {
    const { ears } = openLive();
    const { tokens } = await ears.hear(around(ramp, ears, 60, 200));
    expect(placesOf(tokens!)).toEqual(windowOf(60));
  });

  it('begin again with other sound after a reset', async () => {
    const { ears } = openLive();
    await ears.hear(around(ramp.subarray(0, 40_000).toReversed(), ears, 58));
    ears.reset();
    expect(placesOf((await ears.hear(around(ramp, ears, 57))).tokens!)).toEqual(windowOf(57));
  });

  it('answer calls that overlap in their order', async () => {
    const { ears } = openLive();
    const heard = await Promise.all([60, 61, 62, 64].map((frame) => ears.hear(around(ramp, ears, frame))));
    expect(heard.map(({ tokens }) => placesOf(tokens!))).toEqual([60, 61, 62, 64].map(windowOf));
  });

  it('encode nothing in silence, and hear the whole window when the voice sets in', async () => {
    const voice = new Float32Array(16_000 * 4);
    voice.set(
      makeVoice(16_000).map((value) => value * 0.5),
      32_000,
    );
    let runs = 0;
    const encode: EncodeMel = async (_, mel) => {
      runs++;
      return Float32Array.from({ length: 1000 }, (_, i) => mel[(i % 80) * 200 + (i % 200)]!);
    };
    const ears = new Ears({ mode: 'live', hop: 1, channels: 2, encode });
    const gains: number[] = [];
    for (let frame = 0; frame < 94; frame++) {
      const { gain, tokens, speaking, openness } = await ears.hear(around(voice, ears, frame));
      gains.push(gain);
      expect(tokens === undefined).toBe(gain === 0);
      if (gain === 0) expect([speaking, openness]).toEqual([false, 0]);
    }
    expect(runs).toBe(gains.filter((gain) => gain > 0).length);
    expect(gains.slice(0, 45).every((gain) => gain === 0)).toBe(true);
    expect(gains.slice(52, 74).every((gain) => gain === 1)).toBe(true);
    expect(gains.at(-1)).toBe(0);
  });

  it('encode for two frames if either is heard', async () => {
    const voice = new Float32Array(16_000 * 3);
    voice.set(
      makeVoice(16_000).map((value) => value * 0.5),
      16_000,
    );
    const encode: EncodeMel = async () => new Float32Array(1000);
    const ears = new Ears({ mode: 'live', hop: 2, channels: 2, encode });
    for (let frame = 0; frame < 68; frame += 2) {
      const { gain, second, tokens } = await ears.hear(around(voice, ears, frame));
      expect(tokens === undefined).toBe(gain === 0 && second!.gain === 0);
    }
  });
});

describe('ears with the same sound as upstream', () => {
  const CHANNELS = 64;
  const voice = makeVoice(31 * 16_000);
  let folder: string;
  let encode: EncodeMel;
  const sessions: ort.InferenceSession[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musecam-ears-'));
    const shapes = JSON.parse(
      (await readFile(new URL('../../onnx/golden/whisper.json', import.meta.url))).toString(),
    ) as Record<string, number[]>;
    const weights = await writeSeededNetwork(folder, 'whisper.safetensors', shapes);
    const build = async (melFrames: number) => {
      const path = join(folder, `whisper-${melFrames}.onnx`);
      await using graph = await OnnxGraph.create(path, 'float32');
      await using checkpoint = await openSafetensors(weights);
      const mel = graph.input('mel', 'float32', [1, 80, melFrames]);
      const states = await addWhisperEncoder(graph, checkpoint, mel, { melFrames });
      graph.output('states', 'float32', [1, melFrames / 2, 5, CHANNELS], states);
      await graph.finish();
      const session = await ort.InferenceSession.create(path);
      sessions.push(session);
      return session;
    };
    const networks = { live: await build(200), parity: await build(3000) };
    encode = async (graph, mel) => {
      const outputs = await networks[graph].run({ mel: new ort.Tensor('float32', mel, [1, 80, mel.length / 80]) });
      return outputs.states!.data as Float32Array;
    };
  });
  afterAll(async () => {
    for (const session of sessions) await session.release();
    await rm(folder, { recursive: true, force: true });
  });

  it("give upstream's tokens at both edges and across segments, encoding each segment once", async () => {
    const { stateFrames } = JSON.parse((await golden('hearing.json')).toString()) as { stateFrames: number[] };
    const expected = new Float32Array(Uint8Array.from(await golden('hearing.f32')).buffer);
    let runs = 0;
    const counting: EncodeMel = (graph, mel) => {
      runs++;
      expect(graph).toBe('parity');
      return encode(graph, mel);
    };
    const ears = new Ears({ mode: 'parity', hop: 1, channels: CHANNELS, encode: counting, gate: false });
    expect(countFrames(voice.length)).toBe(775);
    for (const [index, frame] of stateFrames.entries()) {
      const { tokens, gain } = await ears.hear(around(voice, ears, frame));
      expect(gain).toBe(1);
      const wanted = expected.subarray(index * 50 * CHANNELS, (index + 1) * 50 * CHANNELS);
      expect(tokens!.length).toBe(wanted.length);
      let worst = 0;
      for (let i = 0; i < wanted.length; i++) worst = Math.max(worst, Math.abs(tokens![i]! - wanted[i]!));
      expect(worst, `frame ${frame}`).toBeLessThan(1e-5);
    }
    expect(runs).toBe(2);
  });

  it('run with the short window, and give tokens of the same shape that go the same way', async () => {
    const live = new Ears({ mode: 'live', hop: 1, channels: CHANNELS, encode });
    const parity = new Ears({ mode: 'parity', hop: 1, channels: CHANNELS, encode });
    for (const frame of [80, 81, 85]) {
      const heard = await live.hear(around(voice, live, frame));
      const wanted = await parity.hear(around(voice, parity, frame));
      expect(heard.gain).toBe(1);
      expect(heard.tokens!.length).toBe(50 * CHANNELS);
      expect(wanted.tokens!.length).toBe(50 * CHANNELS);
      expect(cosine(heard.tokens!, wanted.tokens!)).toBeGreaterThan(0.5);
    }
  });
});

describe('parity ears', () => {
  /** States that tell their segment by the number of the run. */
  function openParity(length: number, hop: 1 | 2 = 1) {
    const sound = makeVoice(16_000);
    const voice = new Float32Array(length);
    for (let at = 0; at < length; at += 16_000) voice.set(sound.subarray(0, Math.min(16_000, length - at)), at);
    let runs = 0;
    const encode: EncodeMel = async () => {
      const base = 1500 * runs++;
      return Float32Array.from({ length: 7500 }, (_, i) => 1 + base + Math.floor(i / 5));
    };
    const ears = new Ears({ mode: 'parity', hop, channels: 1, encode, gate: false });
    return { ears, voice, runs: () => runs };
  }
  const expectedOf = (frame: number, end: number) =>
    windowOf(frame).map((token) => (token < 0 || token >= end ? 0 : token + 1));
  const firstStates = (tokens: Float32Array, index = 0) =>
    Array.from({ length: 10 }, (_, i) => tokens[index * 50 + 5 * i]!);

  for (const hop of [1, 2] as const)
    it(`slice every frame of 65 s, ${hop} at a time, encoding three segments`, async () => {
      const { ears, voice, runs } = openParity(65 * 16_000 + 500, hop);
      const end = 65 * 50 + 1;
      // Around the joints; the rest would take long to copy.
      const frames = [0, 2, 4, 400, 742, 744, 746, 748, 750, 752, 1000, 1494, 1496, 1498, 1500, 1502, 1600, 1620, 1624];
      for (const frame of hop === 2 ? frames : frames.flatMap((one) => [one, one + 1])) {
        const { tokens } = await ears.hear(around(voice, ears, frame));
        for (let i = 0; i < hop; i++)
          expect(firstStates(tokens!, i), `frame ${frame + i}`).toEqual(expectedOf(frame + i, end));
      }
      expect(runs()).toBe(3);
    });

  it('encode no segment behind the end of a sound of exactly 30 s', async () => {
    const { ears, voice, runs } = openParity(480_000);
    for (const frame of [745, 747, 748, 749])
      expect(firstStates((await ears.hear(around(voice, ears, frame))).tokens!)).toEqual(expectedOf(frame, 1500));
    expect(runs()).toBe(1);
  });

  it('try again what failed', async () => {
    let runs = 0;
    const encode: EncodeMel = async () => {
      if (runs++ === 0) throw new Error('the network is gone');
      return new Float32Array(7500).fill(1);
    };
    const ears = new Ears({ mode: 'parity', hop: 1, channels: 1, encode, gate: false });
    const voice = makeVoice(16_000);
    await expect(ears.hear(around(voice, ears, 5))).rejects.toThrow('gone');
    expect((await ears.hear(around(voice, ears, 5))).tokens![0]).toBe(1);
  });

  it('encode nothing while nobody speaks', async () => {
    const encode: EncodeMel = () => Promise.reject(new Error('must not be called'));
    const ears = new Ears({ mode: 'parity', hop: 1, channels: 1, encode });
    expect((await ears.hear(around(new Float32Array(32_000), ears, 5))).tokens).toBeUndefined();
  });
});

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return ab / Math.sqrt(aa * bb);
}
