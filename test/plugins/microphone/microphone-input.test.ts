import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { OpenAudioInput } from '../../../src/api/contributions.ts';
import { findNodeEntry } from '../../../src/base/node-entry.ts';
import { CAPTURE_TIMING } from '../../../src/plugins/microphone/capture-timing.ts';
import { createMicrophoneInput } from '../../../src/plugins/microphone/microphone-input.ts';
import { audioOptions, type RecordedOptions } from '../../fakes/audio-options.ts';
import { captureChildren } from '../../fakes/capture-children.ts';
import { writeFakePortAudio } from '../../fakes/fake-port-audio.ts';
import { need } from '../../fakes/need.ts';

const folder = mkdtempSync(join(tmpdir(), 'musecam-microphone-'));
const usualFolder = process.env.TMPDIR;
/** Where capture processes get their scratch folders, away from those of other tests. */
process.env.TMPDIR = folder;
afterAll(() => {
  if (usualFolder === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = usualFolder;
  rmSync(folder, { recursive: true, force: true });
});
const isLinux = process.platform === 'linux';
/** Neither a sound server nor programs that could find a microphone of this machine. */
const environment = { PATH: folder, HOME: folder, TMPDIR: folder };
const timing = { ...CAPTURE_TIMING, startLimitMs: 10_000, retryDelaysMs: [50, 100] };
const never = new AbortController().signal;

afterEach(() => {
  if (isLinux) expect(captureChildren(), 'children left behind').toEqual([]);
  expect(readdirSync(folder).filter((name) => name.startsWith('musecam-capture-'))).toEqual([]);
});

function microphone(deviceNames: readonly string[], backend = 'auto', changes = {}) {
  const portAudioModule = writeFakePortAudio(folder, deviceNames);
  return createMicrophoneInput(() => backend, { environment, timing: { ...timing, ...changes }, portAudioModule });
}

/** Reads until `isEnough`; returns whole-number samples. */
async function hear(input: OpenAudioInput, isEnough: (samples: readonly number[]) => boolean): Promise<number[]> {
  const heard: number[] = [];
  for await (const chunk of input.chunks(never)) {
    expect(chunk.capturedAtMs).toBeLessThanOrEqual(performance.now());
    for (const sample of chunk.samples) heard.push(Math.round(sample * 32_768));
    if (isEnough(heard)) break;
  }
  return heard;
}

async function waitFor(options: RecordedOptions, isThere: (text: string) => boolean): Promise<void> {
  while (!options.health.some(({ state, detail }) => isThere(`${state}: ${detail}`))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether a process runs: a dead one whose parent is gone may stay in the table. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the microphone, through a PortAudio that behaves as real ones do', () => {
  it('delivers every sample at the rate the device can do, whatever PortAudio prints', async () => {
    const options = audioOptions(undefined);
    await using input = await microphone(['steady']).open(options, never);
    const rates = new Set<number>();
    for await (const chunk of input.chunks(never)) {
      rates.add(chunk.sampleRateHz);
      if (chunk.samples[0]! > 0) break;
    }
    expect([...rates]).toEqual([48_000]);
    const heard = await hear(input, (samples) => samples.length > 20_000);
    heard.forEach((sample, n) => {
      expect(sample).toBe((heard[0]! + n) % 30_000);
    });
    expect(options.health).toEqual([{ state: 'ready', detail: 'Default microphone, by naudiodon' }]);
  });

  it('lists its devices and opens one by part of its name', async () => {
    const mic = microphone(['stalls', 'steady']);
    expect(await mic.list(never)).toEqual([
      { id: 'stalls', label: 'stalls', isDefault: true, state: 'ready' },
      { id: 'steady', label: 'steady', isDefault: false, state: 'ready' },
    ]);
    await using input = await mic.open(audioOptions('TEAD'), never);
    expect(input.label).toBe('steady');
    expect((await hear(input, (samples) => samples.length > 10_000)).length).toBeGreaterThan(10_000);
    await expect(mic.open(audioOptions('rode'), never)).rejects.toMatchObject({ code: 'MICROPHONE_NOT_FOUND' });
    await expect(mic.open(audioOptions('st'), never)).rejects.toMatchObject({ code: 'MICROPHONE_AMBIGUOUS' });
  });

  it.each([
    ['stalls', 'naudiodon has delivered no sound for 0.3 s'],
    ['crashes', 'naudiodon was ended by SIGABRT'],
  ])('replaces a capture process that %s, without the reader noticing more than a gap', async (name, reason) => {
    const options = audioOptions(undefined);
    await using input = await microphone([name], 'naudiodon', { stallLimitMs: 300 }).open(options, never);
    // Ten chunks of 480 samples per life: more means a second and a third one.
    const heard = await hear(input, (samples) => samples.length > 2 * 4_800 + 480);
    expect(heard.filter((sample) => sample === 0).length).toBeGreaterThanOrEqual(2);
    const states = options.health.map(({ state }) => state);
    expect(states.slice(0, 4)).toEqual(['ready', 'degraded', 'ready', 'degraded']);
    expect(options.health[1]!.detail).toContain(reason);
  });

  it('replaces a capture process that is stopped', async (context) => {
    need(context, isLinux, 'Linux: the process is found in /proc');
    const options = audioOptions(undefined);
    await using input = await microphone(['steady']).open(options, never);
    await hear(input, (samples) => samples.length > 1_000);
    const [pid] = captureChildren();
    process.kill(pid!, 'SIGSTOP');
    await waitFor(options, (text) => text.startsWith('degraded') && text.includes('no sound for 1 s'));
    expect((await hear(input, (samples) => samples.length > 1_000)).length).toBeGreaterThan(1_000);
    expect(captureChildren()).toHaveLength(1);
    expect(captureChildren()).not.toContain(pid);
    expect(options.health.at(-1)!.state).toBe('ready');
  });

  it('ends every capture process within a second, also a stopped and a hanging one', async (context) => {
    need(context, isLinux, 'Linux: the process is found in /proc');
    for (const [name, isStopped] of [
      ['steady', false],
      ['steady', true],
      ['stalls', false],
    ] as const) {
      const input = await microphone([name], 'naudiodon', { stallLimitMs: 60_000 }).open(
        audioOptions(undefined),
        never,
      );
      const [pid] = captureChildren();
      if (isStopped) process.kill(pid!, 'SIGSTOP');
      const startMs = performance.now();
      await input[Symbol.asyncDispose]();
      await input[Symbol.asyncDispose]();
      expect(performance.now() - startMs).toBeLessThan(1_000);
      expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    }
  });

  it('leaves no capture process and no scratch folder behind when the daemon itself is killed', async (context) => {
    need(context, isLinux, 'Linux: the process is found in /proc');
    for (const name of ['steady', 'stalls']) {
      const entry = findNodeEntry(import.meta.url, '../../fakes/hold-microphone');
      const args = [...entry.execArgv, entry.path, writeFakePortAudio(folder, [name])];
      const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(daemon.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      expect(isRunning(pid)).toBe(true);
      daemon.kill('SIGKILL');
      await once(daemon, 'exit');
      while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('gives up opening when aborted, and leaves nothing', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await expect(microphone(['steady']).open(audioOptions(undefined), stop.signal)).rejects.toThrow('enough');
    const opened = microphone(['steady']).open(audioOptions(undefined), AbortSignal.abort(new Error('before')));
    await expect(opened).rejects.toThrow('before');
  });

  it('gives up listing when aborted, and every failure of that is heard', async (context) => {
    need(context, isLinux, 'Linux');
    const bin = mkdtempSync(join(folder, 'slow-pactl-'));
    writeFileSync(join(bin, 'pactl'), '#!/bin/sh\nexec /bin/sleep 5\n', { mode: 0o755 });
    const unheard: unknown[] = [];
    const note = (reason: unknown) => void unheard.push(reason);
    process.on('unhandledRejection', note);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    const portAudioModule = writeFakePortAudio(folder, ['steady']);
    const surroundings = { environment: { ...environment, PATH: bin }, timing, portAudioModule };
    await expect(createMicrophoneInput(() => 'auto', surroundings).list(stop.signal)).rejects.toThrow('enough');
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.off('unhandledRejection', note);
    expect(unheard).toEqual([]);
  });

  it('ends its reader when disposed, also while it tries to get the microphone back', async () => {
    const options = audioOptions(undefined);
    const input = await microphone(['crashes'], 'naudiodon', { retryDelaysMs: [60_000] }).open(options, never);
    const reading = hear(input, () => false);
    await waitFor(options, (text) => text.startsWith('degraded'));
    await input[Symbol.asyncDispose]();
    await reading;
  });
});

describe('the microphone, where there is none', () => {
  it('says so, and what was tried', async (context) => {
    need(context, !isLinux || !readdirSync('/dev').includes('snd'), 'a machine without a sound card');
    const opened = microphone([]).open(audioOptions(undefined), never);
    await expect(opened).rejects.toMatchObject({ code: 'NO_MICROPHONE', message: /no input; parec is not installed/ });
    expect(await microphone([]).list(never)).toEqual([]);
  });

  it('goes on to the programs where naudiodon cannot be loaded, and says what is missing', async (context) => {
    need(context, !isLinux || !readdirSync('/dev').includes('snd'), 'a machine without a sound card');
    const mic = createMicrophoneInput(() => 'auto', { environment, timing, portAudioModule: 'no-such-package' });
    const opened = mic.open(audioOptions(undefined), never);
    await expect(opened).rejects.toMatchObject({ message: /cannot be loaded .*arecord is not installed/ });
    expect(await mic.list(never)).toEqual([]);
  });

  it('refuses a back end that does not know the device', async () => {
    const opened = microphone(['steady'], 'arecord').open(audioOptions('steady'), never);
    await expect(opened).rejects.toMatchObject({ code: 'MICROPHONE_BACKEND_MISSING' });
  });

  it('says that a device refuses', async () => {
    const opened = microphone(['refuses'], 'naudiodon').open(audioOptions('refuses'), never);
    await expect(opened).rejects.toMatchObject({ code: 'MICROPHONE_UNAVAILABLE', message: /Device unavailable/ });
  });
});
