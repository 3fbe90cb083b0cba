import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VideoFrame } from '../../../src/api/media.ts';
import { bundledSpeechPath } from '../../../src/app/choose-links.ts';
import { silentLog } from '../../../src/base/log.ts';
import { StreamOutput } from '../../../src/plugins/obs/stream-output.ts';
import { withoutSound } from '../../app/bare-machine.ts';
import { DaemonDoor } from '../../app/daemon-door.ts';
import { Cli, makeHome, runCli } from '../../fakes/cli.ts';
import { need } from '../../fakes/need.ts';
import { ControlStand } from './control-stand.ts';
import { differenceOf, isRed, lookAt } from './look-at-obs.ts';
import { CANVAS, hasRealObs, RealObs } from './real-obs.ts';

const TRIALS = 20;

/** Red in BT.601, limited range. */
const RED = { y: 81, u: 90, v: 240 } as const;

const home = makeHome();
let obs: RealObs | undefined;
beforeAll(async () => {
  if (hasRealObs) obs = await RealObs.open();
});
afterAll(async () => {
  await obs?.[Symbol.asyncDispose]();
  home[Symbol.dispose]();
});

const openStand = (real: RealObs, scenes: Record<string, string> = {}) =>
  ControlStand.open({ url: real.url, password: real.password, scenes });
const isReady = (stand: ControlStand) => expect.poll(() => stand.link.state, { timeout: 10_000 }).toBe('ready');
const describe95 = (took: readonly number[]) =>
  `${took.length} trials: p50 ${percentile(took, 0.5).toFixed(1)} ms, p95 ${percentile(took, 0.95).toFixed(1)} ms`;
const percentile = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;

