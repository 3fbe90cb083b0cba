import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { OpenAudioInput } from '../../../src/api/contributions.ts';
import { createPcmInput } from '../../../src/plugins/pcm/pcm-input.ts';
import { audioOptions } from '../../fakes/audio-options.ts';
import { s16 } from '../../fakes/make-wav.ts';
import { hasProgram, need } from '../../fakes/need.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-pcm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const never = new AbortController().signal;
const noStdin = createPcmInput(() => {
  throw new Error('standard input was touched');
});

function counting(count: number, from = 0): Buffer {
  return s16(...Array.from({ length: count }, (_, n) => (from + n) % 30_000));
}

async function collect(input: OpenAudioInput, signal = never): Promise<number[]> {
  const heard: number[] = [];
  for await (const chunk of input.chunks(signal)) {
    expect(chunk.sampleRateHz).toBe(16_000);
    expect(chunk.samples.length).toBeLessThanOrEqual(320);
    for (const sample of chunk.samples) heard.push(Math.round(sample * 32_768));
  }
  return heard;
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n % 30_000);

describe('the pcm input', () => {
  it('reads standard input to its end, however the bytes are cut', async () => {
    const bytes = counting(5_000);
    const cuts = [1, 2, 3, 5, 640, 641, 4_001, bytes.length];
    const blocks = cuts.map((to, n) => bytes.subarray(cuts[n - 1] ?? 0, to));
    await using input = await createPcmInput(() => Readable.from(blocks)).open(audioOptions('-'), never);
    expect(await collect(input)).toEqual(range(5_000));
  });

  it('takes standard input where no target is given, and says when it ended within a sample', async () => {
    const options = audioOptions(undefined);
    const stdin = () => Readable.from([Buffer.from([1, 0, 2])]);
    await using input = await createPcmInput(stdin).open(options, never);
    expect(await collect(input)).toEqual([1]);
    expect(options.warnings).toEqual(['the sound ended with half a sample; is it s16le?']);
  });

  it('refuses a terminal', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    const opened = createPcmInput(() => terminal).open(audioOptions('-'), never);
    await expect(opened).rejects.toMatchObject({ code: 'PCM_FROM_TERMINAL' });
  });

  it('stamps chunks with their arrival and holds up nobody who speaks in real time', async () => {
    const stdin = new PassThrough();
    const options = audioOptions('-', { isRealTime: true });
    await using input = await createPcmInput(() => stdin).open(options, never);
    const chunks = input.chunks(never)[Symbol.asyncIterator]();
    for (let n = 0; n < 5; n++) {
      const writtenMs = performance.now();
      stdin.write(counting(320, 320 * n));
      const { value } = await chunks.next();
      expect(value.capturedAtMs).toBeGreaterThanOrEqual(writtenMs);
      expect(value.capturedAtMs).toBeLessThanOrEqual(performance.now());
      expect(Math.round(value.samples[0] * 32_768)).toBe(320 * n);
      await sleep(20);
    }
    await chunks.return?.();
  });

  it('slows down a sender that is faster than speech, instead of filling memory', async () => {
    let sent = 0;
    const stdin = new Readable({ read: () => void stdin.push(counting(320, 320 * sent++)) });
    await using input = await createPcmInput(() => stdin).open(audioOptions('-', { isRealTime: true }), never);
    const startMs = performance.now();
    let heardMs = 0;
    for await (const chunk of input.chunks(never)) {
      heardMs += chunk.samples.length / 16;
      // 100 ms may come ahead, and 0.1 % faster.
      expect(heardMs).toBeLessThanOrEqual(125 + (performance.now() - startMs) * 1.002);
      if (heardMs >= 600) break;
    }
    // Node's own buffer of 64 KiB is all that was read ahead: 102 chunks of 640 bytes.
    expect(sent).toBeLessThan(30 + 110);
  });

  it('can be opened again after it was left, because standard input stays open', async () => {
    const stdin = new PassThrough();
    const pcm = createPcmInput(() => stdin);
    stdin.write(counting(320));
    const first = await pcm.open(audioOptions('-'), never);
    for await (const chunk of first.chunks(never)) {
      expect(chunk.samples.length).toBe(320);
      break;
    }
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await using second = await pcm.open(audioOptions('-'), never);
    stdin.end(counting(700));
    expect(await collect(second)).toEqual(range(700));
  });

  it('ends without an error when aborted or disposed while nothing comes', async () => {
    for (const end of ['abort', 'dispose'] as const) {
      const input = await createPcmInput(() => new PassThrough()).open(audioOptions('-'), never);
      const stop = new AbortController();
      setTimeout(() => (end === 'abort' ? stop.abort() : void input[Symbol.asyncDispose]()), 20);
      expect(await collect(input, stop.signal)).toEqual([]);
      await input[Symbol.asyncDispose]();
    }
  });

  it('says what happened when the sender breaks', async () => {
    const stdin = new PassThrough();
    await using input = await createPcmInput(() => stdin).open(audioOptions('-'), never);
    setTimeout(() => stdin.destroy(new Error('EIO: read')), 10);
    await expect(collect(input)).rejects.toMatchObject({ code: 'PCM_UNREADABLE' });
  });

  it('reads a file', async () => {
    const path = join(folder, 'voice.raw');
    writeFileSync(path, counting(50_000));
    await using input = await noStdin.open(audioOptions(path), never);
    expect(await collect(input)).toEqual(range(50_000));
  });

  it('waits for the sender of a named pipe and ends with it', async (context) => {
    need(context, hasProgram('mkfifo'), 'named pipes (mkfifo)');
    const path = join(folder, 'pipe');
    const source = join(folder, 'source.raw');
    writeFileSync(source, counting(40_000));
    spawnSync('mkfifo', [path]);
    await using input = await noStdin.open(audioOptions(path), never);
    const heard = collect(input);
    await sleep(100);
    spawn('sh', ['-c', 'cat "$0" > "$1"', source, path]);
    expect(await heard).toEqual(range(40_000));
  });

  it('lets go of a named pipe nobody writes to', async (context) => {
    need(context, hasProgram('mkfifo'), 'named pipes (mkfifo)');
    const path = join(folder, 'quiet');
    spawnSync('mkfifo', [path]);
    const input = await noStdin.open(audioOptions(path), never);
    const heard = collect(input);
    await sleep(50);
    await input[Symbol.asyncDispose]();
    expect(await heard).toEqual([]);
  });

  it('names what is missing or cannot be read', async () => {
    const open = (path: string) => noStdin.open(audioOptions(path), never);
    await expect(open(join(folder, 'none'))).rejects.toMatchObject({ code: 'PCM_NOT_FOUND' });
    await expect(open(folder)).rejects.toMatchObject({ code: 'PCM_UNREADABLE' });
  });
});
