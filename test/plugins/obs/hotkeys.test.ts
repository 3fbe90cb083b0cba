import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hotkeyActions } from '../../../src/plugins/obs/hotkey-actions.ts';
import { ControlStand } from './control-stand.ts';
import { FakeObs } from './fake-obs.ts';
import { freePort } from './real-obs.ts';

const isReady = (stand: ControlStand) => expect.poll(() => stand.link.state, { timeout: 8_000 }).toBe('ready');
const idsRun = (stand: ControlStand) => stand.ran.map(({ id }) => id).filter((id) => id !== 'output.open');

/** What the script in OBS tells. */
const tell = (obs: FakeObs, action: unknown, pressed: unknown = true, vendorName = 'musecam') =>
  obs.fire('VendorEvent', { vendorName, eventType: 'hotkey', eventData: { action, pressed } });

/** OBS's folder with two scene collections, of which the first is the present one. */
async function makeObsFolder(scripts?: readonly unknown[]): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'musecam-obs-folder-'));
  await mkdir(join(folder, 'basic', 'scenes'), { recursive: true });
  await writeFile(join(folder, 'global.ini'), '[Basic]\r\nSceneCollection=My show\r\nSceneCollectionFile=My_show\r\n');
  const modules = scripts ? { 'scripts-tool': scripts } : {};
  const text = JSON.stringify({ name: 'My show', id: 'BIG', volume: 1, modules }, null, 4).replace(
    '"BIG"',
    '12345678901234567890',
  );
  await writeFile(join(folder, 'basic', 'scenes', 'My_show.json'), text);
  await writeFile(join(folder, 'basic', 'scenes', 'Other.json'), '{"name":"Other"}');
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

describe('presses told by the script', () => {
  it('run their commands once each, at the press and not when the key is let go', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await isReady(stand);
    for (const { id } of hotkeyActions) {
      tell(obs, id);
      tell(obs, id, false);
    }
    const expected = hotkeyActions.map(({ command }) => command);
    await expect.poll(() => idsRun(stand)).toEqual(expected);
    expect(stand.ran.filter(({ id }) => id === 'avatar.useNumber').map(({ args }) => args)).toEqual(
      Array.from({ length: 9 }, (_, i) => ({ number: i + 1, fade: false })),
    );
    const steps = stand.ran.filter(({ id }) => id === 'avatar.next' || id === 'avatar.previous');
    expect(steps.map(({ args }) => args)).toEqual([{ fade: false }, { fade: false }]);
    expect(await stand.control.hotkeys.report()).toMatchObject({ lastPress: { action: 'mute', through: 'script' } });
  });

  it('are known by the beginning of the vendor’s name; others and nonsense are left alone', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await isReady(stand);
    tell(obs, 'panic', true, 'musecamera');
    tell(obs, 'format.disk');
    tell(obs, { toString: 'panic' });
    tell(obs, 'panic', 'yes');
    obs.fire('VendorEvent', { vendorName: 'musecam', eventType: 'hotkey', eventData: null as never });
    obs.fire('VendorEvent', {
      vendorName: 'musecam',
      eventType: 'other',
      eventData: { action: 'panic', pressed: true },
    });
    tell(obs, 'avatar.next', true, 'musecam.1764100000.42');
    await expect.poll(() => idsRun(stand)).toEqual(['avatar.next']);
  });

  it('whose command fails say why in the status, and the next one works', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await isReady(stand);
    stand.failing.add('avatar.useNumber');
    tell(obs, 'avatar.7');
    await expect
      .poll(async () => (await stand.control.hotkeys.report()).lastPress?.problem)
      .toContain('avatar.useNumber failed');
    tell(obs, 'panic');
    await expect.poll(() => idsRun(stand).at(-1)).toBe('show.panic');
    expect((await stand.control.hotkeys.report()).lastPress?.problem).toBeUndefined();
    expect(stand.link.state).toBe('ready');
  });
});

