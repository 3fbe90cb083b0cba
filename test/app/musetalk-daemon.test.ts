import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLES_PER_FRAME } from '../../src/api/media.ts';
import type { ShowStatus } from '../../src/api/status.ts';
import { Cli, runCli } from '../fakes/cli.ts';
import { hasProgram, need } from '../fakes/need.ts';
import { writeWav } from '../fakes/write-wav.ts';
import { makeVoice } from '../media/voice.ts';
import { openReducedHome } from '../plugins/musetalk/stand.ts';
import { engineHostsOf, withoutSound } from './bare-machine.ts';
import { DaemonDoor } from './daemon-door.ts';

/** The networks are measured before they are used, on a machine that may have other things to do. */
const WAIT_MS = 120_000;

/** No graphics card: no Vulkan driver is found. */
const noGpu = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };

let home: Awaited<ReturnType<typeof openReducedHome>>;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  home = await openReducedHome();
  env = { ...withoutSound({ path: home.home, env: { MUSECAM_HOME: home.home } }), ...noGpu };
});
afterAll(() => home[Symbol.asyncDispose]());

const start = (...args: string[]) => new Cli(['start', '--no-open', '--port', '0', ...args], env);

/** Waits until the status is as wanted; the last one is in the failure. */
async function waitFor(door: DaemonDoor, isWanted: (status: ShowStatus) => boolean): Promise<ShowStatus> {
  let status = await door.status();
  const untilMs = Date.now() + WAIT_MS;
  while (!isWanted(status)) {
    if (Date.now() > untilMs) throw new Error(`never came: ${JSON.stringify(status.engines, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    status = await door.status();
  }
  return status;
}

const engineOf = ({ engines }: ShowStatus, id: string) => engines.find((engine) => engine.id === id)!;

describe('a show with MuseTalk', { timeout: 300_000 }, () => {
  it('is drawn by the puppet on a machine without a GPU, and says why', async () => {
    await using cli = start();
    await cli.says(/Face: MuseTalk, because its model is installed; where it cannot draw: Puppet/);
    const door = await DaemonDoor.of(cli);
    const status = await waitFor(door, ({ engines }) => engines[0]?.state === 'failed');
    expect(engineOf(status, 'musetalk.face').detail).toMatch(
      /MuseTalk cannot run here.*no graphics adapter was found/s,
    );
    const drawing = await waitFor(door, ({ engine, openness }) => engine.id === 'puppet.face' && openness > 0.2);
    expect(drawing.frames.fresh).toBeGreaterThan(10);
  });

  it('says what to install when it was asked for and there is no model', async () => {
    const cli = new Cli(['start', '--no-open', '--port', '0', '--engine', 'musetalk'], {
      ...env,
      MUSECAM_HOME: join(home.home, 'elsewhere'),
    });
    await using _closed = cli;
    const door = await DaemonDoor.of(cli);
    const status = await waitFor(door, ({ engines }) => engines[0]?.state === 'failed');
    expect(engineOf(status, 'musetalk.face').fix).toContain('musecam models install musetalk-v15');
    await waitFor(door, ({ engine, openness }) => engine.id === 'puppet.face' && openness > 0.2);
  });

  it('opens it where it was told to use the processor, holds avatars in it, and goes on when its process is killed', async () => {
    await using cli = start('--set', 'musetalk.provider=cpu', '--set', 'musetalk.precision=fp32');
    const door = await DaemonDoor.of(cli);
    const open = await waitFor(door, (status) => (engineOf(status, 'musetalk.face').report?.residents.length ?? 0) > 0);
    expect(engineOf(open, 'musetalk.face').report).toMatchObject({
      detail: expect.stringMatching(/^the processor, single precision/),
      networkBytes: expect.any(Number),
    });
    const text = (await runCli(['status'], env)).stdout;
    expect(text).toMatch(/engine\s+MuseTalk: networks \d+ MB, mira/);
    const before = await door.status();
    for (const pid of engineHostsOf(cli.child.pid!)) process.kill(pid, 'SIGKILL');
    const after = await waitFor(
      door,
      (status) => engineOf(status, 'musetalk.face').restarts > 0 && engineOf(status, 'puppet.face').restarts > 0,
    );
    expect(after.frames.shown).toBeGreaterThan(before.frames.shown);
    await waitFor(door, ({ openness }) => openness > 0.2);
  });

  it('renders off line with it, and says what is wrong with a model that was damaged', async (context) => {
    need(context, hasProgram('ffmpeg'), 'ffmpeg');
    const audio = join(home.home, 'voice.wav');
    const frames = join(home.home, 'frames.json');
    writeWav(audio, makeVoice(12 * SAMPLES_PER_FRAME));
    const args = ['render', '--audio', audio, '--avatar', 'mira', '--engine', 'musetalk', '--frames-json', frames];
    const good = await runCli([...args, '--out', join(home.home, 'out.mp4')], env);
    expect(good.stderr + good.stdout).toContain('12 frames');
    const facts = JSON.parse(await readFile(frames, 'utf8')) as { patch: object | null; speaking: boolean }[];
    expect(facts).toHaveLength(12);
    // A face where somebody speaks; the avatar as it is where nobody does.
    for (const { patch, speaking } of facts) expect(speaking && patch === null).toBe(false);
    expect(facts.some(({ patch }) => patch !== null)).toBe(true);
    await rm(join(home.model, 'check.rgb'));
    const { code, stderr } = await runCli([...args, '--out', join(home.home, 'out.mp4')], env);
    expect(code).toBe(1);
    expect(stderr).toContain('MODEL_BROKEN');
    expect(stderr).toContain('musecam models install musetalk-v15');
  });
});
