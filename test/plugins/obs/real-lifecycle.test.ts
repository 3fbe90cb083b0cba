import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need } from '../../fakes/need.ts';
import { ControlStand } from './control-stand.ts';
import { hasHand, hasRealObs, RealObs } from './real-obs.ts';

const RESTARTS = 20;

let obs: RealObs | undefined;
beforeAll(async () => {
  if (hasRealObs && hasHand) obs = await RealObs.open();
});
afterAll(async () => {
  await obs?.[Symbol.asyncDispose]();
});

const needObs: (context: Parameters<typeof need>[0]) => void = (context) =>
  need(context, obs !== undefined, 'obs, Xvfb and xdotool');
const openStand = (real: RealObs, scenes: Record<string, string> = {}, password = real.password) =>
  ControlStand.open({ url: real.url, password, scenes, folders: [real.folder] });
const stateOf = (stand: ControlStand) => expect.poll(() => stand.link.state, { timeout: 15_000, interval: 5 });

/** What this process holds: files and sockets, and what keeps it alive. */
function holdings(): { readonly files: number; readonly handles: number; readonly heapMb: number } {
  globalThis.gc?.();
  const active = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  const { heapUsed } = process.memoryUsage();
  return { files: readdirSync('/proc/self/fd').length, handles: active.length, heapMb: heapUsed / 1e6 };
}

describe('a real OBS that comes and goes', () => {
  it('closed by its own button it is said to be closed, and met again when it is started', async (context) => {
    needObs(context);
    await using stand = await openStand(obs!);
    await stateOf(stand).toBe('ready');
    await obs!.quit();
    await expect.poll(() => stand.link.detail).toBe('OBS was closed.');
    // Said for as long as it stays away, and no fault.
    await sleep(1_500);
    expect(stand.link).toMatchObject({ state: 'off', detail: 'OBS was closed.' });
    await expect(stand.control.setUp()).rejects.toMatchObject({ code: 'OBS_AWAY' });
    await obs!.start();
    const startMs = performance.now();
    await stateOf(stand).toBe('ready');
    process.stderr.write(`met again ${(performance.now() - startMs).toFixed(0)} ms after OBS opened its door\n`);
  });

  it(`killed and started ${RESTARTS} times it is met each time, and nothing of us grows`, async (context) => {
    needObs(context);
    await using stand = await openStand(obs!);
    await stateOf(stand).toBe('ready');
    await stand.control.setUp();
    const took: number[] = [];
    let before: ReturnType<typeof holdings> | undefined;
    for (let restart = 0; restart < RESTARTS; restart++) {
      await obs!.kill();
      await stateOf(stand).toBe('off');
      expect(stand.link.detail).not.toBe('OBS was closed.');
      await obs!.start();
      const startMs = performance.now();
      await stateOf(stand).toBe('ready');
      took.push(performance.now() - startMs);
      // The first rounds make what is made once: connections of the test's own, compiled code.
      if (restart === 4) before = holdings();
    }
    await sleep(200);
    const after = holdings();
    took.sort((a, b) => a - b);
    const [p50, slowest] = [took[RESTARTS / 2]!, took.at(-1)!];
    const growth = `heap ${before!.heapMb.toFixed(1)} to ${after.heapMb.toFixed(1)} MB`;
    process.stderr.write(
      `${RESTARTS} restarts: met after p50 ${p50.toFixed(0)} ms, slowest ${slowest.toFixed(0)} ms; ${growth}\n`,
    );
    // One more or less is a socket on its way.
    expect(after.files).toBeLessThanOrEqual(before!.files + 2);
    expect(after.handles).toBeLessThanOrEqual(before!.handles + 2);
    if (globalThis.gc) expect(after.heapMb).toBeLessThan(before!.heapMb + 10);
    expect((await stand.control.setUp()).changes).toEqual([]);
  }, 120_000);

  it('that refuses the password is asked once, and then left alone', async (context) => {
    needObs(context);
    const callers = async () => (await obs!.readLog()).split('New WebSocket client has connected').length - 1;
    const before = await callers();
    await using stand = await openStand(obs!, {}, 'not the password');
    await stateOf(stand).toBe('failed');
    expect(stand.link.detail).toBe('OBS refuses the password.');
    expect(stand.link.fix).toContain('Show Connect Info');
    await sleep(3_000);
    expect((await callers()) - before).toBe(1);
    // Not connected, but running: what was written into its scenes now would be lost when it ends.
    expect((await stand.control.hotkeys.installScript()).how).toBe('by hand');
  });
});

