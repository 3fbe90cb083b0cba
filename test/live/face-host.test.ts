import { afterEach, describe, expect, it } from 'vitest';
import type { avatarManifestSchema } from '../../src/api/avatar.ts';
import { silentLog } from '../../src/base/log.ts';
import { findNodeEntry } from '../../src/base/node-entry.ts';
import { FaceHost } from '../../src/live/face-host.ts';

const entry = findNodeEntry(import.meta.url, '../fakes/fake-engine-host');
const sound = { frame: 0, start: 0, samples: new Float32Array(640) };
const manifest = {} as ReturnType<typeof avatarManifestSchema.parse>;
const avatar = { id: 'grey', folder: '/nowhere', manifest, bodyPath: '/nowhere' };
const pose = { avatarId: 'grey', index: 0, frame: 0 };

function openHost(settings: Record<string, unknown> = {}): FaceHost {
  return new FaceHost({
    entry,
    engineId: 'fake.face',
    engineTitle: 'Fake',
    settings,
    log: silentLog,
    isLive: true,
    hungAfterMs: 600,
    openDeadlineMs: 10_000,
  });
}

async function drawOne(host: FaceHost) {
  const heard = await host.hear(sound);
  return heard && host.draw(heard, pose);
}

/** Waits until the host draws (again). */
const untilDrawing = (host: FaceHost) =>
  expect.poll(async () => (await drawOne(host)) !== undefined, { timeout: 15_000, interval: 20 }).toBe(true);

afterEach(() => {
  delete process.env.FAKE_ENGINE_PROTOCOL;
});

