import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { wavInput } from '../../../src/plugins/wav/wav-input.ts';
import { audioOptions } from '../../fakes/audio-options.ts';
import { formatChunk, riffChunk, riffFile, s16 } from '../../fakes/make-wav.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-wav-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const never = new AbortController().signal;

/** A file whose sample n is n modulo 30 000. */
function saveCounting(rateHz: number, count: number): string {
  const path = join(folder, `${rateHz}-${count}.wav`);
  const data = s16(...Array.from({ length: count }, (_, n) => n % 30_000));
  writeFileSync(path, riffFile([formatChunk(1, 1, rateHz, 16), riffChunk('data', data)]));
  return path;
}

describe('the wav input', () => {
  it('needs a path', async () => {
    await expect(wavInput.open(audioOptions(undefined), never)).rejects.toMatchObject({ code: 'WAV_NO_PATH' });
  });

  it('delivers every sample once, in chunks of 20 ms that do not drift, as fast as asked off line', async () => {
    const options = audioOptions(saveCounting(11_025, 11_100));
    await using input = await wavInput.open(options, never);
    const heard: number[] = [];
    const lengths: number[] = [];
    for await (const chunk of input.chunks(never)) {
      expect(chunk.sampleRateHz).toBe(11_025);
      expect(chunk.capturedAtMs).toBeNaN();
      heard.push(...chunk.samples);
      lengths.push(chunk.samples.length);
    }
    expect(heard.map((sample) => Math.round(sample * 32_768))).toEqual(Array.from({ length: 11_100 }, (_, n) => n));
    // 220.5 samples each: 220 and 221 in turn, then the rest.
    expect(new Set(lengths.slice(0, -1))).toEqual(new Set([220, 221]));
    expect(lengths.slice(0, 50).reduce((a, b) => a + b)).toBe(11_025);
    expect(options.health).toEqual([{ state: 'ready', detail: '1.0 s at 11025 Hz' }]);
  });

  it('goes on at the start without a seam when looped', async () => {
    await using input = await wavInput.open(audioOptions(saveCounting(16_000, 501), { loop: true }), never);
    const heard: number[] = [];
    for await (const chunk of input.chunks(never)) {
      expect(chunk.samples.length).toBe(320);
      heard.push(...chunk.samples);
      if (heard.length > 2_000) break;
    }
    heard.forEach((sample, n) => {
      expect(Math.round(sample * 32_768)).toBe(n % 501);
    });
  });

  it('keeps to an absolute clock in real time, and catches up after its reader was held up', async () => {
    await using input = await wavInput.open(audioOptions(saveCounting(16_000, 9_600), { isRealTime: true }), never);
    const startMs = performance.now();
    const captured: number[] = [];
    for await (const chunk of input.chunks(never)) {
      // Never before the sound has been spoken.
      expect(performance.now()).toBeGreaterThanOrEqual(chunk.capturedAtMs);
      captured.push(chunk.capturedAtMs);
      if (captured.length === 5) await new Promise((resolve) => setTimeout(resolve, 150));
    }
    // 600 ms of sound take 600 ms, not 150 ms longer: the stamps are those of a clock without hiccups.
    expect(captured).toHaveLength(30);
    captured.forEach((timeMs, n) => {
      expect(timeMs - captured[0]!).toBeCloseTo(20 * n, 6);
    });
    expect(captured.at(-1)! - startMs).toBeGreaterThanOrEqual(599);
  });

  it('ends without an error when aborted or disposed while it waits', async () => {
    const path = saveCounting(16_000, 16_000);
    for (const end of ['abort', 'dispose'] as const) {
      const input = await wavInput.open(audioOptions(path, { isRealTime: true, loop: true }), never);
      const stop = new AbortController();
      let count = 0;
      for await (const _chunk of input.chunks(stop.signal)) {
        if (++count < 3) continue;
        if (end === 'abort') stop.abort();
        else void input[Symbol.asyncDispose]();
      }
      expect(count).toBe(3);
      await input[Symbol.asyncDispose]();
      await input[Symbol.asyncDispose]();
    }
  });
});