describe('the scene whose items are hotkeys', () => {
  it('is made once, its items hidden, and an item that is shown is a press and is hidden again', async () => {
    await using obs = await FakeObs.open();
    obs.kinds.push('color_source', 'color_source_v3');
    await using stand = await ControlStand.open({ url: obs.url });
    const first = await stand.control.hotkeys.installScene();
    expect(first).toMatchObject({ how: 'scene' });
    expect(first.made).toHaveLength(1 + hotkeyActions.length);
    expect((await stand.control.hotkeys.installScene()).made).toEqual([]);
    const { items } = obs.scenes.get('MuseCam hotkeys')!;
    expect(items).toHaveLength(hotkeyActions.length);
    expect(items.every(({ sceneItemEnabled }) => sceneItemEnabled === false)).toBe(true);
    expect(new Set(obs.inputs.map(({ kind }) => kind))).toEqual(new Set(['color_source_v3']));
    const next = items.find(({ sourceName }) => sourceName === 'MuseCam: next avatar')!;
    for (let count = 1; count <= 3; count++) {
      obs.showItem('MuseCam hotkeys', next.sceneItemId, true);
      await expect.poll(() => next.sceneItemEnabled).toBe(false);
      await expect.poll(() => idsRun(stand)).toEqual(Array(count).fill('avatar.next'));
    }
    expect(await stand.control.hotkeys.report()).toMatchObject({
      scene: { name: 'MuseCam hotkeys', items: 14 },
      lastPress: { action: 'avatar.next', through: 'scene item' },
    });
    expect((await stand.control.hotkeys.remove()).removed).toEqual(['scene "MuseCam hotkeys" with 14 items']);
    expect(obs.inputs).toEqual([]);
  });

  it('is found when it is renamed, and what was pressed while nobody was there is hidden without its command', async () => {
    await using obs = await FakeObs.open();
    obs.kinds.push('color_source');
    {
      await using stand = await ControlStand.open({ url: obs.url });
      await stand.control.hotkeys.installScene();
    }
    const scene = obs.scenes.get('MuseCam hotkeys')!;
    obs.scenes.delete('MuseCam hotkeys');
    obs.scenes.set('Keys', scene);
    const left = scene.items[3]!;
    left.sceneItemEnabled = true;
    await using stand = await ControlStand.open({ url: obs.url });
    await isReady(stand);
    await expect.poll(() => left.sceneItemEnabled).toBe(false);
    expect(idsRun(stand)).toEqual([]);
    obs.fire('SceneNameChanged', { oldSceneName: 'Keys', sceneName: 'More keys' });
    obs.scenes.delete('Keys');
    obs.scenes.set('More keys', scene);
    await sleep(50);
    obs.showItem('More keys', left.sceneItemId, true);
    await expect.poll(() => idsRun(stand)).toEqual(['avatar.useNumber']);
    // Somebody else's item of the same number in another scene is nothing to us.
    obs.scenes.get('Scene')!.items.push({ ...left, sceneItemEnabled: false });
    obs.showItem('Scene', left.sceneItemId, true);
    await sleep(50);
    expect(idsRun(stand)).toEqual(['avatar.useNumber']);
  });
});

