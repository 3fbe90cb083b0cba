import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { ShowStatus } from '../../src/api/status.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { childrenOf, engineHostOf, isRunning, withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

const home = makeHome();
afterAll(() => home[Symbol.dispose]());
const env = withoutSound(home);

const start = (...args: string[]) => new Cli(['start', '--no-open', '--port', '0', ...args], env);
const statusOf = async () => JSON.parse((await runCli(['status', '--json'], env)).stdout) as ShowStatus;

const isReady = async (door: DaemonDoor) => (await door.status()).engine.state;

describe('musecam start', () => {
  it('on a machine without microphone and camera plays the bundled speech, and says what it picked and why', async () => {
    await using cli = start();
    await cli.says(/Control page: http:\/\/127\.0\.0\.1:\d+\/\?token=\S+/);
    await cli.says(/Voice: the bundled speech, because/);
    await cli.says(/Camera: none/);
    await expect.poll(async () => (await statusOf()).openness, { timeout: 20_000, interval: 50 }).toBeGreaterThan(0.2);
    const status = await statusOf();
    expect(status).toMatchObject({ avatarId: 'mira', engine: { state: 'ready' }, input: { state: 'ready' } });
    expect(status.avatars.map(({ id }) => id)).toEqual(expect.arrayContaining(['mira', 'jonas']));
    expect(status.frames.fresh).toBeGreaterThan(10);
  });

  it('is driven by the other commands: use, next, rest, stop', async () => {
    await using cli = start('--input', `wav:${bundledSpeechPath}`, '--loop');
    await cli.says(/Control page/);
    expect((await runCli(['avatars', 'use', 'jonas'], env)).stdout).toContain('Now showing jonas');
    expect((await statusOf()).avatarId).toBe('jonas');
    await runCli(['avatars', 'next'], env);
    expect((await statusOf()).avatarId).toBe('mira');
    const wrong = await runCli(['avatars', 'use', 'jonss'], env);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('Did you mean jonas?');
    expect((await runCli(['run', 'mouth.rest', '{"on":"yes"}'], env)).stderr).toContain('BAD_ARGUMENTS');
    expect((await runCli(['run', 'no.such'], env)).stderr).toContain('NO_SUCH_COMMAND');
    expect((await runCli(['commands', 'list'], env)).stdout).toContain('avatar.previous');
    expect(JSON.parse((await runCli(['run', 'show.stop'], env)).stdout)).toEqual({ stopping: true });
    expect((await cli.ended).code).toBe(0);
  });

  it('survives the engine host being killed with -9 and stopped: the picture goes on, and it says so', async () => {
    await using cli = start('--input', `wav:${bundledSpeechPath}`, '--loop');
    const door = await DaemonDoor.of(cli);
    await expect.poll(() => isReady(door), { timeout: 20_000 }).toBe('ready');
    for (const [signal, restarts] of [
      ['SIGKILL', 1],
      ['SIGSTOP', 2],
    ] as const) {
      process.kill(engineHostOf(cli.child.pid!)!, signal);
      const seen = await door.watchUntil(
        (async () => {
          await expect.poll(async () => (await door.status()).engine.restarts, { timeout: 20_000 }).toBe(restarts);
          await expect.poll(() => isReady(door), { timeout: 20_000 }).toBe('ready');
        })(),
      );
      const away = seen.filter(({ engine }) => engine.state === 'degraded');
      // One that hangs is away for seconds; one that was killed is back before a busy machine is asked again.
      if (signal === 'SIGSTOP') expect(away.length).toBeGreaterThan(0);
      expect((await door.status()).engines[0]!.detail).toContain(`running again after ${restarts} restart`);
      for (const { engine, state } of away) {
        expect(engine.detail).toContain('at rest');
        expect(state).toBe('degraded');
      }
      // Without its engine the show keeps its beat of 25 a second; half of that is granted to a loaded machine.
      const [first, last] = [seen[0]!, seen.at(-1)!];
      const beats = last.frames.shown - first.frames.shown;
      expect(beats).toBeGreaterThan(((last.atMs - first.atMs) / 40) * 0.5);
    }
    await expect
      .poll(async () => (await door.status()).openness, { timeout: 20_000, interval: 20 })
      .toBeGreaterThan(0.3);
  });

  it('keeps its face when one of the avatars cannot be used by the engine', async () => {
    const shipped = fileURLToPath(new URL('../../avatars/jonas', import.meta.url));
    const folder = join(home.path, 'data', 'avatars', 'odd');
    cpSync(shipped, folder, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(folder, 'avatar.json'), 'utf8'));
    const [fields] = manifest.engines['puppet.face'].files;
    // Whole, by size and hash, but nothing that the engine knows: as if prepared by another version.
    const bytes = Buffer.alloc(1000, 7);
    writeFileSync(join(folder, fields.path), bytes);
    Object.assign(fields, { bytes: 1000, sha256: createHash('sha256').update(bytes).digest('hex') });
    writeFileSync(join(folder, 'avatar.json'), JSON.stringify({ ...manifest, id: 'odd' }));
    try {
      await using cli = start('--input', `wav:${bundledSpeechPath}`, '--loop');
      const door = await DaemonDoor.of(cli);
      await expect.poll(() => isReady(door), { timeout: 20_000 }).toBe('ready');
      const refused = await runCli(['avatars', 'use', 'odd'], env);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('[PUPPET_FIELDS_BROKEN]');
      await sleep(1000);
      const { engine, avatarId } = await door.status();
      expect({ engine: engine.state, restarts: engine.restarts, avatarId }).toEqual({
        engine: 'ready',
        restarts: 0,
        avatarId: 'mira',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends cleanly on Ctrl-C: no process and no address is left, and it sums up', async () => {
    await using cli = start();
    const door = await DaemonDoor.of(cli);
    await expect.poll(() => isReady(door), { timeout: 20_000 }).toBe('ready');
    const address = join(home.path, 'state', 'daemon.json');
    // The token in it opens the show: nobody else may read it.
    expect(statSync(address).mode & 0o777).toBe(0o600);
    const children = childrenOf(cli.child.pid!);
    expect(children.length).toBeGreaterThan(0);
    // Twice, as from a terminal: once to the whole group, once passed on by the npm script.
    cli.child.kill('SIGINT');
    cli.child.kill('SIGINT');
    const { code, stdout } = await cli.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/Stopped\. \d+ frames/);
    expect(existsSync(address)).toBe(false);
    expect(children.filter(isRunning)).toEqual([]);
    await expect(door.status()).rejects.toThrow();
  });

  it('records what it shows, with the sound, and stops after the seconds asked for', async (context) => {
    need(context, hasProgram('ffprobe'), 'ffprobe');
    const out = join(home.path, 'take.mp4');
    await using cli = start('--input', `wav:${bundledSpeechPath}`, '--output', `file:${out}`, '--seconds', '4');
    expect((await cli.ended).code).toBe(0);
    const args = ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', out];
    const { streams } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as {
      streams: { codec_type: string; avg_frame_rate: string; nb_read_frames: string; start_time: string }[];
    };
    const [video, audio] = ['video', 'audio'].map((type) => streams.find(({ codec_type }) => codec_type === type)!);
    expect(video!.avg_frame_rate).toBe('25/1');
    expect(Number(video!.nb_read_frames)).toBeGreaterThan(50);
    expect(Math.abs(Number(video!.start_time) - Number(audio!.start_time))).toBeLessThanOrEqual(0.04);
  });
});