describe('what a person changes in a real OBS', () => {
  it('another profile and back leaves the furniture and the map as they are', async (context) => {
    needObs(context);
    await using hand = await obs!.hand();
    await using stand = await openStand(obs!, { MuseCam: 'cy', Scene: 'bo' });
    await stateOf(stand).toBe('ready');
    await stand.control.setUp();
    for (const [request, profileName] of [
      ['CreateProfile', 'Other'],
      ['SetCurrentProfile', 'Test'],
    ] as const) {
      await hand.call(request, { profileName });
      await expect.poll(async () => (await hand.call('GetProfileList')).currentProfileName).toBe(profileName);
      for (const [sceneName, avatarId] of [
        ['MuseCam', 'cy'],
        ['Scene', 'bo'],
      ] as const) {
        await hand.call('SetCurrentProgramScene', { sceneName });
        await expect.poll(() => stand.avatarId).toBe(avatarId);
      }
      expect((await stand.control.setUp()).changes).toEqual([]);
      await stateOf(stand).toBe('ready');
    }
  });

  it('another scene collection is left alone, and the map works in both', async (context) => {
    needObs(context);
    await using hand = await obs!.hand();
    await using stand = await openStand(obs!, { MuseCam: 'cy', Scene: 'bo' });
    await stateOf(stand).toBe('ready');
    await stand.control.setUp();
    await hand.call('SetCurrentProgramScene', { sceneName: 'MuseCam' });
    await expect.poll(() => stand.avatarId).toBe('cy');
    await hand.call('CreateSceneCollection', { sceneCollectionName: 'Empty' });
    await expect.poll(() => stand.avatarId, { timeout: 5_000 }).toBe('bo');
    const { scenes } = await hand.call('GetSceneList');
    expect(scenes).toHaveLength(1);
    expect((await hand.call('GetInputList')).inputs).toEqual([]);
    // What its source says is out of date by now; the next time it is met that is put right.
    stand.streamAddress = 'http://127.0.0.1:9/later/avatar.mkv';
    await hand.call('SetCurrentSceneCollection', { sceneCollectionName: 'Test' });
    await expect.poll(() => stand.avatarId, { timeout: 5_000 }).toBe('cy');
    const address = async () =>
      (await hand.call('GetInputSettings', { inputName: 'MuseCam picture' })).inputSettings.input;
    await expect.poll(address).toBe(stand.streamAddress);
    await stateOf(stand).toBe('ready');
  });

  it('a renamed scene keeps its avatar, a renamed source its address, also over a restart of OBS', async (context) => {
    needObs(context);
    await using stand = await openStand(obs!, { MuseCam: 'cy', Scene: 'bo' });
    await stateOf(stand).toBe('ready');
    await stand.control.setUp();
    {
      await using hand = await obs!.hand();
      await hand.call('SetSceneName', { sceneName: 'MuseCam', newSceneName: 'Studio' });
      await hand.call('SetInputName', { inputName: 'MuseCam picture', newInputName: 'Me' });
      await expect.poll(async () => (await stand.control.report()).map).toEqual({ Studio: 'cy', Scene: 'bo' });
      await hand.call('SetCurrentProgramScene', { sceneName: 'Scene' });
      await expect.poll(() => stand.avatarId).toBe('bo');
    }
    await obs!.quit();
    stand.streamAddress = 'http://127.0.0.1:9/after/avatar.mkv';
    await obs!.start();
    await stateOf(stand).toBe('ready');
    await using hand = await obs!.hand();
    const address = async () => (await hand.call('GetInputSettings', { inputName: 'Me' })).inputSettings.input;
    await expect.poll(address).toBe(stand.streamAddress);
    await hand.call('SetCurrentProgramScene', { sceneName: 'Studio' });
    await expect.poll(() => stand.avatarId).toBe('cy');
    expect(await stand.control.setUp()).toMatchObject({ scene: 'Studio', input: 'Me', changes: [] });
    expect((await stand.control.takeAway()).removed).toEqual(['source "Me"', 'scene "Studio"']);
  });
});
