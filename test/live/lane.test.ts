import { describe, expect, it } from 'vitest';
import type { OpenVideoOutput } from '../../src/api/contributions.ts';
import { AppError } from '../../src/base/errors.ts';
import { FramePool } from '../../src/live/frame-pool.ts';
import { Lane } from '../../src/live/lane.ts';
import { settle } from '../fakes/fake-time.ts';

const pool = () => new FramePool({ width: 4, height: 4 });

/** An output that sends when told. */
class SlowOutput implements OpenVideoOutput {
  readonly label = 'slow';
  readonly wantsSound = false;
  readonly sent: number[] = [];
  #finish: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  send(frame: { index: number }): Promise<void> {
    this.sent.push(frame.index);
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
  }
  async finish(): Promise<void> {
    this.#finish?.();
    await settle();
  }
  async fail(error: Error): Promise<void> {
    this.#fail?.(error);
    await settle();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#finish?.();
  }
}

function offer(lane: Lane, frames: FramePool, index: number): void {
  using frame = frames.take();
  frame.index = index;
  lane.offer(frame);
}

describe('a lane', () => {
  it('keeps a mailbox of one: newer pictures replace older ones while the output is stuck', async () => {
    const output = new SlowOutput();
    const frames = pool();
    await using lane = new Lane('slow', output);
    for (let index = 0; index < 100; index++) offer(lane, frames, index);
    expect(frames.made).toBeLessThanOrEqual(3);
    await output.finish();
    expect(output.sent).toEqual([0, 99]);
    await output.finish();
    expect(lane.status).toMatchObject({ sent: 2, dropped: 98, state: 'ready' });
    expect(frames.held).toBe(0);
  });

  it('hands pictures on between beats only to an output that takes them at any moment', async () => {
    const frames = pool();
    const outputs = [new SlowOutput(), Object.assign(new SlowOutput(), { takesBetween: true })];
    for (const output of outputs) {
      await using lane = new Lane('any', output);
      {
        using frame = frames.take();
        frame.index = 5;
        lane.offerBetween(frame);
      }
      await output.finish();
    }
    expect(outputs.map(({ sent }) => sent)).toEqual([[], [5]]);
    expect(frames.held).toBe(0);
  });

  it('hands the voice on as it comes, and silence at once, until it is closed', async () => {
    const heard: unknown[] = [];
    const lane = new Lane('voice', {
      ...{ label: 'voice', wantsSound: false, send: async () => {}, [Symbol.asyncDispose]: async () => {} },
      hearVoice: (chunk) => void heard.push(chunk.samples.length),
      setSilent: (isSilent) => void heard.push(isSilent),
    });
    const chunk = { samples: new Float32Array(480), sampleRateHz: 48_000, capturedAtMs: 10 };
    lane.hearVoice(chunk);
    lane.setSilent(true);
    await lane[Symbol.asyncDispose]();
    lane.hearVoice(chunk);
    expect(heard).toEqual([480, true]);
  });

  it('marks a failing output with its reason and fix, and gives its pictures back', async () => {
    const output = new SlowOutput();
    const frames = pool();
    await using lane = new Lane('slow', output);
    offer(lane, frames, 0);
    await output.fail(new AppError('DISK_FULL', 'No space left.', { fix: 'Make room.' }));
    offer(lane, frames, 1);
    expect(lane.status).toMatchObject({ state: 'failed', detail: 'No space left.', fix: 'Make room.' });
    expect(frames.held).toBe(0);
    expect(output.sent).toEqual([0]);
  });

  it('does not wait for one output to serve another', async () => {
    const stuck = new SlowOutput();
    const quick = new SlowOutput();
    const frames = pool();
    await using one = new Lane('stuck', stuck);
    await using two = new Lane('quick', quick);
    for (let index = 0; index < 5; index++) {
      offer(one, frames, index);
      offer(two, frames, index);
      await quick.finish();
    }
    expect(quick.sent).toEqual([0, 1, 2, 3, 4]);
    expect(stuck.sent).toEqual([0]);
  });
});
