import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ControlStand, type StandOptions } from './control-stand.ts';
import { FakeObs } from './fake-obs.ts';
import { freePort } from './real-obs.ts';

const stateOf = (stand: ControlStand) => expect.poll(() => stand.link.state, { timeout: 8_000, interval: 10 });
const detailOf = (stand: ControlStand) => expect.poll(() => stand.link.detail ?? '', { timeout: 8_000, interval: 10 });
const open = (obs: { readonly url: string }, more: Partial<StandOptions> = {}) =>
  ControlStand.open({ url: obs.url, ...more });

describe('the connection to OBS', () => {
  it('is made with the password, and says which OBS it is and which scene is on', async () => {
    await using obs = await FakeObs.open({ password: 'pâss wörd' });
    await using stand = await open(obs, { password: 'pâss wörd' });
    await stateOf(stand).toBe('ready');
    await detailOf(stand).toBe('OBS 29.0.2, scene "Scene"');
  });

  it('with a wrong password is tried once and never again, until the password changes', async () => {
    await using obs = await FakeObs.open({ password: 'right' });
    const folder = await mkdtemp(join(tmpdir(), 'musecam-obs-config-'));
    await writeServerSettings(folder, { server_port: obs.port, server_password: 'wrong', auth_required: true });
    await using stand = await ControlStand.open({ url: 'ws://127.0.0.1:4455', folders: [folder] });
    await stateOf(stand).toBe('failed');
    expect(stand.link.fix).toContain('Show Connect Info');
    await sleep(2_500);
    expect(obs.tries).toBe(1);
    await expect(stand.control.setCamera(true)).rejects.toMatchObject({ code: 'OBS_PASSWORD' });
    await writeServerSettings(folder, { server_port: obs.port, server_password: 'right', auth_required: true });
    await stateOf(stand).toBe('ready');
    await rm(folder, { recursive: true });
  });

  it('without a password where one is asked for says so', async () => {
    await using obs = await FakeObs.open({ password: 'right' });
    await using stand = await open(obs);
    await detailOf(stand).toContain('asks for a password');
  });

  it('is off while OBS does not run, or a fault where OBS is wanted, and is made when OBS comes', async () => {
    const port = await freePort();
    const url = `ws://127.0.0.1:${port}`;
    await using stand = await ControlStand.open({ url });
    await using wanting = await ControlStand.open({ url, isWanted: true });
    await stateOf(stand).toBe('off');
    await stateOf(wanting).toBe('degraded');
    expect(stand.link.fix).toContain('Enable WebSocket server');
    await expect(stand.control.setUp()).rejects.toMatchObject({ code: 'OBS_AWAY' });
    await sleep(2_000);
    await using _obs = await FakeObs.open({ port });
    const startMs = performance.now();
    await stateOf(stand).toBe('ready');
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  it('is made anew after OBS quits, crashes or drops everybody, and repairs what had changed meanwhile', async () => {
    const obs = await FakeObs.open();
    await using stand = await open(obs);
    await stateOf(stand).toBe('ready');
    await stand.control.setUp();
    obs.fire('ExitStarted');
    obs.drop(1001);
    await stateOf(stand).not.toBe('ready');
    stand.streamAddress = 'http://127.0.0.1:9/new/avatar.mkv';
    await stateOf(stand).toBe('ready');
    await expect.poll(() => obs.inputs[0]?.settings.input).toBe('http://127.0.0.1:9/new/avatar.mkv');
    obs.drop();
    await stateOf(stand).not.toBe('ready');
    await stateOf(stand).toBe('ready');
    const { port } = obs;
    await obs[Symbol.asyncDispose]();
    await stateOf(stand).toBe('off');
    await using _again = await FakeObs.open({ port });
    await stateOf(stand).toBe('ready');
  });

  it('to a server that is silent ends with what that means', async () => {
    await using obs = await FakeObs.open({ isSilent: true });
    await using stand = await open(obs);
    await detailOf(stand).toContain('says nothing');
  });

  it('to an OBS older than 28, or of another protocol, says so', async () => {
    await using old = await FakeObs.open({ obsVersion: '27.2.4' });
    await using stand = await open(old);
    await detailOf(stand).toContain('OBS 27.2.4 is too old');
    await using strange = await FakeObs.open({ rpcVersion: 9 });
    await using other = await open(strange);
    await detailOf(other).toContain('too old');
  });

  it('to a port that a web server has taken says so', async () => {
    const server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using stand = await open({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await detailOf(stand).toContain('is not OBS 28 or newer');
    server.close();
    server.closeAllConnections();
  });

  it('to a port at which another program waits silently ends with what that means, and is tried seldom', async () => {
    let callers = 0;
    const server = createTcpServer((socket) => {
      callers++;
      socket.on('error', () => {});
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    {
      await using stand = await open({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
      await detailOf(stand).toContain('takes the connection and says nothing');
      expect(stand.link.state).toBe('failed');
      expect(stand.link.fix).toContain('Restart OBS');
      expect(callers).toBe(1);
    }
    await new Promise((resolve) => server.close(resolve));
  });

  it('to a port that never becomes OBS is tried every one to two seconds, not more often', async () => {
    let callers = 0;
    const server = createServer((_request, response) => response.end('hello'));
    server.on('connection', () => callers++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using stand = await open({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
    await detailOf(stand).toContain('is not OBS 28 or newer');
    await sleep(4_000);
    expect(callers).toBeLessThanOrEqual(8);
    const told = stand.links.filter(({ state }) => state === 'failed').length;
    expect(told).toBeGreaterThan(0);
    server.close();
    server.closeAllConnections();
  });

  it('is refused to every other machine', async () => {
    for (const url of [
      'ws://192.168.1.5:4455',
      'ws://obs.example',
      'wss://127.0.0.1:4455',
      'ws://127.0.0.1.evil',
      'x',
    ]) {
      await using stand = await ControlStand.open({ url });
      await detailOf(stand).toContain(`obs.url = ${url} is not on this machine`);
      await expect(stand.control.setUp()).rejects.toMatchObject({ code: 'OBS_NOT_LOOPBACK' });
    }
  });

  it('waits while OBS says that it is not ready, and requests wait with it', async () => {
    await using obs = await FakeObs.open({ isNotReady: true });
    await using stand = await open(obs);
    await expect.poll(() => obs.clientCount).toBe(1);
    const asked = stand.control.setUp();
    await sleep(300);
    expect(stand.link.state).toBe('starting');
    obs.options.isNotReady = false;
    expect(await asked).toMatchObject({ scene: 'MuseCam' });
    obs.options.isNotReady = true;
    const again = stand.control.setUp();
    await sleep(300);
    obs.options.isNotReady = false;
    expect((await again).changes).toEqual([]);
  });

  it('lets requests wait while OBS changes its scene collection', async () => {
    await using obs = await FakeObs.open();
    await using stand = await open(obs);
    await stateOf(stand).toBe('ready');
    await sleep(100);
    obs.fire('CurrentSceneCollectionChanging', { sceneCollectionName: 'Test' });
    await sleep(50);
    const before = obs.requests.length;
    const asked = stand.control.setUp();
    await sleep(300);
    expect(obs.requests).toHaveLength(before);
    obs.fire('CurrentSceneCollectionChanged', { sceneCollectionName: 'Other' });
    expect(await asked).toMatchObject({ scene: 'MuseCam' });
  });

  it('gives up a request that OBS does not answer, and one during which OBS is killed', async () => {
    await using obs = await FakeObs.open({ unanswered: ['CreateScene'] });
    await using stand = await open(obs);
    await stateOf(stand).toBe('ready');
    const stuck = stand.control.setUp();
    await expect.poll(() => obs.requests.some(({ type }) => type === 'CreateScene')).toBe(true);
    obs.drop();
    await expect(stuck).rejects.toMatchObject({ code: 'OBS_AWAY' });
    await stateOf(stand).toBe('ready');
    await expect(stand.control.setUp()).rejects.toMatchObject({ code: 'OBS_NO_ANSWER' });
  });

  it('stays away after somebody pressed Kick, until it is asked for', async () => {
    await using obs = await FakeObs.open();
    await using stand = await open(obs);
    await stateOf(stand).toBe('ready');
    obs.drop(4011);
    await stateOf(stand).toBe('failed');
    await sleep(2_000);
    expect(obs.tries).toBe(1);
    await stand.control.setUp();
    expect(stand.link.state).toBe('ready');
  });

  it('knows from OBS’s own settings that its server is off, in either place', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'musecam-obs-config-'));
    const port = await freePort();
    const ini = `[General]\r\nA=1\r\n\r\n[OBSWebSocket]\r\nServerEnabled=false\r\nServerPort=${port}\r\n\r\n[Basic]\r\n`;
    await writeFile(join(folder, 'global.ini'), ini);
    await using stand = await ControlStand.open({ url: 'ws://127.0.0.1:4455', folders: [folder] });
    await detailOf(stand).toContain('switched off');
    await writeServerSettings(folder, { server_enabled: false, server_port: port });
    await using other = await ControlStand.open({ url: 'ws://127.0.0.1:4455', folders: [folder] });
    await detailOf(other).toContain('switched off');
    await rm(folder, { recursive: true });
  });
});

async function writeServerSettings(folder: string, settings: object): Promise<void> {
  const own = join(folder, 'plugin_config', 'obs-websocket');
  await mkdir(own, { recursive: true });
  await writeFile(join(own, 'config.json'), JSON.stringify({ server_enabled: true, ...settings }));
}
