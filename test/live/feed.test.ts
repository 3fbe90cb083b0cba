import { describe, expect, it } from 'vitest';
import type { OpenAudioInput } from '../../src/api/contributions.ts';
import type { AudioChunk } from '../../src/api/media.ts';
import { Feed } from '../../src/live/feed.ts';
import { Tape } from '../../src/live/tape.ts';
import { FakeTime, settle } from '../fakes/fake-time.ts';

/** An input whose chunks are pushed by hand. */
class HandInput implements OpenAudioInput {
  readonly label = 'hand';
  readonly #chunks: AudioChunk[] = [];
  #wake: () => void = () => {};
  #isEnded = false;

  async push(chunk: AudioChunk): Promise<void> {
    this.#chunks.push(chunk);
    this.#wake();
    await settle();
  }
  async end(): Promise<void> {
    this.#isEnded = true;
    this.#wake();
    await settle();
  }
  async *chunks(): AsyncIterable<AudioChunk> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) yield chunk;
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

function openFeed() {
  const time = new FakeTime();
  const tape = new Tape();
  const feed = new Feed(tape, time);
  const abort = new AbortController();
  const input = new HandInput();
  const keeping = feed.keepTime(abort.signal);
  const following = feed.follow(input, abort.signal);
  const chunkOf = (ms: number, capturedAtMs = time.now(), value = 0.5) => ({
    samples: new Float32Array(ms * 16).fill(value),
    sampleRateHz: 16_000,
    capturedAtMs,
  });
  return { time, tape, feed, input, abort, chunkOf, done: () => Promise.all([keeping, following]) };
}

describe('feeding the tape', () => {
  it('writes silence, as long as the sound was, while it is muted, and tells nobody else of the sound either', async () => {
    const { time, tape, feed, input, chunkOf } = openFeed();
    const loudest: number[] = [];
    feed.onDidHear(({ samples }) => void loudest.push(Math.max(...samples)));
    for (const isMuted of [false, true, false]) {
      feed.isMuted = isMuted;
      await time.advance(20);
      await input.push(chunkOf(20));
    }
    expect(loudest).toEqual([0.5, 0, 0.5]);
    expect([160, 480, 800].map((at) => tape.read(at, 1)[0])).toEqual([0.5, 0, 0.5]);
    expect(tape.end).toBe(960);
  });

  it('writes what the input delivers and nothing else', async () => {
    const { time, tape, input, chunkOf } = openFeed();
    for (let n = 0; n < 20; n++) {
      await time.advance(20);
      await input.push(chunkOf(20));
    }
    expect(tape.end).toBe(400 * 16);
    expect(tape.read(0, tape.end).every((sample) => sample === 0.5)).toBe(true);
  });

  it('tells what it hears as the input delivered it, before anything is done to it', async () => {
    const { time, feed, input } = openFeed();
    const heard: AudioChunk[] = [];
    const listening = feed.onDidHear((chunk) => heard.push(chunk));
    const chunk = { samples: new Float32Array(960).fill(0.5), sampleRateHz: 48_000, capturedAtMs: time.now() };
    await input.push(chunk);
    listening[Symbol.dispose]();
    await input.push(chunk);
    expect(heard).toEqual([chunk]);
  });

  it('keeps time with silence while nothing comes', async () => {
    const { time, tape } = openFeed();
    await time.advance(3000);
    expect(tape.end / 16).toBeGreaterThan(2900);
    expect(tape.end / 16).toBeLessThanOrEqual(3000);
  });

  it('after a stall does not put the tape ahead: sound that silence stood in for is left out', async () => {
    const { time, tape, input, chunkOf } = openFeed();
    await time.advance(20);
    await input.push(chunkOf(20));
    // This process hangs for a second; the sound of that second then comes at once.
    await time.advance(1000);
    for (let n = 1; n <= 50; n++) await input.push(chunkOf(20, 20 + n * 20));
    await time.advance(20);
    await input.push(chunkOf(20));
    expect(tape.end / 16).toBeGreaterThan(1000);
    expect(tape.end / 16).toBeLessThanOrEqual(1041);
  });

  it('goes on with silence when the input has ended', async () => {
    const { time, tape, input, chunkOf, abort, done } = openFeed();
    await time.advance(20);
    await input.push(chunkOf(20));
    await input.end();
    await time.advance(1000);
    expect(tape.end / 16).toBeGreaterThan(950);
    abort.abort();
    await done();
  });

  it('resamples whatever rate comes, and a change of rate', async () => {
    const { time, tape, input } = openFeed();
    await time.advance(100);
    await input.push({ samples: new Float32Array(4800), sampleRateHz: 48_000, capturedAtMs: 100 });
    await input.push({ samples: new Float32Array(4410), sampleRateHz: 44_100, capturedAtMs: 200 });
    expect(tape.end).toBeGreaterThan(3000);
    expect(tape.end).toBeLessThanOrEqual(3200);
  });
});
