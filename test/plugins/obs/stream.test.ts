import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/base/log.ts';
import { StreamOutput } from '../../../src/plugins/obs/stream-output.ts';
import { hasProgram, need } from '../../fakes/need.ts';

const SIZE = { width: 64, height: 36 } as const;
const openStream = () =>
  StreamOutput.open({ ...SIZE, framesPerSecond: 25, target: undefined, log: silentLog, onHealth() {} });

function makeFrame(index: number, luma: number) {
  const pixels = SIZE.width * SIZE.height;
  const data = new Uint8Array(pixels * 1.5).fill(128);
  data.fill(luma, 0, pixels);
  return { ...SIZE, format: 'i420', data, index, capturedAtMs: 0 } as const;
}

describe('the stream for OBS', () => {
  it('is Matroska that ffmpeg reads byte for byte, across clusters', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    await using stream = await openStream();
    const frames = 300;
    const read = promisify(execFile)(
      'ffmpeg',
      ['-v', 'error', '-f', 'matroska', '-i', stream.address, '-frames:v', String(frames), '-f', 'rawvideo', '-'],
      { encoding: 'buffer', maxBuffer: 1e8, timeout: 30_000 },
    );
    let isDone = false;
    void read.finally(() => {
      isDone = true;
    });
    for (let i = 0; !isDone; i++) {
      await stream.send(makeFrame(i, 16 + (i % 200)));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const { stdout } = await read;
    const bytes = SIZE.width * SIZE.height * 1.5;
    expect(stdout.length).toBe(frames * bytes);
    const lumas = Array.from({ length: frames }, (_, i) => stdout[i * bytes]!);
    // None doubled, none out of order: each one lighter than the last, from 215 on to 16.
    for (const [i, luma] of lumas.entries()) {
      if (i > 0) expect((luma - lumas[i - 1]! + 200) % 200).toBeGreaterThan(0);
    }
  });

  it('answers nobody without its key, by another name, or in another way', async () => {
    await using stream = await openStream();
    const wrong = stream.address.replace(/.{3}(?=\/avatar)/, 'xxx');
    expect((await fetch(wrong)).status).toBe(404);
    expect((await fetch(stream.address.replace('127.0.0.1', 'localhost'))).status).toBe(404);
    expect((await fetch(stream.address, { method: 'POST' })).status).toBe(405);
    await using other = await openStream();
    expect(new URL(other.address).pathname).not.toBe(new URL(stream.address).pathname);
  });

  it('takes four viewers, and copies nothing while there is none', async () => {
    await using stream = await openStream();
    const frame = makeFrame(0, 100);
    await stream.send({
      ...frame,
      get data(): never {
        throw new Error('looked at');
      },
    });
    const hangUp = new AbortController();
    for (let i = 0; i < 4; i++) expect((await fetch(stream.address, { signal: hangUp.signal })).status).toBe(200);
    expect((await fetch(stream.address)).status).toBe(503);
    hangUp.abort();
    await expect
      .poll(async () => {
        const again = new AbortController();
        const { status } = await fetch(stream.address, { signal: again.signal });
        again.abort();
        return status;
      })
      .toBe(200);
  });
});
