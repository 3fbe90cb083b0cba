import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SceneMap } from '../../../src/plugins/obs/scene-map.ts';
import { ControlStand, type StandOptions } from './control-stand.ts';
import { FakeObs } from './fake-obs.ts';

const scenes = { Interview: 'bo', Break: 'cy' };

async function openBoth(more: Partial<StandOptions> = {}) {
  const obs = await FakeObs.open();
  for (const name of Object.keys(scenes)) obs.scenes.set(name, { items: [], private: {} });
  const stand = await ControlStand.open({ url: obs.url, scenes, ...more });
  await expect.poll(() => stand.link.detail ?? '', { interval: 10 }).toContain('scene "Scene"');
  return {
    obs,
    stand,
    async [Symbol.asyncDispose]() {
      await stand[Symbol.asyncDispose]();
      await obs[Symbol.asyncDispose]();
    },
  };
}

describe('scenes that choose avatars', () => {
  it('do so at the start of the transition, once', async () => {
    await using both = await openBoth();
    const { obs, stand } = both;
    const startMs = performance.now();
    await obs.switchTo('Interview', 300);
    await sleep(50);
    expect(stand.shown.map(({ id }) => id)).toEqual(['bo']);
    expect(stand.shown[0]!.atMs - startMs).toBeLessThan(2_000);
    expect(stand.link.detail).toContain('scene "Interview" → bo');
    await obs.switchTo('Scene', 0);
    await sleep(50);
    expect(stand.avatarId).toBe('bo');
  });

  it('do so at its end where OBS tells the scene no earlier, and follow the last of quick changes', async () => {
    await using both = await openBoth();
    const { obs, stand } = both;
    obs.fire('SceneTransitionStarted', { transitionName: 'Fade' });
    await sleep(200);
    expect(stand.shown).toEqual([]);
    obs.program = 'Break';
    obs.fire('CurrentProgramSceneChanged', { sceneName: 'Break' });
    await expect.poll(() => stand.avatarId).toBe('cy');
    await Promise.all([obs.switchTo('Interview', 100), sleep(5).then(() => obs.switchTo('Break', 100))]);
    await sleep(150);
    expect(stand.avatarId).toBe('cy');
  });

  it('count when OBS comes back with another scene on', async () => {
    await using both = await openBoth();
    both.obs.program = 'Break';
    both.obs.drop();
    await expect.poll(() => both.stand.avatarId, { timeout: 5_000 }).toBe('cy');
  });

  it('are mapped and unmapped by command, at once, and names that are wrong are told with the right ones', async () => {
    await using both = await openBoth();
    const { stand } = both;
    await stand.control.map('Scene', 'cy');
    expect(stand.avatarId).toBe('cy');
    await expect(stand.control.map('Scne', 'cy')).rejects.toMatchObject({ fix: expect.stringContaining('"Scene"') });
    await expect(stand.control.map('Scene', 'dee')).rejects.toMatchObject({ code: 'NO_SUCH_AVATAR' });
    await stand.control.unmap('Interview');
    expect((await stand.control.report()).map).toEqual({ Break: 'cy', Scene: 'cy' });
    await expect(stand.control.unmap('Interview')).rejects.toMatchObject({ code: 'OBS_NO_SUCH_SCENE' });
  });

  it('keep their avatar when they are renamed', async () => {
    await using both = await openBoth();
    const { obs, stand } = both;
    obs.fire('SceneNameChanged', { oldSceneName: 'Interview', sceneName: 'Talk' });
    await expect.poll(async () => (await stand.control.report()).map).toEqual({ Break: 'cy', Talk: 'bo' });
    await obs.switchTo('Talk', 0);
    await expect.poll(() => stand.avatarId).toBe('bo');
  });

  it('say why an avatar cannot be shown, and the show goes on', async () => {
    await using both = await openBoth();
    const { obs, stand } = both;
    stand.broken.add('bo');
    await obs.switchTo('Interview', 0);
    await expect.poll(() => stand.link.state).toBe('degraded');
    expect(stand.link.detail).toContain('bo is broken');
    await obs.switchTo('Break', 0);
    await expect.poll(() => stand.link.state).toBe('ready');
  });
});

describe('avatars that choose scenes', () => {
  it('switch OBS to their scene, without going round in circles', async () => {
    await using both = await openBoth({ switchScene: true });
    const { obs, stand } = both;
    const timer = setInterval(() => stand.tell(), 20);
    stand.choose('bo');
    await expect.poll(() => obs.program).toBe('Interview');
    await sleep(150);
    stand.choose('cy');
    stand.choose('bo');
    stand.choose('cy');
    await sleep(400);
    expect(obs.program).toBe('Break');
    expect(stand.avatarId).toBe('cy');
    await obs.switchTo('Interview', 30);
    await sleep(300);
    expect(obs.program).toBe('Interview');
    expect(stand.avatarId).toBe('bo');
    const switches = obs.requests.filter(({ type }) => type === 'SetCurrentProgramScene').length;
    expect(switches).toBeLessThanOrEqual(4);
    clearInterval(timer);
  });

  it('do not unless they are asked to, and never because a scene chose one that is broken', async () => {
    await using both = await openBoth();
    both.stand.choose('bo');
    await sleep(100);
    expect(both.obs.program).toBe('Scene');
    await using asked = await openBoth({ switchScene: true });
    asked.stand.broken.add('bo');
    asked.stand.choose('cy');
    await expect.poll(() => asked.obs.program).toBe('Break');
    await asked.obs.switchTo('Interview', 0);
    await sleep(100);
    asked.stand.tell();
    await sleep(100);
    expect(asked.obs.program).toBe('Interview');
  });
});

describe('the map of scenes', () => {
  it('is kept in a file over what the settings say, and survives a broken file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'musecam-map-'));
    const file = join(folder, 'deep', 'scenes.json');
    const map = await SceneMap.open(file, { A: 'ada', B: 'bo' });
    await Promise.all([map.set('C', 'cy'), map.set('A', undefined), map.set('B', 'cy')]);
    const again = await SceneMap.open(file, { A: 'ada', B: 'bo' });
    expect(Object.fromEntries(again.entries)).toEqual({ B: 'cy', C: 'cy' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ A: null, B: 'cy', C: 'cy' });
    await writeFile(file, '{"A": 3');
    expect((await SceneMap.open(file, { A: 'ada' })).entries.get('A')).toBe('ada');
    await rm(folder, { recursive: true });
  });
});
