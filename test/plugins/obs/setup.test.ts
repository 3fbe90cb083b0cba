import { describe, expect, it } from 'vitest';
import { ControlStand } from './control-stand.ts';
import { FakeObs } from './fake-obs.ts';

const changing = /^(Create|Remove|Set)/;
const changesIn = (obs: FakeObs) => obs.requests.filter(({ type }) => changing.test(type)).map(({ type }) => type);

describe('musecam obs setup', () => {
  it('makes a scene with a media source once; a second time nothing is asked to change', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    const report = await stand.control.setUp();
    expect(report).toMatchObject({ scene: 'MuseCam', input: 'MuseCam picture', via: 'stream' });
    expect(report.changes).toHaveLength(2);
    expect(obs.inputs[0]).toMatchObject({ kind: 'ffmpeg_source', settings: { input: stand.streamAddress } });
    const before = changesIn(obs).length;
    expect((await stand.control.setUp()).changes).toEqual([]);
    expect(changesIn(obs)).toHaveLength(before);
    obs.inputs[0]!.settings.buffering_mb = 2;
    expect((await stand.control.setUp()).changes).toEqual(['source "MuseCam picture" adjusted']);
    expect(changesIn(obs).slice(before)).toEqual(['SetInputSettings']);
  });

  it('takes the virtual camera where the show has one, and changes over when it comes later', async () => {
    await using obs = await FakeObs.open();
    {
      await using stand = await ControlStand.open({ url: obs.url });
      await stand.control.setUp();
    }
    await using stand = await ControlStand.open({ url: obs.url, cameraPath: '/dev/video10' });
    expect(await stand.control.setUp()).toMatchObject({ via: 'camera' });
    expect(obs.inputs).toHaveLength(1);
    expect(obs.inputs[0]).toMatchObject({ kind: 'v4l2_input', settings: { device_id: '/dev/video10' } });
    expect(obs.scenes.get('MuseCam')?.items).toHaveLength(1);
  });

  it('leaves the virtual camera aside where it cannot carry what is wanted: alpha, or sound', async () => {
    for (const wanted of [{ background: 'transparent' }, { wantsStream: true }]) {
      await using obs = await FakeObs.open();
      await using stand = await ControlStand.open({ url: obs.url, cameraPath: '/dev/video10', ...wanted });
      expect(await stand.control.setUp()).toMatchObject({ via: 'stream' });
    }
  });

  it('takes the transparent page where it is asked for and OBS has a browser, and then keeps it', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await expect(stand.control.setUp(true)).rejects.toMatchObject({ code: 'OBS_NO_BROWSER' });
    obs.kinds.push('browser_source');
    await stand.control.setUp();
    expect(await stand.control.setUp(true)).toMatchObject({ via: 'page' });
    expect(obs.inputs).toHaveLength(1);
    const page = { url: 'http://127.0.0.1:9/key/obs', width: 1280, height: 720, shutdown: false };
    expect(obs.inputs[0]).toMatchObject({ kind: 'browser_source', settings: page });
    expect(await stand.control.setUp()).toMatchObject({ via: 'page', changes: [] });
    // A page that OBS opened while there was no show is loaded again when they meet.
    obs.drop();
    const presses = () =>
      obs.requests.filter(({ type }) => type === 'PressInputPropertiesButton').map(({ data }) => data);
    await expect
      .poll(presses, { timeout: 5_000 })
      .toEqual([{ inputName: 'MuseCam picture', propertyName: 'refreshnocache' }]);
    expect((await stand.control.takeAway()).removed).toEqual(['source "MuseCam picture"', 'scene "MuseCam"']);
  });

  it('reads the stream again at once when that has begun anew', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await stand.control.setUp();
    const restarts = () => obs.requests.filter(({ type }) => type === 'TriggerMediaInputAction').length;
    const before = restarts();
    await stand.control.reopenStream();
    // The repair on meeting OBS may come between.
    expect(restarts()).toBeGreaterThan(before);
    await obs[Symbol.asyncDispose]();
    await expect(stand.control.reopenStream()).resolves.toBeUndefined();
  });

  it('leaves alone what a person has called MuseCam before, and remove leaves it, too', async () => {
    await using obs = await FakeObs.open();
    obs.scenes.set('MuseCam', { items: [], private: {} });
    obs.inputs.push({ name: 'MuseCam picture', kind: 'ffmpeg_source', settings: { local_file: 'mine.mp4' } });
    await using stand = await ControlStand.open({ url: obs.url });
    expect(await stand.control.setUp()).toMatchObject({ scene: 'MuseCam', input: 'MuseCam picture 2' });
    expect(await stand.control.takeAway()).toEqual({ removed: ['source "MuseCam picture 2"'], kept: [] });
    expect([...obs.scenes.keys()]).toEqual(['Scene', 'MuseCam']);
    expect(obs.inputs).toEqual([
      { name: 'MuseCam picture', kind: 'ffmpeg_source', settings: { local_file: 'mine.mp4' } },
    ]);
    expect(await stand.control.takeAway()).toEqual({ removed: [], kept: [] });
  });

  it('keeps a scene that holds other things, or is the only one', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await stand.control.setUp();
    obs.scenes.get('MuseCam')!.items.push({ sourceName: 'Mine', sceneItemId: 99 });
    expect((await stand.control.takeAway()).kept[0]).toContain('other sources');
    obs.scenes.get('MuseCam')!.items = [];
    obs.scenes.delete('Scene');
    expect((await stand.control.takeAway()).kept[0]).toContain('OBS needs one');
  });

  it('says what is missing in an OBS without sources for it, and what OBS refuses', async () => {
    await using obs = await FakeObs.open();
    obs.kinds = ['image_source'];
    await using stand = await ControlStand.open({ url: obs.url });
    await expect(stand.control.setUp()).rejects.toMatchObject({ code: 'OBS_NO_SOURCE' });
    obs.kinds = ['ffmpeg_source'];
    obs.options.failing = { CreateInput: [700, 'it did not work'] };
    await expect(stand.control.setUp()).rejects.toMatchObject({
      code: 'OBS_REFUSED',
      message: expect.stringContaining('it did not work'),
    });
    obs.options.failing = {};
    expect(await stand.control.setUp()).toMatchObject({ scene: 'MuseCam', via: 'stream' });
  });
});

describe("OBS's virtual camera", () => {
  it('is started and stopped, twice over without a fault', async () => {
    await using obs = await FakeObs.open({ hasVirtualCamera: true });
    await using stand = await ControlStand.open({ url: obs.url });
    for (const on of [true, true, false, false]) {
      expect(await stand.control.setCamera(on)).toEqual({ on });
      expect(obs.isCameraOn).toBe(on);
      expect((await stand.control.report()).camera).toBe(on);
    }
  });

  it('that is not there (604) is explained, and one that does not come on, too', async () => {
    await using obs = await FakeObs.open();
    await using stand = await ControlStand.open({ url: obs.url });
    await expect(stand.control.setCamera(true)).rejects.toMatchObject({ code: 'OBS_NO_CAMERA' });
    expect((await stand.control.report()).camera).toBeUndefined();
    obs.options.hasVirtualCamera = true;
    obs.options.failing = { StartVirtualCam: [500, 'running, it says'] };
    await expect(stand.control.setCamera(true)).rejects.toMatchObject({ code: 'OBS_CAMERA_FAILED' });
  });
});