describe('musecam obs hotkeys install', () => {
  it('adds the script to the present collection of an OBS that does not run, and leaves every other byte', async () => {
    await using place = await makeObsFolder([{ path: '/their/own.lua', settings: { a: 1 } }]);
    const url = `ws://127.0.0.1:${await freePort()}`;
    await using stand = await ControlStand.open({ url, folders: [place.folder] });
    const file = join(place.folder, 'basic', 'scenes', 'My_show.json');
    const before = await readFile(file, 'utf8');
    const report = await stand.control.hotkeys.installScript();
    expect(report).toMatchObject({ how: 'added', collection: file, backup: `${file}.before-musecam` });
    expect(await readFile(`${file}.before-musecam`, 'utf8')).toBe(before);
    const after = await readFile(file, 'utf8');
    expect(after).toContain('12345678901234567890');
    expect(JSON.parse(after).modules['scripts-tool']).toEqual([
      { path: '/their/own.lua', settings: { a: 1 } },
      { path: report.scriptPath, settings: {} },
    ]);
    expect(await readFile(report.scriptPath!, 'utf8')).toContain('function script_load');
    expect((await stand.control.hotkeys.installScript()).collection).toBeUndefined();
    expect(await readFile(file, 'utf8')).toBe(after);

    const saved = after.replace('"settings":{}', '"settings":{"musecam.panic":[{"key":"OBS_KEY_F5","control":true}]}');
    await writeFile(file, saved);
    expect((await stand.control.hotkeys.report()).keys).toEqual({ panic: ['control+F5'] });

    expect((await stand.control.hotkeys.remove()).removed).toEqual([`the script from ${file}`]);
    expect(JSON.parse(await readFile(file, 'utf8')).modules).toEqual(JSON.parse(before).modules);
    await expect(readFile(report.scriptPath!)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await stand.control.hotkeys.remove()).toEqual({ removed: [], steps: [] });
  });

  it('does the same where the collection has no scripts yet, and where it has nothing at all', async () => {
    await using place = await makeObsFolder();
    const url = `ws://127.0.0.1:${await freePort()}`;
    await using stand = await ControlStand.open({ url, folders: [place.folder] });
    await stand.control.hotkeys.installScript();
    await writeFile(join(place.folder, 'user.ini'), '[Basic]\nSceneCollectionFile=Other.json\n');
    const { collection, scriptPath } = await stand.control.hotkeys.installScript();
    expect(collection).toContain('Other.json');
    for (const name of ['My_show.json', 'Other.json']) {
      const { modules } = JSON.parse(await readFile(join(place.folder, 'basic', 'scenes', name), 'utf8'));
      expect(modules['scripts-tool']).toEqual([{ path: scriptPath, settings: {} }]);
    }
    expect((await stand.control.hotkeys.remove()).removed).toHaveLength(2);
  });

  it('tells what to click where OBS runs, changes no file of it then, and sees by its list that it worked', async () => {
    await using place = await makeObsFolder();
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url, folders: [place.folder] });
    await isReady(stand);
    const file = join(place.folder, 'basic', 'scenes', 'My_show.json');
    const before = await readFile(file, 'utf8');
    const { how, steps, scriptPath } = await stand.control.hotkeys.installScript();
    expect(how).toBe('by hand');
    expect(steps[0]).toContain(`Tools → Scripts → + → ${scriptPath}`);
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await stand.control.hotkeys.report()).toMatchObject({ isConnected: true, loaded: 0 });
    obs.hotkeys.push(...hotkeyActions.map(({ id }) => `musecam.${id}`));
    expect(await stand.control.hotkeys.report()).toMatchObject({ loaded: 14 });
    expect(await stand.control.hotkeys.installScript()).toMatchObject({ how: 'loaded', steps: [] });
    await writeFile(scriptPath!, 'an older one');
    expect((await stand.control.hotkeys.installScript()).steps[0]).toContain('reload');
    expect((await stand.control.hotkeys.remove()).steps[0]).toContain('Tools → Scripts');
  });

  it('says what is the matter with a collection that is missing or broken, and leaves it', async () => {
    await using place = await makeObsFolder();
    const url = `ws://127.0.0.1:${await freePort()}`;
    await using nowhere = await ControlStand.open({ url, folders: [] });
    await expect(nowhere.control.hotkeys.installScript()).rejects.toMatchObject({ code: 'OBS_NO_COLLECTION' });
    const file = join(place.folder, 'basic', 'scenes', 'My_show.json');
    await writeFile(file, '{"name": "My sh');
    await using stand = await ControlStand.open({ url, folders: [place.folder] });
    await expect(stand.control.hotkeys.installScript()).rejects.toMatchObject({ code: 'OBS_COLLECTION_BROKEN' });
    expect(await readFile(file, 'utf8')).toBe('{"name": "My sh');
  });
});

describe('the script', () => {
  it('offers the actions that presses are understood by', async () => {
    const script = await readFile(new URL('../../../src/plugins/obs/musecam-hotkeys.lua', import.meta.url), 'utf8');
    const written = [...script.matchAll(/\{ id = "([^"]+)", title = "([^"]+)" \}/g)].map(([, id, title]) => [
      id,
      title,
    ]);
    const expected = hotkeyActions.filter(({ id }) => !/\d$/.test(id)).map(({ id, title }) => [id, title.slice(9)]);
    expect(written).toEqual(expected);
    expect(script).toContain('for number = 1, 9 do');
  });
});