describe('with a real OBS', () => {
  it('the daemon reads the password from OBS, sets it up, and a change of scene shows the other face in OBS', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    const env = { ...withoutSound(home), XDG_CONFIG_HOME: `${obs!.home}/config` };
    const input = ['--input', `wav:${bundledSpeechPath}`, '--loop', '--set', 'show.crossFadeFrames=0'];
    await using cli = new Cli(['start', '--no-open', '--port', '0', ...input], env);
    const door = await DaemonDoor.of(cli);
    const link = async () => (await door.status()).links.find(({ id }) => id === 'obs.link')?.state;
    await expect.poll(link, { timeout: 10_000 }).toBe('ready');

    await using hand = await obs!.hand();
    for (const sceneName of ['Anna', 'Tom']) await hand.call('CreateScene', { sceneName });
    expect((await runCli(['obs', 'setup'], env)).stdout).toContain('source "MuseCam picture", as a stream');
    expect((await runCli(['obs', 'setup'], env)).stdout).toContain('Nothing had to be changed');
    for (const sceneName of ['Anna', 'Tom']) {
      await hand.call('CreateSceneItem', { sceneName, sourceName: 'MuseCam picture' });
    }
    expect((await runCli(['obs', 'map', 'Anna', 'mira'], env)).stdout).toContain('shows mira');
    expect((await runCli(['obs', 'map', 'Tom', 'jonas'], env)).code).toBe(0);
    expect((await runCli(['obs', 'map', 'Tim', 'jonas'], env)).stderr).toContain('OBS_NO_SUCH_SCENE');
    expect((await runCli(['status'], env)).stdout).toMatch(/OBS +ready/);

    const pictures = new Map<string, Buffer>();
    for (const sceneName of ['Anna', 'Tom', 'Anna']) {
      await hand.call('SetCurrentProgramScene', { sceneName });
      await sleep(2_000);
      pictures.set(sceneName, await lookAt(hand, 'MuseCam picture'));
    }
    expect(differenceOf(pictures.get('Anna')!, pictures.get('Tom')!)).toBeGreaterThan(5);

    const took: number[] = [];
    for (let i = 0; i < TRIALS; i++) {
      const [sceneName, before] = i % 2 === 0 ? ['Tom', 'Anna'] : ['Anna', 'Tom'];
      const startMs = performance.now();
      await hand.call('SetCurrentProgramScene', { sceneName: sceneName! });
      await expect
        .poll(
          async () => {
            const now = await lookAt(hand, 'MuseCam picture');
            return differenceOf(now, pictures.get(sceneName!)!) < differenceOf(now, pictures.get(before!)!);
          },
          { interval: 3, timeout: 5_000 },
        )
        .toBe(true);
      took.push(performance.now() - startMs);
      await sleep(400);
    }
    // How long it takes depends on what else this machine does: told, not judged.
    process.stderr.write(`scene to face in OBS, ${describe95(took)}\n`);

    expect((await runCli(['obs', 'remove'], env)).stdout).toContain('removed scene "MuseCam"');
    const { scenes } = await hand.call('GetSceneList');
    expect(scenes.map(({ sceneName }) => sceneName)).toEqual(['Tom', 'Anna', 'Scene']);
    for (const sceneName of ['Anna', 'Tom']) await hand.call('RemoveScene', { sceneName });
  }, 120_000);

  it('setup makes a scene that shows the picture, a second one changes nothing, remove leaves the rest', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using stand = await openStand(obs!);
    await using hand = await obs!.hand();
    await using stream = await StreamOutput.open({
      ...{ ...CANVAS, framesPerSecond: 25, target: undefined, log: silentLog, onHealth() {} },
    });
    stand.streamAddress = stream.address;
    await isReady(stand);
    const first = await stand.control.setUp();
    expect(first).toMatchObject({ scene: 'MuseCam', input: 'MuseCam picture', via: 'stream' });
    expect((await stand.control.setUp()).changes).toEqual([]);

    await hand.call('SetCurrentProgramScene', { sceneName: 'MuseCam' });
    const showsRed = async () => {
      await stream.send(makeFrame());
      return isRed(await lookAt(hand, 'MuseCam'));
    };
    await expect.poll(showsRed, { timeout: 10_000, interval: 40 }).toBe(true);

    // Renamed and taken out of its scene by a person: found and put back.
    await hand.call('SetInputName', { inputName: 'MuseCam picture', newInputName: 'Me' });
    await hand.call('SetSceneName', { sceneName: 'MuseCam', newSceneName: 'Studio' });
    expect(await stand.control.setUp()).toMatchObject({ scene: 'Studio', input: 'Me', changes: [] });
    const { scenes } = await hand.call('GetSceneList');
    expect(scenes).toHaveLength(2);

    await hand.call('CreateInput', { sceneName: 'Studio', inputName: 'Mine', inputKind: 'color_source_v3' });
    expect((await stand.control.takeAway()).kept[0]).toContain('Studio');
    await hand.call('RemoveInput', { inputName: 'Mine' });
    await expect.poll(async () => (await hand.call('GetInputList')).inputs).toEqual([]);
    expect((await stand.control.takeAway()).removed).toEqual(['scene "Studio"']);
    await expect(stand.control.setCamera(true)).rejects.toMatchObject({ code: 'OBS_NO_CAMERA' });
  });

  it('a scene change shows its avatar within 100 ms, long before the transition is over', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    for (const sceneName of ['A', 'B']) await hand.call('CreateScene', { sceneName });
    await hand.call('SetCurrentSceneTransition', { transitionName: 'Fade' });
    await hand.call('SetCurrentSceneTransitionDuration', { transitionDuration: 300 });
    await using stand = await openStand(obs!, { A: 'bo', B: 'cy' });
    await isReady(stand);
    const took: number[] = [];
    for (let i = 0; i < TRIALS; i++) {
      const sceneName = i % 2 === 0 ? 'A' : 'B';
      const count = stand.shown.length;
      const startMs = performance.now();
      await hand.call('SetCurrentProgramScene', { sceneName });
      await expect.poll(() => stand.shown.length, { interval: 2 }).toBe(count + 1);
      expect(stand.shown.at(-1)!.id).toBe(sceneName === 'A' ? 'bo' : 'cy');
      took.push(stand.shown.at(-1)!.atMs - startMs);
      await sleep(380);
    }
    expect(stand.shown).toHaveLength(TRIALS);
    process.stderr.write(`scene to avatar, ${describe95(took)}\n`);
    // How fast is told above; a shared machine decides about the slowest. Behind the transition it would be half a second.
    expect(percentile(took, 0.5)).toBeLessThan(250);
  });

  it('in studio mode the preview changes nothing and the transition does', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    await hand.call('SetCurrentProgramScene', { sceneName: 'A' });
    await sleep(500);
    await using stand = await openStand(obs!, { A: 'bo', B: 'cy' });
    await isReady(stand);
    await expect.poll(() => stand.avatarId).toBe('bo');
    await hand.call('SetStudioModeEnabled', { studioModeEnabled: true });
    await hand.call('SetCurrentPreviewScene', { sceneName: 'B' });
    await sleep(400);
    expect(stand.avatarId).toBe('bo');
    const startMs = performance.now();
    await hand.call('TriggerStudioModeTransition');
    await expect.poll(() => stand.avatarId, { interval: 2 }).toBe('cy');
    expect(stand.shown.at(-1)!.atMs - startMs).toBeLessThan(2_000);
    await sleep(500);
    await hand.call('SetStudioModeEnabled', { studioModeEnabled: false });
    await sleep(300);
    expect(stand.avatarId).toBe('cy');
  });

  it('another scene collection is noticed, and coming back, too', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using hand = await obs!.hand();
    await hand.call('SetCurrentProgramScene', { sceneName: 'A' });
    await using stand = await openStand(obs!, { A: 'bo', Scene: 'ada' });
    await isReady(stand);
    await stand.control.setUp();
    await hand.call('CreateSceneCollection', { sceneCollectionName: 'Other' });
    await expect.poll(async () => (await stand.control.report()).scene, { timeout: 5_000 }).toBe('Scene');
    await expect.poll(() => stand.avatarId).toBe('ada');
    expect((await stand.control.report()).setup).toEqual({ scene: undefined, inputs: [] });
    await hand.call('SetCurrentSceneCollection', { sceneCollectionName: 'Test' });
    await expect.poll(async () => (await stand.control.report()).setup?.scene, { timeout: 5_000 }).toBe('MuseCam');
    expect(stand.link.state).toBe('ready');
  });

  it('killed with -9 and started again it is met within two seconds of being ready, with its source put right', async (context) => {
    need(context, obs !== undefined, 'obs and Xvfb');
    await using stand = await openStand(obs!);
    await isReady(stand);
    await stand.control.setUp();
    await obs!.kill();
    await expect.poll(() => stand.link.state).toBe('off');
    stand.streamAddress = 'http://127.0.0.1:9/another/avatar.mkv';
    await obs!.start();
    const startMs = performance.now();
    await expect.poll(() => stand.link.state, { timeout: 10_000, interval: 5 }).toBe('ready');
    const tookMs = performance.now() - startMs;
    process.stderr.write(`connected again ${tookMs.toFixed(0)} ms after OBS opened its door\n`);
    expect(tookMs).toBeLessThan(8_000);
    await using hand = await obs!.hand();
    const address = async () =>
      (await hand.call('GetInputSettings', { inputName: 'MuseCam picture' })).inputSettings.input;
    await expect.poll(address).toBe(stand.streamAddress);
    expect((await stand.control.setUp()).changes).toEqual([]);
  });
});

function makeFrame(): VideoFrame {
  const { width, height } = CANVAS;
  const pixels = width * height;
  const data = new Uint8Array(pixels * 1.5);
  data
    .fill(RED.y, 0, pixels)
    .fill(RED.u, pixels, pixels * 1.25)
    .fill(RED.v, pixels * 1.25);
  return { ...CANVAS, format: 'i420', data, index: 0, capturedAtMs: 0 };
}
