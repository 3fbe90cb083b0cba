import { describe, expect, it, vi } from 'vitest';
import type { OpenAudioOutput } from '../../src/api/contributions.ts';
import type { AudioChunk } from '../../src/api/media.ts';
import { Emitter } from '../../src/base/event.ts';
import { Stopwatch } from '../../src/live/meter.ts';
import { VoiceLane } from '../../src/live/voice-lane.ts';

/** An output that reaches the delay it is told at once. */
class ObedientOutput implements OpenAudioOutput {
  readonly label = 'Test microphone';
  readonly heard: AudioChunk[] = [];
  delayMs: number | undefined;
  isClosed = false;
  isSilent = false;

  hear(chunk: AudioChunk): void {
    this.heard.push(chunk);
  }
  setDelay(delayMs: number): void {
    this.delayMs = delayMs;
  }
  setSilent(isSilent: boolean): void {
    this.isSilent = isSilent;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
  }
}

function openLane() {
  const output = new ObedientOutput();
  const input = new Emitter<AudioChunk>();
  const latency = new Stopwatch();
  const lane = new VoiceLane('test.voice', output, { onDidHear: input.event, latency });
  return { output, input, latency, lane };
}

const chunk: AudioChunk = { samples: new Float32Array(480), sampleRateHz: 48_000, capturedAtMs: 10 };

describe('the lane of the voice', () => {
  it('hands the sound on as it was captured, until it is closed', async () => {
    const { output, input, lane } = openLane();
    input.fire(chunk);
    expect(output.heard).toEqual([chunk]);
    await lane[Symbol.asyncDispose]();
    input.fire(chunk);
    expect(output.heard).toHaveLength(1);
    expect(output.isClosed).toBe(true);
  });

  it('silences its output at once, and one that cannot be is left to end with its delay', async () => {
    const { output, input, latency, lane } = openLane();
    lane.setSilent(true);
    expect(output.isSilent).toBe(true);
    lane.setSilent(false);
    expect(output.isSilent).toBe(false);
    const plain: OpenAudioOutput = {
      ...{ label: 'plain', delayMs: undefined, hear() {}, setDelay() {} },
      async [Symbol.asyncDispose]() {},
    };
    const other = new VoiceLane('plain.voice', plain, { onDidHear: input.event, latency });
    other.setSilent(true);
    await Promise.all([lane[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  });

  it('tells the output how late the picture is: the median of the last 15, and half a frame', async () => {
    vi.useFakeTimers();
    try {
      const { output, latency, lane } = openLane();
      expect(output.delayMs).toBeUndefined();
      for (let n = 0; n < 100; n++) latency.record(80 + (n % 3));
      vi.advanceTimersByTime(1_000);
      expect(output.delayMs).toBe(101);
      // The picture becomes later: what it was before is no measure for the voice, however long it was so.
      for (let n = 0; n < 15; n++) latency.record(95);
      expect(output.delayMs).toBe(101);
      vi.advanceTimersByTime(250);
      expect(output.delayMs).toBe(115);
      // Some pictures that were held change nothing.
      for (let n = 0; n < 7; n++) latency.record(180);
      vi.advanceTimersByTime(250);
      expect(output.delayMs).toBe(115);
      await lane[Symbol.asyncDispose]();
    } finally {
      vi.useRealTimers();
    }
  });

  it('says how far voice and picture are apart, and what the output says of itself', async () => {
    const { output, latency, lane } = openLane();
    expect(lane.status).toEqual({ id: 'test.voice', label: 'Test microphone', state: 'ready' });
    latency.record(80);
    output.delayMs = 101.04;
    expect(lane.status).toMatchObject({ delayMs: 101, offsetMs: 1, detail: expect.stringContaining('in step') });
    output.delayMs = 140;
    expect(lane.status).toMatchObject({ offsetMs: 40, detail: expect.stringContaining('40 ms after the picture') });
    lane.reportHealth({ state: 'degraded', detail: 'away', fix: 'look' });
    output.delayMs = undefined;
    expect(lane.status).toEqual({
      id: 'test.voice',
      label: 'Test microphone',
      state: 'degraded',
      detail: 'away',
      fix: 'look',
    });
    await lane[Symbol.asyncDispose]();
  });
});
