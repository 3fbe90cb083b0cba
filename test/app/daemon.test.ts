import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ShowStatus } from '../../src/api/status.ts';
import { bundledSpeechPath } from '../../src/app/choose-links.ts';
import { Cli, makeHome, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';

using home = makeHome();
afterAll(() => home[Symbol.dispose]());
// No sound server and no ALSA devices: what a bare machine has.
const env = { ...home.env, PULSE_SERVER: 'unix:/nonexistent', XDG_RUNTIME_DIR: join(home.path, 'run') };

const start = (...args: string[]) => new Cli(['start', '--no-open', '--port', '0', ...args], env);
const statusOf = async () => JSON.parse((await runCli(['status', '--json'], env)).stdout) as ShowStatus;

/** Processes whose parent is `pid`. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

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

  it('survives the engine host being killed with -9 and stopped, and says so', async () => {
    await using cli = start();
    await cli.says(/Control page/);
    await expect.poll(async () => (await statusOf()).engine.state, { timeout: 20_000 }).toBe('ready');
    const engine = () => childrenOf(cli.child.pid!).find((pid) => isEngineHost(pid));
    const first = engine()!;
    process.kill(first, 'SIGKILL');
    await expect.poll(async () => (await statusOf()).engine.restarts, { timeout: 20_000 }).toBe(1);
    await expect.poll(async () => (await statusOf()).engine.state, { timeout: 20_000 }).toBe('ready');
    process.kill(engine()!, 'SIGSTOP');
    await expect.poll(async () => (await statusOf()).engine.restarts, { timeout: 20_000 }).toBe(2);
    await expect.poll(async () => (await statusOf()).engine.state, { timeout: 20_000 }).toBe('ready');
    const { frames } = await statusOf();
    expect(frames.shown).toBeGreaterThan(20);
  });

  it('ends cleanly on Ctrl-C: no process and no address is left, and it sums up', async () => {
    await using cli = start();
    await cli.says(/Control page/);
    await expect.poll(async () => (await statusOf()).engine.state, { timeout: 20_000 }).toBe('ready');
    const children = childrenOf(cli.child.pid!);
    expect(children.length).toBeGreaterThan(0);
    cli.child.kill('SIGINT');
    const { code, stdout } = await cli.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/Stopped\. \d+ frames/);
    expect(existsSync(join(home.path, 'state', 'daemon.json'))).toBe(false);
    for (const pid of children) expect(existsSync(`/proc/${pid}`)).toBe(false);
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

function isEngineHost(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-host-process');
}
