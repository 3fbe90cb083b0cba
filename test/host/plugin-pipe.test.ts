import { PassThrough } from 'node:stream';
import { serialize } from 'node:v8';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PluginPipe } from '../../src/host/plugin-pipe.ts';

/** The bytes of a message as the other end sends them. */
function wire(message: unknown): Buffer {
  const body = serialize(message);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

function openPipe() {
  const stream = new PassThrough();
  const faults: string[] = [];
  const heard: unknown[] = [];
  const pipe = new PluginPipe(stream, (reason) => faults.push(reason));
  pipe.listen((message) => heard.push(message));
  return { stream, pipe, faults, heard };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('the pipe between the show and a plugin', () => {
  afterEach(() => vi.useRealTimers());

  it('puts messages together however they are cut, pictures and sound as they were', async () => {
    const { stream, heard } = openPipe();
    const sent = [
      { a: 1 },
      undefined,
      [new Uint8Array([1, 2, 3]), new Float32Array([0.5, Number.NaN])],
      'ä'.repeat(70_000),
    ];
    const bytes = Buffer.concat(sent.map(wire));
    for (let at = 0, length = 1; at < bytes.length; at += length, length = (length * 7 + 3) % 5000) {
      stream.write(bytes.subarray(at, at + length));
      await soon();
    }
    expect(heard).toEqual(sent);
  });

  it('says once that what comes cannot be understood, and hears no more', async () => {
    for (const junk of [Buffer.from([255, 255, 255, 255]), Buffer.from([3, 0, 0, 0, 1, 2, 3])]) {
      const { stream, heard, faults } = openPipe();
      stream.write(wire('first'));
      stream.write(junk);
      await soon();
      expect([heard, faults.length]).toEqual([['first'], 1]);
      expect(stream.destroyed).toBe(true);
    }
  });

  it('reads fifty messages, then rests: who sends more waits, and nothing is lost or out of order', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { stream, pipe, heard } = openPipe();
    const all = Array.from({ length: 170 }, (_, n) => n);
    stream.write(Buffer.concat(all.map(wire)));
    await soon();
    expect([heard.length, pipe.isThrottled, stream.isPaused()]).toEqual([50, true, true]);
    await vi.advanceTimersByTimeAsync(50);
    expect(heard.length).toBe(100);
    await vi.advanceTimersByTimeAsync(100);
    await soon();
    expect(heard).toEqual(all);
    expect([pipe.isThrottled, stream.isPaused()]).toEqual([false, false]);
  });

  it('refuses what cannot be sent, and sends nothing after its end', () => {
    const { stream, pipe } = openPipe();
    expect(() => pipe.send({ f: () => {} })).toThrow('could not be cloned');
    pipe.close();
    pipe.send('late');
    expect(stream.readableLength).toBe(0);
  });
});
