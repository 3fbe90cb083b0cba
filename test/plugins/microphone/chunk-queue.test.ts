import { describe, expect, it } from 'vitest';
import type { AudioChunk } from '../../../src/api/media.ts';
import { ChunkQueue } from '../../../src/plugins/microphone/chunk-queue.ts';

const chunk = (capturedAtMs: number): AudioChunk => ({
  samples: new Float32Array(2000),
  sampleRateHz: 16_000,
  capturedAtMs,
});
const never = new AbortController().signal;

describe('ChunkQueue', () => {
  it('begins with what is said once somebody listens', async () => {
    const queue = new ChunkQueue();
    queue.push(chunk(1));
    const reader = queue.read(never);
    const first = reader.next();
    queue.push(chunk(2));
    queue.push(chunk(3));
    expect((await first).value.capturedAtMs).toBe(2);
    expect((await reader.next()).value.capturedAtMs).toBe(3);
    await reader.return(undefined);
    queue.push(chunk(4));
    const again = queue.read(never).next();
    queue.push(chunk(5));
    expect((await again).value.capturedAtMs).toBe(5);
  });

  it('drops the oldest sound of a reader that is two seconds behind', async () => {
    const queue = new ChunkQueue();
    const reader = queue.read(never);
    const first = reader.next();
    for (let n = 0; n < 50; n++) queue.push(chunk(n));
    await first;
    const next = await reader.next();
    // 50 chunks of 0.125 s came; 16 of them are kept.
    expect(next.value.capturedAtMs).toBeGreaterThanOrEqual(34);
    expect(queue.dropped).toBe(34);
  });

  it('ends its reader when closed or aborted, while waiting or not', async () => {
    const queue = new ChunkQueue();
    const stop = new AbortController();
    const waiting = queue.read(stop.signal).next();
    stop.abort();
    expect((await waiting).done).toBe(true);
    expect((await queue.read(AbortSignal.abort()).next()).done).toBe(true);
    const last = queue.read(never).next();
    queue.close();
    expect((await last).done).toBe(true);
  });
});