describe('the engine host', () => {
  it('opens, makes avatars resident and draws', async () => {
    await using host = openHost();
    await host.ready;
    await host.load(avatar);
    expect(host.context).toEqual({ before: 0.1, after: 0.04 });
    expect((await drawOne(host))?.patch?.rect).toEqual({ x: 8, y: 8, width: 16, height: 16 });
    expect(host.status).toMatchObject({ state: 'ready', restarts: 0 });
  });

  it('does not draw an avatar it does not hold', async () => {
    await using host = openHost();
    await host.ready;
    expect(await drawOne(host)).toBeUndefined();
  });

  it('killed with -9: answers undefined at once, comes back by itself and holds its avatars again', async () => {
    await using host = openHost();
    await host.ready;
    await host.load(avatar);
    for (let round = 1; round <= 3; round++) {
      await untilDrawing(host);
      process.kill(host.pid!, 'SIGKILL');
      await expect.poll(() => host.status.state, { timeout: 5000, interval: 1 }).not.toBe('ready');
      expect(await drawOne(host)).toBeUndefined();
      await untilDrawing(host);
      expect(host.status.restarts).toBe(round);
    }
  });

  it('killed: the avatar drawn last is back first, the others follow, and one given back does not return', async () => {
    await using host = openHost({ isStrict: true });
    await host.ready;
    const others = ['one', 'two', 'three'].map((id) => ({ ...avatar, id }));
    for (const ref of [...others, avatar]) await host.load(ref);
    await untilDrawing(host);
    await host.unload('two');
    process.kill(host.pid!, 'SIGKILL');
    await untilDrawing(host);
    const isDrawn = async (avatarId: string) => {
      const heard = await host.hear(sound);
      return heard !== undefined && (await host.draw(heard, { ...pose, avatarId })) !== undefined;
    };
    for (const id of ['one', 'three']) await expect.poll(() => isDrawn(id), { timeout: 5000, interval: 10 }).toBe(true);
    expect(await isDrawn('two')).toBe(false);
  });

  it('an avatar given back while it is being loaded is not held', async () => {
    await using host = openHost({ isStrict: true });
    await host.ready;
    const loading = host.load(avatar);
    await host.unload(avatar.id);
    await loading;
    expect(await drawOne(host)).toBeUndefined();
    await host.load(avatar);
    expect(await drawOne(host)).toBeDefined();
  });

  it('stopped with SIGSTOP: gives each call up at its deadline, says so, kills the process and comes back', async () => {
    await using host = openHost();
    await host.ready;
    await host.load(avatar);
    const stopped = host.pid!;
    process.kill(stopped, 'SIGSTOP');
    const askedMs = performance.now();
    expect(await drawOne(host)).toBeUndefined();
    expect(performance.now() - askedMs).toBeLessThan(2000);
    await expect.poll(() => host.status.state, { timeout: 5000, interval: 5 }).toBe('degraded');
    await untilDrawing(host);
    expect(host.pid).not.toBe(stopped);
    expect(() => process.kill(stopped, 0)).toThrow();
  });

  it('a start that fails is told with its reason and tried again, and calls never wait for it', async () => {
    await using host = openHost({ failOpen: true });
    await expect(host.ready).rejects.toMatchObject({ code: 'MODEL_BROKEN', fix: 'reinstall it' });
    expect(await drawOne(host)).toBeUndefined();
    await expect.poll(() => host.status.restarts, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(host.status).toMatchObject({ detail: 'the model is broken; starting again', fix: 'reinstall it' });
    expect(host.status.state).not.toBe('ready');
    expect(host.hasFailedToOpen).toBe(true);
  });

  it('a process that exits while opening is told with its exit code', async () => {
    await using host = openHost({ exitOnOpen: true });
    await expect(host.ready).rejects.toMatchObject({
      code: 'ENGINE_GONE',
      message: expect.stringContaining('exit code 3'),
    });
  });

  it('refuses a host of another protocol version', async () => {
    process.env.FAKE_ENGINE_PROTOCOL = '99';
    await using host = openHost();
    await expect(host.ready).rejects.toMatchObject({ message: expect.stringContaining('protocol 99') });
  });

  it('a call far slower than usual is given up without ending the host', async () => {
    await using host = openHost({ stallAtFrame: 200, stallMs: 450 });
    await host.ready;
    await host.load(avatar);
    for (let n = 0; n < 20; n++) expect(await drawOne(host)).toBeDefined();
    const heard = await host.hear({ ...sound, frame: 200 });
    expect(await host.draw(heard!, { ...pose, frame: 200 })).toBeUndefined();
    await untilDrawing(host);
    expect(host.status).toMatchObject({ restarts: 0 });
  });

  it('an engine that is always slow is waited for, rather than flickering between face and rest', async () => {
    await using host = openHost({ drawMs: 120 });
    await host.ready;
    await host.load(avatar);
    for (let n = 0; n < 24; n++) expect(await drawOne(host)).toBeDefined();
  });

  it('tells a body that is right as it is from an engine that is away', async () => {
    await using host = openHost({ restFrom: 10 });
    await host.ready;
    await host.load(avatar);
    const heard = await host.hear({ ...sound, frame: 10 });
    expect(await host.draw(heard!, { ...pose, frame: 10 })).toEqual({ patch: undefined });
    process.kill(host.pid!, 'SIGKILL');
    expect(await host.draw(heard!, { ...pose, frame: 10 })).toBeUndefined();
  });

  it('hands on what the engine says of itself, and forgets it with the process that said it', async () => {
    const report = { detail: 'WebGPU, 11 ms a face', keepsUp: true, networkBytes: 5, residents: [] };
    await using host = openHost({ report });
    await host.ready;
    expect(host.status).toMatchObject({ state: 'ready', detail: 'WebGPU, 11 ms a face', report });
    process.kill(host.pid!, 'SIGKILL');
    await expect.poll(() => host.status.state, { timeout: 5000, interval: 1 }).toBe('degraded');
    expect(host.status.report).toBeUndefined();
    expect(host.status.detail).toContain('SIGKILL');
  });

  it('an engine that cannot keep up says so with its fix, and its process goes on', async () => {
    const report = { detail: '2.9 s a face', fix: 'use a GPU', keepsUp: false, networkBytes: 5, residents: [] };
    await using host = openHost({ report });
    await host.ready;
    expect(host.status).toMatchObject({ state: 'degraded', detail: '2.9 s a face', fix: 'use a GPU', restarts: 0 });
  });

  it('an engine whose draws fail again and again, although it hears, is ended and started anew', async () => {
    await using host = openHost({ failDraws: true });
    await host.ready;
    await host.load(avatar);
    const pid = host.pid!;
    for (let n = 0; n < 4; n++) expect(await drawOne(host)).toBeUndefined();
    expect(host.status).toMatchObject({ state: 'ready', restarts: 0, detail: 'the device is lost' });
    expect(await drawOne(host)).toBeUndefined();
    await expect.poll(() => host.status.restarts, { timeout: 5000, interval: 5 }).toBe(1);
    expect(host.status.detail).toContain('5 calls in a row failed (the device is lost)');
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it('failures now and then, and of avatars that are not there, do not end it', async () => {
    await using host = openHost({ isStrict: true, failOneDrawIn: 3 });
    await host.ready;
    await host.load(avatar);
    for (let n = 0; n < 30; n++) await drawOne(host);
    expect(host.status.restarts).toBe(0);
  });

  it('a call that never ends is asked no more, and the process is replaced', async () => {
    await using host = openHost({ stallAtFrame: 7, stallMs: 60_000 });
    await host.ready;
    await host.load(avatar);
    const heard = await host.hear({ ...sound, frame: 7 });
    expect(await host.draw(heard!, { ...pose, frame: 7 })).toBeUndefined();
    const askedMs = performance.now();
    expect(await host.hear(sound)).toBeUndefined();
    expect(performance.now() - askedMs).toBeLessThan(50);
    await untilDrawing(host);
    expect(host.status.restarts).toBe(1);
  });

  it('leaves no process behind', async () => {
    const host = openHost();
    await host.ready;
    const pid = host.pid!;
    await host[Symbol.asyncDispose]();
    expect(() => process.kill(pid, 0)).toThrow();
    expect(host.status.state).toBe('off');
  });
});
