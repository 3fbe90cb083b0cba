import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { AudioOutputStatus } from '../../src/api/status.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { Cli, makeHome } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { hasPulse, PulseServer } from '../fakes/pulse-server.ts';
import { childrenOf, withoutSound } from './bare-machine.ts';
import { DaemonDoor, type Seen } from './daemon-door.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());

/** What is promised after something that was away is there again, in ms. */
const BACK_WITHIN_MS = 2000;
/** How often the sound server is killed for counting leaks. */
const RESTARTS = 6;

const voiceOf = (status: Seen) => status.links.find(({ id }) => id === 'virtual-mic.microphone') as AudioOutputStatus;
const ownModules = (pulse: PulseServer) =>
  pulse
    .pactl('list', 'short', 'modules')
    .stdout.split('\n')
    .filter((line) => line.includes('musecam.pid='));

/** What a process holds: open files, children, and memory in MB. */
function holdings(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    files: readdirSync(`/proc/${pid}/fd`).length,
    children: childrenOf(pid).length,
    megabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
  };
}

/** How long it takes until a state is seen, in ms. */
async function timeUntil(isThere: () => Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  while (!(await isThere())) {
    if (performance.now() - startMs > 15_000) throw new Error('it did not come back in 15 s');
    await sleep(20);
  }
  return performance.now() - startMs;
}

/** Pictures a second that were shown in a stretch of statuses. */
function rateOf(seen: readonly Seen[]): number {
  const [first, last] = [seen[0]!, seen.at(-1)!];
  return ((last.frames.shown - first.frames.shown) * 1000) / (last.atMs - first.atMs);
}

/** A small disk of its own, so that it can be full; undefined where nothing may be mounted. */
function mountSmallDisk(megabytes: number): (Disposable & { readonly path: string }) | undefined {
  const path = join(home.path, 'small-disk');
  mkdirSync(path, { recursive: true });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  if (mounted.status !== 0) return undefined;
  return { path, [Symbol.dispose]: () => void spawnSync('umount', ['-l', path]) };
}

describe('what fails while a show runs', { retry: 1, timeout: 120_000 }, () => {
  it('the sound server, again and again: the picture goes on, mouth and microphone are back in 2 s, nothing leaks', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils)');
    await using pulse = await PulseServer.start();
    const args = ['--input', 'mic', '--set', 'virtual-mic.enabled=on'];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...args], { ...pulse.env, ...home.env });
    const door = await DaemonDoor.of(cli);
    const isWell = async () => {
      const status = await door.status();
      return status.input.state === 'ready' && voiceOf(status).state === 'ready' && status.engine.state === 'ready';
    };
    await timeUntil(isWell);
    const backMs: number[] = [];
    const rates: number[] = [];
    let before: ReturnType<typeof holdings> | undefined;
    for (let round = 0; round < RESTARTS; round++) {
      await pulse.kill();
      await timeUntil(async () => (await door.status()).input.state === 'degraded');
      rates.push(rateOf(await door.watchFor(500)));
      await pulse.restart();
      backMs.push(await timeUntil(isWell));
      // The first rounds load what is loaded once.
      if (round === 1) before = holdings(cli.child.pid!);
    }
    await sleep(500);
    const after = holdings(cli.child.pid!);
    expect(Math.min(...rates)).toBeGreaterThan(15);
    expect([...backMs].sort((a, b) => a - b)[RESTARTS / 2]).toBeLessThan(BACK_WITHIN_MS);
    expect(after.children).toBe(before!.children);
    expect(after.files).toBeLessThanOrEqual(before!.files + 2);
    expect(after.megabytes).toBeLessThan(before!.megabytes + 60);
    expect(ownModules(pulse)).toHaveLength(2);
  });

  it('the microphone’s devices, removed by somebody: they are back in 2 s, twice', async (context) => {
    need(context, hasPulse(), 'PulseAudio (pulseaudio, pulseaudio-utils)');
    await using pulse = await PulseServer.start();
    const args = ['--input', `wav:${bundledSpeechPath}`, '--loop', '--set', 'virtual-mic.enabled=on'];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...args], { ...pulse.env, ...home.env });
    const door = await DaemonDoor.of(cli);
    const isWell = async () => voiceOf(await door.status()).state === 'ready' && ownModules(pulse).length === 2;
    await timeUntil(isWell);
    for (const module of ['module-null-sink', 'module-remap-source']) {
      const index = ownModules(pulse)
        .find((line) => line.includes(module))!
        .split('\t')[0]!;
      pulse.pactl('unload-module', index);
      await timeUntil(async () => voiceOf(await door.status()).state !== 'ready');
      expect(await timeUntil(isWell)).toBeLessThan(BACK_WITHIN_MS);
    }
    cli.child.kill('SIGINT');
    expect((await cli.ended).code).toBe(0);
    expect(ownModules(pulse)).toEqual([]);
  });

  it('a disk that is full: the recording says so and keeps what it has, everything else goes on', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    using disk = mountSmallDisk(3);
    need(context, disk !== undefined, 'the right to mount a small disk');
    const video = join(disk!.path, 'show.mkv');
    const args = ['--input', `wav:${bundledSpeechPath}`, '--loop', '--output', `file:${video}`];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...args], withoutSound(home));
    const door = await DaemonDoor.of(cli);
    const recording = (status: Seen) => status.outputs.find(({ id }) => id.startsWith('recorder'))!;
    await expect.poll(async () => recording(await door.status()).sent, { timeout: 20_000 }).toBeGreaterThan(50);
    // Somebody else fills it while the recording is written.
    const free = Number(
      spawnSync('stat', ['-f', '-c', '%a*%S', disk!.path], { encoding: 'utf8' }).stdout.split('*')[0],
    );
    writeFileSync(join(disk!.path, 'else'), Buffer.alloc(Math.max(0, free * 4096 - 200_000)));
    await expect.poll(async () => recording(await door.status()).state, { timeout: 60_000 }).toBe('failed');
    const { detail, fix } = recording(await door.status());
    expect(detail).toContain('no room left on the disk');
    expect(fix).toContain('Free some space');
    const seen = await door.watchFor(2000);
    expect(rateOf(seen)).toBeGreaterThan(15);
    expect(seen.at(-1)!.outputs.find(({ id }) => id === 'web-panel.page')!.state).toBe('ready');
    cli.child.kill('SIGINT');
    const ended = await cli.ended;
    expect(ended.stderr).not.toContain('This is a bug');
    // What had been written plays.
    const left = readdirSync(disk!.path).filter((name) => name.includes('show'));
    expect(left.length).toBeGreaterThan(0);
    const path = join(disk!.path, left[0]!);
    expect(statSync(path).size).toBeGreaterThan(10_000);
    const probe = spawnSync(
      'ffprobe',
      ['-v', 'error', '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0', path],
      { encoding: 'utf8' },
    );
    expect(Number(probe.stdout.split('\n')[0])).toBeGreaterThan(25);
  });
});
